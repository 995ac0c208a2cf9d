"""How every waiver, attestation and shared control of a run stands: said loudly where one does not count. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

from auditor.annotate import Annotated
from auditor.grants import (
    Index,
    Key,
    Map,
    attestation_holds,
    bearing_systems,
    ends,
    flaw,
    latest,
    names_of,
    proof_of,
    standing,
    waiver_holds,
)
from auditor.packs import RuleSet
from auditor.papers import Attestation, SharedControl, Waiver
from auditor.targets import Inventory

State = Literal[
    "active", "expiring", "upcoming", "expired", "malformed", "contradicted", "unproven", "unused", "superseded"
]
EXPIRING_DAYS: Final = 30
"""A grant with so many days left, or fewer, is told of as expiring; a default of this tool."""
LONGEST_WAIVER_DAYS: Final = 366
"""A waiver that runs longer is told of: it is to be looked at again within a year; a default of this tool."""
CONTRADICTIONS_MOST: Final = 20
"""So many contradicted findings are named of one attestation; all are counted."""


@dataclass(slots=True)
class Uses:
    """What grants did in a run, gathered while its findings stream by."""

    by_id: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Findings by kind of grant and id."""
    contradicted: dict[str, list[Key]] = field(default_factory=dict)
    """Of each attestation that was contradicted, the first (target, rule) pairs."""
    contradictions: Counter[str] = field(default_factory=Counter)

    def add(self, item: Annotated) -> None:
        for waiver in dict.fromkeys((*item.waived_by, *(one for _, one in item.waived_instances))):
            self.by_id["waiver", waiver] += 1
        if item.attested_by is not None:
            self.by_id["attestation", item.attested_by] += 1
        if item.inherited_from is not None:
            self.by_id["shared-control", item.inherited_from] += 1
        if item.contradicted_by is not None:
            self.contradictions[item.contradicted_by] += 1
            named = self.contradicted.setdefault(item.contradicted_by, [])
            if len(named) < CONTRADICTIONS_MOST:
                named.append((item.finding.target, item.finding.rule))


@dataclass(slots=True)
class _Reach:
    """How far an attestation goes: on how many targets its rule falls, and when it ends there."""

    targets: int = 0
    first: date = date.max
    last: date = date.min
    leads: bool = False
    """Is it the newest word somewhere? Else it is history, and that it ended is no news."""


def standing_of_all(
    inventory: Inventory,
    rules: RuleSet,
    day: date,
    uses: Uses | None = None,
    proven: frozenset[Key] = frozenset(),
) -> list[dict[str, Any]]:
    """One entry for each grant, those that want attention first: ``kind`` (waiver, attestation,
    shared-control), ``id``, ``rule``, ``state``, ``why`` (a code, or None), ``from``, ``until`` (the last day
    it counts somewhere), ``until_first`` (where its rule's period ends sooner on some targets), ``days_left``
    (0 on that last day, negative after it), ``findings`` (that it bears on in this run; None without a run),
    ``contradicted`` (pairs of target and rule), ``contradictions`` (their number), ``long``.

    ``uses`` and ``proven`` are those of a run; without them nothing is said to be contradicted, unproven, or
    unused for want of a finding.
    """
    reach = _reach(inventory, rules, day)
    told = [_attestation(one, rules, day, uses, reach.get(one.id, _Reach())) for one in inventory.attestations]
    told += [_waiver(one, inventory, rules, day, uses, proven) for one in inventory.waivers]
    told += [_control(one, rules, day, uses, proven) for one in inventory.shared_controls]
    return sorted(told, key=_place)


LOUD: Final[tuple[State, ...]] = ("contradicted", "malformed", "expired", "unproven", "expiring")
"""The states that want somebody's attention, the worst first."""
_ORDER: Final = (*LOUD, "unused", "upcoming", "active", "superseded")
_UNTESTED: Final = ("malformed", "expired", "upcoming")
"""What stood so in a run did not count there, hence the run tried nothing of it."""


def _place(one: Mapping[str, Any]) -> tuple[int, str, str, str]:
    return _ORDER.index(one["state"]), one["until"] or "", one["kind"], one["id"]


def as_run_found(told: Iterable[Mapping[str, Any]], papers: Iterable[Any]) -> list[dict[str, Any]]:
    """``standing_of_all`` without a run, with what a run found of the same grants: its ``papers``.

    A grant is the same when kind, id, rule and first day are. Each entry gains ``tested``: did the run try it?
    What is expired, malformed or superseded today stays so; only that a measurement contradicts an answer is
    said even when the answer, or its rule, has ended since.
    """
    found = {_same(one): one for one in papers if isinstance(one, dict)}
    made = []
    for one in told:
        seen = found.get(_same(one), {})
        state, why = seen.get("state"), seen.get("why")
        tested = state in _ORDER and state not in _UNTESTED
        telling: tuple[str, ...] = ("contradicted",)
        if one["state"] in ("active", "expiring"):
            telling += ("unproven", "unused") if why in ("proof-does-not-pass", "no-such-fail", "measured") else ()
        elif one["state"] not in ("expired", "unused"):
            telling = ()
        names = ["findings"] if tested else []
        if state in telling:
            names += ["state", "why", "contradicted", "contradictions"]
        made.append({**one, **{name: seen.get(name) for name in names}, "tested": tested})
    return sorted(made, key=_place)


def _same(one: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(one.get(name)) for name in ("kind", "id", "rule", "from"))


