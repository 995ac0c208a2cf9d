"""Reads what a Linux host is: release, kernels, uptime."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Reading, read_file
from auditor.evidence.system import SystemState
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_IMAGE = re.compile(r"^vmlinu[xz]-(?P<release>\d[\w.+~-]*)$")


class LinuxSystem(CommandCollector):
    """os-release, the running and the installed kernels, uptime and host name."""

    id: ClassVar[str] = "system.linux"
    evidence: ClassVar[type[Evidence]] = SystemState

    def commands(self, target: Target) -> Sequence[Command]:
        return (
            read_file("os-release", "/etc/os-release"),
            Command("uname", ("/bin/uname", "-r", "-n")),
            Command("boot", ("/bin/ls", "-1", "/boot")),
            read_file("uptime", "/proc/uptime"),
            Command("virt", ("/usr/bin/systemd-detect-virt",)),
        )

    def parse(self, seen: Reading) -> SystemState:
        release = os_release(seen.text("os-release"))
        names = seen.text("uname").split()
        if len(names) != 2:
            raise CollectError(Reason.UNPARSABLE, f"uname gave {len(names)} words, not 2")
        try:
            uptime = float(seen.text("uptime").split()[0])
        except (ValueError, IndexError):
            raise CollectError(Reason.UNPARSABLE, "/proc/uptime does not begin with a number") from None
        virt = None if seen.missing_tool("virt") else seen.text("virt", ok=(0, 1)).strip()
        return SystemState(
            seen=seen.seen,
            os_id=release["ID"],
            os_version=release.get("VERSION_ID", ""),
            os_codename=release.get("VERSION_CODENAME", ""),
            os_name=release.get("PRETTY_NAME", release["ID"]),
            hostname=names[0],
            kernel_running=names[1],
            kernels_installed=_kernels(seen.lines("boot")),
            uptime_s=uptime,
            virtualisation=virt,
        )


def os_release(text: str) -> dict[str, str]:
    """Parse os-release(5); values are shell-quoted words."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if not equals or key.startswith("#"):
            continue
        try:
            found[key] = " ".join(shlex.split(value))
        except ValueError:
            raise CollectError(Reason.UNPARSABLE, f"os-release: bad quoting of {key}") from None
    if not found.get("ID"):
        raise CollectError(Reason.UNPARSABLE, "os-release names no ID")
    return found


def _kernels(names: Sequence[str]) -> tuple[str, ...]:
    found = [match["release"] for name in names if (match := _IMAGE.match(name))]
    return tuple(sorted(found, key=release_order))


def release_order(release: str) -> tuple[tuple[int, str], ...]:
    """Orders kernel releases of one flavour: numbers as numbers (6.1.0-9 before 6.1.0-10)."""
    parts = re.findall(r"\d+|[^\d]+", release)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
