"""What a system stands on: its own targets and, through their edges, all that carries them.

A system falls with what it runs on, stores on, is backed up by, protected by, hosted by or depends on, and so do the
systems beside it: a fault there is one finding, shown with every system it touches. Edges may form cycles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from auditor.targets import Inventory, Target

EDGES: Final = ("runs_on", "stores_on", "backed_up_by", "protected_by", "hosted_by", "depends_on")
"""The edges of a target, the closest first."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A target a system needs: its own, or reached by ``edge`` from ``of``, another asset of it."""

    id: str
    edge: str | None = None
    of: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the run document; own assets are told by their ids alone."""
        return {"id": self.id, "edge": self.edge, "of": self.of}


class Assets:
    """The assets of every system, worked out when asked for, since large systems share most of theirs."""

    def __init__(self, inventory: Inventory) -> None:
        known = {target.id for target in inventory.targets}
        self._edges = {target.id: kept for target in inventory.targets if (kept := _edges(target, known))}
        self._own: dict[str, list[str]] = {system.id: [] for system in inventory.systems}
        for target in inventory.targets:
            for system in dict.fromkeys(target.systems):
                self._own.setdefault(system, []).append(target.id)

    @property
    def systems(self) -> list[str]:
        """All systems, those only targets name included, by id."""
        return sorted(self._own)

    def of(self, system: str) -> tuple[Asset, ...]:
        """All assets of a system, each once, by id; how each was reached does not hang on the inventory's order."""
        found = {name: Asset(name) for name in self._own.get(system, ())}
        ring = sorted(found)
        while ring:
            reached: dict[str, Asset] = {}
            for name in ring:
                for edge, other in self._edges.get(name, ()):
                    if other not in found and other not in reached:
                        reached[other] = Asset(other, edge, name)
            found |= reached
            ring = sorted(reached)
        return tuple(found[name] for name in sorted(found))

    def touched(self) -> dict[str, tuple[str, ...]]:
        """For each target that carries systems other than its own: these systems, by id."""
        found: dict[str, list[str]] = {}
        for system in self.systems:
            for asset in self.of(system):
                if asset.edge is not None:
                    found.setdefault(asset.id, []).append(system)
        return {target: tuple(systems) for target, systems in sorted(found.items())}


def _edges(target: Target, known: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Edges to targets there are; the inventory's own check names the others."""
    return tuple((edge, other) for edge in EDGES for other in getattr(target, edge) if other in known)


def carried_levels(inventory: Inventory) -> Mapping[str, int]:
    """The highest level each target carries, through edges too: a hypervisor under a level 3 server carries level 3.

    Targets that carry no level at all are left out.
    """
    targets = {target.id: target for target in inventory.targets}
    edges = {target.id: found for target in inventory.targets if (found := _edges(target, targets))}
    levels: dict[str, int] = {}
    for level in (5, 4, 3, 2, 1):
        ring = [target.id for target in inventory.targets if target.level == level and target.id not in levels]
        while ring:
            levels |= dict.fromkeys(ring, level)
            ring = list(_next(ring, edges, levels))
    return levels


def _next(ring: Iterable[str], edges: Mapping[str, Any], levels: Mapping[str, int]) -> Iterator[str]:
    return iter(dict.fromkeys(other for name in ring for _, other in edges.get(name, ()) if other not in levels))


def with_carried_levels(inventory: Inventory) -> Inventory:
    """The inventory in which each target's level is the highest it carries (design §6)."""
    levels = carried_levels(inventory)
    if all(levels.get(target.id) == target.level for target in inventory.targets):
        return inventory
    lifted = tuple(target.model_copy(update={"level": levels.get(target.id)}) for target in inventory.targets)
    return inventory.model_copy(update={"targets": lifted})
