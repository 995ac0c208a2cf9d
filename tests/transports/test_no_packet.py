"""Not one packet to what no authority covers: counted by the packet filter of the network it would cross.

The auditor runs in a network namespace of its own, joined by a cable to another one that holds all the
addresses of the inventory; the other side counts, per address, whatever arrives.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor.model import VIETNAM
from tests.transports.bed import need, write_inventory
from tests.transports.sshd import make_key

pytestmark = [pytest.mark.root, pytest.mark.net, pytest.mark.live]

ROOT = Path(__file__).parents[2]
TARGETS = {
    "allowed": "10.91.1.10",
    "outside": "10.91.2.10",
    "excluded": "10.91.1.66",
    "mapped": "::ffff:10.91.2.11",
    "mapped-excluded": "::ffff:10.91.1.67",
    "six": "fd91::10",
    "late": "10.91.3.10",
    "night": "10.91.4.10",
    "method": "10.91.5.10",
}
DOCUMENT = {"no": "12/KH", "date": "2026-01-15"}


def sh(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.fixture
def cable() -> Iterator[tuple[str, str]]:
    """Two namespaces: the auditor's, and one that answers for every address and counts."""
    absent = [tool for tool in ("ip", "nft") if shutil.which(tool) is None]
    need("needs root" if os.geteuid() != 0 else f"not installed: {', '.join(absent)}" if absent else "")
    ours, theirs = (f"capdo-{side}-{os.getpid()}" for side in ("a", "b"))
    try:
        for name in (ours, theirs):
            sh("ip", "netns", "add", name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
        sh("ip", "link", "add", "eth0", "netns", ours, "type", "veth", "peer", "name", "eth0", "netns", theirs)
        for name, number in ((ours, 1), (theirs, 2)):
            sh("ip", "-n", name, "addr", "add", f"10.91.0.{number}/16", "dev", "eth0")
            sh("ip", "-n", name, "addr", "add", f"fd91::{number}/64", "dev", "eth0", "nodad")
            sh("ip", "-n", name, "link", "set", "eth0", "up")
        for address in TARGETS.values():
            plain = address.removeprefix("::ffff:")
            bits = "64" if ":" in plain else "16"
            sh(
                "ip",
                "-n",
                theirs,
                "addr",
                "add",
                f"{plain}/{bits}",
                "dev",
                "eth0",
                *(["nodad"] if bits == "64" else []),
            )
        rules = "\n".join(
            f'{"ip6" if ":" in plain else "ip"} daddr {plain} counter comment "{key}"'
            for key, plain in ((key, address.removeprefix("::ffff:")) for key, address in TARGETS.items())
        )
        text = f"table inet seen {{\nchain in {{\ntype filter hook prerouting priority -300;\n{rules}\n}}\n}}\n"
        subprocess.run(["ip", "netns", "exec", theirs, "nft", "-f", "-"], input=text, text=True, check=True, timeout=30)
        yield ours, theirs
    finally:
        for name in (ours, theirs):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=30, check=False)


def counts(namespace: str) -> dict[str, int]:
    told: dict[str, Any] = json.loads(sh("ip", "netns", "exec", namespace, "nft", "-j", "list", "ruleset"))
    rules = [item["rule"] for item in told["nftables"] if "rule" in item]
    return {
        rule["comment"]: int(expr["counter"]["packets"]) for rule in rules for expr in rule["expr"] if "counter" in expr
    }


def test_no_packet_without_an_authority(cable: tuple[str, str], tmp_path: Path) -> None:
    ours, theirs = cable
    make_key(tmp_path / "key")
    ssh = {"user": "audit", "key_file": str(tmp_path / "key")}
    other_day = (datetime.now(VIETNAM) + timedelta(days=3)).isoweekday()
    base = {"basis": "operator-selfcheck", "document": DOCUMENT, "methods": ["read-login", "tls", "links"]}
    always = {**base, "from": "2020-01-01", "until": "2099-12-31"}
    on_other_days = {"start": "00:00", "end": "24:00", "days": [other_day]}
    authorities = [
        {**always, "id": "a", "scope": {"networks": ["10.91.1.0/24"], "exclude": ["10.91.1.64/28"]}},
        {**base, "id": "b", "scope": {"networks": ["10.91.3.0/24"]}, "from": "2020-01-01", "until": "2020-12-31"},
        {**always, "id": "c", "scope": {"networks": ["10.91.4.0/24"]}, "hours": on_other_days},
        {**always, "id": "d", "scope": {"networks": ["10.91.5.0/24"]}, "methods": ["snmp"]},
    ]
    services, links = [], []
    for key, address in TARGETS.items():
        host = f"[{address}]" if ":" in address else address
        services.append({"id": f"web-{key}", "url": f"https://{host}/", "systems": ["cong"]})
        links.append({"id": f"link-{key}", "from": "dc", "to": "x", "target": address})
    path = write_inventory(
        tmp_path,
        [{"id": key, "address": address, "ssh": ssh} for key, address in TARGETS.items()],
        authorities=authorities,
        services=services,
        links=links,
        sites=[{"id": "dc"}],
    )
    before = counts(theirs)
    assert set(before) == set(TARGETS)
    done = subprocess.run(
        [
            *("ip", "netns", "exec", ours, sys.executable, str(ROOT / "audit.py")),
            *("collect", str(path), "--out", str(tmp_path / "evidence"), "--lang", "en"),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    after = counts(theirs)
    assert after["allowed"] > before["allowed"], "the counters work: what is allowed was really asked"
    assert {key: number for key, number in after.items() if key != "allowed"} == {
        key: number for key, number in before.items() if key != "allowed"
    }
    envelopes = [json.loads(p.read_text("utf-8")) for p in (tmp_path / "evidence" / "envelopes").glob("*/*.json")]
    for told in envelopes:
        if not told["target"].endswith("allowed"):
            assert told["reason"] == "not-authorised", told
    assert len(envelopes) >= 3 * len(TARGETS)
