"""What people may say for a finding: waivers, attestations and shared controls, by rule, scope and date.

A waiver or an attestation counts where *all* scopes it names hold (targets, groups, tags, systems,
agencies; any of several within one), so that naming more never reaches further; one that names none
counts nowhere. Days are days in Vietnam, the last one included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, TypeVar

from auditor.model import Finding, Result
from auditor.papers import Attestation, SharedControl, Waiver, same_person
from auditor.targets import Inventory, System, Target

if TYPE_CHECKING:  # packs ask here who answers for a target
    from auditor.packs import RuleSet
    from auditor.rulepack import Rule

Standing = Literal["active", "upcoming", "expired", "malformed"]
Flaw = Literal["no-scope", "until-before-from", "own-approval", "compensating-missing", "attachment-changed"]
Key = tuple[str, str]
"""A kind of scope and an id in it."""
G = TypeVar("G", Waiver, Attestation)

WORST_LAST: Final = ("met", "notapplicable", "notmet")
"""Answers of one day: the worst counts, so that none can hide another."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a target stands, as far as scopes ask."""

    id: str
    target: Target | None = None
    agency: str | None = None
    group: str | None = None
    keys: tuple[Key, ...] = ()


class Answered(NamedTuple):
    """An answer that counts, and the last day it does: its own end, or its rule's period if that is sooner."""

    attestation: Attestation
    until: date


def agency_of(target: Target, systems: dict[str, System]) -> str | None:
    """The agency that answers for a target: its own, else the owner of the first system it serves."""
    if target.agency is not None:
        return target.agency
    return next((systems[name].owner for name in target.systems if name in systems), None)


def flaw(grant: Waiver | Attestation | SharedControl) -> Flaw | None:
    """Why a grant can never count, whatever the day; an inventory that is read from a file is told so too."""
    since = grant.on if isinstance(grant, Attestation) else grant.from_ if isinstance(grant, Waiver) else None
    if not any(_scopes(grant).values()):
        return "no-scope"
    if since is not None and grant.until is not None and grant.until < since:
        return "until-before-from"
    if isinstance(grant, Waiver):
        if same_person(grant.requester, grant.approver):
            return "own-approval"
        if grant.reason_class == "compensating-control" and grant.compensating is None:
            return "compensating-missing"
    if isinstance(grant, Attestation) and grant.attachment is not None and not grant.attachment.intact:
        return "attachment-changed"
    return None


def standing(grant: Waiver | Attestation | SharedControl, day: date) -> Standing:
    """Does it count on ``day``, as far as the grant itself says? Malformed: see ``flaw``."""
    if flaw(grant) is not None:
        return "malformed"
    since = grant.on if isinstance(grant, Attestation) else grant.from_ if isinstance(grant, Waiver) else None
    if since is not None and day < since:
        return "upcoming"
    return "expired" if grant.until is not None and grant.until < day else "active"


def ends(given: Attestation, interval_days: int | None) -> date:
    """The last day an answer counts under a rule that asks for a new one every ``interval_days``."""
    if interval_days is None:
        return given.until
    try:
        return min(given.until, given.on + timedelta(days=interval_days))
    except OverflowError:  # beyond the year 9999
        return given.until


def latest(given: Iterable[Attestation]) -> Attestation | None:
    """The answer that supersedes all others: the newest; of several of one day the worst."""
    return max(given, key=lambda item: (item.on, WORST_LAST.index(item.answer), item.id), default=None)


def _scopes(grant: Waiver | Attestation | SharedControl) -> dict[str, tuple[str, ...]]:
    if isinstance(grant, Waiver):
        return {"targets": grant.targets, "groups": grant.groups, "tags": grant.tags}
    if isinstance(grant, Attestation):
        return {"targets": grant.targets, "systems": grant.systems, "agencies": grant.agencies}
    return {"targets": grant.covers, "agencies": grant.covers_agencies}


def waiver_holds(waiver: Waiver, spot: Spot) -> bool:
    """Do all scopes that a waiver names hold at a spot?"""
    return (
        (not waiver.targets or spot.id in waiver.targets)
        and (not waiver.groups or spot.group in waiver.groups)
        and (not waiver.tags or (spot.target is not None and not set(waiver.tags).isdisjoint(spot.target.tags)))
    )


