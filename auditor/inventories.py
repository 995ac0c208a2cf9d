"""Loads inventories through their plug-ins, and keeps them as snapshots that travel with evidence."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import ValidationError

from auditor import i18n
from auditor.mistakes import say
from auditor.model import CapdoError, Say
from auditor.targets import Inventory


def load_inventory(path: Path) -> Inventory:
    """The inventory in a file, read by the plug-in that knows its suffix.

    Raises ``InventoryError`` with every mistake of the file, and ``CapdoError`` when there is no such
    file or no plug-in for it.
    """
    from auditor import registry  # plug-ins are looked for only when there is something to load

    if path.is_dir():
        raise CapdoError(f"{path}: {say(Say('is-folder'), i18n.current())}")
    if not path.exists():
        raise CapdoError(f"{path}: {say(Say('no-file'), i18n.current())}")
    suffix = path.suffix.lower()
    sources = registry.inventory_sources()
    for source in sources:
        if suffix in source.suffixes:
            inventory: Inventory = source.load(path)
            return inventory
    known = ", ".join(sorted({suffix for source in sources for suffix in source.suffixes}))
    raise CapdoError(f"{path}: {say(Say('unknown-suffix', {'known': known}), i18n.current())}")


def snapshot(inventory: Inventory) -> bytes:
    """Canonical JSON of an inventory: the same inventory is always the same bytes."""
    data = inventory.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def from_snapshot(raw: bytes) -> Inventory:
    """The inventory kept in a snapshot. Raises ``CapdoError`` for anything that is not one."""
    try:
        return Inventory.model_validate(json.loads(raw), by_alias=True, by_name=False)
    except (ValueError, RecursionError) as exc:  # a JSON or Unicode error is a ValueError, as is pydantic's
        detail = f"{exc.error_count()} errors" if isinstance(exc, ValidationError) else str(exc)
        raise CapdoError(f"inventory snapshot: {detail}") from exc


def sha256(inventory: Inventory) -> str:
    """The hash an inventory is known by."""
    return hashlib.sha256(snapshot(inventory)).hexdigest()