def _reach(inventory: Inventory, rules: RuleSet, day: date) -> dict[str, _Reach]:
    given_here = Index(inventory.attestations, attestation_holds)
    places = Map(inventory)
    found: dict[str, _Reach] = {}
    for target in inventory.targets if inventory.attestations else ():
        for chosen in rules.of(target):
            if chosen.rule.id in given_here:
                interval = chosen.params.interval_days if chosen.rule.check is None else None
                spot = places.spot(target.id)
                near = given_here.find(chosen.rule.id, spot)
                begun = [given for given in near if standing(given, day) in ("active", "expired")]
                for system in bearing_systems(chosen.rule, spot, places.systems, rules) or (None,):
                    newest = latest(one for one in begun if system is None or not one.systems or system in one.systems)
                    if newest is not None:
                        found.setdefault(newest.id, _Reach()).leads = True
                for given in near:
                    known = found.setdefault(given.id, _Reach())
                    last = ends(given, interval)
                    known.targets += 1
                    known.first, known.last = min(known.first, last), max(known.last, last)
    return found


def _attestation(given: Attestation, rules: RuleSet, day: date, uses: Uses | None, reach: _Reach) -> dict[str, Any]:
    until = reach.last if reach.targets else given.until
    first = reach.first if reach.targets else given.until
    bears = uses.by_id["attestation", given.id] if uses else None
    state, why = _dated(given, day, until, first)
    against = uses.contradictions[given.id] if uses else 0
    if against:
        state, why = "contradicted", None
    elif state in ("active", "expiring", "expired") and reach.targets and not reach.leads:
        state, why = "superseded", None
    elif state in ("active", "expiring"):
        if not _known(given.rule, rules):
            state, why = "unused", "unknown-rule"
        elif not reach.targets:
            state, why = "unused", "nothing-in-scope"
        elif bears == 0 and given.rule in rules.rules and rules.rules[given.rule].check is not None:
            state, why = "unused", "measured"
    told = _told("attestation", given, state, why, given.on, until, day, bears)
    told["until_first"] = first.isoformat() if first < until else None
    told["contradicted"] = [list(pair) for pair in uses.contradicted.get(given.id, ())] if uses else []
    told["contradictions"] = against
    return told


def _waiver(
    waiver: Waiver,
    inventory: Inventory,
    rules: RuleSet,
    day: date,
    uses: Uses | None,
    proven: frozenset[Key],
) -> dict[str, Any]:
    bears = uses.by_id["waiver", waiver.id] if uses else None
    state, why = _dated(waiver, day, waiver.until, waiver.until)
    if state in ("active", "expiring"):
        if not _known(waiver.rule, rules):
            state, why = "unused", "unknown-rule"
        elif uses is not None and not _proven_somewhere(waiver, inventory, proven):
            state, why = "unproven", "proof-does-not-pass"
        elif bears == 0:
            state, why = "unused", "no-such-fail"
    told = _told("waiver", waiver, state, why, waiver.from_, waiver.until, day, bears)
    told["long"] = (waiver.until - waiver.from_).days > LONGEST_WAIVER_DAYS
    return told


def _proven_somewhere(waiver: Waiver, inventory: Inventory, proven: frozenset[Key]) -> bool:
    if proof_of(waiver, "") is None:
        return True
    places = Map(inventory)
    held = (target.id for target in inventory.targets if waiver_holds(waiver, places.spot(target.id)))
    return any(proof_of(waiver, one) in proven for one in held)


def _control(
    control: SharedControl, rules: RuleSet, day: date, uses: Uses | None, proven: frozenset[Key]
) -> dict[str, Any]:
    bears = uses.by_id["shared-control", control.id] if uses else None
    state, why = _dated(control, day, control.until, control.until)
    if state in ("active", "expiring"):
        if not _known(control.rule, rules):
            state, why = "unused", "unknown-rule"
        elif uses is not None and (control.provider, control.rule) not in proven:
            state, why = "unproven", "proof-does-not-pass"
        elif bears == 0:
            state, why = "unused", "no-such-fail"
    return _told("shared-control", control, state, why, None, control.until, day, bears)


def _dated(
    grant: Waiver | Attestation | SharedControl, day: date, until: date | None, first: date | None
) -> tuple[State, str | None]:
    """The state by its own form and dates; it is expiring as soon as it is so anywhere it reaches."""
    plain = standing(grant, day)
    if plain != "active":
        return plain, flaw(grant)
    if until is None or first is None:
        return "active", None
    if until < day:
        return "expired", "period" if grant.until is not None and until < grant.until else None
    if first < day:
        return "expiring", "expired-in-part"
    return ("expiring", None) if (first - day).days <= EXPIRING_DAYS else ("active", None)


def _told(
    kind: str,
    grant: Waiver | Attestation | SharedControl,
    state: State,
    why: str | None,
    since: date | None,
    until: date | None,
    day: date,
    bears: int | None,
) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": grant.id,
        "rule": grant.rule,
        "state": state,
        "why": why,
        "from": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
        "days_left": (until - day).days if until else None,
        "findings": bears,
        "until_first": None,
        "contradicted": [],
        "contradictions": 0,
        "long": False,
    }


def _known(rule: str, rules: RuleSet) -> bool:
    """Is there such a rule in this run, by its whole name or, in any framework, by its bare one?"""
    return rule in rules.rules or any(rule in names_of(name) for name in rules.rules)
