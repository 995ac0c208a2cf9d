"""What of a page is kept for judging: where its links and parts lead, and what it keeps from sight. Pure.

A page may hold people's names, so of its own ordinary links and text nothing is kept: only links to others,
what comes without TLS, and what has gambling words in it, shortened and without queries.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from auditor.collectors._gambling import words
from auditor.collectors._markup import Token, tokens

MOST = 300
"""Links, and things loaded, kept of one page."""
TEXT = 150
"""Characters kept of a text; gambling words are looked for in what is kept, so that judging finds them again."""
URL = 200
_DEPTH = 200
_HIDDEN_TEXT = 20_000
"""Characters of one hidden text that are looked through, part by part."""
_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "iso-8859-1": "windows-1252",
    "windows-1252": "windows-1252",
    "windows-1258": "windows-1258",
}
_REGISTRY = re.compile(r"(?:com|net|org|edu|gov|int|ac|biz|info|name|pro|health)\.[a-z]{2}")
"""Names under which anybody may have a name."""
_META_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
        "script",
        "style",
        "title",
        "textarea",
    ]
)
"""Elements with nothing inside that we follow: script and its like are one token."""
_CLOSE_ALIKE = frozenset(["p", "li", "option", "tr", "td", "th", "dt", "dd", "a"])
_LOADED = {
    "script": "src",
    "iframe": "src",
    "frame": "src",
    "embed": "src",
    "object": "data",
    "img": "src",
    "audio": "src",
    "video": "src",
    "source": "src",
    "form": "action",
    "link": "href",
}
_ACTIVE = frozenset({"script", "iframe", "frame", "embed", "object", "form", "link"})
_LINKS_LOADED = frozenset({"stylesheet", "preload", "modulepreload", "manifest", "icon"})
_HIDING = tuple(
    (how, re.compile(pattern))
    for how, pattern in (
        ("display:none", r"(?:^|;)display:none"),
        ("visibility:hidden", r"(?:^|;)visibility:(?:hidden|collapse)"),
        ("opacity:0", r"(?:^|;)opacity:0*\.?0*(?:!|;|$)"),
        ("font-size:0", r"(?:^|;)font-size:[01](?:\.\d{1,3})?(?:px|em|pt|%)?(?:!|;|$)"),
        ("off-screen", r"(?:^|;)(?:left|right|top|bottom|text-indent|margin-left|margin-top):-\d{3,}"),
        ("clip", r"(?:^|;)clip:rect\((?:0|1px|0px)"),
        ("scale(0)", r"(?:^|;)transform:scale\(0"),
    )
)
_NO_ROOM = re.compile(r"(?:^|;)(?:max-)?(?:height|width):[01](?:px|em|%)?(?:!|;|$)")
_COLOUR = re.compile(r"(?:^|;)(background-color|background|color):([^;!]{1,40})")
_SCRIPT_HIDES = re.compile(
    r"getElementById\(\s?[\"']([\w-]{1,60})[\"']\s?\)\.style\.(?:display|visibility)\s?=\s?[\"'](?:none|hidden)"
)
_SELECTOR = re.compile(r"(?:[a-z]{1,10})?([.#][\w-]{1,60})")
_REFRESH = re.compile(r"\s*[\d.]*\s*[;,]\s*(?:url\s*=\s*)?[\"']?\s*([^\"'\s]{1,2000})", re.IGNORECASE)


def charset_of(content_type: str, body: bytes) -> str | None:
    """The codec of a page; None for one that is not known here."""
    told = re.search(r"charset\s*=\s*\"?([A-Za-z0-9_-]{1,40})", content_type, re.IGNORECASE)
    meta = None if told else _META_CHARSET.search(body[:2048])
    name = told[1] if told else meta[1].decode("ascii") if meta else "utf-8"
    return _CHARSETS.get(name.lower())


def extract(html: str, url: str) -> dict[str, Any]:
    """What is kept of a page that was fetched from ``url``, as plain data for JSON."""
    row = list(tokens(html))
    reader = _Reader(url, _sheet(row))
    for token in row:
        reader.take(token)
    reader.end_anchor()
    return reader.told


def brief(url: str) -> str:
    """An address as it is kept: without its query and what else may be about a person."""
    return re.sub(r"[?#;].*", "", url, flags=re.DOTALL)[:URL]


def host_of(url: str) -> str:
    """The host of an address, in lower case; an empty text where there is none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_own(host: str, own: str) -> bool:
    """Is ``host`` the site's own: its name, one above or below it, or beside it under a name of its own?"""
    if not host or host == own:
        return bool(host)
    if re.fullmatch(r"[0-9.]+|.*:.*", own):
        return False
    above = own.partition(".")[2]
    root = own if above.count(".") < 1 or _REGISTRY.fullmatch(above) else above
    return host == root or host.endswith(f".{root}")


def hiding(style: str) -> str:
    """How a style keeps its element from sight, or an empty text."""
    plain = re.sub(r"\s+", "", style[:1000].lower())
    how = next((name for name, pattern in _HIDING if pattern.search(plain)), "")
    if not how and "overflow:hidden" in plain and _NO_ROOM.search(plain):
        how = "no-room"
    colours = {name.partition("-")[0]: value for name, value in _COLOUR.findall(plain)}
    if not how and len(set(colours.values())) == 1 and len(colours) == 2:
        how = "same-colour"
    return how


