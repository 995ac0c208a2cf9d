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

LONG_SETTLED = steps.script("find /var/lib/dpkg/info -maxdepth 1 -name '*.list' -exec touch -d 2020-01-01 {} +")
"""The hosts are made of this machine, whose own core packages may have been replaced since it was started."""
BASE: tuple[Step, ...] = (
    LONG_SETTLED,
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
        turn("firewall.host-active", "firewall.default-deny", "firewall.open-ports", "firewall.admin-sources")
        | {"firewall.persistence": ("pass", "notapplicable")},  # nothing is closed that could be kept closed
    ),
    "nft-ipv6-forgotten": (
        (steps.nft_ipv6_forgotten,),
        turn("firewall.default-deny", "firewall.open-ports", "firewall.admin-sources"),
    ),
    "nft-unsaved": ((steps.script("systemctl -q disable nftables.service"),), turn("firewall.persistence")),
    "ufw-instead": ((steps.ufw_active,), {}),
    "ssh-root": (
        (steps.sshd_config("PermitRootLogin yes\nPasswordAuthentication yes\n" + steps.HARDENED),),
        turn("access.ssh-root-login", "access.ssh-password-login"),
    ),
    "ssh-old-cipher": ((steps.sshd_config("Ciphers +aes128-cbc\n" + steps.HARDENED),), turn("access.ssh-algorithms")),
    "second-root": ((steps.uid0_twin,), turn("access.uid-zero")),
    "empty-password": ((steps.empty_password,), turn("access.empty-passwords")),
    "backup-40-days": ((steps.restic_40_days,), turn("backup.recency")),
    "backup-gone": (
        (steps.script("rm -r /srv/sao-luu"),),
        turn("backup.recency", "backup.copies") | {"backup.separate-storage": ("fail", "unknown")},
    ),
    "update-missing": ((steps.archive(offers="bash"),), turn("patch.security-updates")),
    "lists-stale": (
        (steps.lists_stale,),
        turn("patch.list-age") | {"patch.security-updates": ("pass", "unknown")},  # by such a list nobody can tell
    ),
    "restart-awaited": ((steps.script("touch /run/reboot-required"),), turn("patch.reboot-pending")),
    "clamd-stopped": ((steps.clamd_stopped,), turn("antivirus.running") | {"antivirus.recent-scan": ("pass", "fail")}),
    "signatures-old": ((steps.clamav(days=30),), turn("antivirus.signature-age")),
    "telnet-port": ((steps.listens(23),), turn("hardening.insecure-services")),
    "noisy-profile": ((steps.noisy_profile,), {}),
}


OFF_THE_WIRE = {f"access.ssh-{name}" for name in ("protocol", "kex", "ciphers", "macs", "host-keys", "terrapin")}
"""What sshd tells everybody, whoever may log in."""


def need() -> None:
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    why = "needs root" if os.geteuid() else f"{', '.join(missing)} not installed" if missing else ""
    if why:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(why)


@dataclass(frozen=True)
class Audited:
    lab: Lab
    document: dict[str, Any]

    def findings(self, target: str) -> dict[str, dict[str, Any]]:
        """What is said of this machine itself; questions to the whole system fall on one machine of it."""
        rules = self.document["rules"]
        found = (one for one in self.document["findings"] if one["target"] == target)
        return {one["rule"]: one for one in found if rules[one["rule"]]["scope"] == "target"}

    def results(self, target: str) -> dict[str, str]:
        return {rule: one["result"] for rule, one in self.findings(target).items()}

    def state(self, target: str) -> tuple[str, str | None]:
        return next((one["state"], one["reason"]) for one in self.document["targets"] if one["id"] == target)


INVENTORY = """
province: {id: thu-nghiem, name: Tỉnh Thử Nghiệm}
groups: [{id: nhom, name: {vi: Nhóm, en: Group}}]
agencies: [{id: so-a, name: Sở A, group: nhom}]
systems: [{id: he-thong, name: Hệ thống, owner: so-a, level: 3}]
sites: [{id: phong-may, name: Phòng máy, agency: so-a}]
authorities:
  - id: ke-hoach
    basis: operator-selfcheck
    document: {no: 01/KH, date: 2026-01-01}
    scope: {networks: [10.77.0.0/16], exclude: [10.77.9.0/24]}
    methods: [read-login]
    from: 2026-01-01
    until: 2099-12-31
defaults: {ssh: {user: audit, key_file: ./key}}
servers:
"""
JOB = "{id: ngay, tool: restic, repo: /srv/sao-luu, password_file: /root/.restic, min_copies: 3}"


def server(name: str, host: Host, settings: str = "", *, key: str | None = None) -> str:
    return (
        f"  - {{id: {name}, address: {host.address}, systems: [he-thong], site: phong-may, platform: linux,\n"
        f"     ssh: {{host_key: {key or host.host_key()}{settings}}}, backups: [{JOB}]}}\n"
    )


def count_auditor(host: Host) -> None:
    """Count what comes from the auditor, and refuse nothing."""
    chain = "add chain inet seen i { type filter hook input priority -10; }"
    rule = f"add rule inet seen i ip saddr {hosts.AUDITOR} counter"
    host.at_start["counter"] = f"nft 'add table inet seen; {chain}; {rule}'"


