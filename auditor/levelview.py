"""The level view of a system: the level declared, the level its facts suggest, and what the next level would ask.

Levels are not supersets: the next one is asked for itself, of the evidence in hand. The engine judges the
rules of ``rules_next`` while it holds a target's evidence and tells the results to ``NextLevel``; what system,
requirement, asset and verdict are at the level in force stands in the findings themselves. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, Literal, NamedTuple

from auditor.assets import Assets
from auditor.levelcriteria import Suggestion, suggest
from auditor.model import Result
from auditor.overlay import plain
from auditor.packs import Chosen, RuleSet
from auditor.tally import BitCount, bits_of
from auditor.targets import Inventory, System, Target

HIGHEST: Final = 5
SHOWN: Final = 5
"""Targets named for a rule; the rest are counted."""

Answer = Literal["would-fail", "undecided", "not-asked-now", "would-pass"]
ANSWERS: Final[tuple[Answer, ...]] = ("would-fail", "undecided", "not-asked-now", "would-pass")
"""What the evidence in hand says of a rule at the next level, the worst first."""


class Next(NamedTuple):
    """A rule that falls on a target at the next level.

    ``asked``: it falls on the target now; ``same``: with the same parameters, so that its result now is its
    result then and nothing need be judged again.
    """

    chosen: Chosen
    asked: bool
    same: bool


def rules_next(rules: RuleSet, target: Target) -> tuple[Next, ...]:
    """The rules of a target one level up, by id; none for what is at the highest level or has no level of its own."""
    if target.level is None or target.level >= HIGHEST:
        return ()
    now = {one.rule.id: one.params for one in rules.of(target)}
    return tuple(
        Next(one, one.rule.id in now, one.rule.id in now and now[one.rule.id] == one.params)
        for one in rules.of(target.model_copy(update={"level": target.level + 1}))
    )


def answer_of(result: Result, *, asked: bool) -> Answer | None:
    """What a result at the next level means; None where the rule does not count there.

    A rule that is not asked now and could not be decided was not looked for: that is not the same as hidden.
    """
    if result is Result.FAIL:
        return "would-fail"
    if result is Result.PASS:
        return "would-pass"
    if result in (Result.NOTAPPLICABLE, Result.INFORMATIONAL):
        return None
    return "undecided" if asked else "not-asked-now"


class NextLevel:
    """Gathers, target by target, what the evidence in hand says of the next level; a few numbers a target."""

    def __init__(self, rules: RuleSet, inventory: Inventory) -> None:
        self._rules = rules
        self._inventory = inventory
        self._names = sorted(rules.rules)
        self._bits = {name: place for place, name in enumerate(self._names)}
        self._rows: dict[str, list[int]] = {}
        self._asks: dict[tuple[int, int], tuple[Next, ...]] = {}
        self._rules_of: dict[str, list[str]] = {}
        for name in self._names:
            for requirement in rules.rules[name].requirements:
                self._rules_of.setdefault(requirement, []).append(name)

    def asks(self, target: Target) -> tuple[Next, ...]:
        """``rules_next``, remembered: thousands of targets share a few lists of rules."""
        if target.level is None or target.level >= HIGHEST:
            return ()
        then = self._rules.of(target.model_copy(update={"level": target.level + 1}))
        key = id(self._rules.of(target)), id(then)  # the rule set keeps both for as long as it lives
        found = self._asks.get(key)
        if found is None:
            found = self._asks[key] = rules_next(self._rules, target)
        return found

    def add(self, target: str, results: Iterable[tuple[Next, Result]]) -> None:
        """The results of a target's rules at its next level."""
        row = [0] * len(ANSWERS)
        for one, result in results:
            answer = answer_of(result, asked=one.asked)
            if answer is not None:
                row[ANSWERS.index(answer)] |= 1 << self._bits[one.chosen.rule.id]
        self._rows[target] = row

    def views(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The ``level_view`` of the run document, system by system: its level, the next one and the one suggested."""
        assets = Assets(self._inventory)
        targets = {target.id: target for target in self._inventory.targets}
        known = {system.id: system for system in self._inventory.systems}
        for name in assets.systems:
            if name in known:
                held = [targets[one.id] for one in assets.of(name)]
                yield name, view_of(known[name], self._next(known[name], held))

    def _next(self, system: System, assets: list[Target]) -> dict[str, Any] | None:
        """What the next level asks of a system, of those of its assets that are at its own level.

        An asset that carries a higher level than this system's is judged at that level in any case.
        """
        if system.level is None or system.level >= HIGHEST:
            return None
        level = system.level + 1
        rising = [target for target in assets if target.level == system.level and target.id in self._rows]
        counts = [BitCount() for _ in ANSWERS]
        for target in rising:
            for count, bits in zip(counts, self._rows[target.id], strict=True):
                count.add(bits)
        told = {self._names[bit]: bit for bit in bits_of(_any(counts))}
        params = self._params(rising, level)
        by_rule = {name: self._rule(bit, counts, rising, params.get(name, {})) for name, bit in told.items()}
        missing: list[dict[str, Any]] = []
        summary = dict.fromkeys(ANSWERS, 0)
        for requirement, names in self._asked(rising, level).items():
            asked = [name for name in names if name in by_rule]
            answers: list[Answer] = [by_rule[name]["answer"] for name in asked]
            if names and not answers:
                continue  # its rules do not count on these assets
            # No rule of the pack decides it: it must be shown by other means.
            answer = min(answers, key=ANSWERS.index) if answers else "not-asked-now"
            summary[answer] += 1
            if answer != "would-pass":
                short = [name for name in asked if by_rule[name]["answer"] != "would-pass"]
                missing.append({"requirement": requirement, "answer": answer, "rules": short})
        missing.sort(key=lambda one: (ANSWERS.index(one["answer"]), one["requirement"]))
        return {
            "level": level,
            "assets": len(rising),
            "higher": sum((target.level or 0) > system.level for target in assets),
            "summary": summary,
            "missing": missing,
            "rules": {name: one for name, one in by_rule.items() if one["answer"] != "would-pass"},
        }

    def _asked(self, rising: list[Target], level: int) -> dict[str, list[str]]:
        """The requirements at a level of all packs that these assets are judged by, each with its rules."""
        packs: set[str] = set()
        for target in rising:
            packs |= {*self._rules.framework_of(target)[0], *self._rules.overlays_of(target)}
        return {
            name: [one for one in self._rules_of.get(name, ()) if level in self._rules.rules[one].levels]
            for name, requirement in self._rules.requirements.items()
            if level in requirement.levels and self._rules.pack_of(name) in packs
        }

    def _rule(
        self, bit: int, counts: list[BitCount], rising: list[Target], params: Mapping[str, Any]
    ) -> dict[str, Any]:
        numbers = [count.of(bit) for count in counts]
        worst = next(place for place, number in enumerate(numbers) if number)
        named = sorted(target.id for target in rising if self._rows[target.id][worst] >> bit & 1)
        return {
            "answer": ANSWERS[worst],
            "counts": {answer: number for answer, number in zip(ANSWERS, numbers, strict=True) if number},
            "targets": named[:SHOWN],
            "params": dict(params),
        }

    def _params(self, rising: list[Target], level: int) -> dict[str, dict[str, Any]]:
        """By rule, the parameters that differ at the next level: ``{name: [now, next]}``, as any asset has them."""
        found: dict[str, dict[str, Any]] = {}
        seen: set[tuple[Any, ...]] = set()
        for target in rising:
            place = (target.kind, target.platform, target.role, target.tags)
            if place in seen:
                continue
            seen.add(place)
            now = {one.rule.id: one.params for one in self._rules.of(target)}
            for one in self._rules.of(target.model_copy(update={"level": level})):
                if one.rule.id in now and one.rule.id not in found:
                    differing = _differing(now[one.rule.id], one.params)
                    if differing:
                        found[one.rule.id] = differing
        return found


def view_of(system: System, next_level: dict[str, Any] | None) -> dict[str, Any]:
    """One system's level view: declared, suggested by its facts (or None: no facts), and the next level."""
    suggested = suggest(system.facts)
    return {
        "level": system.level,
        "level_status": system.level_status,
        "suggested": None if suggested is None else {**suggested.as_dict(), "beside": beside(system, suggested)},
        "next": next_level,
    }


def beside(system: System, suggested: Suggestion) -> str:
    """How the suggested level stands beside the declared one: higher, same, lower, or unknown."""
    if system.level is None or suggested.level is None:
        return "unknown"
    if suggested.level == system.level:
        return "same"
    return "higher" if suggested.level > system.level else "lower"


def _any(counts: Iterable[BitCount]) -> int:
    found = 0
    for count in counts:
        found |= count.any()
    return found


def _differing(now: Any, then: Any) -> dict[str, Any]:
    if not is_dataclass(now) or type(now) is not type(then):
        return {}
    pairs = {item.name: (getattr(now, item.name), getattr(then, item.name)) for item in fields(now)}
    return {name: [plain(one), plain(other)] for name, (one, other) in pairs.items() if one != other}
