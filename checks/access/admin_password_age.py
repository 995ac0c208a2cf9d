"""Do administrators change their passwords in time?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Instance, Result, Say, Verdict, notapplicable, over, param
from auditor.evidence.accounts import Account, Accounts, Credentials


@dataclass(frozen=True)
class Needs(Bundle):
    accounts: Accounts
    credentials: Credentials


@dataclass(frozen=True)
class Params:
    max_days: int = param(60, stricter="lower")


class AdminPasswordAge(Check[Needs, Params]):
    """root and the members of the groups sudo, wheel and admin, as far as a password opens them."""

    id: ClassVar[str] = "access.admin-password-age"
    evidence: ClassVar[type] = Needs
    params: ClassVar[type] = Params

    def judge(self, evidence: Needs, params: Params) -> Verdict:
        admins = [account for account in evidence.accounts.accounts if account.is_admin]
        made = [found for account in admins if (found := self._one(account, evidence, params)) is not None]
        if not made:
            return notapplicable("no-passwords", count=len(admins))
        return over(made, "changed", expected=f"<= {params.max_days} d", limit=params.max_days)

    def _one(self, account: Account, evidence: Needs, params: Params) -> Instance | None:
        status = evidence.credentials.of(account.name)
        if status is not None and status.state == "locked":
            return None
        if status is None or status.changed is None:
            return Instance(account.name, Result.UNKNOWN, Say("no-day"), where="passwd -S -a")
        age = (evidence.credentials.seen.collected_at.date() - status.changed).days
        result = Result.PASS if age <= params.max_days else Result.FAIL
        said = Say("on", {"day": status.changed.isoformat(), "days": age})
        return Instance(account.name, result, said, found=age, where="passwd -S -a")
