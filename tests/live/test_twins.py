"""Twins: real hosts that differ in exactly one known thing, audited by the real ``audit.py run`` over SSH.

All stand in one network of their own (``tests/hosts.py``), and one run looks at all of them. What must differ
was written down from what was done to each host; everything else must be the same.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import host_steps as steps
from tests import hosts
from tests.hosts import Host, Lab, Step

pytestmark = [pytest.mark.root, pytest.mark.live, pytest.mark.net, pytest.mark.slow]

AUDIT = str(Path(__file__).parents[2] / "audit.py")
TOOLS = (*hosts.TOOLS, "ufw", "restic", "clamd", "apt-get")

BASE: tuple[Step, ...] = (
    steps.nft_default_drop,
    steps.sshd_hardened,
    steps.restic_fresh,
    steps.archive(),
    steps.clamav(),
    steps.crontab("0 3 * * * root /usr/bin/freshclam"),
)
Differs = dict[str, tuple[str, str]]
"""Rule → its result on the base host, and on the twin. All other rules have the same result on both."""


def turn(*rules: str) -> Differs:
    return dict.fromkeys(rules, ("pass", "fail"))


TWINS: dict[str, tuple[tuple[Step, ...], Differs]] = {
    "nft-open": (
        (steps.nft_open,),
        turn(
            "firewall.host-active",
            "firewall.default-deny",
            "firewall.open-ports",
            "firewall.admin-sources",
            "firewall.persistence",
        ),
    ),
    "nft-ipv6-forgotten": (
        (steps.nft_ipv6_forgotten,),
        turn("firewall.default-deny", "firewall.open-ports", "firewall.admin-sources"),
    ),
    "nft-unsaved": (
        (steps.script("systemctl -q disable nftables.service"),),
        turn("firewall.persistence"),
    ),
    "ufw": ((steps.ufw_active,), {}),
    "ssh-root": ((steps.sshd_config("PermitRootLogin yes\n" + steps.HARDENED),), turn("access.ssh-root-login")),
    "ssh-old-cipher": ((steps.sshd_config("Ciphers +aes128-cbc\n" + steps.HARDENED),), turn("access.ssh-algorithms")),
    "second-root": ((steps.uid0_twin,), turn("access.uid-zero")),
    "empty-password": ((steps.empty_password,), turn("access.empty-passwords")),
    "backup-40-days": ((steps.restic_40_days,), turn("backup.recency")),
    "backup-none": ((steps.script("rm -r /srv/sao-luu"),), turn("backup.recency", "backup.copies")),
    "update-missing": ((steps.archive(offers="bash"),), turn("patch.security-updates")),
    "lists-stale": ((steps.lists_stale,), turn("patch.list-age")),
    "reboot": ((steps.script("touch /run/reboot-required"),), turn("patch.reboot-pending")),
    "clamd-stopped": ((steps.clamav(running=False),), turn("antivirus.running")),
    "signatures-old": ((steps.clamav(days=30),), turn("antivirus.signature-age")),
    "telnet-port": ((steps.listens(23),), turn("hardening.insecure-services")),
    "noisy": ((steps.noisy_profile,), {}),
}


def need() -> None:
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    why = "needs root" if os.geteuid() else f"{', '.join(missing)} not installed" if missing else ""
    if why:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(why)


@dataclass(frozen=True)
class Audited:
    lab: Lab
    document: dict[str, Any]

    def results(self, target: str) -> dict[str, str]:
        return {one["rule"]: one["result"] for one in self.document["findings"] if one["target"] == target}

    def state(self, target: str) -> tuple[str, str | None]:
        return next((one["state"], one["reason"]) for one in self.document["targets"] if one["id"] == target)


INVENTORY = """
province: {id: thu-nghiem, name: Tỉnh Thử Nghiệm}
groups: [{id: nhom, name: {vi: Nhóm, en: Group}}]
agencies: [{id: so-a, name: Sở A, group: nhom}]
systems: [{id: he-thong, name: Hệ thống, owner: so-a, level: 3}]
sites: [{id: phong-may, name: Phòng máy, agency: so-a, limits: {max_parallel: 3}}]
authorities:
  - id: ke-hoach
    basis: operator-selfcheck
    document: {no: 01/KH, date: 2026-01-01}
    scope: {networks: [10.77.0.0/16], exclude: [10.77.9.0/24]}
    methods: [read-login, links]
    from: 2026-01-01
    until: 2099-12-31
defaults: {ssh: {user: audit, key_file: ./key}}
servers:
"""
JOB = "{id: ngay, tool: restic, repo: /srv/sao-luu, password_file: /root/.restic, min_copies: 3}"


def server(name: str, host: Host, *, settings: str = "", key: str | None = None) -> str:
    ssh = f"host_key: {json.dumps(key or host.host_key())}{settings}"
    return (
        f"  - {{id: {name}, address: {host.address}, systems: [he-thong], site: phong-may, platform: linux,\n"
        f"     ssh: {{{ssh}}}, backups: [{JOB}]}}\n"
    )


@pytest.fixture(scope="module")
def audited() -> Iterator[Audited]:
    need()
    with Lab() as lab:
        base = lab.host("base", "10.77.1.1", *BASE)
        for number, (name, (changes, _)) in enumerate(TWINS.items(), 2):
            lab.host(name, f"10.77.1.{number}", *changes, like=base)
        no_sudo = lab.host("no-sudo", "10.77.2.1", like=base)
        outside = lab.host("outside", "10.77.9.1", count_auditor, like=base)
        listed = [server(name, host) for name, host in lab.hosts.items()]
        (lab.folder / "inventory.yaml").write_text(INVENTORY + "".join(listed))
        lab.control(sys.executable, AUDIT, "sudoers", "inventory.yaml", "--out", "sudoers")
        for name, host in lab.hosts.items():
            if host is not no_sudo:
                host.allow((lab.folder / "sudoers" / name).read_text())
        subprocess_key = lab.folder / "other"
        lab.control("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(subprocess_key))
        listed += [
            server("closed-port", base, settings=", port: 2222"),
            server("wrong-key", base, settings=", key_file: ./other"),
            server("changed-host-key", base, key=outside.host_key()),
        ]
        (lab.folder / "inventory.yaml").write_text(INVENTORY + "".join(listed))
        for host in lab.hosts.values():
            host.start()
            host.mark()
        words = ("run", "inventory.yaml", "--out", "out", "--db", f"sqlite:///{lab.folder}/a.db")
        ended = lab.control(sys.executable, AUDIT, *words, check=False)
        assert ended.returncode == 1, ended.stderr
        yield Audited(lab, json.loads((lab.folder / "out" / "run.json").read_text("utf-8")))


def count_auditor(host: Host) -> None:
    """Count what comes from the auditor; nothing is refused."""
    chain = f"chain i {{ type filter hook input priority -10; ip saddr {hosts.AUDITOR} counter; }}"
    host.at_start["counter"] = (
        f"nft 'add table inet seen; add chain inet seen i {{ type filter hook input priority -10; }}; add rule inet seen i ip saddr {hosts.AUDITOR} counter'"
    )


@pytest.mark.parametrize("name", TWINS)
def test_twins_differ_in_what_was_done_and_in_nothing_else(audited: Audited, name: str) -> None:
    base, twin = audited.results("base"), audited.results(name)
    assert base.keys() == twin.keys()
    found = {rule: (base[rule], twin[rule]) for rule in base if base[rule] != twin[rule]}
    assert found == TWINS[name][1]
