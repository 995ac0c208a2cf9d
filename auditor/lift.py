"""What would lift a scope by one band: the fewest things to mend, measure or attest, and what each is worth.

A fix is one finding made to pass, or, where there are many, all fails (or all that is undecided) of one rule.
What must be done in any case (rules that cap the grade) is set; the fewest more that bring the number, the
coverage and each asset a system is judged by over their thresholds are sought by ``cover.smallest``. What was
not measured is taken to pass once it is, so its gain is what measuring can bring at most. Waived fails are
proposed only when all else does not suffice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple

from auditor.cover import Need, smallest
from auditor.grades import Grading, Standing
from auditor.tally import FAILING, UNDECIDED, WAIVED, Row, Sums, Tally, bits_of

BY_FINDING: Final = 60
"""A system with more open findings than this has them counted by rule."""

Action = Literal["mend", "measure", "attest"]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is to be lifted. ``rows``, ``sums`` and ``standings`` (of assets that weigh) are of systems only."""

    tally: Tally
    rows: Mapping[str, Row] = field(default_factory=dict)
    sums: Mapping[str, Sums] = field(default_factory=dict)
    standings: Sequence[Standing] = ()


@dataclass(frozen=True, slots=True)
class Fix:
    """One thing to do: on one target, or (``target`` None) on as many as ``targets`` says.

    ``gain`` is in points of ``low``, in hundredths rounded down; ``caps`` that it also takes away a cap;
    ``waived`` that it is about fails accepted by waiver, not about the others of the rule.
    """

    rule: str
    target: str | None
    targets: int
    action: Action
    gain: float
    caps: bool
    waived: bool


