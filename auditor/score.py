"""Scores of a run: how far each target, system, agency, group and the province is from what it must meet.

A score is a range. ``low`` counts what could not be decided as not met, ``high`` as met; ``low`` is the
headline. Whatever is left unmeasured can therefore never raise a score, and since it caps a grade as a
fail does, nor a grade. Pure; one pass; memory grows with targets and rules, not with findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from auditor.annotate import Annotated
from auditor.assets import Asset, Assets
from auditor.grades import Cap, Grading, Standing, can_cap
from auditor.grants import agency_of
from auditor.lift import Lift, Scope, lift
from auditor.packs import RuleSet
from auditor.rulepack import Rule
from auditor.tally import KINDS, Row, Status, Sums, Tally, kind_of
from auditor.targets import Inventory

__all__ = ["Cap", "Score", "Scorer", "Scores", "TargetScores", "can_cap", "family_of"]

DIMENSIONS: Final = ("availability", "confidentiality", "integrity")


@dataclass(frozen=True, slots=True)
class Score:
    """``low`` and ``high`` 0-100 in tenths, ``coverage`` 0-1 in thousandths, all rounded down.

    ``grade`` is a grade's id, or None with the reasons in ``caps``; families, requirements and dimensions have
    none. ``counts`` are findings by result; ``waived`` and ``inherited`` say how many of them are so; ``weights``
    are the sums behind the figures. ``assets`` are those of a system, ``weakest`` the one it is judged by, and
    ``lift`` what would raise a grade by one band.
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
    weights: Mapping[str, float]
    assets: tuple[Asset, ...] | None = None
    weakest: Standing | None = None
    lift: Lift | None = None

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the run document."""
        told: dict[str, Any] = {
            "id": self.id,
            "low": self.low,
            "high": self.high,
            "coverage": self.coverage,
            "grade": self.grade,
            "caps": [cap.as_dict() for cap in self.caps],
            "counts": dict(self.counts),
            "waived": self.waived,
            "inherited": self.inherited,
            "weights": dict(self.weights),
        }
        if self.assets is not None:
            told["assets"] = [asset.id for asset in self.assets]
            told["stands_on"] = [asset.as_dict() for asset in self.assets if asset.edge is not None]
            told["weakest"] = self.weakest.target if self.weakest is not None else None
        if self.lift is not None:
            told["lift"] = self.lift.as_dict()
        return told


class TargetScores:
    """The scores of all targets, by id; each is made when it is asked for and not kept."""

    def __init__(self, scorer: Scorer, *, partial: bool) -> None:
        self._scorer = scorer
        self._partial = partial

    def __len__(self) -> int:
        return len(self._scorer.targets)

    def __iter__(self) -> Iterator[Score]:
        return (self[name] for name in self._scorer.targets)

    def __getitem__(self, target: str) -> Score:
        return self._scorer.target_score(target, partial=self._partial)


@dataclass(frozen=True, slots=True)
class Scores:
    """All scores of a run, each list sorted by id, and the status of each requirement."""

    province: Score
    groups: tuple[Score, ...]
    agencies: tuple[Score, ...]
    systems: tuple[Score, ...]
    requirements: tuple[Score, ...]
    families: tuple[Score, ...]
    dimensions: tuple[Score, ...]
    status: Mapping[str, Status]
    """Of every requirement, over the whole province."""
    status_of_systems: Mapping[str, Mapping[str, Status]]
    """Of the requirements asked of each system, by system."""
    targets: TargetScores = field(compare=False)

    def as_dict(self, *, targets: bool = True) -> dict[str, Any]:
        """The ``scores`` of the run document; without targets where they are written one by one."""
        lists = ("groups", "agencies", "systems", "requirements", "families", "dimensions")
        told = {
            "province": self.province.as_dict(),
            **{name: [score.as_dict() for score in getattr(self, name)] for name in lists},
        }
        return told | {"targets": [score.as_dict() for score in self.targets]} if targets else told


class Scorer:
    """Takes the findings of a run one by one, in any order, and gives its scores at the end."""

    def __init__(self, rules: RuleSet, inventory: Inventory) -> None:
        self._rules = rules
        self._inventory = inventory
        ordered = [rules.rules[name] for name in sorted(rules.rules)]
        self._bits = {rule.id: 1 << place for place, rule in enumerate(ordered)}
        self._own_bits = self._overlaid(ordered)
        self._grading = Grading(rules.base, ordered)
        self._rows: dict[str, Row] = {target.id: [0] * len(KINDS) for target in inventory.targets}
        self._last: str | None = None
        self._row: Row = []
        self._known = self._bits
        requirements: dict[str, int] = dict.fromkeys(rules.requirements, 0)
        families: dict[str, int] = {}
        dimensions: dict[str, int] = dict.fromkeys(DIMENSIONS, 0)
        for place, rule in enumerate(ordered):
            bit = 1 << place
            families[family_of(rule)] = families.get(family_of(rule), 0) | bit
            for name in rule.requirements:
                requirements[name] = requirements.get(name, 0) | bit
                for dimension in rules.requirements[name].dimensions if name in rules.requirements else ():
                    dimensions[dimension] |= bit
        self._requirements, self._families, self._dimensions = requirements, families, dimensions

    def _overlaid(self, ordered: list[Rule]) -> dict[str, dict[str, int]]:
        """Rules that an overlay made stricter on some targets (mandatory there, say) are bits of their own there.

        They are put behind the others in ``ordered``; returned are, by target, its bits where they are not the usual.
        """
        places: dict[Any, int] = {}
        found: dict[str, dict[str, int]] = {}
        for target in self._inventory.targets:
            own = {}
            for name, chosen in sorted(self._rules.overlaid(target).items()):
                rule = chosen.rule
                made = (name, rule.mandatory, rule.severity, rule.force, rule.weight, rule.requirements)
                if made not in places:
                    places[made] = len(ordered)
                    ordered.append(rule)
                own[name] = 1 << places[made]
            if own:
                found[target.id] = self._bits | own
        return found

    def add(self, item: Annotated) -> None:
        """Count one finding. Raises ``KeyError`` for a rule that is not of this run."""
        finding = item.finding
        if finding.target != self._last:
            self._last = finding.target
            self._row = self._rows.setdefault(finding.target, [0] * len(KINDS))
            self._known = self._own_bits.get(finding.target, self._bits)
        self._row[kind_of(item)] |= self._known[finding.rule]

    @property
    def targets(self) -> list[str]:
        """The ids of all targets, those of the inventory without a finding too."""
        return sorted(self._rows)

    def target_score(self, target: str, *, partial: bool = False) -> Score:
        """The score of one target: of what it answers for itself, not of what is asked of its systems by way of it."""
        return self._score(target, Tally([self._grading.own_row(self._rows[target])]), partial=partial)

    def finish(
        self,
        *,
        partial: bool = False,
        removed: Mapping[str, tuple[str, ...]] | None = None,
        removed_of_systems: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Scores:
        """The scores. ``removed`` is what ``annotate.removed`` gave; ``partial`` that not all was audited.

        ``removed_of_systems`` are, by system, the same missing targets that served it in the run before.
        """
        gone, missing = dict(removed or {}), dict(removed_of_systems or {})
        known = {system.id: system for system in self._inventory.systems}
        group_of = {agency.id: agency.group for agency in self._inventory.agencies}
        agencies: dict[str, list[Row]] = {agency.id: [] for agency in self._inventory.agencies}
        groups: dict[str, list[Row]] = {group.id: [] for group in self._inventory.groups}
        for target in self._inventory.targets:
            agency = agency_of(target, known)
            if agency is not None:
                agencies.setdefault(agency, []).append(self._rows[target.id])
                if agency in group_of:
                    groups.setdefault(group_of[agency], []).append(self._rows[target.id])
        whole = Tally(self._rows.values())
        systems, statuses = self._systems(missing, partial=partial)
        return Scores(
            province=self._graded(self._inventory.province.id, whole, gone.get("", ()), partial=partial),
            groups=tuple(self._graded(name, Tally(groups[name]), partial=partial) for name in sorted(groups)),
            agencies=tuple(
                self._graded(name, Tally(agencies[name]), gone.get(name, ()), partial=partial)
                for name in sorted(agencies)
            ),
            systems=systems,
            requirements=self._ungraded(whole, self._requirements),
            families=self._ungraded(whole, self._families),
            dimensions=self._ungraded(whole, self._dimensions),
            status=whole.statuses({name: self._requirements[name] for name in sorted(self._requirements)}),
            status_of_systems=statuses,
            targets=TargetScores(self, partial=partial),
        )

    def _systems(
        self, missing: Mapping[str, tuple[str, ...]], *, partial: bool
    ) -> tuple[tuple[Score, ...], dict[str, dict[str, Status]]]:
        scores: list[Score] = []
        statuses: dict[str, dict[str, Status]] = {}
        assets, sums = Assets(self._inventory), dict[str, Sums]()
        standings: dict[str, Standing | None] = {}
        for system in assets.systems:
            held = assets.of(system)
            rows = {asset.id: self._rows[asset.id] for asset in held}
            tally = Tally(rows.values())
            for name, row in rows.items():
                if name not in standings:
                    own = self._grading.own_row(row)
                    sums[name] = Tally([own]).sums(self._grading.weights, self._grading.every)
                    standings[name] = self._grading.standing(name, own, sums[name])
            weighing = [one for name in rows if (one := standings[name]) is not None]
            scope = Scope(tally, rows, {one.target: sums[one.target] for one in weighing}, weighing)
            scores.append(self._score(system, tally, missing.get(system, ()), scope, held, partial=partial))
            seen = tally.any(range(len(KINDS)))
            asked = {name: among for name, among in sorted(self._requirements.items()) if among & seen}
            statuses[system] = tally.statuses(asked)
        return tuple(scores), statuses

    def _graded(self, name: str, tally: Tally, gone: tuple[str, ...] = (), *, partial: bool) -> Score:
        return self._score(name, tally, gone, Scope(tally), partial=partial)

    def _score(
        self,
        name: str,
        tally: Tally,
        gone: tuple[str, ...] = (),
        scope: Scope | None = None,
        assets: tuple[Asset, ...] | None = None,
        *,
        partial: bool,
    ) -> Score:
        """One graded score; only a scope with targets of its own to mend has a lift, only a system assets."""
        grading = self._grading
        sums = tally.sums(grading.weights, grading.every)
        figures = sums.figures(grading.waiver_cap)
        standings = scope.standings if scope is not None else ()
        refused = grading.refusals(figures, partial=partial, gone=gone)
        place, caps = (None, refused) if refused else grading.grade(figures.low, tally, standings)
        return self._told(
            name,
            tally,
            sums,
            grading.every,
            grade=grading.ids[place] if place is not None else None,
            caps=caps,
            assets=assets,
            weakest=min(standings, key=lambda one: (-one.place, one.low, one.target), default=None),
            lift=None if scope is None or partial else lift(scope, sums, place, grading, gone),
        )

    def _ungraded(self, whole: Tally, parts: Mapping[str, int]) -> tuple[Score, ...]:
        return tuple(
            self._told(name, whole, whole.sums(self._grading.weights, among), among)
            for name, among in sorted(parts.items())
        )

    def _told(
        self,
        name: str,
        tally: Tally,
        sums: Sums,
        among: int,
        *,
        grade: str | None = None,
        caps: tuple[Cap, ...] = (),
        **more: Any,
    ) -> Score:
        figures = sums.figures(self._grading.waiver_cap)
        return Score(
            name,
            figures.low / 10,
            figures.high / 10,
            figures.coverage / 1000,
            grade,
            caps,
            tally.results(among),
            tally.how_many("waived", among),
            tally.how_many("covered", among),
            {part: self._grading.weights.plain(amount) for part, amount in sums._asdict().items()},
            **more,
        )


def family_of(rule: Rule) -> str:
    """The first part of the check's id, or of the rule's own where no check stands behind it."""
    return (rule.check or rule.id.rpartition("/")[2]).partition(".")[0]


def removed_of_systems(
    previous: Iterable[tuple[str, Iterable[str]]], gone: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """By system, the unexplained missing targets that served it in the run before.

    ``previous`` are the targets of that run (and those it told as removed) with their systems; ``gone`` is what
    ``annotate.removed`` gave.
    """
    missing = {name for names in gone.values() for name in names}
    found: dict[str, list[str]] = {}
    for target, systems in sorted((name, tuple(systems)) for name, systems in previous):
        for system in systems if target in missing else ():
            found.setdefault(system, []).append(target)
    return {system: tuple(dict.fromkeys(targets)) for system, targets in sorted(found.items())}
