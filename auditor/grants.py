"""What people may say for a finding: waivers, attestations and shared controls, by rule, scope and date.

A waiver or an attestation counts where *all* scopes it names hold (targets, groups, tags, systems,
agencies; any of several within one), so that naming more never reaches further; one that names none
counts nowhere. Days are days in Vietnam, the last one included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Generic, Literal, TypeVar

from auditor.model import Finding, Result
from auditor.targets import Attestation, Inventory, SharedControl, System, Target, Waiver

Standing = Literal["active", "upcoming", "expired", "malformed"]
G = TypeVar("G", Waiver, Attestation)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a target stands, as far as scopes ask."""

    id: str
    target: Target | None = None
    agency: str | None = None
    group: str | None = None


def agency_of(target: Target, systems: dict[str, System]) -> str | None:
    """The agency that answers for a target: its own, else the owner of the first system it serves."""
    if target.agency is not None:
        return target.agency
    return next((systems[name].owner for name in target.systems if name in systems), None)


def standing(grant: Waiver | Attestation | SharedControl, day: date) -> Standing:
    """Does it count on ``day``? Malformed: it names no scope, or ends before it begins."""
    since = grant.on if isinstance(grant, Attestation) else grant.from_ if isinstance(grant, Waiver) else None
    if not _scoped(grant) or (since is not None and grant.until is not None and grant.until < since):
        return "malformed"
    if since is not None and day < since:
        return "upcoming"
    return "expired" if grant.until is not None and grant.until < day else "active"


def _scoped(grant: Waiver | Attestation | SharedControl) -> bool:
    if isinstance(grant, Waiver):
        return bool(grant.targets or grant.groups or grant.tags)
    if isinstance(grant, Attestation):
        return bool(grant.targets or grant.systems or grant.agencies)
    return bool(grant.covers or grant.covers_agencies)


def _waiver_holds(waiver: Waiver, spot: Spot) -> bool:
    return (
        (not waiver.targets or spot.id in waiver.targets)
        and (not waiver.groups or spot.group in waiver.groups)
        and (not waiver.tags or (spot.target is not None and not set(waiver.tags).isdisjoint(spot.target.tags)))
    )


def _attestation_holds(given: Attestation, spot: Spot) -> bool:
    systems = spot.target.systems if spot.target is not None else ()
    return (
        (not given.targets or spot.id in given.targets)
        and (not given.systems or not set(given.systems).isdisjoint(systems))
        and (not given.agencies or spot.agency in given.agencies)
    )


class _Index(Generic[G]):
    """Grants found by rule and target without looking at all of them."""

    def __init__(self, grants: Iterable[G], day: date, holds: Callable[[G, Spot], bool]) -> None:
        self._holds: Callable[[G, Spot], bool] = holds
        self._named: dict[tuple[str, str], list[G]] = {}
        self._wide: dict[str, list[G]] = {}
        self.rules: set[str] = set()
        for grant in sorted(grants, key=lambda grant: grant.id):
            if standing(grant, day) != "active":
                continue
            self.rules.add(grant.rule)
            if not grant.targets:
                self._wide.setdefault(grant.rule, []).append(grant)
            for target in dict.fromkeys(grant.targets):
                self._named.setdefault((grant.rule, target), []).append(grant)

    def find(self, rule: str, spot: Spot) -> list[G]:
        """Those that hold, by id."""
        if rule not in self.rules:
            return []
        near = self._named.get((rule, spot.id), []) + self._wide.get(rule, [])
        return sorted((grant for grant in near if self._holds(grant, spot)), key=lambda grant: grant.id)


class Book:
    """All that people have said, ready to be asked finding by finding."""

    def __init__(self, inventory: Inventory, day: date, proven: frozenset[str]) -> None:
        self._waivers = _Index(inventory.waivers, day, _waiver_holds)
        self._attestations = _Index(inventory.attestations, day, _attestation_holds)
        self._targets = {target.id: target for target in inventory.targets}
        self._systems = {system.id: system for system in inventory.systems}
        self._groups = {agency.id: agency.group for agency in inventory.agencies}
        self._controls: dict[tuple[str, str, str], list[SharedControl]] = {}
        self._shared: set[str] = set()
        for control in sorted(_live(inventory, day), key=lambda control: control.id):
            if control.id in proven:
                self._shared.add(control.rule)
                for kind, ids in (("target", control.covers), ("agency", control.covers_agencies)):
                    for covered in ids:
                        self._controls.setdefault((control.rule, kind, covered), []).append(control)
        self._spot = Spot("")

    def spot(self, target: str) -> Spot:
        """Where a target stands; the last one is remembered, findings come target by target."""
        if self._spot.id != target:
            known = self._targets.get(target)
            agency = agency_of(known, self._systems) if known is not None else None
            self._spot = Spot(target, known, agency, self._groups.get(agency or ""))
        return self._spot

    def waivers(self, rule: str, spot: Spot) -> list[Waiver]:
        return self._waivers.find(rule, spot)

    def attested(self, rule: str) -> bool:
        """Has anybody attested anything of this rule? A quick look before the long one."""
        return rule in self._attestations.rules

    def attestations(self, rule: str, spot: Spot) -> list[Attestation]:
        return self._attestations.find(rule, spot)

    def control(self, rule: str, spot: Spot) -> str | None:
        """The proven shared control that covers this rule here; a provider does not cover itself."""
        if rule not in self._shared:
            return None
        near = self._controls.get((rule, "target", spot.id), []) + self._controls.get(
            (rule, "agency", spot.agency or ""), []
        )
        return min((control.id for control in near if control.provider != spot.id), default=None)


def _live(inventory: Inventory, day: date) -> Iterator[SharedControl]:
    return (control for control in inventory.shared_controls if standing(control, day) == "active")


def proofs_needed(inventory: Inventory, day: date) -> frozenset[tuple[str, str]]:
    """The (target, rule) pairs whose findings ``proven`` must see: all that a first pass needs to read."""
    return frozenset((control.provider, control.rule) for control in _live(inventory, day))


def proven(findings: Iterable[Finding], inventory: Inventory, day: date) -> frozenset[str]:
    """Ids of the shared controls whose provider itself passes the rule in this run, as measured."""
    needed = proofs_needed(inventory, day)
    passing = {
        (finding.target, finding.rule)
        for finding in findings
        if finding.result is Result.PASS and (finding.target, finding.rule) in needed
    }
    return frozenset(control.id for control in _live(inventory, day) if (control.provider, control.rule) in passing)