@dataclass(frozen=True, slots=True)
class Lift:
    """The way to the grade ``to`` (at least): with all ``fixes`` the scope is at ``low`` and ``coverage``.

    ``exact``: no smaller set does. Else it was found greedily, and none with fewer than ``at_least`` does.
    ``explain`` are missing targets that hold the grade until they are explained.
    """

    to: str
    low: float
    coverage: float
    exact: bool
    at_least: int
    fixes: tuple[Fix, ...]
    explain: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the run document."""
        return {
            "to": self.to,
            "low": self.low,
            "coverage": self.coverage,
            "exact": self.exact,
            "at_least": self.at_least,
            "fixes": [
                {
                    "rule": fix.rule,
                    "target": fix.target,
                    "targets": fix.targets,
                    "action": fix.action,
                    "gain": fix.gain,
                    "caps": fix.caps,
                    "waived": fix.waived,
                }
                for fix in self.fixes
            ],
            "explain": list(self.explain),
        }


class _Item(NamedTuple):
    """Something that can be done; ``moves`` are the weights that become met, in the scope (0) and its assets."""

    rule: int
    target: str | None
    targets: int
    action: Action
    caps: bool
    waived: bool
    moves: Mapping[int, Sums]


def lift(scope: Scope, sums: Sums, place: int | None, grading: Grading, gone: Sequence[str] = ()) -> Lift | None:
    """What lifts a scope that stands at band ``place``, or has no grade (None), to the next; None at the top.

    None too where nothing was asked, since there is nothing to do.
    """
    if place == 0 or not sums.asked:
        return None
    goal = len(grading.ids) - 1 if place is None else place - 1
    weak = [one for one in scope.standings if one.place > goal]
    items, parts = _items(scope, sums, weak, grading)
    forced = [n for n, item in enumerate(items) if item.caps and not item.waived and goal < grading.cap]
    chosen: list[int] = []
    before = list(parts)
    _mend(parts, items, forced, chosen)
    least, exact = len(forced), True
    for waived in (False, True):
        open_items = [n for n, item in enumerate(items) if n not in chosen and (waived or not item.waived)]
        needs = _needs(parts, grading, goal, dict(enumerate(items[n] for n in open_items)))
        if all(need.amount <= 0 for need in (needs[0], *needs[1], *needs[2])):
            break
        found = smallest(len(open_items), *needs)
        if not waived:
            least += found.least
        exact = exact and found.exact and not waived
        _mend(parts, items, [open_items[one] for one in found.chosen], chosen)
    after = parts[0].figures(grading.waiver_cap)
    if place is None:
        # What had no grade may come out far above the lowest one.
        left = any(item.caps and not item.waived and n not in chosen for n, item in enumerate(items))
        reached = grading.band(after.low, short=left)
        goal = min(goal, max([reached, *(one.place for one in scope.standings)]))
    return Lift(
        grading.ids[goal],
        after.low / 10,
        after.coverage / 1000,
        exact,
        len(chosen) if exact else min(least, len(chosen)),
        tuple(_told(before[0], items, chosen, grading)),
        tuple(gone),
    )


# --- what can be done


def _items(scope: Scope, sums: Sums, weak: Sequence[Standing], grading: Grading) -> tuple[list[_Item], list[Sums]]:
    """All that is open, by finding or by rule, and the sums it moves: of the scope, then of each weak asset."""
    kinds = (*FAILING, *UNDECIDED, *WAIVED)
    whole = (1 << len(grading.rules)) - 1
    if scope.rows and sum(scope.tally.kinds[kind].total(whole) for kind in kinds) <= BY_FINDING:
        part = {one.target: place for place, one in enumerate(weak, 1)}
        items = [item for name, row in scope.rows.items() for item in _of_target(name, row, part.get(name), grading)]
        return items, [sums, *(scope.sums[one.target] for one in weak)]
    # Assets with the same findings need the same: they are one part.
    alike = {tuple(grading.own_row(scope.rows[one.target])): one.target for one in weak}
    return list(_of_rules(scope.tally, list(alike), grading)), [sums, *(scope.sums[name] for name in alike.values())]


def _moved(kind: int, weight: int) -> Sums:
    """What becomes met when findings of a kind and this weight are mended."""
    if kind in UNDECIDED:
        return Sums(undecided=weight)
    return Sums(waived=weight) if kind in WAIVED else Sums(failed=weight)


def _of_target(name: str, row: Row, part: int | None, grading: Grading) -> Iterator[_Item]:
    for kind in (*FAILING, *UNDECIDED, *WAIVED):
        for bit in bits_of(row[kind]):
            moved = _moved(kind, grading.weights.each[bit])
            caps = bool(grading.capping >> bit & 1) and kind not in WAIVED
            moves = {0: moved, part: moved} if part is not None and grading.own >> bit & 1 else {0: moved}
            action = _action(bit, mend=kind not in UNDECIDED, grading=grading)
            yield _Item(bit, name, 1, action, caps, kind in WAIVED, moves)


def _of_rules(tally: Tally, parts: Sequence[tuple[int, ...]], grading: Grading) -> Iterator[_Item]:
    """Up to three items a rule: for all its fails, for all that is undecided, and for all that is waived."""
    for kinds in (FAILING, UNDECIDED, WAIVED):
        weights = grading.weights.each
        times = {bit: tally.times(kinds, bit) for bit in bits_of(tally.any(kinds))}
        moves = {bit: {0: _moved(kinds[0], weights[bit] * number)} for bit, number in times.items()}
        for place, row in enumerate(parts, 1):
            for kind in kinds:
                for bit in bits_of(row[kind]):
                    moves[bit][place] = _moved(kind, weights[bit])
        for bit, moved in moves.items():
            caps = bool(grading.capping >> bit & 1) and kinds != WAIVED
            action = _action(bit, mend=kinds != UNDECIDED, grading=grading)
            yield _Item(bit, None, times[bit], action, caps, kinds == WAIVED, moved)


def _action(bit: int, *, mend: bool, grading: Grading) -> Action:
    if grading.rules[bit].check is None:
        return "attest" if not mend else "mend"
    return "mend" if mend else "measure"


# --- what is needed


def _needs(
    parts: Sequence[Sums], grading: Grading, goal: int, items: Mapping[int, _Item]
) -> tuple[Need, list[Need], list[Need]]:
    """Weight that must become met: in the scope, by measuring, and in each weak asset."""

    def of(part: int) -> Need:
        gives = {n: amount for n, item in items.items() if (amount := sum(item.moves.get(part, ())))}
        return Need(_lacking(parts[part], grading, goal), gives)

    whole = parts[0]
    measured = -(-grading.gate * whole.asked // 1000) - (whole.asked - whole.undecided)
    coverage = Need(measured, {n: amount for n, item in items.items() if (amount := item.moves[0].undecided)})
    return of(0), [coverage], [of(part) for part in range(1, len(parts))]


def _lacking(sums: Sums, grading: Grading, goal: int) -> int:
    """The least weight that must become met for the band ``goal``, while the denominator stays what it is."""
    wanted, left = grading.needed(goal), sums.left(grading.waiver_cap)
    if left <= 0:
        return 1 if wanted > 0 else 0
    return -(-wanted * left.numerator // (1000 * left.denominator)) - sums.met


def _mend(parts: list[Sums], items: Sequence[_Item], which: Sequence[int], chosen: list[int]) -> None:
    for one in which:
        chosen.append(one)
        for part, moved in items[one].moves.items():
            parts[part] = _mended(parts[part], moved)


def _mended(sums: Sums, moved: Sums) -> Sums:
    return Sums(
        sums.met + sum(moved),
        sums.failed - moved.failed,
        sums.undecided - moved.undecided,
        sums.waived - moved.waived,
    )


def _told(sums: Sums, items: Sequence[_Item], chosen: Sequence[int], grading: Grading) -> Iterator[Fix]:
    """The fixes, those that take away caps first, then by gain; gains are of doing them in this order."""

    def order(one: int) -> tuple[Any, ...]:
        item = items[one]
        return item.waived, not item.caps, -sum(item.moves[0]), grading.rules[item.rule].id, item.target or ""

    for one in sorted(chosen, key=order):
        item = items[one]
        after = _mended(sums, item.moves[0])
        gain = _points(after, grading.waiver_cap) - _points(sums, grading.waiver_cap)
        sums = after
        rule = grading.rules[item.rule].id
        yield Fix(rule, item.target, item.targets, item.action, int(gain * 100) / 100, item.caps, item.waived)


def _points(sums: Sums, waiver_cap: Fraction) -> Fraction:
    left = sums.left(waiver_cap)
    return Fraction(100 * sums.met, 1) / left if left > 0 else Fraction(0)
