"""Are the accounts of services closed to people?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Instance, NoParams, Result, Verdict, over, passed
from auditor.evidence.accounts import Account, Accounts, Credentials


@dataclass(frozen=True)
class Needs(Bundle):
    accounts: Accounts
    credentials: Credentials


class SystemShells(Check[Needs, NoParams]):
    """An account of a service needs no command line, or at least no password that opens it."""

    id: ClassVar[str] = "access.system-shells"
    evidence: ClassVar[type] = Needs

    def judge(self, evidence: Needs, params: NoParams) -> Verdict:
        system = [account for account in evidence.accounts.accounts if 0 < account.uid < 1000]
        shells = [account for account in system if account.has_shell]
        if not shells:
            return passed("no-shells", found=len(system), where="/etc/passwd", count=len(system))
        return over((self._one(account, evidence) for account in shells), "closed")

    def _one(self, account: Account, evidence: Needs) -> Instance:
        status = evidence.credentials.of(account.name)
        closed = Result.PASS if status and status.state == "locked" else Result.FAIL
        result = closed if status else Result.UNKNOWN
        found = f"{account.shell or '/bin/sh'}, {status.state if status else '?'}"
        return Instance(account.name, result, expected="nologin | locked", found=found, where="/etc/passwd")
