"""Inventories written in YAML (design §9)."""

from __future__ import annotations

from pathlib import Path

from auditor.inventoryfile import build
from auditor.strictyaml import garbage_kept, load
from auditor.targets import Inventory


class YamlInventory:
    """One YAML file, which may name others for waivers, attestations and shared controls."""

    suffixes = (".yaml", ".yml")

    def load(self, path: Path) -> Inventory:
        """Read ``path``. Raises ``InventoryError`` with every mistake of the file."""
        with garbage_kept():  # once around both: each return to collecting looks at the whole tree
            return build(load(path), path.parent)
