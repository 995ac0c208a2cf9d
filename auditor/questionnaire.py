"""Which questions are asked of whom: the rules that only people can answer, each as often as it must be. Pure.

A rule says by its ``scope`` whether it is asked once of a system, once of an agency, or of every target.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from auditor.grants import (
    WORST_LAST,
    Answered,
    Index,
    Map,
    Spot,
    asked_systems,
    attestation_holds,
    ends,
    latest,
    standing,
)
from auditor.packs import RuleSet
from auditor.papers import Attestation
from auditor.rulepack import Requirement, Rule
from auditor.standings import EXPIRING_DAYS
from auditor.targets import Inventory

Asked = Literal["system", "agency", "target"]
State = Literal["open", "valid", "expiring", "expired", "malformed", "upcoming", "contradicted"]
OPEN: Final[frozenset[State]] = frozenset({"open", "expiring", "expired", "malformed", "contradicted"})
"""Questions that want an answer now, or soon."""


class About(NamedTuple):
    """Whom a question is asked about, and the kind of thing that is."""

    kind: Asked
    id: str


@dataclass(frozen=True, slots=True)
class Question:
    """One thing a person is asked, and what was answered last."""

    rule: Rule
    about: About
    sheet: About
    """The system or agency that is asked, a target only where nobody answers for it."""
    requirements: tuple[Requirement, ...]
    level: int
    """The highest level at which it is asked here."""
    interval_days: int | None
    """How long an answer counts, the shortest of the targets it bears on; None: as long as it says."""
    targets: tuple[str, ...]
    last: Attestation | None = None
    state: State = "open"
    until: date | None = None
    """The last day the last answer counts everywhere here."""

    @property
    def key(self) -> str:
        """By this a question is known from sheet to sheet."""
        return f"{self.rule.id} @ {self.about.kind}:{self.about.id}"

    def ends(self, on: date) -> date | None:
        """Until when an answer of day ``on`` counts by the rule's period; None when it has none."""
        try:
            return None if self.interval_days is None else on + timedelta(days=self.interval_days)
        except OverflowError:  # beyond the year 9999
            return None


@dataclass(slots=True)
class _Making:
    rule: Rule
    sheet: About
    level: int = 0
    intervals: list[int] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)


_KINDS: Final[dict[str, Asked]] = {"system": "system", "agency": "agency"}


def questions(
    inventory: Inventory,
    rules: RuleSet,
    day: date,
    *,
    contradicted: Collection[str] = (),
) -> tuple[Question, ...]:
    """All questions, by sheet, then rule, then whom they are about. ``contradicted``: ids of attestations."""
    places = Map(inventory)
    made: dict[tuple[str, About], _Making] = {}
    for target in sorted(inventory.targets, key=lambda one: one.id):
        spot = places.spot(target.id)
        for chosen in rules.of(target):
            if chosen.rule.check is None:
                for about, sheet in _asked(chosen.rule, spot, places, rules):
                    known = made.setdefault((chosen.rule.id, about), _Making(chosen.rule, sheet))
                    known.spots.append(spot)
                    known.level = max(known.level, rules.level(target))
                    if chosen.params.interval_days is not None:
                        known.intervals.append(chosen.params.interval_days)
    given = Index(inventory.attestations, attestation_holds)
    told = [_question(about, one, given, rules, day, contradicted) for (_, about), one in made.items()]
    kinds = ("system", "agency", "target")
    return tuple(sorted(told, key=lambda one: (kinds.index(one.sheet.kind), one.sheet.id, one.rule.id, one.about)))


def _asked(rule: Rule, spot: Spot, places: Map, rules: RuleSet) -> Iterator[tuple[About, About]]:
    """Whom a rule that falls on a target is asked of. What no system or agency answers for is asked of the target."""
    wider = [About(_KINDS[kind], name) for kind, name in rules.asked_for(rule.id, spot.id) or () if kind in _KINDS]
    if wider:
        yield from ((about, about) for about in wider)
        return
    target = spot.target
    systems = asked_systems(rule.levels, target, places.systems) if target is not None else ()
    if rule.scope == "system" and systems:
        yield from ((About("system", one), About("system", one)) for one in systems)
        return
    if rule.scope == "agency" and spot.agency is not None:
        about = About("agency", spot.agency)
        yield about, about
        return
    about = sheet = About("target", spot.id)
    if systems:
        sheet = About("system", systems[0])
    elif spot.agency is not None:
        sheet = About("agency", spot.agency)
    yield about, sheet


def _question(
    about: About, made: _Making, given: Index[Attestation], rules: RuleSet, day: date, contradicted: Collection[str]
) -> Question:
    interval = min(made.intervals, default=None)
    near = [given.find(made.rule.id, spot) for spot in made.spots]
    answers = [_last(found, about, interval, day) for found in near]
    whole = [one for one in answers if one is not None]
    # What was answered for some of its targets only is no answer for the rest.
    last = min(whole, key=_soonest) if len(whole) == len(answers) else None
    others = [one for found in near for one in found] if last is None else []
    broken = latest(one for one in others if standing(one, day) == "malformed")
    upcoming = latest(one for one in others if standing(one, day) == "upcoming")
    state: State = "open"
    if last is not None:
        state = _state(last, day, contradicted)
    elif broken is not None or upcoming is not None:
        state = "malformed" if broken is not None else "upcoming"
    shown = last.attestation if last else broken or upcoming
    return Question(
        rule=made.rule,
        about=about,
        sheet=made.sheet,
        requirements=tuple(rules.requirements[name] for name in made.rule.requirements if name in rules.requirements),
        level=made.level,
        interval_days=interval,
        targets=tuple(spot.id for spot in made.spots),
        last=shown,
        state=state,
        until=last.until if last else shown.until if shown else None,
    )


def _last(found: Iterable[Attestation], about: About, interval: int | None, day: date) -> Answered | None:
    """The newest answer at one spot that is well-formed and begun, still good or not."""
    newest = latest(
        one
        for one in found
        if standing(one, day) in ("active", "expired")
        and (about.kind != "system" or not one.systems or about.id in one.systems)
    )
    return None if newest is None else Answered(newest, ends(newest, interval))


def _soonest(one: Answered) -> tuple[date, int, str]:
    return one.until, -WORST_LAST.index(one.attestation.answer), one.attestation.id


def _state(last: Answered, day: date, contradicted: Collection[str]) -> State:
    if last.attestation.id in contradicted:
        return "contradicted"
    if last.until < day:
        return "expired"
    return "expiring" if (last.until - day).days <= EXPIRING_DAYS else "valid"
