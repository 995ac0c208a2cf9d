"""After how many wrong tries does sshd end a connection?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Verdict, notapplicable, over, param
from auditor.evidence.sshd import SshdState


@dataclass(frozen=True)
class Params:
    max_tries: int = param(5, stricter="lower")


class SshAttempts(Check[SshdState, Params]):
    """MaxAuthTries bounds guessing within one connection."""

    id: ClassVar[str] = "access.ssh-attempts"
    evidence: ClassVar[type] = SshdState
    params: ClassVar[type] = Params

    def judge(self, evidence: SshdState, params: Params) -> Verdict:
        if not evidence.installed:
            return notapplicable("no-sshd")
        wanted = f"MaxAuthTries <= {params.max_tries}"
        return over(
            (
                Instance(
                    login.name,
                    Result.PASS if login.max_auth_tries <= params.max_tries else Result.FAIL,
                    expected=wanted,
                    found=f"MaxAuthTries {login.max_auth_tries}",
                    where=evidence.source("maxauthtries") if login.where.startswith("sshd") else login.where,
                )
                for login in evidence.logins
            ),
            "tries",
            expected=wanted,
            limit=params.max_tries,
        )
