"""Does the host keep its own log?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, NoParams, Unavailable, Verdict, failed, passed, unknown
from auditor.evidence.logging import JournalState, SyslogConfig
from auditor.evidence.processes import Processes

_GENERAL = ("syslog", "messages", "auth.log", "secure", "all.log", "everything.log")
_OTHERS = ("syslogd", "metalog", "socklog", "busybox-syslog")


@dataclass(frozen=True)
class Needs(Bundle):
    processes: Processes
    syslog: SyslogConfig | Unavailable
    journal: JournalState | Unavailable


class SystemLog(Check[Needs, NoParams]):
    """A log daemon runs and writes to disk: syslog to its files, or the journal where it outlives a restart."""

    id: ClassVar[str] = "logging.system-log"
    evidence: ClassVar[type] = Needs

    def judge(self, evidence: Needs, params: NoParams) -> Verdict:
        running = evidence.processes.running(("rsyslogd", "syslog-ng"))
        journald = evidence.processes.running(("systemd-journald",))
        syslog, journal = evidence.syslog, evidence.journal
        files = syslog.files if isinstance(syslog, SyslogConfig) and set(running) & set(syslog.configured) else ()
        general = next((file for file in files if file.path.rpartition("/")[2] in _GENERAL), None)
        if general is not None:
            return passed("syslog-writes", found=general.path, where=general.where, daemon=running[0])
        if journald and isinstance(journal, JournalState) and journal.kept:
            return passed("journal-kept", found=f"Storage={journal.storage}", where=journal.storage_where)
        if files:
            # A file of one program (a firewall's, say) is not the log of the host.
            return unknown("files-unclear", found=tuple(file.path for file in files[:5]), where=files[0].where)
        for daemon, part, where in ((running, syslog, "/etc/rsyslog.conf"), (journald, journal, "journald.conf")):
            if daemon and isinstance(part, Unavailable):
                return unknown("not-read", where=where, what=part.detail)
        if other := evidence.processes.running(_OTHERS):
            return unknown("other-daemon", found=other[0], where="ps", daemon=other[0])
        if journald:
            return failed("volatile", expected="Storage=persistent", where="/var/log/journal")
        if running:
            return failed("writes-nothing", found=running[0], where="/etc/rsyslog.conf", daemon=running[0])
        return failed("no-daemon", expected="rsyslogd | systemd-journald", found="-", where="ps")
