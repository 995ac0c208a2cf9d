"""Does SSH ask for more than a password?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Verdict, notapplicable, over
from auditor.evidence.sshd import SshdState, SshLogin


class SshPasswordLogin(Check[SshdState, NoParams]):
    """A key, or a password together with something else; a password alone can be guessed and stolen."""

    id: ClassVar[str] = "access.ssh-password-login"
    evidence: ClassVar[type] = SshdState

    def judge(self, evidence: SshdState, params: NoParams) -> Verdict:
        if not evidence.installed:
            return notapplicable("no-sshd")
        return over((self._one(login, evidence) for login in evidence.logins), "password")

    def _one(self, login: SshLogin, evidence: SshdState) -> Instance:
        alone = login.password_alone(pam=evidence.pam)
        if alone and evidence.second_factor:
            result, said = Result.PASS, Say("second-factor", {"module": evidence.second_factor})
        elif alone:
            result, said = Result.FAIL, Say("alone")
        else:
            result, said = Result.PASS, Say("more")
        methods = " ".join(",".join(chain) for chain in login.methods) or "any"
        found = (
            f"PasswordAuthentication {'yes' if login.password else 'no'}, KbdInteractiveAuthentication "
            f"{'yes' if login.keyboard_interactive else 'no'}, AuthenticationMethods {methods}"
        )
        where = evidence.source("passwordauthentication") if login.where.startswith("sshd") else login.where
        return Instance(login.name, result, said, found=found, where=where)