def counted(host: Host) -> int:
    return int(host.sh("nft list table inet seen").partition("packets ")[2].split()[0])


@pytest.fixture(scope="module")
def audited() -> Iterator[Audited]:
    need()
    with Lab() as lab:
        base = lab.host("base", "10.77.1.1", *BASE)
        for number, (name, (changes, _)) in enumerate(TWINS.items(), 2):
            lab.host(name, f"10.77.1.{number}", *changes, like=base)
        lab.host("no-sudo", "10.77.2.1", like=base)
        outside = lab.host("outside", "10.77.9.1", count_auditor, like=base)
        lab.control("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "other-key")
        listed = [
            *(server(name, host) for name, host in lab.hosts.items()),
            server("closed-port", base, ", port: 2222"),
            server("wrong-key", base, ", key_file: ./other-key"),
            server("changed-host-key", base, key=outside.host_key()),
        ]
        (lab.folder / "inventory.yaml").write_text(INVENTORY + "".join(listed))
        lab.control(sys.executable, AUDIT, "sudoers", "inventory.yaml", "--out", "sudoers")
        for name, host in lab.hosts.items():
            if name != "no-sudo":
                host.allow((lab.folder / "sudoers" / name).read_text())
            host.start()
            host.mark()
        words = ("run", "inventory.yaml", "--out", "out", "--db", f"sqlite:///{lab.folder}/a.db")
        ended = lab.control(sys.executable, AUDIT, *words, check=False)
        assert ended.returncode == 1, ended.stderr
        yield Audited(lab, json.loads((lab.folder / "out" / "run.json").read_text("utf-8")))


@pytest.mark.parametrize("name", TWINS)
def test_twins_differ_in_what_was_done_and_in_nothing_else(audited: Audited, name: str) -> None:
    base, twin = audited.results("base"), audited.results(name)
    assert base.keys() == twin.keys()
    assert audited.state("base")[0] == audited.state(name)[0]
    assert {rule: (base[rule], twin[rule]) for rule in base if base[rule] != twin[rule]} == TWINS[name][1]


def test_the_noisy_host_is_noisy(audited: Audited) -> None:
    host = audited.lab.hosts["noisy-profile"]
    key = ("-i", str(audited.lab.key_file), "-o", "IdentitiesOnly=yes")
    known = ("-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
    said = audited.lab.control("ssh", *key, *known, f"{hosts.USER}@{host.address}", "echo $LANG; cat /etc/hostname")
    assert said.stdout.startswith("Chào mừng")
    assert said.stdout.endswith("vi_VN.UTF-8\nsai\n")
    assert "lỗi cấu hình" in said.stderr


def test_without_sudo_nothing_is_good_or_bad_that_only_root_can_see(audited: Audited) -> None:
    base, twin = audited.results("base"), audited.findings("no-sudo")
    lost = {rule for rule in base if base[rule] != twin[rule]["result"]}
    assert {twin[rule]["result"] for rule in lost} == {"unknown"}
    assert {twin[rule]["reason"] for rule in lost if rule.startswith(("firewall", "antivirus", "access"))} == {"denied"}
    by_root = ("firewall.", "antivirus.", "backup.rec", "backup.cop", "access.ssh-", "access.empty-passwords")
    assert {rule for rule in base if rule.startswith(by_root) and rule not in OFF_THE_WIRE} <= lost
    assert OFF_THE_WIRE.isdisjoint(lost)
    assert {rule for rule in base if rule.startswith(("patch.", "hardening.", "access.password-"))}.isdisjoint(lost)
    assert audited.state("no-sudo") == ("partial", "denied")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("closed-port", "unreachable"),
        ("wrong-key", "denied"),
        ("changed-host-key", "host-key"),
        ("outside", "not-authorised"),
    ],
)
def test_what_could_not_be_looked_at_says_why(audited: Audited, target: str, reason: str) -> None:
    assert audited.state(target) == ("unreachable", reason)
    seen = {
        rule: one["result"]
        for rule, one in audited.findings(target).items()
        if not rule.startswith(("network.", "management.")) and rule != "backup.job-declared"
    }
    assert set(seen.values()) <= {"unknown", "notchecked"}


def test_a_host_outside_every_authority_got_no_packet(audited: Audited) -> None:
    host = audited.lab.hosts["outside"]
    assert counted(host) == 0
    audited.lab.control("ssh-keyscan", "-T", "2", host.address, check=False)  # the counter does count
    assert counted(host) > 0


WRITTEN_BY_LOGIN = {"run/motd.dynamic", "run/utmp", "var/log/lastlog", "var/log/wtmp", "var/log/btmp"}
"""By sshd and PAM at every login; all others of theirs go to the system log, which does not run here."""


def test_nothing_is_written_on_a_host(audited: Audited) -> None:
    for name, host in audited.lab.hosts.items():
        # sudo, when it refuses, notes down the session that it will not ask again.
        refused = {f"run/sudo/ts/{hosts.USER}"} if name == "no-sudo" else set()
        assert set(host.written()) <= WRITTEN_BY_LOGIN | refused, name
    assert audited.lab.hosts["base"].written(), "not even the login was seen"
    base = audited.lab.hosts["base"]
    base.sh("touch /var/tmp/a")
    assert "var/tmp/a" in base.written()
