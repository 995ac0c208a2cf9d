"""Can root come in over SSH with a password alone?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, notapplicable, over, param
from auditor.evidence.sshd import SshdState, SshLogin


@dataclass(frozen=True)
class Params:
    allow_keys: bool = param(True, stricter="false")
    """May root come in with a key (prohibit-password)? Otherwise only ``no`` passes."""


class SshRootLogin(Check[SshdState, Params]):
    """root is the name every attacker knows: it must not be open to password guessing."""

    id: ClassVar[str] = "access.ssh-root-login"
    evidence: ClassVar[type] = SshdState
    params: ClassVar[type] = Params

    def judge(self, evidence: SshdState, params: Params) -> Verdict:
        if not evidence.installed:
            return notapplicable("no-sshd")
        wanted = "PermitRootLogin no" + (" | prohibit-password" if params.allow_keys else "")
        return over(
            (self._one(login, evidence, params, wanted) for login in evidence.root_logins), "root", expected=wanted
        )

    def _one(self, login: SshLogin, evidence: SshdState, params: Params, wanted: str) -> Instance:
        guessed = login.permit_root == "yes" and login.password_alone(pam=evidence.pam) and not evidence.second_factor
        code = "closed" if login.permit_root == "no" else "password" if guessed else "key"
        good = code == "closed" or (code == "key" and params.allow_keys)
        return Instance(
            login.name,
            Result.PASS if good else Result.FAIL,
            Say(code),
            expected=wanted,
            found=f"PermitRootLogin {login.permit_root}",
            where=evidence.source("permitrootlogin") if login.where.startswith("sshd") else login.where,
        )
