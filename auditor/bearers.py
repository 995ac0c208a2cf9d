"""Which target bears a question that is asked of a whole system or agency.

A finding stands on a target, always. Were such a question to fall on each of a system's targets, one missing
answer would be a hundred findings; so it falls on one of them, its bearer. Which one follows from inventory and
pack alone: a target that serves this system only and at its level, if there is one; of several the first that
the inventory names, so that adding targets at its end moves nothing. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from auditor.grants import agency_of
from auditor.rulepack import Rule, fits
from auditor.targets import Inventory, System, Target

Place = tuple[str, str]
"""What a question is asked about: a kind (system, agency, target) and an id."""


def bearers(
    inventory: Inventory, rules: Iterable[Rule], reaches: Callable[[Rule, Target], bool]
) -> dict[str, frozenset[str]]:
    """By target of the inventory, the rules of a wider scope that fall on it for its whole system or agency.

    ``reaches`` says whether the pack that a rule stands in is meant for a target at all.
    """
    alike: dict[tuple[object, ...], list[Rule]] = {}
    for rule in rules:
        if rule.scope != "target":
            pack = rule.id.rpartition("/")[0]
            kinds = (rule.scope, rule.kinds, rule.platforms, rule.roles, rule.tags, rule.without_tags, pack)
            alike.setdefault(kinds, []).append(rule)
    systems = {system.id: system for system in inventory.systems}
    found: dict[str, set[str]] = {target.id: set() for target in inventory.targets}
    for among in alike.values():
        best: dict[Place, tuple[tuple[bool, bool, int], str]] = {}
        for number, target in enumerate(inventory.targets):
            if target.handling == "secret-standalone" or not fits(among[0], target) or not reaches(among[0], target):
                continue
            for place, level in _places(among[0], target, systems):
                rank = (level is not None and target.level != level, len(target.systems) > 1, number)
                if place not in best or rank < best[place][0]:
                    best[place] = (rank, target.id)
        for _, bearer in best.values():
            found[bearer].update(rule.id for rule in among)
    return {target: frozenset(names) for target, names in found.items()}


def _places(rule: Rule, target: Target, systems: dict[str, System]) -> Iterator[tuple[Place, int | None]]:
    """Whom a rule is asked of by way of a target, with the level of a system; of the target where nobody else is."""
    if rule.scope == "system" and target.systems:
        for name in target.systems:
            yield ("system", name), systems[name].level if name in systems else None
        return
    agency = agency_of(target, systems)
    yield (("agency", agency) if agency is not None else ("target", target.id)), None
