"""How long an inventory of 10,000 targets takes to load, beyond what the YAML parser itself takes.

Run: python -m bench.inventory_load [TARGETS] [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from auditor import strictyaml
from auditor.inventories import from_snapshot, load_inventory, snapshot


def province(targets: int) -> str:
    """An invented province of so many targets, as YAML."""
    agencies, systems = max(1, targets // 50), max(1, targets // 25)
    lines = ["province: {id: binh-minh, name: Tỉnh Bình Minh}", "groups: [{id: so-nganh, name: Sở ngành}]", "agencies:"]
    lines += [f"  - {{id: dv{n}, name: Đơn vị {n}, group: so-nganh}}" for n in range(agencies)]
    lines += ["sites:", *(f"  - {{id: noi{n}, name: Nơi {n}, agency: dv{n}}}" for n in range(agencies))]
    lines += ["systems:", *(f"  - {{id: ht{n}, owner: dv{n % agencies}, level: {n % 5 + 1}}}" for n in range(systems))]
    lines += [
        "defaults: {ssh: {user: audit, port: 22, key_file: ~/.ssh/capdo, known_hosts: ./known_hosts}}",
        "servers:",
    ]
    for n in range(targets):
        lines.append(
            f"  - {{id: may{n:05}, address: 10.{n >> 16}.{n >> 8 & 255}.{n & 255}, systems: [ht{n % systems}], "
            f"site: noi{n % agencies}, platform: linux, role: web, tags: [web, noi-bo], connect: ssh, backups: "
            f"[{{id: ngay, tool: restic, repo: /srv/backup, password_file: /root/.restic, max_age_hours: 26}}]}}"
        )
    return "\n".join(lines) + "\n"


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    targets, rounds = (int(one) for one in (sys.argv[1:] + ["10000", "5"][len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "binh-minh.yaml"
        path.write_text(province(targets), encoding="utf-8")
        text = path.read_text(encoding="utf-8")
        parse, bare, load = [], [], []
        load_inventory(path)  # imports the plug-ins
        for _ in range(rounds):  # in turn, so that a slow moment of the machine falls on both
            parse.append(_seconds(lambda: yaml.CSafeLoader(text).get_single_node()))
            load.append(_seconds(lambda: load_inventory(path)))
            with strictyaml.garbage_kept():
                bare.append(_seconds(lambda: yaml.CSafeLoader(text).get_single_node()))
        inventory = load_inventory(path)
        assert len(inventory.targets) == targets
        save = [_seconds(lambda: from_snapshot(snapshot(inventory))) for _ in range(rounds)]
    compose, whole = statistics.median(parse), statistics.median(load)
    print(f"targets {targets}, {len(text) / 1e6:.1f} MB, median of {rounds} rounds")
    print(f"CSafeLoader compose  {compose:6.2f} s  ({min(parse):.2f} to {max(parse):.2f})")
    print(f"  the same, no GC    {statistics.median(bare):6.2f} s  ({min(bare):.2f} to {max(bare):.2f})")
    print(f"our whole load       {whole:6.2f} s  ({min(load):.2f} to {max(load):.2f})")
    print(f"difference           {whole - compose:6.2f} s; without GC {whole - statistics.median(bare):.2f} s")
    print(f"snapshot and back    {statistics.median(save):6.2f} s")


if __name__ == "__main__":
    main()
