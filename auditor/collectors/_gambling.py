"""Finds the words of gambling advertisements in text and addresses: dated data, read from ``data/gambling.yaml``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from auditor.dated import made_of, text_of

_FILE = "gambling.yaml"
Hits = tuple[tuple[str, str], ...]
MOST = 4
"""Words told of one text; more would tell nobody more."""
LONGEST = 2000
"""Characters of one text that are looked at."""
_NO_WORD = re.compile(r"[^a-z0-9]+")
_GAPS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Words:
    """The whole list, as it is looked for."""

    date: str
    folded: tuple[tuple[str, re.Pattern[str]], ...]
    accented: tuple[tuple[str, re.Pattern[str]], ...]
    anywhere: tuple[tuple[str, re.Pattern[str]], ...]
    shape: re.Pattern[str]

    def of(self, text: str) -> Hits:
        """(kind, word) of what is in ``text``, each once; linear in its length."""
        text = unicodedata.normalize("NFC", text[:LONGEST]).lower()
        plain = fold(text)
        spaced = f" {_GAPS.sub(' ', text)} "
        found = [
            (kind, hit[1].strip())
            for table, where in ((self.folded, plain), (self.accented, spaced), (self.anywhere, text))
            for kind, pattern in table
            for hit in [pattern.search(where)]
            if hit
        ]
        shaped = next((word for word in plain.split() if len(word) <= 40 and self.shape.fullmatch(word)), None)
        if shaped:
            found.append(("shape", shaped))
        return tuple(dict.fromkeys(found))[:MOST]


def fold(text: str) -> str:
    """Lower-case words of a-z and 0-9 with a blank before and behind each, accents taken off."""
    bare = "".join(ch for ch in unicodedata.normalize("NFD", text) if not unicodedata.combining(ch))
    return f" {_NO_WORD.sub(' ', bare.replace('đ', 'd'))} "


@cache
def words() -> Words:
    """The list that came with this program. Raises ``CapdoError`` when its file is damaged."""
    return read(text_of(_FILE))


def read(text: str) -> Words:
    """A list from YAML text. Raises ``CapdoError`` for anything that is not one."""
    return made_of(_FILE, text, _words)


def _words(told: Any) -> Words:
    kinds = told["kinds"].items()
    return Words(
        date=str(told["date"]),
        folded=tuple((kind, _any(said["folded"], fold)) for kind, said in kinds),
        accented=tuple((kind, _any(said["accented"], _spaced)) for kind, said in kinds if "accented" in said),
        anywhere=tuple((kind, _any(said["anywhere"], str)) for kind, said in kinds),
        shape=re.compile("|".join(told["shapes"])),
    )


def _spaced(word: str) -> str:
    return f" {unicodedata.normalize('NFC', word)} "


def _any(phrases: list[str], form: Callable[[str], str]) -> re.Pattern[str]:
    """One pattern for all phrases, the longest first. They are plain text, so it cannot run wild."""
    made = sorted((form(one) for one in phrases), key=len, reverse=True)
    return re.compile("(" + "|".join(map(re.escape, made)) + ")")
