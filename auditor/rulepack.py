"""Rule packs: the law as data. What a pack may say, and which rules fall on a target.

A pack is a folder: ``pack.yaml`` (id, version, dates, grades) and one YAML file per category, each
with ``requirements:`` and ``rules:``. Levels are not supersets: each level is said for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, Strict

from auditor.check import CheckFamily
from auditor.targets import Count, Day, Flag, Id, Kind, Level, Line, Number, Record, Target

Force = Literal["law", "decree", "standard-required", "standard-suggested", "tool-default"]
BINDING: frozenset[str] = frozenset({"law", "decree", "standard-required"})
"""Only rules of these forces may be mandatory and cap a grade (design §6)."""

LevelKey = Literal["L1", "L2", "L3", "L4", "L5"]
LEVEL_KEYS: frozenset[str] = frozenset({"L1", "L2", "L3", "L4", "L5"})
Place = tuple[str, int, int]
"""File (from the pack's folder on), line and column, both from 1."""
Bilingual = dict[Literal["vi", "en"], str]
Share = Annotated[float, Strict(), Field(ge=0, le=1)]

Severity = Literal["info", "low", "medium", "high", "critical"]
Scope = Literal["target", "system", "agency"]
Domain = Literal["management", "technical"]
ManagementFamily = Literal[
    "risk",
    "approval",
    "regulation",
    "organisation",
    "people",
    "supplier",
    "design",
    "operation",
    "incident",
    "assessment",
    "monitoring",
    "retirement",
]
Family = Literal[CheckFamily, ManagementFamily]


class Requirement(Record):
    """A clause of law or standard, in our words."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: Id
    clauses: dict[str, dict[LevelKey, str] | str]
    """By framework, then by level where the clause number depends on it."""
    title: Bilingual
    meaning: Bilingual
    category: Literal["network", "server", "application", "data", "management"]
    domain: Domain | None = None
    """The standard's two halves."""
    family: Family | None = None
    dimensions: tuple[Literal["confidentiality", "integrity", "availability"], ...] = ()
    levels: tuple[Level, ...]
    force: Force
    obligation: Literal["mandatory", "suggested", "recommended"]
    mode: Literal["automatic", "attested", "mixed"]
    source: tuple[str, ...]
    confidence: Literal["verified-primary", "verified-summary", "secondary", "memory"]
    params: dict[str, Any] = Field(default_factory=dict)
    """The numbers the law itself asks: a value, or ``{L1: …, L3: …}``, by level."""
    note: Bilingual | None = None
    """What a reader must know of the source or the limits of this requirement."""
    from_: Day | None = Field(None, alias="from")
    until: Day | None = None


class Rule(Record):
    """A check chosen by a pack: on whom, with which parameters by level, and how much it weighs."""

    id: Id
    check: str | None = None
    """None for a rule that only a person can answer (mode ``attested``)."""
    title: Bilingual | None = None
    """Only for attested rules; a rule with a check takes the check's texts."""
    why: Bilingual | None = None
    severity: Severity
    weight: Number
    mandatory: Flag = False
    force: Force
    levels: tuple[Level, ...]
    kinds: tuple[Kind, ...]
    scope: Scope = "target"
    """Whose answer it is: each target's own, or one for a whole system or agency."""
    platforms: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()
    params: dict[str, Any] = Field(default_factory=dict)
    """A value, or ``{L1: …, L3: …}``: by level; a level not named keeps the check's default."""
    requirements: tuple[Id, ...] = Field(min_length=1)
    mend_by: Literal["agency", "dc", "provider", "budget"] = "agency"
    from_: Day | None = Field(None, alias="from")
    until: Day | None = None

    @property
    def mode(self) -> str:
        return "attested" if self.check is None else "automatic"


class Tighten(Record):
    """What an overlay asks more of a rule of the framework below it; what is looser there changes nothing."""

    id: Id
    rule: Id
    """Id of the rule in the framework."""
    params: dict[str, Any] = Field(default_factory=dict)
    """As those of a rule; the stricter value wins at each level by itself."""
    mandatory: Literal[True] | None = None
    severity: Severity | None = None
    requirements: tuple[Id, ...] = Field(min_length=1)
    """The overlay's own requirements that ask it; it counts at their levels only."""
    from_: Day | None = Field(None, alias="from")
    until: Day | None = None


class Grade(Record):
    """One band of the headline score; the first whose ``at_least`` is reached, from the top."""

    id: Id
    name: Bilingual
    at_least: Number


class Applies(Record):
    """Where an overlay reaches: any of these suffices; nothing said is everywhere."""

    system_tags: tuple[Line, ...] = ()
    agencies: tuple[Id, ...] = ()
    groups: tuple[Id, ...] = ()


class Transition(Record):
    """Which systems may still be judged by a framework that has been replaced (facts.md §1.4)."""

    decided_before: Day
    """A system whose level was decided before this day is in transition."""
    until: Day
    """The last day of the transition."""
    invested_before: Day | None = None
    """So is one whose investment began before this day …"""
    invested_decided_by: Day | None = None
    """… if its level is decided by this day, or this day has not passed."""


class PackInfo(Record):
    """The head of a pack, ``pack.yaml``. Only a framework needs (and has) grades, gates and caps."""

    id: Id
    version: str
    title: Bilingual
    kind: Literal["framework", "overlay"] = "framework"
    over: tuple[Id, ...] = ()
    """The frameworks an overlay lies over."""
    applies: Applies = Applies()
    transition: Transition | None = None
    in_force: Day
    until: Day | None = None
    grades: tuple[Grade, ...] = ()
    mandatory_cap: str = ""
    """The best grade still given when a mandatory rule of severity critical or high fails."""
    coverage_gate: Share = 1.0
    waiver_cap: Share = 0.0
    """Share of weight that waivers may take out; what exceeds it counts as not met."""
    stale_after_days: Count = 400
    """The tool says that the pack itself is old after this many days."""
    dated: Day


NEEDED: dict[str, tuple[str, ...]] = {
    "framework": ("grades", "mandatory_cap", "coverage_gate", "waiver_cap"),
    "overlay": ("over",),
}
"""What a pack of each kind must say of itself."""
FOREIGN: dict[str, tuple[str, ...]] = {
    "framework": ("over", "applies"),
    "overlay": ("transition", *NEEDED["framework"]),
}
"""What a pack of each kind must not say: it would count for nothing."""


class PackFile(Record):
    """One category file of a pack."""

    requirements: tuple[Requirement, ...] = ()
    rules: tuple[Rule, ...] = ()
    tighten: tuple[Tighten, ...] = ()
    """Only in an overlay."""


class Pack(Record):
    """A whole pack with the digest of its files."""

    info: PackInfo
    requirements: tuple[Requirement, ...]
    rules: tuple[Rule, ...]
    tighten: tuple[Tighten, ...] = ()
    sha256: str
    places: dict[str, Place] = Field(default_factory=dict, exclude=True, repr=False)
    """Where things stand: ``pack``, ``<key of pack.yaml>``, ``requirements|rules|tighten/<id>[/<param>]``."""

    def place(self, of: str) -> Place:
        """Where something stands; for what is not written there, the next larger thing that is."""
        while of not in self.places and "/" in of:
            of = of.rpartition("/")[0]
        return self.places.get(of, self.places.get("pack", (f"{self.info.id}/pack.yaml", 1, 1)))


def applies(rule: Rule, target: Target, level: int) -> bool:
    """Does a rule fall on a target? From inventory and pack alone, before anything is collected."""
    return level in rule.levels and fits(rule, target)


def fits(rule: Rule, target: Target) -> bool:
    """Is a rule meant for such a target at some level?"""
    return (
        target.kind in rule.kinds
        and (not rule.platforms or (target.platform or usual_platform(target)) in rule.platforms)
        and (not rule.roles or target.role in rule.roles)
        and (not rule.tags or bool(set(rule.tags) & set(target.tags)))
        and not set(rule.without_tags) & set(target.tags)
    )


def usual_platform(target: Target) -> str:
    """A server that declares no platform is taken to be Linux; what is found otherwise is a finding."""
    return "linux" if target.kind == "server" else ""


def by_level(value: Any) -> bool:
    """Is a parameter's value said level by level?"""
    return isinstance(value, dict) and bool(value) and all(key in LEVEL_KEYS for key in value)


def params_at(item: Rule | Requirement | Tighten, level: int) -> dict[str, Any]:
    """The parameters of a rule, requirement or tightening for one level."""
    chosen: dict[str, Any] = {}
    for name, value in item.params.items():
        if by_level(value):
            if f"L{level}" in value:
                chosen[name] = value[f"L{level}"]
        else:
            chosen[name] = value
    return chosen


def in_force(items: Sequence[Any], day: Any) -> list[Any]:
    """Those requirements or rules whose dates admit ``day``."""
    return [
        item
        for item in items
        if (item.from_ is None or item.from_ <= day) and (item.until is None or day <= item.until)
    ]
