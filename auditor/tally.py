"""The arithmetic under ``score``: what each finding counts as, gathered in bits, and exact sums over them.

Every rule of a run is one bit. A target is a row of whole numbers, one a kind of finding, so that ten
thousand targets cost a few megabytes; counts and sums of weights are whole numbers too, so that no order
of adding and no floating point can change a figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple

from auditor.annotate import Annotated
from auditor.model import Result

Status = Literal["met", "partial", "notmet", "notapplicable", "undecided"]
Part = Literal["met", "failed", "undecided", "waived"]
How = Literal["", "waived", "covered"]
Row = list[int]
"""What a target's findings are: for each of ``KINDS`` the bits of its rules."""

MET, FAILED, OPEN, RULED_OUT = 1, 2, 4, 8
"""What the findings of a requirement hold: bits, so that they can be gathered with ``|``."""


class Kind(NamedTuple):
    """A result with what people say for it, the part of the sum it goes to, and what it is to a requirement."""

    result: Result
    how: How
    part: Part | None
    holds: int


KINDS: Final = (
    Kind(Result.PASS, "", "met", MET),
    Kind(Result.FAIL, "", "failed", FAILED),
    Kind(Result.FAIL, "waived", "waived", FAILED),
    Kind(Result.FAIL, "covered", "met", MET),
    Kind(Result.ERROR, "", "undecided", OPEN),
    Kind(Result.UNKNOWN, "", "undecided", OPEN),
    Kind(Result.NOTCHECKED, "", "undecided", OPEN),
    Kind(Result.ERROR, "covered", None, RULED_OUT),
    Kind(Result.UNKNOWN, "covered", None, RULED_OUT),
    Kind(Result.NOTCHECKED, "covered", None, RULED_OUT),
    Kind(Result.NOTAPPLICABLE, "", None, RULED_OUT),
    Kind(Result.INFORMATIONAL, "", None, 0),
)
"""Every finding is exactly one of these.

What a shared control covers is met where it was seen to fail, and out of the sum where it was not seen: if
that counted as met too, hiding a target to which the rule does not apply would pay.
"""


def _place(result: Result, how: How) -> int:
    """The kind of a result; waivers take fails only, shared controls only what is not met."""
    found = [n for n, kind in enumerate(KINDS) if kind.result is result and kind.how == how]
    return found[0] if found else _place(result, "")


PLACES: Final[Mapping[Result, tuple[int, int, int]]] = {
    result: (_place(result, ""), _place(result, "waived"), _place(result, "covered")) for result in Result
}
"""The place in ``KINDS`` of a plain, a waived and a covered finding."""


def kind_of(item: Annotated) -> int:
    """The place in ``KINDS`` of a finding."""
    places = PLACES[item.result]
    if item.inherited_from is not None:
        return places[2]
    return places[1] if item.waived_by else places[0]


def kinds_of(part: Part) -> tuple[int, ...]:
    """The places of all kinds that go to one part of the sum."""
    return tuple(n for n, kind in enumerate(KINDS) if kind.part == part)


UNDECIDED: Final = kinds_of("undecided")
FAILING: Final = kinds_of("failed")
WAIVED: Final = kinds_of("waived")

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


class Figures(NamedTuple):
    """``low`` and ``high`` in tenths of a point (0-1000), ``coverage`` in thousandths; all rounded down."""

    low: int
    high: int
    coverage: int


class Sums(NamedTuple):
    """Weights by part, as multiples of ``Weights.unit``."""

    met: int = 0
    failed: int = 0
    undecided: int = 0
    waived: int = 0

    @property
    def asked(self) -> int:
        return self.met + self.failed + self.undecided + self.waived

    def left(self, waiver_cap: Fraction) -> Fraction:
        """The denominator: what was asked without what is waived, as far as the pack lets waivers take it out."""
        return self.asked - min(Fraction(self.waived), waiver_cap * self.asked)

    def figures(self, waiver_cap: Fraction) -> Figures:
        """0, 100 and 0 where nothing was asked; 0 and 0 where all that was asked is waived."""
        asked, left = self.asked, self.left(waiver_cap)
        if asked <= 0:
            return Figures(0, 1000, 0)
        coverage = 1000 * (asked - self.undecided) // asked
        if left <= 0:
            return Figures(0, 0, coverage)
        return Figures(
            1000 * self.met * left.denominator // left.numerator,
            1000 * (self.met + self.undecided) * left.denominator // left.numerator,
            coverage,
        )


