"""The language the program speaks, and its own words (gettext). Texts of checks and laws are data, not here."""

from __future__ import annotations

import gettext as _gettext
import os
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LANGUAGES = ("vi", "en")
_current: ContextVar[str] = ContextVar("capdo_lang", default="vi")
_LOCALE = Path(__file__).parent / "locale"


def current() -> str:
    """vi or en; Vietnamese unless --lang or CAPDO_LANG says otherwise."""
    return _current.get()


def use(lang: str | None) -> None:
    """Speak ``lang`` from here on; None takes CAPDO_LANG, else Vietnamese."""
    chosen = lang or os.environ.get("CAPDO_LANG", "vi")
    _current.set(chosen if chosen in LANGUAGES else "vi")


def _(text: str) -> str:
    """``text`` (English) in the current language."""
    return _catalog(current()).gettext(text)


def N_(text: str) -> str:  # noqa: N802  (gettext's own name)
    """Marks ``text`` for the catalogs where it stands; it is said later through ``_``."""
    return text


DYNAMIC = (
    *(N_("pass"), N_("fail"), N_("error"), N_("unknown"), N_("notapplicable"), N_("notchecked"), N_("informational")),
    *(N_("server"), N_("service"), N_("device"), N_("link"), N_("endpoint")),
)
"""Words that are said by a name only known at run time."""


@cache
def _catalog(lang: str) -> _gettext.NullTranslations:
    if lang == "en":
        return _gettext.NullTranslations()
    folder = _LOCALE / lang / "LC_MESSAGES"
    compiled, source = folder / "capdo.mo", folder / "capdo.po"
    if compiled.is_file() and (not source.is_file() or compiled.stat().st_mtime >= source.stat().st_mtime):
        with compiled.open("rb") as file:
            return _gettext.GNUTranslations(file)
    if source.is_file():
        # A checkout whose catalogs make has not compiled yet: slower, but never in the wrong language.
        from io import BytesIO

        from babel.messages.mofile import write_mo
        from babel.messages.pofile import read_po

        made = BytesIO()
        with source.open("rb") as file:
            write_mo(made, read_po(file, locale=lang))
        made.seek(0)
        return _gettext.GNUTranslations(made)
    return _gettext.NullTranslations()
