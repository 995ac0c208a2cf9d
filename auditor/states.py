"""What became of each finding in a run, packed one letter each, and what changed between two runs.

A run over thousands of targets has a million findings; as rows, comparing two runs means joining millions.
A target's states are one short text in the order of its rules, and most targets do not change at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from auditor.annotate import CHANGES, NOW_OF, Annotated, Change, Past, Was, was
from auditor.model import Result

# Stored in databases: a letter keeps its meaning for ever, new ones go to the end.
_STORED: Final = (
    ("A", Result.PASS, Was.GOOD),
    ("B", Result.PASS, Was.MENDED),
    ("C", Result.NOTAPPLICABLE, Was.GOOD),
    ("D", Result.NOTAPPLICABLE, Was.MENDED),
    ("E", Result.INFORMATIONAL, Was.GOOD),
    ("F", Result.FAIL, Was.FAILING),
    ("G", Result.INFORMATIONAL, Was.MENDED),
    ("H", Result.UNKNOWN, Was.NOTHING),
    ("I", Result.UNKNOWN, Was.GOOD),
    ("J", Result.UNKNOWN, Was.MENDED),
    ("K", Result.UNKNOWN, Was.FAILING),
    ("L", Result.ERROR, Was.NOTHING),
    ("M", Result.ERROR, Was.GOOD),
    ("N", Result.ERROR, Was.MENDED),
    ("O", Result.ERROR, Was.FAILING),
    ("P", Result.NOTCHECKED, Was.NOTHING),
    ("Q", Result.NOTCHECKED, Was.GOOD),
    ("R", Result.NOTCHECKED, Was.MENDED),
    ("S", Result.NOTCHECKED, Was.FAILING),
)
_LETTER: Final = {(result, known): letter for letter, result, known in _STORED}
_RESULT: Final = {letter: result for letter, result, _ in _STORED}
_CHANGE: Final = {
    (before, after): CHANGES[known, NOW_OF[result]] for before, _, known in _STORED for after, result, _ in _STORED
}
_NEVER: Final = {letter: CHANGES[Was.NOTHING, NOW_OF[result]] for letter, result, _ in _STORED}
_FAIL: Final = _LETTER[Result.FAIL, Was.FAILING]
_QUIET: Final = frozenset(letter for letter, _, _ in _STORED if _CHANGE[letter, letter] in (Change.SAME, Change.OPEN))
"""Letters of which nothing needs to be listed where they stay as they were."""


class Packed(NamedTuple):
    """The states of one target's findings, in the order of ``rules``, which is that of their ids."""

    target: str
    rules: tuple[str, ...]
    states: str


class Difference(NamedTuple):
    """One finding that is worth a word in a comparison; ``before`` is None where there was none."""

    target: str
    rule: str
    change: Change
    before: Result | None
    after: Result


@dataclass(slots=True)
class Comparison:
    """What changed from one run to another. Findings that were and are no fail are left out."""

    differences: list[Difference]
    """By target, then rule. What is still open is only counted: it stands in the later run."""
    open: int
    gone: list[str]
    """Targets of the earlier run that the later one does not have."""
    added: list[str]

    def counts(self) -> dict[str, int]:
        """How many findings changed in which way; every way is named."""
        told = {change.value: 0 for change in Change if change is not Change.SAME}
        for one in self.differences:
            told[one.change.value] += 1
        return told | {Change.OPEN.value: self.open}


def letter_of(past: Past) -> str:
    """The letter of one finding: its result, and what runs up to this one know of it."""
    return _LETTER[past.result, was(past)]


def letters(items: Iterable[Annotated]) -> str:
    return "".join(letter_of(item.past) for item in items)


def compare(before: Iterable[Packed], after: Iterable[Packed]) -> Comparison:
    """Compare two runs, both sorted by target. The table of changes is that of ``annotate``."""
    told = Comparison([], 0, [], [])
    older = iter(before)
    old = next(older, None)
    for new in after:
        while old is not None and old.target < new.target:
            told.gone.append(old.target)
            old = next(older, None)
        if old is None or old.target != new.target:
            told.added.append(new.target)
            told.differences.extend(_first(new))
            continue
        if old.states == new.states and old.rules == new.rules and _QUIET.issuperset(new.states):
            told.open += new.states.count(_FAIL)
        else:
            for one in _between(old, new):
                if one.change is Change.OPEN:
                    told.open += 1
                else:
                    told.differences.append(one)
        old = next(older, None)
    while old is not None:
        told.gone.append(old.target)
        old = next(older, None)
    return told


def _between(old: Packed, new: Packed) -> Iterator[Difference]:
    known = dict(zip(old.rules, old.states, strict=True))
    for rule, after in zip(new.rules, new.states, strict=True):
        before = known.get(rule)
        change = _NEVER[after] if before is None else _CHANGE[before, after]
        if change is not Change.SAME:
            yield Difference(new.target, rule, change, _RESULT[before] if before else None, _RESULT[after])


def _first(new: Packed) -> Iterator[Difference]:
    for rule, letter in zip(new.rules, new.states, strict=True):
        if _NEVER[letter] is not Change.SAME:
            yield Difference(new.target, rule, _NEVER[letter], None, _RESULT[letter])
