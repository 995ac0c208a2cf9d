"""Lists the names of running processes, without their arguments (those may hold secrets)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Reading
from auditor.collectors._text import whole_lines
from auditor.evidence.processes import Processes
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_ROW = re.compile(r"^ *(?P<pid>\d{1,10}) (?P<name>\S.*)$")


class LinuxProcesses(CommandCollector):
    """``ps`` of every process. Its own line and that of process 1 show that the list is whole."""

    id: ClassVar[str] = "processes.linux"
    evidence: ClassVar[type[Evidence]] = Processes

    def commands(self, target: Target) -> Sequence[Command]:
        return (Command("ps", ("/bin/ps", "-e", "-o", "pid=", "-o", "comm=")),)

    def parse(self, seen: Reading) -> Processes:
        names: dict[int, str] = {}
        for line in whole_lines(seen.text("ps"), "ps"):
            match = _ROW.match(line)
            if match is None:
                raise CollectError(Reason.UNPARSABLE, f"ps: not a number and a name: {line[:60]!r}")
            names[int(match["pid"])] = match["name"].rstrip()
        if names and 1 not in names:
            # /proc mounted with hidepid shows each user his own processes only.
            raise CollectError(Reason.DENIED, "ps does not show process 1: others' processes are hidden")
        if "ps" not in names.values():
            raise CollectError(Reason.INCOMPLETE, "ps does not list itself")
        return Processes(seen=seen.seen, names=tuple(sorted(names.values())))
