"""Says which rules with which parameters fall on a target, from one or more rule packs on a day."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from auditor.bearers import Place, bearers
from auditor.mistakes import InventoryError, Mistake
from auditor.model import Say
from auditor.overlay import Layer, Won, ask_of, merge
from auditor.packfile import default_pack, find_pack, load_pack
from auditor.packparams import AttestedParams, Checks, build_params, layer_values, unknown_rule
from auditor.rulepack import (
    Pack,
    PackInfo,
    Requirement,
    Rule,
    Tighten,
    applies,
    in_force,
)
from auditor.targets import Inventory, Kind, Target
from auditor.transition import Reach, usable

__all__ = [  # reading packs too: others take both from here
    "AttestedParams",
    "Checks",
    "Chosen",
    "RuleSet",
    "build_params",
    "default_pack",
    "find_pack",
    "load_pack",
    "ruleset",
]


class Chosen(NamedTuple):
    """A rule on a target, with the check's parameters for the target's level.

    Where an overlay reaches the target, ``rule`` and ``params`` are what it made of them, the rule's
    requirements are those of all packs that ask it, and ``won`` says which pack's word counts.
    """

    rule: Rule
    params: Any
    won: tuple[Won, ...] = ()

    @property
    def requirements(self) -> tuple[str, ...]:
        return self.rule.requirements


class RuleSet:
    """All rules in force on the day of a run, and which of them fall on a target.

    Made by ``ruleset``. ``base`` is the newest framework: its grades, gates and caps are those of the run.
    """

    def __init__(
        self,
        base: PackInfo,
        rules: Iterable[Rule],
        requirements: Iterable[Requirement],
        params: Callable[[Rule, int], Any],
        reach: Reach | None = None,
        layers: Mapping[tuple[str, int], Sequence[Layer]] | None = None,
        inventory: Inventory | None = None,
    ) -> None:
        self.base = base
        self.rules: dict[str, Rule] = {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}
        self.requirements: dict[str, Requirement] = {item.id: item for item in requirements}
        self._params = params
        self._reach = reach
        self._layers = layers or {}
        self._memo: dict[tuple[Any, ...], tuple[Chosen, ...]] = {}
        # Where nobody knows who else could bear a question, it falls on the target that is asked about.
        self._borne = bearers(inventory, self.rules.values(), self._reaches) if inventory is not None else {}
        self._lowest: dict[Kind, int] = {}
        for rule in self.rules.values():
            for kind in rule.kinds:
                self._lowest[kind] = min((self._lowest.get(kind, 5), *rule.levels))

    def level(self, target: Target) -> int:
        """The level a target is judged at: its own, else (``level_assumed``) the lowest its kind has rules for."""
        return self._lowest.get(target.kind, 1) if target.level is None else target.level

    def level_assumed(self, target: Target) -> bool:
        """True when no system of the target says a level."""
        return target.level is None

    def framework_of(self, target: Target) -> tuple[tuple[str, ...], Say]:
        """The frameworks a target is judged by, and why; ``transition.words`` says the reason."""
        if self._reach is None:
            return (self.base.id,), Say("framework-only", {"packs": [self.base.id]})
        return self._reach.framework_of(target)

    def overlays_of(self, target: Target) -> tuple[str, ...]:
        """The overlays that reach a target, by id."""
        if self._reach is None:
            return ()
        return self._reach.overlays_of(target, self._reach.framework_of(target)[0])

    def of(self, target: Target) -> tuple[Chosen, ...]:
        """The rules of a target, by id; none for a standalone machine for state secrets."""
        if target.handling == "secret-standalone":
            return ()
        level = self.level(target)
        packs = self._reach.packs_of(target) if self._reach is not None else ()
        borne = frozenset(self._borne[target.id]) if target.id in self._borne else None
        key = (target.kind, target.platform, target.role, level, target.tags, packs, borne)
        found = self._memo.get(key)
        if found is None:
            found = tuple(
                self._chosen(rule, level, packs)
                for rule in self.rules.values()
                if (not packs or self.pack_of(rule.id) in packs)
                and (borne is None or rule.scope == "target" or rule.id in borne)
                and applies(rule, target, level)
            )
            self._memo[key] = found
        return found

    def _reaches(self, rule: Rule, target: Target) -> bool:
        packs = self._reach.packs_of(target) if self._reach is not None else ()
        return not packs or self.pack_of(rule.id) in packs

    def asked_for(self, rule: str, target: str) -> tuple[Place, ...] | None:
        """For whom a question of a wider scope is asked on the target that bears it; None where nobody knows."""
        known = self._borne.get(target)
        return known.get(rule, ()) if known is not None else None

    def at(self, rule: str, level: int) -> Chosen:
        """A rule at a level as it is where every overlay of the run reaches."""
        return self._chosen(
            self.rules[rule], level, sorted({layer.pack for layer in self._layers.get((rule, level), ())})
        )

    def overlaid(self, target: Target) -> dict[str, Chosen]:
        """Those rules of a target that an overlay has a word in; empty for most."""
        if not self._layers:
            return {}
        return {one.rule.id: one for one in self.of(target) if one.rule is not self.rules[one.rule.id]}

    def pack_of(self, name: str) -> str:
        """The pack that a rule or requirement of this run stands in."""
        pack, slash, _rest = name.partition("/")
        return pack if slash else self.base.id

    def overlays_on(self, rule: str) -> list[dict[str, Any]]:
        """What overlays make of a rule, for the run document: of each overlay and level what wins, where it reaches."""
        found: list[dict[str, Any]] = []
        for level in self.rules[rule].levels:
            for pack in sorted({layer.pack for layer in self._layers.get((rule, level), ())}):
                for won in self._chosen(self.rules[rule], level, (pack,)).won:
                    told = {**won.as_dict(), "overlay": pack}
                    clause = told.pop("clause")
                    same = next((one for one in found if one | {"levels": 0, "clauses": 0} == told | _NO_LEVELS), None)
                    if same is None:
                        found.append(same := {**told, "levels": [], "clauses": {}})
                    same["levels"].append(level)
                    same["clauses"][f"L{level}"] = clause
        return found

    def _chosen(self, rule: Rule, level: int, packs: Sequence[str]) -> Chosen:
        params = self._params(rule, level)
        layers = [layer for layer in self._layers.get((rule.id, level), ()) if layer.pack in packs]
        if not layers:
            return Chosen(rule, params)
        first = next((self.requirements[name] for name in rule.requirements if name in self.requirements), None)
        made = merge(rule, params, level, layers, ask_of(self.pack_of(rule.id), first, level))
        return Chosen(made.rule, made.params, made.won)


_NO_LEVELS: dict[str, Any] = {"levels": 0, "clauses": 0}


@dataclass(slots=True)
class _Making:
    """What ``ruleset`` gathers from pack to pack."""

    checks: Checks
    day: date
    mistakes: list[Mistake] = field(default_factory=list)
    requirements: dict[str, Requirement] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    params: dict[tuple[str, int], Any] = field(default_factory=dict)
    layers: dict[tuple[str, int], list[Layer]] = field(default_factory=dict)


def arranged(packs: Iterable[Pack]) -> list[Pack]:
    """The packs in the order of a run, however they were named: frameworks, newest first; overlays by id."""
    kept = list({pack.info.id: pack for pack in packs}.values())
    frameworks = [pack for pack in kept if pack.info.kind == "framework"]
    overlays = [pack for pack in kept if pack.info.kind == "overlay"]
    frameworks.sort(key=lambda pack: pack.info.in_force, reverse=True)
    return [*frameworks, *sorted(overlays, key=lambda pack: pack.info.id)]


def ruleset(packs: Sequence[Pack], checks: Checks, day: date, inventory: Inventory | None = None) -> RuleSet:
    """The rules of one or more packs on ``day``. The order in which packs are named does not matter.

    Ids of rules and requirements stay bare in the newest framework and read ``<pack>/<id>`` in the others.
    Overlays tighten rules of the frameworks they lie over and may bring rules of their own, which may name
    requirements of those frameworks. A rule none of whose requirements is in force falls away with them.
    ``inventory`` tells which systems are in transition and where overlays reach; without it none are known.
    Raises ``InventoryError`` for a pack not in force, an overlay without its framework, an unknown check
    or rule, or parameters that do not fit the check.
    """
    if not packs:
        raise ValueError("a run needs at least one pack")
    chosen = arranged(packs)
    base = chosen[0].info
    made = _Making(checks, day)
    frameworks = [pack for pack in chosen if pack.info.kind == "framework"]
    for pack in chosen:
        made.mistakes += _unusable(pack, frameworks, day)
        prefix = "" if pack.info is base else f"{pack.info.id}/"
        below = [one for one in frameworks if one.info.id in pack.info.over]
        known = {
            item.id: made_id
            for one in (*reversed(below), pack)
            for item in in_force(one.requirements, day)
            for made_id in [item.id if one.info is base else f"{one.info.id}/{item.id}"]
        }
        for item in in_force(pack.requirements, day):
            made.requirements[prefix + item.id] = item.model_copy(update={"id": prefix + item.id})
        _add_rules(made, pack, prefix, known)
        for layer in in_force(pack.tighten, day):
            _add_layer(made, pack, prefix, layer, below, base)
    if made.mistakes:
        raise InventoryError(made.mistakes)
    reach = Reach([pack.info for pack in chosen], day, inventory) if len(chosen) > 1 else None
    table = made.params
    return RuleSet(
        base,
        made.rules,
        made.requirements.values(),
        lambda rule, level: table[rule.id, level],
        reach,
        made.layers,
        inventory,
    )


def _unusable(pack: Pack, frameworks: Sequence[Pack], day: date) -> Iterator[Mistake]:
    info = pack.info
    if not usable(info, day):
        ends = info.until or Say("pack-no-date")
        values = {"pack": info.id, "day": day, "since": info.in_force, "until": ends}
        yield Mistake(*pack.place("in_force"), "in_force", Say("pack-not-in-force", values))
    if info.kind == "overlay" and not set(info.over) & {one.info.id for one in frameworks}:
        said = Say("pack-overlay-alone", {"pack": info.id, "over": list(info.over)})
        yield Mistake(*pack.place("over"), "over", said)


def _add_rules(made: _Making, pack: Pack, prefix: str, known: Mapping[str, str]) -> None:
    for rule in in_force(pack.rules, made.day):
        named = tuple(dict.fromkeys(known[item] for item in rule.requirements if item in known))
        if not named:
            continue
        kept = rule.model_copy(update={"id": prefix + rule.id, "requirements": named})
        made.rules.append(kept)
        for level in rule.levels:
            made.params[kept.id, level] = build_params(pack, rule, level, made.checks, made.mistakes)


def _add_layer(made: _Making, pack: Pack, prefix: str, item: Tighten, below: Sequence[Pack], base: PackInfo) -> None:
    """Lay one tightening over the rule it names, in every framework of the run that has it."""
    own = [made.requirements[prefix + name] for name in item.requirements if prefix + name in made.requirements]
    ids = {rule.id: rule for one in below for rule in one.rules}
    if len(below) == len(set(pack.info.over)) and item.rule not in ids:  # else it may be a rule of one not in the run
        made.mistakes.append(unknown_rule(pack, item, ids))
    for one in below:
        rule = next((rule for rule in in_force(one.rules, made.day) if rule.id == item.rule), None)
        if rule is None:
            continue
        name = rule.id if one.info is base else f"{one.info.id}/{rule.id}"
        for level in rule.levels:
            asking = tuple(requirement for requirement in own if level in requirement.levels)
            held = made.params.get((name, level))
            if not asking or held is None:
                continue
            values = layer_values(pack, item, type(held), level, made.mistakes)
            layer = Layer(pack.info.id, item, values, asking)
            made.layers.setdefault((name, level), []).append(layer)
            try:
                merge(rule, held, level, made.layers[name, level], ask_of("", None, level))
            except (ValueError, TypeError) as exc:
                said = Say("pack-param-wrong", {"found": json.dumps(values, default=str), "text": str(exc)})
                made.mistakes.append(Mistake(*pack.place(f"tighten/{item.id}"), item.id, said))
