"""Lists the names of running processes, without their arguments (those may hold secrets).

A container's log daemon is a process of the host too, but keeps no log of the host: only those that live in the
same process namespace as ``ps`` itself count. Root alone sees to which namespace a process belongs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Privilege, Reading
from auditor.collectors._text import whole_lines
from auditor.evidence.processes import Processes
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_ROW = re.compile(r"^ *(?P<pid>\d{1,10}) +(?P<namespace>\d{1,20}|-) (?P<name>\S.*)$")


class LinuxProcesses(CommandCollector):
    """``ps`` of every process. Its own line and that of process 1 show that the list is whole."""

    id: ClassVar[str] = "processes.linux"
    evidence: ClassVar[type[Evidence]] = Processes

    def commands(self, target: Target) -> Sequence[Command]:
        argv = ("/bin/ps", "-e", "-o", "pid=", "-o", "pidns=", "-o", "comm=")
        return (Command("ps", argv, Privilege.ROOT),)

    def parse(self, seen: Reading) -> Processes:
        rows: list[tuple[int, str, str]] = []
        for line in whole_lines(seen.text("ps"), "ps"):
            match = _ROW.match(line)
            if match is None:
                raise CollectError(Reason.UNPARSABLE, f"ps: not a number, a namespace and a name: {line[:60]!r}")
            rows.append((int(match["pid"]), match["namespace"], match["name"].rstrip()))
        if rows and rows[0][0] != 1:
            # /proc mounted with hidepid shows each user his own processes only.
            raise CollectError(Reason.DENIED, "ps does not show process 1: others' processes are hidden")
        own = {namespace for _, namespace, name in rows if name == "ps"}
        if len(own - {"-"}) != 1:
            raise CollectError(Reason.INCOMPLETE, "ps does not list itself with one namespace")
        names = sorted(name for _, namespace, name in rows if namespace in own)
        return Processes(seen=seen.seen, names=tuple(names))
