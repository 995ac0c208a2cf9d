"""Does sshd end sessions that are idle, or whose client no longer answers?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, notapplicable, over, param
from auditor.evidence.sshd import SshdState, SshLogin


@dataclass(frozen=True)
class Params:
    max_minutes: int = param(5, stricter="lower")


class SshIdleTimeout(Check[SshdState, Params]):
    """ChannelTimeout ends idle sessions; ClientAliveInterval only those whose client fell silent.

    The latter counts, because the standard's own examples name it; the texts say what it does not do.
    """

    id: ClassVar[str] = "access.ssh-idle-timeout"
    evidence: ClassVar[type] = SshdState
    params: ClassVar[type] = Params

    def judge(self, evidence: SshdState, params: Params) -> Verdict:
        if not evidence.installed:
            return notapplicable("no-sshd")
        made = (self._one(login, evidence, params.max_minutes * 60) for login in evidence.logins)
        return over(made, "idle", expected=f"<= {params.max_minutes * 60} s", limit=params.max_minutes)

    def _one(self, login: SshLogin, evidence: SshdState, limit: int) -> Instance:
        silent = login.alive_interval_s * login.alive_count_max
        if login.session_timeout_s is not None and login.session_timeout_s <= limit:
            result, code = Result.PASS, "idle-ended"
        elif 0 < silent <= limit:
            result, code = Result.PASS, "silent-ended"
        else:
            result, code = Result.FAIL, "never-ended" if not silent else "late"
        found = f"ClientAliveInterval {login.alive_interval_s}, ClientAliveCountMax {login.alive_count_max}"
        if login.session_timeout_s is not None:
            found += f", ChannelTimeout {login.session_timeout_s}"
        where = evidence.source("clientaliveinterval") if login.where.startswith("sshd") else login.where
        return Instance(login.name, result, Say(code), expected=f"<= {limit} s", found=found, where=where)
