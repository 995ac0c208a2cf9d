"""What changes from one set of rules to another, and which verdicts on stored evidence change with it. Pure.

Texts of different packs have ids of their own: what is called ``TT-SRV-033`` in one and ``SRV-033`` in the
other is taken for the same, and so are rules of one id, whatever pack they stand in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final, NamedTuple

from auditor.evidences import Source
from auditor.judge import Judge
from auditor.overlay import plain
from auditor.packs import RuleSet
from auditor.rulepack import Requirement, Rule, params_at
from auditor.targets import Inventory

_TAIL = re.compile(r"[A-Z]+-[0-9]+$")
_OF_REQUIREMENT: Final = ("title", "levels", "force", "obligation", "mode", "domain", "family")
_OF_RULE: Final = ("check", "levels", "severity", "weight", "mandatory", "force", "scope", "kinds", "platforms")
_OF_RULE_TOO: Final = ("roles", "tags", "without_tags")


class Side(NamedTuple):
    """One set of rules: how it is called, on which day, and what it holds."""

    label: str
    day: date
    rules: RuleSet


class Field(NamedTuple):
    """One thing that is said differently; by level where values differ from level to level."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Change:
    """A requirement or rule that is added, removed or changed; ``id`` as the newer side calls it."""

    kind: str
    id: str
    change: str
    title: Mapping[Any, str] | None
    fields: tuple[Field, ...] = ()
    was: str | None = None
    """The id on the older side, where it is another."""

    def as_dict(self) -> dict[str, Any]:
        told: dict[str, Any] = {"kind": self.kind, "id": self.id, "change": self.change}
        told["title"] = dict(self.title) if self.title else None
        told["fields"] = [field._asdict() for field in self.fields]
        return told | ({"was": self.was} if self.was else {})


def changes(old: Side, new: Side) -> list[Change]:
    """Everything that differs, requirements first, each kind by id."""
    found: list[Change] = []
    for before, after in paired(old.rules.requirements, new.rules.requirements):
        one = old.rules.requirements.get(before or "")
        other = new.rules.requirements.get(after or "")
        found += _change("requirement", one, other, _said_of_requirement)
    for before, after in paired(old.rules.rules, new.rules.rules):
        found += _change(
            "rule",
            old.rules.rules.get(before or ""),
            new.rules.rules.get(after or ""),
            lambda rule: _said_of_rule(rule, old.rules if rule is old.rules.rules.get(rule.id) else new.rules),
        )
    return found


def _change(kind: str, one: Any, other: Any, said_of: Any) -> Iterator[Change]:
    if one is None or other is None:
        only, change = (other, "added") if one is None else (one, "removed")
        said = tuple(Field(name, None, value) for name, value in said_of(only).items() if value not in (None, [], {}))
        if change == "removed":
            said = tuple(Field(name, value, None) for name, _none, value in said)
        yield Change(kind, only.id, change, only.title, said)
        return
    old, new = said_of(one), said_of(other)
    differ = tuple(
        Field(name, *_where_different(old.get(name), new.get(name)))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    )
    if differ:
        yield Change(kind, other.id, "changed", other.title, differ, None if one.id == other.id else one.id)


def _where_different(old: Any, new: Any) -> tuple[Any, Any]:
    """Of values by level only the levels that differ."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return old, new
    keys = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    return {key: old.get(key) for key in keys}, {key: new.get(key) for key in keys}


def _said_of_requirement(item: Requirement) -> dict[str, Any]:
    told = {name: plain(getattr(item, name)) for name in _OF_REQUIREMENT}
    for level in item.levels:
        for name, value in params_at(item, level).items():
            told.setdefault(f"params.{name}", {})[f"L{level}"] = plain(value)
    return told


def _said_of_rule(rule: Rule, rules: RuleSet) -> dict[str, Any]:
    """A rule as it is judged, with the check's defaults and all overlays of its side."""
    told = {name: plain(getattr(rule, name)) for name in (*_OF_RULE, *_OF_RULE_TOO)}
    told["requirements"] = sorted({_bare(name) for name in rule.requirements})
    for level in rule.levels:
        made = rules.at(rule.id, level)
        for name in ("severity", "mandatory"):
            if getattr(made.rule, name) != getattr(rule, name):
                told.setdefault(f"{name}.overlaid", {})[f"L{level}"] = getattr(made.rule, name)
        for item in fields(made.params) if made.params is not None else ():
            told.setdefault(f"params.{item.name}", {})[f"L{level}"] = plain(getattr(made.params, item.name))
    return told


def _bare(name: str) -> str:
    return name.rpartition("/")[2]


def _tail(name: str) -> str:
    found = _TAIL.search(_bare(name))
    return found.group() if found else _bare(name)


def paired(old: Iterable[str], new: Iterable[str]) -> list[tuple[str | None, str | None]]:
    """Ids of both sides side by side: the same, else the same but for the pack, else the same at their end."""
    left, right = list(old), list(new)
    pairs: list[tuple[str | None, str | None]] = []
    for key in (str, _bare, _tail):
        here, there = _unique(left, key), _unique(right, key)
        both = here.keys() & there.keys()
        pairs += [(here[name], there[name]) for name in both]
        left = [name for name in left if key(name) not in both or here.get(key(name)) != name]
        right = [name for name in right if key(name) not in both or there.get(key(name)) != name]
    pairs += [(name, None) for name in left] + [(None, name) for name in right]
    return sorted(pairs, key=lambda pair: (pair[1] or pair[0] or "", pair[0] or ""))


def _unique(names: Iterable[str], key: Any) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(key(name), []).append(name)
    return {made: held[0] for made, held in found.items() if len(held) == 1}


# --- verdicts


@dataclass(frozen=True, slots=True)
class Turn:
    """A verdict on a target that is another under the new rules; None where the rule is not asked."""

    target: str
    rule: str
    old: str | None
    new: str | None

    def as_dict(self) -> dict[str, Any]:
        return {"target": self.target, "rule": self.rule, "old": self.old, "new": self.new}


def turns(old: Side, new: Side, judge: Judge, inventory: Inventory, evidence: Source) -> Iterator[Turn]:
    """Judge stored evidence under both, target by target, and tell what differs. Nothing is collected again."""
    pairs = paired(old.rules.rules, new.rules.rules)
    asked = (chosen for target in inventory.targets for rules in (old.rules, new.rules) for chosen in rules.of(target))
    judge.compare(inventory.targets, evidence, asked)
    for target in sorted(inventory.targets, key=lambda item: item.id):
        judged = judge.target(target, old.rules.of(target), evidence, new.rules.of(target))
        here, there = ({one.rule: one.result.value for one in found} for found in (judged.findings, judged.also))
        for before, after in pairs:
            was, now = here.get(before or ""), there.get(after or "")
            if was != now:
                yield Turn(target.id, after or before or "", was, now)