def attestation_holds(given: Attestation, spot: Spot) -> bool:
    """Do all scopes that an attestation names hold at a spot?"""
    systems = spot.target.systems if spot.target is not None else ()
    return (
        (not given.targets or spot.id in given.targets)
        and (not given.systems or not set(given.systems).isdisjoint(systems))
        and (not given.agencies or spot.agency in given.agencies)
    )


def names_of(rule: str) -> tuple[str, ...]:
    """The names by which a grant may mean a rule: as the run has it, or bare, which means it in every framework."""
    bare = rule.rpartition("/")[2]
    return (rule,) if bare == rule else (rule, bare)


class Index(Generic[G]):
    """Grants found by rule and spot without looking at all of them."""

    def __init__(self, grants: Iterable[G], holds: Callable[[G, Spot], bool]) -> None:
        self._holds: Callable[[G, Spot], bool] = holds
        self._near: dict[str, dict[Key, list[G]]] = {}
        for grant in grants:
            near = self._near.setdefault(grant.rule, {})
            kind, ids = next(((kind, ids) for kind, ids in _scopes(grant).items() if ids), ("", ()))
            for one in dict.fromkeys(ids):
                near.setdefault((kind, one), []).append(grant)

    def __contains__(self, rule: str) -> bool:
        return any(name in self._near for name in names_of(rule))

    def find(self, rule: str, spot: Spot) -> list[G]:
        """Those that hold, by id."""
        near = [known for name in names_of(rule) if (known := self._near.get(name)) is not None]
        if not near:
            return []
        found = {grant.id: grant for known in near for key in spot.keys for grant in known.get(key, ())}
        return [found[one] for one in sorted(found) if self._holds(found[one], spot)]


class Map:
    """Where every target of an inventory stands."""

    def __init__(self, inventory: Inventory) -> None:
        self._targets = {target.id: target for target in inventory.targets}
        self.systems = {system.id: system for system in inventory.systems}
        self._groups = {agency.id: agency.group for agency in inventory.agencies}
        self._last = Spot("")

    def spot(self, target: str) -> Spot:
        """Where a target stands; the last one is remembered, findings come target by target."""
        if self._last.id != target:
            known = self._targets.get(target)
            agency = agency_of(known, self.systems) if known is not None else None
            group = self._groups.get(agency or "")
            keys = [("targets", target)]
            if known is not None:
                keys += [("systems", one) for one in known.systems] + [("tags", one) for one in known.tags]
            keys += [(kind, one) for kind, one in (("agencies", agency), ("groups", group)) if one is not None]
            self._last = Spot(target, known, agency, group, tuple(keys))
        return self._last


class Book:
    """All that people have said, ready to be asked finding by finding.

    ``proven`` are the (target, rule) pairs that the function of that name found to pass.
    """

    def __init__(self, inventory: Inventory, day: date, proven: frozenset[Key], rules: RuleSet) -> None:
        self._day, self._proven, self._rules = day, proven, rules
        self._map = Map(inventory)
        self._waivers = Index((one for one in inventory.waivers if standing(one, day) == "active"), waiver_holds)
        # What has expired is kept: it still supersedes what was said before it.
        said = (one for one in inventory.attestations if standing(one, day) in ("active", "expired"))
        self._attestations = Index(said, attestation_holds)
        self._intervals: dict[int, tuple[object, dict[str, int | None]]] = {}
        self._controls: dict[tuple[str, str, str], list[SharedControl]] = {}
        self._shared: set[str] = set()
        for control in sorted(_live(inventory, day), key=lambda control: control.id):
            if (control.provider, control.rule) in proven:
                self._shared.add(control.rule)
                for kind, ids in _scopes(control).items():
                    for covered in ids:
                        self._controls.setdefault((control.rule, kind, covered), []).append(control)

    def spot(self, target: str) -> Spot:
        return self._map.spot(target)

    def waivers(self, rule: str, spot: Spot) -> list[Waiver]:
        """Those that count here; one that rests on an equivalent measure only where that is proven."""
        return [one for one in self._waivers.find(rule, spot) if self._counts(one, spot)]

    def _counts(self, waiver: Waiver, spot: Spot) -> bool:
        proof = proof_of(waiver, spot.id)
        return proof is None or proof in self._proven

    def attested(self, rule: str) -> bool:
        """Has anybody attested anything of this rule? A quick look before the long one."""
        return rule in self._attestations

    def answer(self, rule: str, spot: Spot) -> Answered | None:
        """What counts as answered here. A question of systems is answered when it is for each of the
        target's systems that it falls on, by the worst of their answers."""
        found = self._attestations.find(rule, spot)
        if not found:
            return None
        interval = self._interval(rule, spot.target)
        systems = self._asked_of(rule, spot)
        if not systems:
            return self._newest(found, interval)
        answers = [
            self._newest((one for one in found if not one.systems or system in one.systems), interval)
            for system in systems
        ]
        given = [one for one in answers if one is not None]
        worst = min(given, key=lambda one: (-_badness(one.attestation), one.until, one.attestation.id), default=None)
        if worst is None or (len(given) < len(answers) and worst.attestation.answer != "notmet"):
            return None
        return worst

    def _newest(self, found: Iterable[Attestation], interval: int | None) -> Answered | None:
        newest = latest(found)
        if newest is None or ends(newest, interval) < self._day:
            return None
        return Answered(newest, ends(newest, interval))

    def _asked_of(self, rule: str, spot: Spot) -> tuple[str, ...]:
        known = self._rules.rules.get(rule)
        return bearing_systems(known, spot, self._map.systems, self._rules) if known is not None else ()

    def _interval(self, rule: str, target: Target | None) -> int | None:
        if target is None:
            return None
        chosen = self._rules.of(target)
        kept = self._intervals.get(id(chosen))
        if kept is None:  # the tuple is kept too, so that its id stays its own
            kept = chosen, {one.rule.id: one.params.interval_days for one in chosen if one.rule.check is None}
            self._intervals[id(chosen)] = kept
        return kept[1].get(rule)

    def control(self, rule: str, spot: Spot) -> str | None:
        """The proven shared control that covers this rule here; a provider does not cover itself."""
        near = [
            control
            for name in names_of(rule)
            if name in self._shared
            for place in (("targets", spot.id), ("agencies", spot.agency or ""))
            for control in self._controls.get((name, *place), ())
        ]
        return min((control.id for control in near if control.provider != spot.id), default=None)


