"""Mistakes in files people write: where each one is, what is wrong, and what was expected.

A mistake is kept as a message code with values, so that it can be said in Vietnamese or English.
The words of all codes are in ``auditor/mistake_words.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from auditor import i18n
from auditor.mistake_words import WORDS
from auditor.model import CapdoError, Say
from auditor.printable import one_line, printable


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to mend, at a line and column (both from 1, in characters) of a file.

    ``key`` is the dotted path of the setting, or the header of a column; empty for the file as a whole.
    """

    file: str
    line: int
    column: int
    key: str
    message: Say
    expected: Say | None = None

    def text(self, lang: str = "vi") -> str:
        """``FILE:LINE:COLUMN: message`` in ``vi`` or ``en``, with the key and what was expected."""
        said = say(self.message, lang)
        if self.expected is not None:
            said += ("; cần " if lang == "vi" else "; expected ") + say(self.expected, lang)
        key = f"{one_line(self.key)}: " if self.key else ""
        file = printable(self.file).replace("\n", "\\n")  # whole, so that editors can open it
        return f"{file}:{self.line}:{self.column}: {key}{said}"

    def __str__(self) -> str:
        return self.text(i18n.current())


class InventoryError(CapdoError):
    """A file that cannot be used as it is; carries every mistake found in it, in the order of the file."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = ordered(mistakes)
        super().__init__(len(self.mistakes))

    def text(self, lang: str = "vi") -> str:
        """All mistakes, one a line."""
        return "\n".join(mistake.text(lang) for mistake in self.mistakes)

    def __str__(self) -> str:
        return self.text(i18n.current())


def ordered(mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    """By file, line and column, each said once."""
    kept = {(one.file, one.line, one.column, one.text("en")): one for one in mistakes}
    return tuple(kept[place] for place in sorted(kept))


def say(message: Say, lang: str) -> str:
    """A message in ``vi`` or ``en``. A code without words (a validator's own) is said as its ``text``."""
    if message.code == "either":
        return (" hoặc " if lang == "vi" else " or ").join(say(option, lang) for option in message.values["options"])
    vi, en = WORDS.get(message.code, ("{text}", "{text}"))
    return (vi if lang == "vi" else en).format_map(_Values(message.values, lang))


class _Values(dict[str, Any]):
    """Values of a message, made printable; one that is missing is said as nothing."""

    def __init__(self, values: Mapping[str, Any], lang: str) -> None:
        super().__init__(values)
        self._lang = lang

    def __getitem__(self, name: str) -> str:
        value = super().get(name, "")
        if isinstance(value, Say):
            return say(value, self._lang)
        if isinstance(value, (list, tuple)):
            return ", ".join(one_line(str(one)) for one in value)
        return one_line(str(value))
