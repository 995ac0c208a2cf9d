"""Does the kernel record which programs are started?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, NoParams, Unavailable, Verdict, failed, passed, unknown
from auditor.evidence.audit import AuditState
from auditor.evidence.processes import Processes

_OTHERS = ("auditbeat", "osqueryd", "falco", "sysmon", "wdavdaemon", "go-audit", "tetragon")


@dataclass(frozen=True)
class Needs(Bundle):
    audit: AuditState
    processes: Processes | Unavailable


class ProcessAudit(Check[Needs, NoParams]):
    """A rule on execve gives program, arguments, parent and account of every start."""

    id: ClassVar[str] = "logging.process-audit"
    evidence: ClassVar[type] = Needs

    def judge(self, evidence: Needs, params: NoParams) -> Verdict:
        audit, processes = evidence.audit, evidence.processes
        if not audit.installed:
            others = () if isinstance(processes, Unavailable) else processes.running(_OTHERS)
            if others or isinstance(processes, Unavailable):
                return unknown("other-tool", found=others, where="ps")
            return failed("no-auditd", expected="auditd", found="-", where="/sbin/auditctl")
        if not audit.enabled or not audit.daemon_pid or audit.silenced:
            found = f"enabled {audit.enabled}, pid {audit.daemon_pid}"
            return failed("off", expected="enabled 1, pid > 0", found=found, where="auditctl -s")
        for rule in audit.rules:
            if not rule.never and rule.path is None and {"execve", "all"} & set(rule.calls):
                return passed("recorded", found=rule.text, where="auditctl -l")
        return failed("unrecorded", expected="-S execve", found=len(audit.rules), where="auditctl -l")