class Weights:
    """The weights of the rules, exact: whole multiples of ``1 / unit``, summed over sets of bits by table."""

    def __init__(self, weights: Sequence[float]) -> None:
        exact = [exactly(weight) for weight in weights]
        self.unit = math.lcm(1, *(weight.denominator for weight in exact))
        self.each = [int(weight * self.unit) for weight in exact]
        self._tables: list[list[int]] = []
        for start in range(0, len(self.each), 8):
            sums = [0]
            for weight in self.each[start : start + 8]:
                sums += [known + weight for known in sums]
            self._tables.append(sums)

    def of(self, bits: int) -> int:
        """The sum of the weights of a set of rules."""
        octets = bits.to_bytes(len(self._tables), "little")
        return sum(table[octet] for table, octet in zip(self._tables, octets, strict=True))

    def plain(self, amount: int) -> float:
        """A sum as people write it."""
        value = Fraction(amount, self.unit)
        return value.numerator if value.denominator == 1 else float(value)


class BitCount:
    """How often each bit was set in the numbers added: the planes of as many binary counters side by side."""

    __slots__ = ("planes",)

    def __init__(self) -> None:
        self.planes: list[int] = []

    def add(self, bits: int) -> None:
        planes = self.planes
        for place, plane in enumerate(planes):
            if not bits:
                return
            planes[place], bits = plane ^ bits, plane & bits
        if bits:
            planes.append(bits)

    def of(self, bit: int) -> int:
        """How often one bit (by number) was set."""
        return sum((plane >> bit & 1) << place for place, plane in enumerate(self.planes))

    def total(self, among: int) -> int:
        """How often any bit of a set was set."""
        return sum((plane & among).bit_count() << place for place, plane in enumerate(self.planes))

    def weight(self, weights: Weights, among: int) -> int:
        """The same, each time by its weight."""
        return sum(weights.of(plane & among) << place for place, plane in enumerate(self.planes))

    def any(self) -> int:
        """The bits that were set at all."""
        found = 0
        for plane in self.planes:
            found |= plane
        return found


class Tally:
    """Counts of one scope: how many of its targets have which kind of finding, for every rule at once."""

    __slots__ = ("kinds",)

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.kinds = [BitCount() for _ in KINDS]
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        for count, bits in zip(self.kinds, row, strict=True):
            if bits:
                count.add(bits)

    def sums(self, weights: Weights, among: int) -> Sums:
        """Weights by part, over a set of rules."""
        found = {"met": 0, "failed": 0, "undecided": 0, "waived": 0}
        for count, kind in zip(self.kinds, KINDS, strict=True):
            if kind.part is not None and count.planes:
                found[kind.part] += count.weight(weights, among)
        return Sums(**found)

    def results(self, among: int) -> dict[str, int]:
        """Findings by result, those that occur."""
        found = dict.fromkeys(Result, 0)
        for count, kind in zip(self.kinds, KINDS, strict=True):
            found[kind.result] += count.total(among)
        return {result.value: number for result, number in found.items() if number}

    def how_many(self, how: How, among: int) -> int:
        """How many findings are waived, or covered by a shared control."""
        return sum(
            count.total(among) for count, kind in zip(self.kinds, KINDS, strict=True) if kind.how == how
        )  # fmt: skip

    def times(self, kinds: Iterable[int], bit: int) -> int:
        """On how many targets a rule is of one of these kinds."""
        return sum(self.kinds[place].of(bit) for place in kinds)

    def any(self, kinds: Iterable[int]) -> int:
        """The rules that are of one of these kinds on any target."""
        found = 0
        for place in kinds:
            found |= self.kinds[place].any()
        return found

    def statuses(self, asked: Mapping[str, int]) -> dict[str, Status]:
        """The status of each requirement, given as the set of its rules."""
        held = dict.fromkeys((MET, FAILED, OPEN, RULED_OUT), 0)
        for count, kind in zip(self.kinds, KINDS, strict=True):
            if kind.holds:
                held[kind.holds] |= count.any()
        return {
            name: STATUSES[sum(bit for bit, rules in held.items() if rules & among)] for name, among in asked.items()
        }


def bits_of(bits: int) -> Iterator[int]:
    """The numbers of the bits that are set, lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def exactly(value: Any) -> Fraction:
    """A number of a pack as it is written there: 0.1 is one tenth."""
    return Fraction(str(value))


def up(value: Any, parts: int) -> int:
    """A threshold in 1/``parts``, rounded up: figures are rounded down, so 84.95 is reached at 85.0 only."""
    return math.ceil(exactly(value) * parts)
