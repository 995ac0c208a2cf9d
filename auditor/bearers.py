"""Which target bears a question that is asked of a whole system or agency.

A finding stands on a target, always. Were such a question to fall on each of a system's targets, one missing
answer would be a hundred findings; so it falls on one of them, its bearer. Which one follows from inventory and
pack alone. It is, as far as there is one, a target of the agency that owns or runs the system (in whose score the
answer counts), at the system's level, that serves no other; of several the first that the inventory names, so
that adding targets at its end moves nothing. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from auditor.grants import agency_of
from auditor.rulepack import Rule, fits
from auditor.targets import Inventory, System, Target

Place = tuple[str, str]
"""What a question is asked about: a kind (system, agency, target) and an id."""


_NOTHING: Mapping[str, tuple[Place, ...]] = {}


def bearers(
    inventory: Inventory, rules: Iterable[Rule], reaches: Callable[[Rule, Target], bool]
) -> dict[str, Mapping[str, tuple[Place, ...]]]:
    """By target of the inventory, the rules of a wider scope that fall on it, and for whom each is asked there.

    ``reaches`` says whether the pack that a rule stands in is meant for a target at all.
    """
    alike: dict[tuple[object, ...], list[Rule]] = {}
    for rule in rules:
        if rule.scope != "target":
            pack = rule.id.rpartition("/")[0]
            kinds = (rule.scope, rule.kinds, rule.platforms, rule.roles, rule.tags, rule.without_tags, pack)
            alike.setdefault(kinds, []).append(rule)
    systems = {system.id: system for system in inventory.systems}
    found: dict[str, dict[str, tuple[Place, ...]]] = {}
    for among in alike.values():
        best: dict[Place, tuple[tuple[bool, bool, bool, int], str]] = {}
        for number, target in enumerate(inventory.targets):
            if target.handling == "secret-standalone" or not fits(among[0], target) or not reaches(among[0], target):
                continue
            agency = agency_of(target, systems)
            for place, system in _places(among[0], target, agency, systems):
                elsewhere = system is not None and agency not in (system.owner, system.operator)
                other_level = system is not None and target.level != system.level
                rank = (elsewhere, other_level, len(target.systems) > 1, number)
                if place not in best or rank < best[place][0]:
                    best[place] = (rank, target.id)
        borne: dict[str, list[Place]] = {}
        for place, (_, bearer) in best.items():
            borne.setdefault(bearer, []).append(place)
        for bearer, places in borne.items():
            found.setdefault(bearer, {}).update(dict.fromkeys((rule.id for rule in among), tuple(sorted(places))))
    return {target.id: found.get(target.id, _NOTHING) for target in inventory.targets}


def _places(
    rule: Rule, target: Target, agency: str | None, systems: dict[str, System]
) -> Iterator[tuple[Place, System | None]]:
    """Whom a rule is asked of by way of a target, with the system if it is one; of the target where nobody else is."""
    if rule.scope == "system" and target.systems:
        for name in target.systems:
            yield ("system", name), systems.get(name)
        return
    yield (("agency", agency) if agency is not None else ("target", target.id)), None
