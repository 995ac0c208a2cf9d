"""Rule packs: the law as data. What a pack may say, and which rules fall on a target.

A pack is a folder: ``pack.yaml`` (id, version, dates, grades) and one YAML file per category, each
with ``requirements:`` and ``rules:``. Levels are not supersets: each level is said for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, Strict

from auditor.targets import Count, Day, Flag, Id, Kind, Level, Number, Record, Target

Force = Literal["law", "decree", "standard-required", "standard-suggested", "tool-default"]
BINDING: frozenset[str] = frozenset({"law", "decree", "standard-required"})
"""Only rules of these forces may be mandatory and cap a grade (design §6)."""

LevelKey = Literal["L1", "L2", "L3", "L4", "L5"]
LEVEL_KEYS: frozenset[str] = frozenset({"L1", "L2", "L3", "L4", "L5"})
Place = tuple[str, int, int]
"""File (from the pack's folder on), line and column, both from 1."""
Bilingual = dict[Literal["vi", "en"], str]


class Requirement(Record):
    """A clause of law or standard, in our words."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: Id
    clauses: dict[str, dict[LevelKey, str] | str]
    """By framework, then by level where the clause number depends on it."""
    title: Bilingual
    meaning: Bilingual
    category: Literal["network", "server", "application", "data", "management"]
    dimensions: tuple[Literal["confidentiality", "integrity", "availability"], ...] = ()
    levels: tuple[Level, ...]
    force: Force
    obligation: Literal["mandatory", "suggested", "recommended"]
    mode: Literal["automatic", "attested", "mixed"]
    source: tuple[str, ...]
    confidence: Literal["verified-primary", "verified-summary", "secondary", "memory"]
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
    severity: Literal["info", "low", "medium", "high", "critical"]
    weight: Number
    mandatory: Flag = False
    force: Force
    levels: tuple[Level, ...]
    kinds: tuple[Kind, ...]
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


class Grade(Record):
    """One band of the headline score; the first whose ``at_least`` is reached, from the top."""

    id: Id
    name: Bilingual
    at_least: Number


class PackInfo(Record):
    """The head of a pack, ``pack.yaml``."""

    id: Id
    version: str
    title: Bilingual
    in_force: Day
    until: Day | None = None
    grades: tuple[Grade, ...] = Field(min_length=1)
    mandatory_cap: Id
    """The best grade still given when a mandatory rule of severity critical or high fails."""
    coverage_gate: Annotated[float, Strict(), Field(ge=0, le=1)]
    waiver_cap: Annotated[float, Strict(), Field(ge=0, le=1)]
    """Share of weight that waivers may take out; what exceeds it counts as not met."""
    stale_after_days: Count = 400
    """The tool says that the pack itself is old after this many days."""
    dated: Day


class PackFile(Record):
    """One category file of a pack."""

    requirements: tuple[Requirement, ...] = ()
    rules: tuple[Rule, ...] = ()


class Pack(Record):
    """A whole pack with the digest of its files."""

    info: PackInfo
    requirements: tuple[Requirement, ...]
    rules: tuple[Rule, ...]
    sha256: str
    places: dict[str, Place] = Field(default_factory=dict, exclude=True, repr=False)
    """Where things stand: ``pack``, ``<key of pack.yaml>``, ``rules/<id>[/<param>]``, ``requirements/<id>``."""

    def place(self, of: str) -> Place:
        """Where something stands; for what is not written there, the next larger thing that is."""
        while of not in self.places and "/" in of:
            of = of.rpartition("/")[0]
        return self.places.get(of, self.places.get("pack", (f"{self.info.id}/pack.yaml", 1, 1)))


def applies(rule: Rule, target: Target, level: int) -> bool:
    """Does a rule fall on a target? From inventory and pack alone, before anything is collected."""
    return (
        target.kind in rule.kinds
        and level in rule.levels
        and (not rule.platforms or (target.platform or _usual_platform(target)) in rule.platforms)
        and (not rule.roles or target.role in rule.roles)
        and (not rule.tags or bool(set(rule.tags) & set(target.tags)))
        and not set(rule.without_tags) & set(target.tags)
    )


def _usual_platform(target: Target) -> str:
    """A server that declares no platform is taken to be Linux; what is found otherwise is a finding."""
    return "linux" if target.kind == "server" else ""


def params_at(rule: Rule, level: int) -> dict[str, Any]:
    """The rule's parameters for one level."""
    chosen: dict[str, Any] = {}
    for name, value in rule.params.items():
        if isinstance(value, dict) and value and all(key in LEVEL_KEYS for key in value):
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
