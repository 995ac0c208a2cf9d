"""HTML as a row of tokens: made for hostile pages, linear in their length, and never refusing one.

Not html.parser: before 3.13.6 it takes minutes over half a megabyte of unclosed comments (CVE-2025-6069).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

_NAME = re.compile(r"[A-Za-z][^\s/>\x00]{0,40}")
_ATTRIBUTE = re.compile(
    r"[\s/]*+([^\s/>=][^\s/>=]*+)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>]*+)))?",
)
_RAW = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
}
"""Elements whose inside is text up to their own closing tag."""
_ATTRIBUTES = 60
"""Attributes of one tag that are read."""
_VALUE = 2000


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is open, close or text; ``text`` is that of a text, or the inside of a script, style or title."""

    kind: str
    line: int
    name: str = ""
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


def tokens(html: str) -> Iterator[Token]:
    """The tokens of a page, comments and declarations left out."""
    at, line, counted = 0, 1, 0
    while at < len(html):
        begin = html.find("<", at)
        begin = len(html) if begin < 0 else begin
        if begin > at:
            line, counted = line + html.count("\n", counted, at), at
            yield Token("text", line, text=unescape(html[at:begin]))
        if begin == len(html):
            return
        line, counted = line + html.count("\n", counted, begin), begin
        if html.startswith("<!--", begin):
            at = _after(html, "-->", begin + 4)
        elif html[begin + 1 : begin + 2] in ("!", "?"):
            at = _after(html, ">", begin + 2)
        elif html[begin + 1 : begin + 2] == "/" and (name := _NAME.match(html, begin + 2)):
            at = _after(html, ">", name.end())
            yield Token("close", line, name[0].lower())
        elif name := _NAME.match(html, begin + 1):
            tag = name[0].lower()
            attributes, at = _attributes(html, name.end())
            inside = ""
            if tag in _RAW:
                end = _RAW[tag].search(html, at)
                stop = end.start() if end else len(html)
                inside, at = html[at:stop], stop
            yield Token("open", line, tag, inside, attributes)
        else:
            at = begin + 1
            yield Token("text", line, text="<")


def _after(html: str, mark: str, start: int) -> int:
    """Behind the next ``mark``; without one, all that follows belongs to what was opened."""
    found = html.find(mark, start)
    return len(html) if found < 0 else found + len(mark)


def _attributes(html: str, at: int) -> tuple[dict[str, str], int]:
    found: dict[str, str] = {}
    for _ in range(_ATTRIBUTES):
        one = _ATTRIBUTE.match(html, at)
        if one is None:
            break
        value = next((given for given in one.groups()[1:] if given is not None), "")
        found.setdefault(one[1].lower()[:40], unescape(value[:_VALUE]))
        at = one.end()
    return found, _after(html, ">", at)