def asked_systems(levels: Iterable[int], target: Target, systems: dict[str, System]) -> tuple[str, ...]:
    """The systems of a target that a question of systems falls on: those of the rule's levels, else all."""
    at = [one for one in target.systems if one in systems and systems[one].level in (None, *levels)]
    return tuple(at) or target.systems


def bearing_systems(rule: Rule, spot: Spot, systems: dict[str, System], rules: RuleSet) -> tuple[str, ...]:
    """The systems that a question is asked of at a spot; none where it is asked of something else."""
    if rule.scope != "system" or spot.target is None:
        return ()
    places = rules.asked_for(rule.id, spot.id)
    if places is not None:
        return tuple(name for kind, name in places if kind == "system")
    return asked_systems(rule.levels, spot.target, systems)


def _badness(given: Attestation) -> int:
    return ("notapplicable", "met", "notmet").index(given.answer)


def proof_of(waiver: Waiver, target: str) -> Key | None:
    """The (target, rule) pair that must pass for a waiver to count on ``target``; None when none must."""
    if waiver.reason_class != "compensating-control" or waiver.compensating is None:
        return None
    return waiver.compensating.target or target, waiver.compensating.rule


def _live(inventory: Inventory, day: date) -> Iterator[SharedControl]:
    return (control for control in inventory.shared_controls if standing(control, day) == "active")


def proofs_needed(inventory: Inventory, day: date) -> frozenset[Key]:
    """The (target, rule) pairs whose findings ``proven`` must see: all that a first pass needs to read."""
    needed = {(control.provider, control.rule) for control in _live(inventory, day)}
    places = Map(inventory)
    for waiver in inventory.waivers:
        if waiver.reason_class == "compensating-control" and standing(waiver, day) == "active":
            held = (target.id for target in inventory.targets if waiver_holds(waiver, places.spot(target.id)))
            needed |= {proof for one in held if (proof := proof_of(waiver, one)) is not None}
    return frozenset(needed)


def proven(findings: Iterable[Finding], inventory: Inventory, day: date) -> frozenset[Key]:
    """The pairs of ``proofs_needed`` that pass in this run, as measured: what shared controls and
    compensating controls rest on. An answer is no measurement, so that no paper can prove another.
    A bare name must pass in every framework that the target is judged by."""
    needed = proofs_needed(inventory, day)
    passing: dict[bool, set[Key]] = {True: set(), False: set()}
    for finding in findings:
        for name in names_of(finding.rule):
            passing[finding.result is Result.PASS].add((finding.target, name))
    return frozenset(needed & (passing[True] - passing[False]))