def _sheet(row: list[Token]) -> dict[str, str]:
    """How the page's own style sheets and scripts hide classes and ids, those they name simply."""
    found: dict[str, str] = {}
    for token in row:
        if token.name == "script":
            found.update((f"#{name}", "by script") for name in _SCRIPT_HIDES.findall(token.text))
        elif token.name == "style":
            for part in token.text.split("}"):
                selector, _, said = part.rpartition("{")
                if "{" not in selector and (how := hiding(said)):  # else inside @media
                    names = (_SELECTOR.fullmatch(one.strip().lower()) for one in selector.split(","))
                    found.update((name[1], how) for name in names if name)
    return found


class _Reader:
    def __init__(self, url: str, sheet: dict[str, str]) -> None:
        self._base, self._sheet = url, sheet
        self._host = host_of(url)
        self._open: list[tuple[str, str]] = []
        self._anchor: tuple[int, str, str] | None = None
        self._said = ""
        self.told: dict[str, Any] = {
            "title": "", "generator": "", "links": [], "resources": [],
            "anchors": 0, "full": False, "ends": False,
        }  # fmt: skip

    @property
    def _hidden(self) -> str:
        return self._open[-1][1] if self._open else ""

    def take(self, token: Token) -> None:
        if token.kind == "text":
            self._text(token)
        elif token.kind == "close":
            self._close(token.name)
        else:
            self._element(token)

    def _element(self, token: Token) -> None:
        name, given = token.name, token.attributes
        if name in _CLOSE_ALIKE and self._open and self._open[-1][0] == name:
            self._close(name)
        if name == "base" and "href" in given:
            self._base = self._absolute(given["href"]) or self._base
        elif name == "title" and not self.told["title"]:
            self.told["title"] = _short(token.text)
            self._words(token.line, "title", token.text)
        elif name == "meta":
            self._meta(token)
        elif name == "a" and "href" in given:
            self.end_anchor()
            self.told["anchors"] += 1
            self._anchor = token.line, given["href"], self._own_hiding(given) or self._hidden
        if name in _LOADED:
            self._loaded(token)
        if name not in _VOID and len(self._open) < _DEPTH:
            self._open.append((name, self._own_hiding(given) or self._hidden))

    def _own_hiding(self, given: dict[str, str]) -> str:
        if "hidden" in given:
            return "hidden"
        marks = [f".{one.lower()}" for one in given.get("class", "").split()[:30]]
        marks += [f"#{given['id']}", f"#{given['id'].lower()}"] if "id" in given else []
        return hiding(given.get("style", "")) or next((self._sheet[one] for one in marks if one in self._sheet), "")

    def _close(self, name: str) -> None:
        if name == "html":
            self.told["ends"] = True
        if name == "a":
            self.end_anchor()
        for at in range(len(self._open) - 1, -1, -1):
            if self._open[at][0] == name:
                del self._open[at:]
                return

    def _text(self, token: Token) -> None:
        if self._anchor is not None:
            self._said = (self._said + token.text)[: 4 * TEXT]
        elif self._hidden and token.text.strip():
            text = " ".join(token.text[:_HIDDEN_TEXT].split())
            for at in range(0, len(text), TEXT - 40):  # a phrase that lies across the border is found in the next
                self._words(token.line, "text", text[at : at + TEXT])

    def end_anchor(self) -> None:
        """The anchor that is open ends, said or not."""
        if self._anchor is None:
            return
        (line, href, hidden), said = self._anchor, self._said
        self._anchor, self._said = None, ""
        url = self._absolute(href)
        if url.startswith(("http://", "https://")):
            self._link(line, "link", url, said, hidden)

    def _meta(self, token: Token) -> None:
        given = token.attributes
        name, content = given.get("name", "").lower(), given.get("content", "")
        if name == "generator":
            self.told["generator"] = _short(content)
        elif name == "description":
            self._words(token.line, "description", content)
        elif given.get("http-equiv", "").lower() == "refresh" and (found := _REFRESH.match(content)):
            url = self._absolute(found[1])
            if url.startswith(("http://", "https://")):
                self._link(token.line, "refresh", url, "", "")

    def _words(self, line: int, kind: str, text: str) -> None:
        kept = _short(text)
        if words().of(kept):
            self._keep("links", [line, kind, "", kept, self._hidden if kind == "text" else ""])

    def _link(self, line: int, kind: str, url: str, text: str, hidden: str) -> None:
        kept, said = brief(url), _short(text)
        if not is_own(host_of(url), self._host) or words().of(f"{said} {kept}"):
            self._keep("links", [line, kind, kept, said, hidden])

    def _loaded(self, token: Token) -> None:
        name, given = token.name, token.attributes
        if name == "link" and not _LINKS_LOADED & set(given.get("rel", "").lower().split()):
            return
        url = self._absolute(given.get(_LOADED[name], ""))
        foreign = url.startswith("https://") and not is_own(host_of(url), self._host)
        if foreign or url.startswith("http://"):
            self._keep("resources", [token.line, name, brief(url), name in _ACTIVE])

    def _keep(self, where: str, what: list[Any]) -> None:
        if what in self.told[where][-20:]:
            return
        if len(self.told[where]) < MOST:
            self.told[where].append(what)
        else:
            self.told["full"] = True

    def _absolute(self, href: str) -> str:
        """An address in full; an empty text for one that is none."""
        try:
            made = urljoin(self._base, re.sub(r"[\t\r\n]", "", href.strip()))
            split = urlsplit(made)
        except ValueError:
            return ""
        return made if split.scheme else ""


def _short(text: str) -> str:
    return " ".join(text[: 4 * TEXT].split())[:TEXT]
