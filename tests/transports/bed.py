"""An inventory written as people write it, collected as the program does it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from auditor import registry
from auditor.collect import Collection, Committed, Opener, open_transport
from auditor.collector import Collector
from auditor.folder import EvidenceFolder, FolderWriter
from auditor.inventories import load_inventory
from auditor.model import Observation, Reason
from auditor.plan import Task
from auditor.targets import Inventory

FEW = ("accounts.linux", "system.linux")


def need(why: str) -> None:
    """Skip with the reason; where everything must be tested, fail."""
    if why:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(why)


def inventory(folder: Path, servers: Sequence[dict[str, Any]], **more: Any) -> Inventory:
    """Write an inventory of ``servers`` and read it back through its plug-in."""
    return load_inventory(write_inventory(folder, servers, **more))


def write_inventory(folder: Path, servers: Sequence[dict[str, Any]], **more: Any) -> Path:
    path = folder / "binh-minh.yaml"
    told = {
        "province": {"id": "binh-minh"},
        "groups": [{"id": "so-nganh"}],
        "agencies": [{"id": "so-a", "group": "so-nganh"}],
        "systems": [{"id": "cong", "owner": "so-a", "level": 3}],
        "servers": [{"systems": ["cong"], "platform": "linux", "connect": "ssh", **server} for server in servers],
        **more,
    }
    path.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")  # JSON is YAML, without aliases
    return path


def collectors(*names: str) -> dict[str, Collector]:
    known = registry.collectors()
    return {name: known[name] for name in names or FEW}


@dataclass
class Outcome:
    """One collection: its reasons and details by (target, collector), in the order they were committed."""

    folder: Path
    lost: int
    committed: list[Committed]
    tasks: list[Task]

    def envelope(self, target: str, collector: str = "system.linux") -> dict[str, Any]:
        path = self.folder / "envelopes" / target / f"{collector}.json"
        told: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return told

    def reason(self, target: str) -> Reason | None:
        """The one reason that all collectors of a target share."""
        reasons = {one.reason for one in self.committed if one.target == target}
        assert len(reasons) == 1, reasons
        return reasons.pop()

    def detail(self, target: str) -> str:
        return str(self.envelope(target)["detail"])

    def observations(self, target: str, collector: str = "system.linux") -> dict[str, Observation]:
        evidence = EvidenceFolder(self.folder)
        return {
            key: evidence.observation(key, digest) for key, digest in evidence.envelope(target, collector).observations
        }


def collect(
    inventory: Inventory,
    folder: Path,
    names: Sequence[str] = FEW,
    *,
    workers: int = 50,
    opener: Opener = open_transport,
) -> Outcome:
    """Collect, and hold the first law of collecting: exactly one envelope for each (target, collector)."""
    chosen = collectors(*names)
    writer = FolderWriter(folder)
    committed: list[Committed] = []
    tasks: list[Task] = []
    lost = Collection(
        inventory, chosen, writer, workers=workers, opener=opener, on_commit=committed.extend, on_task=tasks.append
    ).run()
    writer.finish({})
    wanted = sorted((target.id, c.id) for target in inventory.targets for c in chosen.values() if c.serves(target))
    assert sorted((one.target, one.collector) for one in committed) == wanted
    found = sorted((path.parent.name, path.stem) for path in (folder / "envelopes").glob("*/*.json"))
    assert found == wanted
    assert lost == sum(one.reason is not None for one in committed)
    assert EvidenceFolder(folder).verify() == []
    return Outcome(folder, lost, committed, tasks)
