"""Text for readers: cleaned, escaped, in both languages."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeAlias

from babel.numbers import format_decimal
from markupsafe import Markup, escape

Text: TypeAlias = str | tuple[str, str]  # the same in both languages, or (vi, en)

TEMPLATES = Path(__file__).parent.parent / "templates"
HANOI = timezone(timedelta(hours=7))
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def clean(value: Any) -> Any:
    """The value with every character that hides or reorders text made visible."""
    if isinstance(value, str):
        return HIDDEN.sub(_mark, value.replace("\r\n", "\n"))
    if isinstance(value, Mapping):
        return {clean(str(k)): clean(v) for k, v in value.items()}
    return [clean(v) for v in value] if isinstance(value, (list, tuple)) else value


def _mark(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else f"⟦U+{code:04X}⟧"


def embed(value: Any) -> Markup:
    """JSON that cannot end its script element nor break a line of JavaScript."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(re.sub("[<>&\u2028\u2029]", lambda m: f"\\u{ord(m[0]):04x}", text))  # noqa: S704  escaped here


def code_blocks(text: str) -> list[tuple[bool, str]]:
    """Remediation cut into prose (False) and code to copy (True: lines that begin with four spaces)."""
    blocks = re.findall(r"(?:^ {4}.*\n?)+|(?:^(?! {4}).*\n?)+", text, re.M)
    return [(b.startswith("    "), re.sub("(?m)^ {4}", "", b).strip("\n")) for b in blocks if b.strip()]


def css_word(text: str) -> str:
    """An identifier that can stand in a CSS string, whatever it was."""
    return re.sub(r"[^A-Za-z0-9._:-]", "_", str(text))


def csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class Words:
    """Everything a reader sees, as text in both languages."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.catalog: dict[str, dict[str, dict[str, str]]] = tomllib.loads(
            (TEMPLATES / "strings.toml").read_text("utf-8")
        )

    def t(self, path: str, **values: Any) -> Text:
        """A phrase of the catalog, `table.key`, with its values filled in."""
        table, key = path.split(".", 1)
        entry = self.catalog[table][key]

        def form(lang: str) -> str:
            pattern = entry.get(f"{lang}1", entry[lang]) if values.get("n") == 1 else entry[lang]
            return pattern.format(**{k: _in(lang, v) for k, v in values.items()})

        return _pair(form("vi"), form("en"))

    def label(self, table: str, code: Any) -> Text:
        """The word for a code, or the code itself when nobody gave it a word."""
        if code is None or code == "":
            return ""
        return self.t(f"{table}.{code}") if str(code) in self.catalog.get(table, {}) else str(code)

    def say(self, value: Any) -> Text:
        """Any value of a run document as text: words, numbers, lists, {vi, en}."""
        if value is None or isinstance(value, str):
            return value or ""
        if isinstance(value, bool):
            return self.t("page.yes") if value else self.t("page.no")
        if isinstance(value, float):
            return _pair(f"{value:g}".replace(".", ","), f"{value:g}")
        if isinstance(value, list):
            return self.join("\n", [self.say(v) for v in value])
        return self._say_dict(value) if isinstance(value, dict) else str(value)

    def _say_dict(self, value: dict[str, Any]) -> Text:
        vi, en = value.get("vi"), value.get("en")
        if vi or en:  # words in two languages, or in one that must serve for both
            return _pair(str(vi or en), str(en or vi))
        return self.join("\n", [self.join(": ", [k, self.say(v)]) for k, v in value.items()])

    def num(self, value: float) -> Text:
        """A score: one decimal, a comma in Vietnamese."""
        return _pair(f"{value:.1f}".replace(".", ","), f"{value:.1f}")

    def whole(self, value: int) -> Text:
        return _pair(_in("vi", value), _in("en", value))

    def join(self, glue: str, texts: Iterable[Text]) -> Text:
        kept = [text for text in texts if text]
        return _pair(*(glue.join(_in(lang, text) for text in kept) for lang in ("vi", "en")))

    def date(self, value: Any) -> Text:
        """A date or time in Vietnam's own zone; what is neither is shown as it is."""
        text = str(value or "")
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return text
        if len(text) <= 10:
            return when.strftime("%d/%m/%Y"), when.strftime("%Y-%m-%d")
        zone = "" if when.tzinfo is None else " (GMT+7)"
        when = when if when.tzinfo is None else when.astimezone(HANOI)
        return f"{when:%d/%m/%Y %H:%M}{zone}", f"{when:%Y-%m-%d %H:%M}{zone}"

    def both(self, text: Text) -> Markup:
        """Both languages in the page; the style sheet shows one."""
        if isinstance(text, str):
            return escape(text)
        return Markup("<span data-l=vi>{}</span><span data-l=en>{}</span>").format(*text)

    def one(self, text: Text) -> str:
        """The language the page opens in, for places that hold only one."""
        return _in(self.lang, text)


def _pair(vi: str, en: str) -> Text:
    return vi if vi == en else (vi, en)


def _in(lang: str, value: Any) -> str:
    if isinstance(value, tuple):
        return str(value[lang == "en"])
    return str(format_decimal(value, locale=lang)) if isinstance(value, (int, float)) else str(value)
