"""Scores of a run: how far each target, system, agency, group and the province is from what it must meet.

A score is a range. ``low`` counts what could not be decided as not met, ``high`` as met; ``low`` is the
headline. Whatever is left unmeasured can therefore never raise a score, and since it caps a grade as a
fail does, nor a grade. Pure; one pass; memory grows with targets and rules, not with findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from auditor.annotate import Annotated
from auditor.grants import agency_of
from auditor.model import Result, Severity
from auditor.packs import RuleSet
from auditor.rulepack import BINDING, PackInfo, Rule
from auditor.score_words import CAP_REASONS, Text
from auditor.tally import STATUSES, Status, Tally, down
from auditor.targets import Inventory

MAX_CAPS: Final = 5
"""Rules named one by one as the cause of a capped grade; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Cap:
    """Why a grade is lower than the number would give, or refused; ``rule`` where one rule is the cause."""

    code: str
    reason: Text
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """``low`` and ``high`` 0-100 in tenths, ``coverage`` 0-1 in thousandths, all rounded down.

    ``grade`` is a grade's id, or None with the reasons in ``caps``; families and requirements have none.
    ``counts`` are findings by result; ``waived`` and ``inherited`` say how many of them are so.
    """

    id: str
    low: float
    high: float
    coverage: float
    grade: str | None
    caps: tuple[Cap, ...]
    counts: Mapping[str, int]
    waived: int
    inherited: int

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the run document."""
        return {
            "id": self.id,
            "low": self.low,
            "high": self.high,
            "coverage": self.coverage,
            "grade": self.grade,
            "caps": [{"code": cap.code, "reason": cap.reason, "rule": cap.rule} for cap in self.caps],
            "counts": dict(self.counts),
            "waived": self.waived,
            "inherited": self.inherited,
        }


@dataclass(frozen=True, slots=True)
class Scores:
    """All scores of a run, each list sorted by id, and the status of each requirement."""

    province: Score
    groups: tuple[Score, ...]
    agencies: tuple[Score, ...]
    systems: tuple[Score, ...]
    targets: tuple[Score, ...]
    requirements: tuple[Score, ...]
    families: tuple[Score, ...]
    status: Mapping[str, Status]
    """Of every requirement, over the whole province."""
    status_of_systems: Mapping[str, Mapping[str, Status]]
    """Of the requirements asked of each system, by system."""

    def as_dict(self) -> dict[str, Any]:
        """The ``scores`` of the run document."""
        lists = ("groups", "agencies", "systems", "targets", "requirements", "families")
        return {
            "province": self.province.as_dict(),
            **{name: [score.as_dict() for score in getattr(self, name)] for name in lists},
        }


class Scorer:
    """Takes the findings of a run one by one, in any order, and gives its scores at the end."""

    def __init__(self, rules: RuleSet, inventory: Inventory) -> None:
        self._rules = rules
        self._inventory = inventory
        self._by_target: dict[str, Tally] = {}
        self._by_rule: dict[str, Tally] = {}
        self._bits: dict[str, int] = {}
        self._system_bits: dict[tuple[str, str], int] = {}
        self._systems_of = {target.id: tuple(dict.fromkeys(target.systems)) for target in inventory.targets}
        self._weights = {rule.id: (rule.weight, can_cap(rule)) for rule in rules.rules.values()}
        self._rules_of: dict[str, list[str]] = {name: [] for name in rules.requirements}
        for rule in rules.rules.values():
            for name in rule.requirements:
                self._rules_of[name].append(rule.id)
        self._at = ("", Tally())

    def add(self, item: Annotated) -> None:
        """Count one finding. Raises ``KeyError`` for a rule that is not of this run."""
        rule, target = item.finding.rule, item.finding.target
        weight, caps = self._weights[rule]
        if self._at[0] != target:
            self._at = (target, self._by_target.setdefault(target, Tally()))
        bit = self._at[1].add(item, weight, caps)
        tally = self._by_rule.get(rule)
        if tally is None:
            tally = self._by_rule[rule] = Tally()
        tally.add(item, weight, False)
        self._bits[rule] = self._bits.get(rule, 0) | bit
        for system in self._systems_of.get(target, ()):
            key = (system, rule)
            self._system_bits[key] = self._system_bits.get(key, 0) | bit

    def finish(self, *, partial: bool = False, removed: Mapping[str, tuple[str, ...]] | None = None) -> Scores:
        """The scores. ``removed`` is what ``annotate.removed`` gave; ``partial`` that not all was audited."""
        inventory, whole, gone = self._inventory, Tally(), dict(removed or {})
        targets = {target.id: self._by_target.get(target.id, Tally()) for target in inventory.targets}
        targets |= {name: tally for name, tally in self._by_target.items() if name not in targets}
        agencies = {agency.id: Tally() for agency in inventory.agencies}
        groups = {group.id: Tally() for group in inventory.groups}
        systems = {system.id: Tally() for system in inventory.systems}
        known = {system.id: system for system in inventory.systems}
        group_of = {agency.id: agency.group for agency in inventory.agencies}
        for target in inventory.targets:
            tally = targets[target.id]
            agency = agency_of(target, known)
            if agency is not None:
                agencies.setdefault(agency, Tally()).fold(tally)
                if agency in group_of:
                    groups.setdefault(group_of[agency], Tally()).fold(tally)
            for system in self._systems_of[target.id]:
                systems.setdefault(system, Tally()).fold(tally)
        for name in sorted(targets):
            whole.fold(targets[name])

        def graded(tallies: Mapping[str, Tally], held: Mapping[str, tuple[str, ...]]) -> tuple[Score, ...]:
            return tuple(
                self._score(name, tallies[name], partial=partial, gone=held.get(name, ())) for name in sorted(tallies)
            )

        return Scores(
            province=self._score(inventory.province.id, whole, partial=partial, gone=gone.pop("", ())),
            groups=graded(groups, {}),
            agencies=graded(agencies, gone),
            systems=graded(systems, {}),
            targets=graded(targets, {}),
            requirements=self._ungraded(self._rules_of),
            families=self._ungraded(self._rules_by_family()),
            status={name: self._status(self._bits, name) for name in sorted(self._rules_of)},
            status_of_systems=self._statuses(sorted(systems)),
        )

    # --- one score

    def _score(self, name: str, tally: Tally, *, partial: bool, gone: tuple[str, ...]) -> Score:
        base = self._rules.base
        low, high, coverage = tally.figures(base.waiver_cap)
        refused = _refusals(coverage, base, partial=partial, gone=gone)
        grade: str | None = None
        caps = refused
        if not refused:
            grade, caps = self._grade(low, tally.short)
        counts = {result.value: tally.counts[result] for result in Result if tally.counts[result]}
        return Score(name, low, high, coverage, grade, caps, counts, tally.waived_count, tally.inherited_count)

    def _grade(self, low: float, short: Mapping[str, list[int]]) -> tuple[str, tuple[Cap, ...]]:
        grades = self._rules.base.grades
        ids = [grade.id for grade in grades]
        place = next((n for n, grade in enumerate(grades) if low >= grade.at_least), len(grades) - 1)
        cap = ids.index(self._rules.base.mandatory_cap)
        if not short or place >= cap:
            return ids[place], ()
        return ids[cap], self._mandatory_caps(short, grades[cap].name)

    def _mandatory_caps(self, short: Mapping[str, list[int]], grade: Mapping[Any, str]) -> tuple[Cap, ...]:
        def pressing(name: str) -> tuple[Any, ...]:
            rule = self._rules.rules[name]
            return (-short[name][0], -Severity(rule.severity).rank, -rule.weight, -short[name][1], name)

        named = sorted(short, key=pressing)
        caps = []
        for name in named[:MAX_CAPS]:
            fails, opens = short[name]
            code = "mandatory-fail" if fails else "mandatory-undecided"
            caps.append(_cap(code, rule=name, count=fails or opens, grade=grade))
        if len(named) > MAX_CAPS:
            caps.append(_cap("mandatory-more", count=len(named) - MAX_CAPS))
        return tuple(caps)

    # --- by rule

    def _rules_by_family(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for rule in self._rules.rules.values():
            found.setdefault(family_of(rule), []).append(rule.id)
        return found

    def _ungraded(self, parts: Mapping[str, list[str]]) -> tuple[Score, ...]:
        scores = []
        for name in sorted(parts):
            tally = Tally()
            for rule in parts[name]:
                tally.fold(self._by_rule.get(rule, Tally()))
            low, high, coverage = tally.figures(self._rules.base.waiver_cap)
            counts = {result.value: tally.counts[result] for result in Result if tally.counts[result]}
            scores.append(Score(name, low, high, coverage, None, (), counts, tally.waived_count, tally.inherited_count))
        return tuple(scores)

    def _statuses(self, systems: Iterable[str]) -> dict[str, dict[str, Status]]:
        asked: dict[str, dict[str, int]] = {system: {} for system in systems}
        for (system, rule), bits in self._system_bits.items():
            asked.setdefault(system, {})[rule] = bits
        found: dict[str, dict[str, Status]] = {}
        for system, by_rule in asked.items():
            named = sorted({name for rule in by_rule for name in self._rules.rules[rule].requirements})
            found[system] = {name: self._status(by_rule, name) for name in named}
        return found

    def _status(self, bits: Mapping[str, int], requirement: str) -> Status:
        held = 0
        for rule in self._rules_of[requirement]:
            held |= bits.get(rule, 0)
        return STATUSES[held]


def can_cap(rule: Rule) -> bool:
    """May a fail of this rule cap a grade? Mandatory, severe, and bound by law or by what a standard requires."""
    return rule.mandatory and rule.force in BINDING and rule.severity in ("high", "critical")


def family_of(rule: Rule) -> str:
    """The first part of the check's id, or of the rule's own where no check stands behind it."""
    return (rule.check or rule.id.rpartition("/")[2]).partition(".")[0]


def _refusals(coverage: float, base: PackInfo, *, partial: bool, gone: tuple[str, ...]) -> tuple[Cap, ...]:
    """Why there is no grade at all."""
    caps = []
    if partial:
        caps.append(_cap("partial"))
    if coverage <= 0:
        caps.append(_cap("nothing-decided"))
    elif coverage < base.coverage_gate:
        found, wanted = f"{down(100 * coverage, 10):g}", f"{100 * base.coverage_gate:g}"
        caps.append(_cap("coverage", found=found, wanted=wanted))
    if gone:
        named = ", ".join(gone[:MAX_CAPS]) + (" …" if len(gone) > MAX_CAPS else "")
        caps.append(_cap("removed", count=len(gone), targets=named))
    return tuple(caps)


def _cap(code: str, *, rule: str | None = None, grade: Mapping[Any, str] | None = None, **values: Any) -> Cap:
    return Cap(code, _reason(code, tuple(sorted((grade or {}).items())), tuple(values.items())), rule)


@lru_cache(maxsize=4096)
def _reason(code: str, grade: tuple[tuple[str, str], ...], values: tuple[tuple[str, Any], ...]) -> Text:
    """The words of a cap; thousands of targets share the same few, so they are made and kept once."""
    named = dict(grade)
    said = CAP_REASONS[code]
    return {lang: text.format(**dict(values), grade=named.get(lang, "")) for lang, text in said.items()}
