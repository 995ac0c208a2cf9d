"""Inventories written in YAML (design §9)."""

from __future__ import annotations

from pathlib import Path

from auditor import strictyaml
from auditor.inventoryfile import build
from auditor.targets import Inventory


class YamlInventory:
    """One YAML file, which may name others for waivers, attestations and shared controls."""

    suffixes = (".yaml", ".yml")

    def load(self, path: Path) -> Inventory:
        """Read ``path``. Raises ``InventoryError`` with every mistake of the file."""
        return build(strictyaml.load(path), path.parent)
