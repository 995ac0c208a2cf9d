"""Loads inventories through their plug-ins, and keeps them as snapshots that travel with evidence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditor import i18n
from auditor.assets import with_carried_levels
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
            return with_carried_levels(source.load(path))
    known = ", ".join(sorted({suffix for source in sources for suffix in source.suffixes}))
    raise CapdoError(f"{path}: {say(Say('unknown-suffix', {'known': known}), i18n.current())}")


def snapshot(inventory: Inventory) -> bytes:
    """Canonical JSON of an inventory: the same inventory is always the same bytes."""
    return b"".join(_pieces(inventory))


def _pieces(inventory: Inventory) -> Iterator[bytes]:
    """The snapshot bit by bit: ten thousand targets as one tree of dicts would cost more than the rest of a run."""
    rest = inventory.model_copy(update={"targets": ()})
    data: dict[str, Any] = rest.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    names = sorted([*data, "targets"]) if inventory.targets else sorted(data)
    for number, name in enumerate(names):
        yield (b"{" if number == 0 else b",") + _canonical(name) + b":"
        if name != "targets":
            yield _canonical(data[name])
            continue
        for place, target in enumerate(inventory.targets):
            told = target.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            yield (b"," if place else b"[") + _canonical(told)
        yield b"]"
    yield b"}" if names else b"{}"


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def from_snapshot(raw: bytes) -> Inventory:
    """The inventory kept in a snapshot. Raises ``CapdoError`` for anything that is not one."""
    try:
        return Inventory.model_validate(_as_written_now(json.loads(raw)), by_alias=True, by_name=False)
    except (ValueError, RecursionError) as exc:  # a JSON or Unicode error is a ValueError, as is pydantic's
        detail = f"{exc.error_count()} errors" if isinstance(exc, ValidationError) else str(exc)
        raise CapdoError(f"inventory snapshot: {detail}") from exc


def _as_written_now(data: Any) -> Any:
    """Old snapshots told of compensating measures in words: these become part of the reason."""
    for waiver in data.get("waivers", ()) if isinstance(data, dict) else ():
        words = waiver.get("compensating") if isinstance(waiver, dict) else None
        if isinstance(words, str):
            waiver["reason"] = f"{waiver.get('reason', '')} {words}".strip()
            del waiver["compensating"]
    return data


def sha256(inventory: Inventory) -> str:
    """The hash an inventory is known by."""
    digest = hashlib.sha256()
    for piece in _pieces(inventory):
        digest.update(piece)
    return digest.hexdigest()
