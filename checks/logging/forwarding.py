"""Do logs leave the host for a central place?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, NoParams, Unavailable, Verdict, failed, passed, unknown
from auditor.evidence.logging import JournalState, SyslogConfig
from auditor.evidence.processes import Processes

_AGENTS = (
    "filebeat", "auditbeat", "journalbeat", "elastic-agent", "fluent-bit", "fluentd", "td-agent", "promtail", "alloy",
    "vector", "nxlog", "otelcol-contrib", "otelcol", "splunkd", "wazuh-agentd", "ossec-agentd", "audisp-remote",
)  # fmt: skip


@dataclass(frozen=True)
class Needs(Bundle):
    processes: Processes
    syslog: SyslogConfig | Unavailable
    journal: JournalState | Unavailable


class Forwarding(Check[Needs, NoParams]):
    """An intruder's first act is to wipe the local log; a copy elsewhere survives that."""

    id: ClassVar[str] = "logging.forwarding"
    evidence: ClassVar[type] = Needs

    def judge(self, evidence: Needs, params: NoParams) -> Verdict:
        processes, syslog, journal = evidence.processes, evidence.syslog, evidence.journal
        daemons = processes.running(("rsyslogd", "syslog-ng"))
        sent = syslog.forwards if isinstance(syslog, SyslogConfig) and daemons else ()
        away = [forward for forward in sent if not forward.is_local]
        if away:
            return passed("sends", found=away[0].to, where=away[0].where, to=away[0].to)
        # journald and journal-upload share their first 15 letters, which is all the kernel keeps.
        uploads = processes.names.count("systemd-journal") > 1
        if uploads and isinstance(journal, JournalState) and journal.upload_url:
            return passed("sends", found=journal.upload_url, where="journal-upload.conf", to=journal.upload_url)
        if agents := processes.running(_AGENTS):
            return passed("agent", found=agents, where="ps", agent=agents[0])
        for part in (syslog, journal):
            if isinstance(part, Unavailable) and (daemons or uploads):
                return unknown("not-read", what=part.detail)
        if isinstance(syslog, SyslogConfig) and daemons and syslog.unread:
            return unknown("elsewhere", where=syslog.unread[0])
        if sent:
            return unknown("to-itself", found=sent[0].to, where=sent[0].where, to=sent[0].to)
        return failed("stays", found="-", where=", ".join(daemons) or "ps")
