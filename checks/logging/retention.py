"""Are logs kept as long as the level demands?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Instance, Result, Say, Verdict, failed, over, param, worst
from auditor.evidence.logging import JournalState, LogRotation, SyslogConfig
from auditor.evidence.processes import Processes


@dataclass(frozen=True)
class Needs(Bundle):
    processes: Processes
    syslog: SyslogConfig
    journal: JournalState
    rotation: LogRotation


@dataclass(frozen=True)
class Params:
    days: int = param(90, stricter="higher")


class Retention(Check[Needs, Params]):
    """By logrotate's terms for syslog's files, or by the journal's oldest entry: the better of both counts."""

    id: ClassVar[str] = "logging.retention"
    evidence: ClassVar[type] = Needs
    params: ClassVar[type] = Params

    def judge(self, evidence: Needs, params: Params) -> Verdict:
        stores = []
        if evidence.syslog.files and evidence.processes.running(evidence.syslog.configured):
            stores.append([_file(each.path, evidence.rotation, params.days) for each in evidence.syslog.files])
        if evidence.processes.running(("systemd-journald",)):
            stores.append([_journal(evidence.journal, params.days)])
        if not stores:
            return failed("nothing-kept", expected=f">= {params.days} d", where="ps", days=params.days)
        best = min(stores, key=lambda made: "pass, unknown, fail".index(worst(each.result for each in made)))
        return over(best, "kept", expected=f">= {params.days} d", days=params.days)


def _file(path: str, rotation: LogRotation, days: int) -> Instance:
    terms = rotation.of(path)
    kept, where = (terms.kept_days, terms.where) if terms else (None, "/etc/logrotate.d")
    if kept is None:
        return Instance(path, Result.UNKNOWN, Say("by-size" if terms else "no-rotation"), where=where)
    result = Result.PASS if kept >= days else Result.FAIL
    return Instance(path, result, Say("for-days", {"kept": f"{kept:g}"}), f">= {days} d", f"{kept:g} d", where)


def _journal(journal: JournalState, days: int) -> Instance:
    kept, age = journal.limit_days, journal.reach_days
    if kept < days:
        return Instance("journal", Result.FAIL, Say("for-days", {"kept": f"{kept:g}"}), where=journal.storage_where)
    result, said = Result.PASS if age >= days else Result.UNKNOWN, Say("reaches-back", {"age": age})
    return Instance("journal", result, said, f">= {days} d", f"{age} d", "/var/log/journal")
