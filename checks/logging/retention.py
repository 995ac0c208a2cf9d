"""Are logs kept as long as the level demands?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Instance, Result, Say, Verdict, failed, over, worst
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
    days: int = 90


class Retention(Check[Needs, Params]):
    """By logrotate's terms for syslog's files, or by the journal's oldest entry: the better of both counts."""

    id: ClassVar[str] = "logging.retention"
    evidence: ClassVar[type] = Needs
    params: ClassVar[type] = Params

    def judge(self, evidence: Needs, params: Params) -> Verdict:
        stores = []
        running = evidence.processes.running(("rsyslogd", "syslog-ng"))
        if set(running) & set(evidence.syslog.configured) and evidence.syslog.files:
            stores.append([_file(each.path, evidence.rotation, params.days) for each in evidence.syslog.files])
        if evidence.processes.running(("systemd-journald",)):
            stores.append([_journal(evidence.journal, params.days)])
        if not stores:
            return failed("nothing-kept", expected=f">= {params.days} d", where="ps", days=params.days)
        order = (Result.PASS, Result.UNKNOWN, Result.FAIL)
        best = min(stores, key=lambda made: order.index(worst(each.result for each in made)))
        return over(best, "kept", expected=f">= {params.days} d", days=params.days)


def _file(path: str, rotation: LogRotation, days: int) -> Instance:
    terms = rotation.of(path)
    kept = terms.kept_days if terms else None
    if terms is None or kept is None:
        said = Say("by-size" if terms else "no-rotation")
        return Instance(path, Result.UNKNOWN, said, where=terms.where if terms else "/etc/logrotate.d")
    result = Result.PASS if kept >= days else Result.FAIL
    return Instance(path, result, Say("for-days", {"kept": f"{kept:g}"}), f">= {days} d", f"{kept:g} d", terms.where)


def _journal(journal: JournalState, days: int) -> Instance:
    if not journal.kept:
        return Instance("journal", Result.FAIL, Say("volatile"), where=journal.storage_where)
    if 0 < journal.retention_s < days * 86_400:
        said = Say("for-days", {"kept": journal.retention_s // 86_400})
        return Instance("journal", Result.FAIL, said, where="journald.conf: MaxRetentionSec")
    age = (journal.seen.collected_at - journal.oldest).days if journal.oldest else 0
    result = Result.PASS if age >= days else Result.UNKNOWN
    return Instance(
        "journal", result, Say("reaches-back", {"age": age}), f">= {days} d", f"{age} d", "/var/log/journal"
    )
