"""Is the clock held to a time source?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, NoParams, Unavailable, Verdict, failed, passed, unknown
from auditor.evidence.processes import Processes
from auditor.evidence.timesync import DAEMONS, TimeSync


@dataclass(frozen=True)
class Needs(Bundle):
    timesync: TimeSync
    processes: Processes | Unavailable


class TimeSynchronised(Check[Needs, NoParams]):
    """What a time program says counts; silence counts as no only where no such program runs."""

    id: ClassVar[str] = "logging.time-sync"
    evidence: ClassVar[type] = Needs

    def judge(self, evidence: Needs, params: NoParams) -> Verdict:
        sync, processes = evidence.timesync, evidence.processes
        for answer in sync.answers:
            if answer.synchronised:
                return passed("in-step", found=answer.source or answer.tool, where=answer.tool, tool=answer.tool)
        if sync.answers:
            first = sync.answers[0]
            return failed("adrift", found=first.source or "-", where=first.tool, tool=first.tool)
        if isinstance(processes, Unavailable):
            return unknown("processes-unseen", what=processes.detail)
        if running := processes.running(DAEMONS):
            return unknown("no-answer", found=running[0], where="; ".join(sync.silent), daemon=running[0])
        return failed("no-daemon", expected="chronyd | systemd-timesyncd | ntpd", found="-", where="ps")
