"""Are logs kept as long as the level demands?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Instance, Result, Say, Unavailable, Verdict, failed, over, worst
from auditor.evidence.logging import JournalState, LogRotation, SyslogConfig
from auditor.evidence.processes import Processes

_ORDER = (Result.PASS, Result.UNKNOWN, Result.FAIL)


@dataclass(frozen=True)
class Needs(Bundle):
    processes: Processes
    syslog: SyslogConfig
    journal: JournalState | Unavailable
    rotation: LogRotation


@dataclass(frozen=True)
class Params:
    days: int = 90


class Retention(Check[Needs, Params]):
    """By logrotate's terms for the files of syslog, or by the journal's limits and its oldest entry."""

    id: ClassVar[str] = "logging.retention"
    evidence: ClassVar[type] = Needs
    params: ClassVar[type] = Params

    def judge(self, evidence: Needs, params: Params) -> Verdict:
        stores = []
        running = evidence.processes.running(("rsyslogd", "syslog-ng"))
        if set(running) & set(evidence.syslog.configured) and evidence.syslog.files:
            stores.append([self._file(each.path, evidence.rotation, params) for each in evidence.syslog.files])
        if evidence.processes.running(("systemd-journald",)):
            stores.append([self._journal(evidence, params)])
        if not stores:
            return failed("nothing-kept", expected=f">= {params.days} d", where="ps", days=params.days)
        # One store that keeps everything long enough is enough.
        best = min(stores, key=lambda made: _ORDER.index(worst(each.result for each in made)))
        return over(best, "kept", expected=f">= {params.days} d", days=params.days)

    def _file(self, path: str, rotation: LogRotation, params: Params) -> Instance:
        terms = rotation.of(path)
        if terms is None:
            return Instance(path, Result.UNKNOWN, Say("no-rotation"), where="/etc/logrotate.d")
        kept = terms.kept_days
        if kept is None:
            return Instance(path, Result.UNKNOWN, Say("by-size"), where=terms.where)
        said = Say("for-days", {"kept": "∞" if kept == float("inf") else round(kept)})
        result = Result.PASS if kept >= params.days else Result.FAIL
        return Instance(path, result, said, f">= {params.days} d", f"{kept:g} d", terms.where)

    def _journal(self, evidence: Needs, params: Params) -> Instance:
        journal = evidence.journal
        if isinstance(journal, Unavailable):
            return Instance("journal", Result.UNKNOWN, Say("journal-unseen"))
        if not journal.kept:
            return Instance("journal", Result.FAIL, Say("volatile"), where=journal.storage_where)
        if 0 < journal.retention_s < params.days * 86_400:
            said = Say("for-days", {"kept": journal.retention_s // 86_400})
            return Instance("journal", Result.FAIL, said, where="journald.conf: MaxRetentionSec")
        age = (journal.seen.collected_at - journal.oldest).days if journal.oldest else 0
        result = Result.PASS if age >= params.days else Result.UNKNOWN
        said = Say("reaches-back", {"age": age})
        return Instance("journal", result, said, f">= {params.days} d", f"{age} d", "/var/log/journal")
