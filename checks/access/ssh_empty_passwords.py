"""Does sshd refuse accounts whose password is empty?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Verdict, notapplicable, over
from auditor.evidence.sshd import SshdState


class SshEmptyPasswords(Check[SshdState, NoParams]):
    """PermitEmptyPasswords lets anyone in who knows the name of an account without a password."""

    id: ClassVar[str] = "access.ssh-empty-passwords"
    evidence: ClassVar[type] = SshdState

    def judge(self, evidence: SshdState, params: NoParams) -> Verdict:
        if not evidence.installed:
            return notapplicable("no-sshd")
        return over(
            (
                Instance(
                    login.name,
                    Result.FAIL if login.empty_passwords else Result.PASS,
                    expected="PermitEmptyPasswords no",
                    found=f"PermitEmptyPasswords {'yes' if login.empty_passwords else 'no'}",
                    where=evidence.source("permitemptypasswords") if login.where.startswith("sshd") else login.where,
                )
                for login in evidence.logins
            ),
            "empty",
            expected="PermitEmptyPasswords no",
        )
