"""Does the kernel record changes to accounts and rights?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Instance, Result, Say, Unavailable, Verdict, failed, over, param, unknown
from auditor.evidence.audit import AuditState
from auditor.evidence.processes import Processes

_OTHERS = ("auditbeat", "osqueryd", "falco", "sysmon", "wdavdaemon", "go-audit", "tetragon")


@dataclass(frozen=True)
class Needs(Bundle):
    audit: AuditState
    processes: Processes | Unavailable


@dataclass(frozen=True)
class Params:
    files: tuple[str, ...] = param(("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/sudoers"), stricter="more")


class AuditTrail(Check[Needs, Params]):
    """auditd runs, and loaded rules watch the files that say who may do what."""

    id: ClassVar[str] = "logging.audit-trail"
    evidence: ClassVar[type] = Needs
    params: ClassVar[type] = Params

    def judge(self, evidence: Needs, params: Params) -> Verdict:
        audit, processes = evidence.audit, evidence.processes
        if not audit.installed:
            others = () if isinstance(processes, Unavailable) else processes.running(_OTHERS)
            if others or isinstance(processes, Unavailable):
                return unknown("other-tool", found=others, where="ps")
            return failed("no-auditd", expected="auditd", found="-", where="/sbin/auditctl")
        if not audit.enabled or not audit.daemon_pid:
            found = f"enabled {audit.enabled}, pid {audit.daemon_pid}"
            return failed("off", expected="enabled 1, pid > 0", found=found, where="auditctl -s")
        if audit.silenced:
            return failed("silenced", found="-a never,task", where="auditctl -l")
        return over((self._one(path, audit) for path in params.files), "watched", expected="-p wa")

    def _one(self, path: str, audit: AuditState) -> Instance:
        for rule in audit.rules:
            covers = rule.path == path or (rule.folder and path.startswith(f"{(rule.path or '').rstrip('/')}/"))
            if rule.path and covers and not rule.never and "w" in rule.permissions:
                return Instance(path, Result.PASS, found=rule.text, where="auditctl -l")
        return Instance(path, Result.FAIL, Say("unwatched"), expected=f"-w {path} -p wa", where="auditctl -l")
