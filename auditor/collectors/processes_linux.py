"""Lists the names of the host's own running processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Reading
from auditor.collectors import _processes
from auditor.evidence.processes import Processes
from auditor.model import Evidence
from auditor.targets import Target


class LinuxProcesses(CommandCollector):
    """``ps`` of every process; those of containers are left out."""

    id: ClassVar[str] = "processes.linux"
    evidence: ClassVar[type[Evidence]] = Processes

    def commands(self, target: Target) -> Sequence[Command]:
        return (_processes.listing("ps"),)

    def parse(self, seen: Reading) -> Processes:
        return Processes(seen=seen.seen, names=_processes.own(seen, "ps"))
