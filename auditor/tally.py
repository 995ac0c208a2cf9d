"""Running sums of a score, and the status of a requirement: the arithmetic under ``score``."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from auditor.annotate import UNDECIDED, Annotated
from auditor.model import Result

Status = Literal["met", "partial", "notmet", "notapplicable", "undecided"]

MET, FAILED, OPEN, RULED_OUT = 1, 2, 4, 8
"""What the findings of a requirement hold: bits, so that they can be gathered with ``|``."""

_STATUS_ROWS: Final[tuple[tuple[bool, bool, bool, bool, Status], ...]] = (
    # met    failed undecided ruled out
    (True, False, False, False, "met"),
    (True, False, False, True, "met"),
    (True, True, False, False, "partial"),
    (True, True, False, True, "partial"),
    (True, True, True, False, "partial"),
    (True, True, True, True, "partial"),
    (False, True, False, False, "notmet"),
    (False, True, False, True, "notmet"),
    (False, True, True, False, "notmet"),
    (False, True, True, True, "notmet"),
    (True, False, True, False, "undecided"),
    (True, False, True, True, "undecided"),
    (False, False, True, False, "undecided"),
    (False, False, True, True, "undecided"),
    (False, False, False, False, "undecided"),
    (False, False, False, True, "notapplicable"),
)
STATUSES: Final[Mapping[int, Status]] = {
    MET * met | FAILED * failed | OPEN * undecided | RULED_OUT * out: status
    for met, failed, undecided, out, status in _STATUS_ROWS
}
"""The printed table of a requirement's status. A waived fail is a fail here: accepted is not met."""


@dataclass(slots=True)
class Tally:
    """Running sums of one scope: weights by outcome, findings by result, mandatory rules not shown to be met."""

    met: float = 0
    failed: float = 0
    undecided: float = 0
    waived: float = 0
    counts: Counter[Result] = field(default_factory=Counter)
    waived_count: int = 0
    inherited_count: int = 0
    short: dict[str, list[int]] = field(default_factory=dict)
    """By rule that can cap a grade: on how many targets it fails, and is undecided."""

    def fold(self, other: Tally) -> None:
        """Take in the sums of a scope that is part of this one."""
        self.met += other.met
        self.failed += other.failed
        self.undecided += other.undecided
        self.waived += other.waived
        self.counts.update(other.counts)
        self.waived_count += other.waived_count
        self.inherited_count += other.inherited_count
        for rule, (fails, opens) in other.short.items():
            known = self.short.setdefault(rule, [0, 0])
            known[0] += fails
            known[1] += opens

    def add(self, item: Annotated, weight: float, caps: bool) -> int:
        """Count one finding; returns its bit of MET, FAILED, OPEN, RULED_OUT, or 0 for none.

        What a shared control covers is met where it was seen to fail, and out of the sum where it was not
        seen: if that counted as met too, hiding a target to which the rule does not apply would pay.
        """
        result = item.result
        self.counts[result] += 1
        if result is Result.PASS:
            self.met += weight
            return MET
        if item.inherited_from is not None:
            self.inherited_count += 1
            if result is not Result.FAIL:
                return RULED_OUT
            self.met += weight
            return MET
        if result is Result.FAIL:
            if item.waived_by:
                self.waived += weight
                self.waived_count += 1
                return FAILED
            self.failed += weight
            if caps:
                self.short.setdefault(item.finding.rule, [0, 0])[0] += 1
            return FAILED
        if result in UNDECIDED:
            self.undecided += weight
            if caps:
                self.short.setdefault(item.finding.rule, [0, 0])[1] += 1
            return OPEN
        return RULED_OUT if result is Result.NOTAPPLICABLE else 0

    def figures(self, waiver_cap: float) -> tuple[float, float, float]:
        """``low``, ``high``, ``coverage``; 0, 100 and 0 where nothing was asked, 0 and 0 where all was waived."""
        asked = self.met + self.failed + self.undecided + self.waived
        if asked <= 0:
            return 0.0, 100.0, 0.0
        left = asked - min(self.waived, waiver_cap * asked)
        coverage = down((asked - self.undecided) / asked, 1000)
        if left <= 0:
            return 0.0, 0.0, coverage
        low = min(down(100 * self.met / left, 10), 100.0)
        high = min(down(100 * (self.met + self.undecided) / left, 10), 100.0)
        return low, max(low, high), coverage


def down(value: float, parts: int) -> float:
    """Rounded down to 1/``parts``: 84.96 is shown as 84.9 and graded as such, never as 85.

    What floating point lost in a sum of weights (1e-9) is given back first.
    """
    return math.floor(value * parts + 1e-9) / parts
