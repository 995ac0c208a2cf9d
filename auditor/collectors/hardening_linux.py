"""Reads kernel settings, mandatory access control and automatic logins of a Linux host."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Privilege, Reading
from auditor.collectors._files import read_values, values
from auditor.collectors._text import Line, grepped
from auditor.evidence.hardening import AutoLogin, HostHardening, Sysctl
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_SINGLE = (
    "kernel/randomize_va_space",
    "fs/suid_dumpable",
    "net/ipv4/icmp_echo_ignore_broadcasts",
    "net/ipv4/tcp_syncookies",
)
_PER_INTERFACE = ("rp_filter", "accept_redirects", "accept_source_route", "tcp_syncookies")
"""The last is the one that every kernel has, asked for last: its line proves that the listing is whole."""
_TREES = ("/proc/sys/net/ipv4/conf", "/proc/sys/net/ipv6/conf")
_LAST = "/proc/sys/net/ipv4/tcp_syncookies"
_APPARMOR = "/sys/module/apparmor/parameters/enabled"
_SELINUX = "/sys/fs/selinux/enforce"
_PROFILES = "/sys/kernel/security/apparmor/profiles"
_LOGIN_FILES = (
    "/etc/systemd/system",
    "/etc/inittab",
    "/etc/gdm3",
    "/etc/gdm",
    "/etc/lightdm",
    "/etc/sddm.conf",
    "/etc/sddm.conf.d",
    "/etc/os-release",
)
"""os-release, asked for last, always has a line to show: the listing is whole."""
_OFF = frozenset({"", "false", "0", "no"})


class LinuxHardening(CommandCollector):
    """Small files under /proc/sys and /sys, and the files in which automatic logins are set."""

    id: ClassVar[str] = "hardening.linux"
    evidence: ClassVar[type[Evidence]] = HostHardening

    def commands(self, target: Target) -> Sequence[Command]:
        named = tuple(f"--include={name}" for name in _PER_INTERFACE)
        asked = (
            "-e",
            "autologin",
            "-e",
            "AutomaticLogin",
            "-e",
            "TimedLogin",
            "-e",
            "agetty",
            "-e",
            "^User=",
            "-e",
            "^ID=",
        )
        return (
            read_values("sysctls", tuple(f"/proc/sys/{path}" for path in _SINGLE)),
            Command("interfaces", ("/bin/grep", "-rHn", *named, "-e", ".", "--", *_TREES, _LAST)),
            read_values("mandatory", (_APPARMOR, _SELINUX)),
            Command("profiles", ("/bin/grep", "-c", "-e", "(enforce)$", "--", _PROFILES), Privilege.ROOT),
            Command("logins", ("/bin/grep", "-rHn", *asked, "--", *_LOGIN_FILES)),
        )

    def parse(self, seen: Reading) -> HostHardening:
        mandatory = values(seen, "mandatory", (_APPARMOR, _SELINUX))
        apparmor = _one_of(mandatory[_APPARMOR], {"Y": True, "N": False, None: False}, _APPARMOR)
        selinux = _one_of(mandatory[_SELINUX], {"1": "enforcing", "0": "permissive", None: "absent"}, _SELINUX)
        return HostHardening(
            seen=seen.seen,
            sysctls=tuple(sorted({*_single(seen), *_interfaces(seen)}, key=lambda item: item.path)),
            apparmor=bool(apparmor),
            apparmor_enforced=_profiles(seen) if apparmor else None,
            selinux=str(selinux),
            auto_logins=_auto_logins(seen),
        )


def _one_of(
    lines: tuple[str, ...] | None, meanings: dict[str | None, bool] | dict[str | None, str], path: str
) -> bool | str:
    word = None if lines is None else lines[0] if len(lines) == 1 else ""
    if word not in meanings:
        raise CollectError(Reason.UNPARSABLE, f"{path} says {lines!r}"[:200])
    return meanings[word]


def _single(seen: Reading) -> Iterator[Sysctl]:
    paths = tuple(f"/proc/sys/{path}" for path in _SINGLE)
    for path, lines in values(seen, "sysctls", paths).items():
        if lines is None:
            continue
        if len(lines) != 1 or not lines[0].isdigit():
            raise CollectError(Reason.UNPARSABLE, f"{path} holds no number")
        yield Sysctl(path=path.removeprefix("/proc/sys/"), value=lines[0])


def _interfaces(seen: Reading) -> Iterator[Sysctl]:
    for line in grepped(seen, "interfaces", (_LAST,)):
        if line.number != 1 or not line.text.strip().lstrip("-").isdigit():
            raise CollectError(Reason.UNPARSABLE, f"{line.where}: {line.text[:80]}")
        yield Sysctl(path=line.path.removeprefix("/proc/sys/"), value=line.text.strip())


def _profiles(seen: Reading) -> int | None:
    try:
        text = seen.text("profiles", ok=(0, 1)).strip()
    except CollectError:
        return None
    return int(text) if text.isdigit() and len(text) < 9 else None


def _auto_logins(seen: Reading) -> tuple[AutoLogin, ...] | None:
    try:
        lines = grepped(seen, "logins", ("/etc/os-release",))
    except CollectError:
        return None
    return tuple(found for line in lines for found in _auto_login(line))


def _auto_login(line: Line) -> Iterator[AutoLogin]:
    text = line.text.strip()
    if not text or text[0] in "#;" or line.path == "/etc/os-release":
        return
    if "agetty" in text:
        account = _getty_account(text)
        if account is not None:
            yield AutoLogin(where=line.where, account=account)
        return
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or value.lower() in _OFF:
        return
    if line.path.startswith("/etc/gdm") and key in ("AutomaticLoginEnable", "TimedLoginEnable"):
        yield AutoLogin(where=line.where)
    elif line.path.startswith("/etc/lightdm") and key in ("autologin-user", "autologin-guest"):
        yield AutoLogin(where=line.where, account=value if key == "autologin-user" else "")
    elif line.path.startswith("/etc/sddm") and key == "User":
        yield AutoLogin(where=line.where, account=value)


def _getty_account(text: str) -> str | None:
    """The account in ``agetty --autologin NAME`` or ``-a NAME``; None when it logs nobody in."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    for at, word in enumerate(words):
        if word in ("--autologin", "-a"):
            return words[at + 1] if at + 1 < len(words) else ""
        if word.startswith("--autologin="):
            return word.partition("=")[2]
    return None
