"""Reads whether a host that uses dpkg waits for a restart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Reading, read_file
from auditor.evidence.patch import RestartState
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_FLAG = "/run/reboot-required"
_INFO = "/var/lib/dpkg/info"
_END = "/dev/null"
"""Listed last, so that a list which stops early shows."""
# What every long-running program holds in memory, and the bus that cannot be restarted under a running system.
_CORE = ("libc6.list", "libc6:*.list", "libssl[13]*.list", "dbus.list")
_LISTED = re.compile(r"^([a-z]) (\d{1,11})(?:\.\d*)? (\S+)$", re.ASCII)


class DpkgRestart(CommandCollector):
    """The flag that Debian's and Ubuntu's tools set, and core packages replaced since the start.

    The flag alone would not do: where no tool sets it, its absence says nothing.
    """

    id: ClassVar[str] = "restart.dpkg"
    evidence: ClassVar[type[Evidence]] = RestartState

    def commands(self, target: Target) -> Sequence[Command]:
        names = [word for pattern in _CORE for word in ("-o", "-name", pattern)]
        chosen = ("(", "-type", "d", "-o", "-type", "c", *names, ")")
        return (
            Command("flag", ("/bin/ls", "-1", "-d", "/run", _FLAG, "/var")),
            read_file("packages", f"{_FLAG}.pkgs"),
            Command("boot", ("/bin/grep", "^btime ", "/proc/stat")),
            Command("core", ("/usr/bin/find", _INFO, _END, "-maxdepth", "1", *chosen, "-printf", "%y %T@ %f\\n")),
        )

    def parse(self, seen: Reading) -> RestartState:
        if "No such file or directory" in seen.observation("core").stderr:
            raise CollectError(Reason.UNSUPPORTED, "no dpkg on this host; other package managers are not read yet")
        flag = seen.lines("flag", ok=(0, 2))
        if not {"/run", "/var"} <= set(flag):  # ls sorts: these are the first and the last
            raise CollectError(Reason.INCOMPLETE, "ls does not list /run and /var")
        boot = re.fullmatch(r"btime (\d{1,11})\n?", seen.text("boot"), re.ASCII)
        if boot is None:
            raise CollectError(Reason.UNPARSABLE, "/proc/stat gives no time of start")
        return RestartState(
            seen=seen.seen,
            flagged=_FLAG in flag,
            flagged_by=tuple(sorted(set((seen.file("packages") or "").split()))),
            booted_at=datetime.fromtimestamp(int(boot[1]), UTC),
            unpacked=_unpacked(seen.lines("core")),
        )


def _unpacked(lines: Sequence[str]) -> tuple[tuple[str, datetime], ...]:
    """dpkg writes a package's file list anew whenever it unpacks it."""
    found: dict[str, datetime] = {}
    for line in lines:
        match = _LISTED.match(line)
        if match is None:
            raise CollectError(Reason.UNPARSABLE, f"find: {line[:100]!r}")
        if match[1] == "f":
            name = match[3].removesuffix(".list")
            found[name] = datetime.fromtimestamp(int(match[2]), UTC)
    if not any(name.partition(":")[0] == "libc6" for name in found) or not lines[-1].endswith(" null"):
        raise CollectError(Reason.INCOMPLETE, "find does not list libc6, or stops early")
    return tuple(sorted(found.items()))
