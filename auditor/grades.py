"""From the sums of a scope to its grade: bands, caps and refusals, each with its printed reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from auditor.model import Severity
from auditor.rulepack import BINDING, PackInfo, Rule
from auditor.score_words import CAP_REASONS, Text
from auditor.tally import FAILING, UNDECIDED, Figures, Row, Sums, Tally, Weights, bits_of, exactly, up

MAX_CAPS: Final = 5
"""Rules or targets named one by one as the cause of a cap; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Cap:
    """Why a grade is lower than the number would give, or refused; ``rule`` or ``target`` where one is the cause."""

    code: str
    reason: Text
    rule: str | None = None
    target: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the run document."""
        return {"code": self.code, "reason": self.reason, "rule": self.rule, "target": self.target}


class Standing(NamedTuple):
    """How a single asset stands, for the systems that need it: its band by itself, 0 the best, gates aside."""

    place: int
    low: int
    coverage: int
    target: str


class Grading:
    """The bands, caps and gates of a pack over the rules of a run; each rule is known by its bit."""

    def __init__(self, base: PackInfo, rules: Sequence[Rule]) -> None:
        self.base = base
        self.rules = rules
        self.weights = Weights([rule.weight for rule in rules])
        self.every = (1 << len(rules)) - 1
        self.own = sum(1 << bit for bit, rule in enumerate(rules) if rule.scope == "target")
        """Rules about the target itself; the others ask something of a system or an agency, by way of one target."""
        self.capping = sum(1 << bit for bit, rule in enumerate(rules) if can_cap(rule))
        self.binding = sum(1 << bit for bit, rule in enumerate(rules) if rule.mandatory and rule.force in BINDING)
        self.waiver_cap = exactly(base.waiver_cap)
        self.ids = [grade.id for grade in base.grades]
        self.cap = self.ids.index(base.mandatory_cap)
        self.gate = max(1, up(base.coverage_gate, 1000))
        self._bands = [up(grade.at_least, 10) for grade in base.grades]
        self._bands[-1] = 0

    def own_row(self, row: Row) -> Row:
        """What a target answers for by itself."""
        return [bits & self.own for bits in row]

    def needed(self, place: int) -> int:
        """The ``low`` that a band asks, in tenths; the last one takes all that is left."""
        return self._bands[place]

    def band(self, low: int, *, short: bool) -> int:
        """The band of a figure; ``short``: a rule that can cap is not met, nor waived or covered."""
        place = next(n for n, wanted in enumerate(self._bands) if low >= wanted)
        return max(place, self.cap) if short else place

    def standing(self, target: str, row: Row, sums: Sums) -> Standing | None:
        """How a target stands as an asset; None when no mandatory rule falls on it, or nothing counts there.

        Whether one falls on it follows from inventory and pack alone, so that leaving it unmeasured hides nothing.
        """
        if not self.binding & _any(row, range(len(row))) or not sums.asked:
            return None
        figures = sums.figures(self.waiver_cap)
        place = self.band(figures.low, short=bool(self.capping & _any(row, (*FAILING, *UNDECIDED))))
        return Standing(place, figures.low, figures.coverage, target)

    def refusals(self, figures: Figures, *, partial: bool, gone: tuple[str, ...]) -> tuple[Cap, ...]:
        """Why there is no grade at all."""
        caps = []
        if partial:
            caps.append(cap_of("partial"))
        if figures.coverage <= 0:
            caps.append(cap_of("nothing-decided"))
        elif figures.coverage < self.gate:
            wanted = f"{100 * self.base.coverage_gate:g}"
            caps.append(cap_of("coverage", found=f"{figures.coverage / 10:g}", wanted=wanted))
        if gone:
            named = ", ".join(gone[:MAX_CAPS]) + (" …" if len(gone) > MAX_CAPS else "")
            caps.append(cap_of("removed", count=len(gone), targets=named))
        return tuple(caps)

    def grade(self, low: int, tally: Tally, standings: Sequence[Standing]) -> tuple[int, tuple[Cap, ...]]:
        """The band of a scope and what holds it down: its mandatory rules, and its weakest asset."""
        place = self.band(low, short=False)
        caps: tuple[Cap, ...] = ()
        short = tally.any((*FAILING, *UNDECIDED)) & self.capping
        held = place
        if short and place < self.cap:
            held = self.cap
            caps = self._mandatory(tally, short)
        below = sorted(
            (one for one in standings if one.place > place), key=lambda one: (-one.place, one.low, one.target)
        )
        if below:
            held = max(held, below[0].place)
            caps += (self._weakest(below),)
        return held, caps

    def _mandatory(self, tally: Tally, short: int) -> tuple[Cap, ...]:
        name = self.base.grades[self.cap].name
        counted = [
            (tally.times(FAILING, bit), Severity(rule.severity).rank, rule.weight, tally.times(UNDECIDED, bit), rule.id)
            for bit in bits_of(short)
            for rule in (self.rules[bit],)
        ]
        counted.sort(key=lambda one: (-one[0], -one[1], -one[2], -one[3], one[4]))
        caps = [
            cap_of("mandatory-fail" if fails else "mandatory-undecided", rule=rule, grade=name, count=fails or opens)
            for fails, _, _, opens, rule in counted[:MAX_CAPS]
        ]
        if len(counted) > MAX_CAPS:
            caps.append(cap_of("mandatory-more", count=len(counted) - MAX_CAPS))
        return tuple(caps)

    def _weakest(self, below: Sequence[Standing]) -> Cap:
        worst = below[0]
        return cap_of(
            "weakest-asset" if len(below) == 1 else "weakest-assets",
            target=worst.target,
            grade=self.base.grades[worst.place].name,
            asset=worst.target,
            low=f"{worst.low / 10:g}",
            found=f"{worst.coverage / 10:g}",
            more=len(below) - 1,
        )


def can_cap(rule: Rule) -> bool:
    """May a fail of this rule cap a grade? Mandatory, severe, and bound by law or by what a standard requires."""
    return rule.mandatory and rule.force in BINDING and rule.severity in ("high", "critical")


def _any(row: Row, kinds: Sequence[int]) -> int:
    found = 0
    for place in kinds:
        found |= row[place]
    return found


def cap_of(
    code: str,
    *,
    rule: str | None = None,
    target: str | None = None,
    grade: Mapping[Any, str] | None = None,
    **values: Any,
) -> Cap:
    """A cap with its words; ``grade`` is the name of the best grade it allows."""
    return Cap(code, _reason(code, tuple(sorted((grade or {}).items())), tuple(values.items())), rule, target)


_FIGURES: Final = frozenset({"found", "wanted", "low"})


@lru_cache(maxsize=4096)
def _reason(code: str, grade: tuple[tuple[str, str], ...], values: tuple[tuple[str, Any], ...]) -> Text:
    """The words of a cap; thousands of targets share the same few, so they are made and kept once."""
    named = dict(grade)
    said = CAP_REASONS[code]
    return {lang: text.format(**_local(values, lang), grade=named.get(lang, "")) for lang, text in said.items()}


def _local(values: tuple[tuple[str, Any], ...], lang: str) -> dict[str, Any]:
    """Figures as the language writes them: 84,9 in Vietnamese."""
    if lang != "vi":
        return dict(values)
    return {name: value.replace(".", ",") if name in _FIGURES else value for name, value in values}
