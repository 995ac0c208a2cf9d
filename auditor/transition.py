"""Which packs fall on a target: the framework that its systems' decisions call for, and overlays by their reach.

Pure: inventory, packs and the day alone decide (facts.md §1.4: law 116/2025 art. 45, decree 331/2026 art. 39).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from auditor.mistakes import say
from auditor.model import Say
from auditor.rulepack import Bilingual, PackInfo, Transition
from auditor.targets import Inventory, System, Target


def usable(info: PackInfo, day: date) -> bool:
    """May a pack be used on ``day``: is it in force, or still good for systems in transition?"""
    ends = [end for end in (info.until, info.transition.until if info.transition else None) if end is not None]
    return info.in_force <= day and (info.until is None or day <= max(ends))


def in_transition(system: System, rule: Transition, day: date) -> bool:
    """May this system still be judged by the framework that ``rule`` belongs to, on ``day``?

    Its level was decided in time; or its investment began in time and its level was, or still may be,
    decided by the day set for that. A system never decided and not in investment has no grace.
    """
    if day > rule.until:
        return False
    decided = system.decision.date if system.decision is not None else None
    if decided is not None and decided < rule.decided_before:
        return True
    invested = system.invested_from
    if rule.invested_before is None or invested is None or invested >= rule.invested_before:
        return False
    last = rule.invested_decided_by or rule.until
    return (decided if decided is not None else day) <= last


class Reach:
    """Says of every target which packs fall on it. Without an inventory no system is known."""

    def __init__(self, packs: Sequence[PackInfo], day: date, inventory: Inventory | None = None) -> None:
        self.frameworks = tuple(pack for pack in packs if pack.kind == "framework")
        self.overlays = tuple(sorted((pack for pack in packs if pack.kind == "overlay"), key=lambda pack: pack.id))
        self._day = day
        self._systems = {system.id: system for system in inventory.systems} if inventory else {}
        self._groups = {agency.id: agency.group for agency in inventory.agencies} if inventory else {}
        self._old = tuple(pack for pack in self.frameworks if pack.transition is not None)
        self._new = tuple(pack for pack in self.frameworks if pack.transition is None)
        self._memo: dict[tuple[tuple[str, ...], str | None], tuple[str, ...]] = {}

    def packs_of(self, target: Target) -> tuple[str, ...]:
        """All packs that fall on a target, worked out once for all of the same systems and agency."""
        key = (target.systems, target.agency)
        found = self._memo.get(key)
        if found is None:
            names = self.framework_of(target)[0]
            found = self._memo[key] = (*names, *self.overlays_of(target, names))
        return found

    def framework_of(self, target: Target) -> tuple[tuple[str, ...], Say]:
        """The frameworks that apply to a target, in the order of the run, and why (said by ``words``)."""
        if not self._old or not self._new:
            names = tuple(pack.id for pack in self.frameworks)
            return names, Say("framework-only", {"packs": list(names)})
        systems = [self._systems[name] for name in target.systems if name in self._systems]
        old: set[str] = set()
        told_old: list[str] = []
        told_new: list[str] = []
        for system in systems:
            packs = [p.id for p in self._old if p.transition and in_transition(system, p.transition, self._day)]
            old.update(packs)
            (told_old if packs else told_new).append(system.id)
        new = {pack.id for pack in self._new}
        named = tuple(pack.id for pack in self.frameworks if pack.id in (old if not told_new else old | new))
        if not old:
            names = tuple(pack.id for pack in self._new)
            code = "framework-new" if systems else "framework-no-system"
            return names, Say(code, {"systems": told_new, "packs": list(names)})
        code = "framework-both" if told_new else "framework-old"
        return named, Say(code, {"systems": told_old, "others": told_new, "packs": list(named)})

    def overlays_of(self, target: Target, frameworks: Sequence[str]) -> tuple[str, ...]:
        """The overlays that reach a target judged by ``frameworks``, by id."""
        return tuple(
            pack.id for pack in self.overlays if set(pack.over) & set(frameworks) and self._reaches(pack, target)
        )

    def _reaches(self, pack: PackInfo, target: Target) -> bool:
        where = pack.applies
        if not (where.system_tags or where.agencies or where.groups):
            return True
        tags = {tag for name in target.systems if name in self._systems for tag in self._systems[name].tags}
        owners = (self._systems[name].owner for name in target.systems if name in self._systems)
        agency = target.agency or next(owners, None)
        return (
            not tags.isdisjoint(where.system_tags)
            or agency in where.agencies
            or self._groups.get(agency or "") in where.groups
        )


def words(said: Say) -> Bilingual:
    """A reason in both languages."""
    return {"vi": say(said, "vi"), "en": say(said, "en")}
