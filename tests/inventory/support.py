"""What tests of inventories share: loading a text as a file, and the places of its mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auditor import registry
from auditor.mistakes import InventoryError, Mistake
from auditor.targets import Inventory

FOLDER = Path(__file__).parents[2] / "inventory"

HEAD = """\
province: {id: binh-minh, name: Tỉnh Bình Minh}
groups: [{id: so-nganh}]
agencies: [{id: so-a, group: so-nganh}, {id: so-b, group: so-nganh}]
sites: [{id: dc, agency: so-a}]
systems: [{id: cong, owner: so-a, level: 3}, {id: thu, owner: so-b, level: 2}]
"""


def source(suffix: str) -> Any:
    """The plug-in for ``.yaml`` or ``.csv``, loaded as the registry does."""
    name = f"{suffix.lstrip('.')}_file"
    module = registry.load_module(FOLDER / f"{name}.py", f"auditor._sockets.inventory.{name}")
    made = {".yaml": "YamlInventory", ".csv": "CsvInventory"}[suffix]
    return getattr(module, made)()


def load(folder: Path, text: str, name: str = "binh-minh.yaml") -> Inventory:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    inventory: Inventory = source(path.suffix).load(path)
    return inventory


def mistakes(folder: Path, text: str, name: str = "binh-minh.yaml") -> list[Mistake]:
    with pytest.raises(InventoryError) as caught:
        load(folder, text, name)
    return list(caught.value.mistakes)


def places(found: list[Mistake]) -> list[tuple[int, int, str]]:
    """Line, column and code of each."""
    return [(one.line, one.column, one.message.code) for one in found]
