"""Are accounts closed that nobody has used for long?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Instance, Result, Say, Unavailable, Verdict, notapplicable, over, param
from auditor.evidence.accounts import Account, Accounts, Credentials, Logins


@dataclass(frozen=True)
class Needs(Bundle):
    accounts: Accounts
    credentials: Credentials
    logins: Logins | Unavailable


@dataclass(frozen=True)
class Params:
    max_days: int = param(45, stricter="lower")


class InactiveAccounts(Check[Needs, Params]):
    """People's accounts that can be entered; a change of the password counts as a use."""

    id: ClassVar[str] = "access.inactive-accounts"
    evidence: ClassVar[type] = Needs
    params: ClassVar[type] = Params

    def judge(self, evidence: Needs, params: Params) -> Verdict:
        people = [account for account in evidence.accounts.accounts if account.is_person and account.has_shell]
        made = [found for account in people if (found := self._one(account, evidence, params)) is not None]
        if not made:
            return notapplicable("nobody")
        return over(made, "used", expected=f"<= {params.max_days} d", limit=params.max_days)

    def _one(self, account: Account, evidence: Needs, params: Params) -> Instance | None:
        status, keys = evidence.credentials.of(account.name), evidence.credentials.keys(account)
        if status is not None and status.state == "locked" and keys is False:
            return None  # nothing opens it
        logins = evidence.logins
        used = None if isinstance(logins, Unavailable) else dict(logins.last).get(account.name)
        known = not isinstance(logins, Unavailable) and logins.knows(account.name)
        since = status.changed if status is not None else None
        code = "used-on" if used else "never-used" if known else "not-recorded"
        # A change of the password is a use too: so a lost record of logins can only make a verdict less sure.
        day = max((each for each in (used and used.date(), since) if each), default=None)
        idle = None if day is None else (evidence.accounts.seen.collected_at.date() - day).days
        if idle is not None and idle <= params.max_days:
            result = Result.PASS
        elif idle is None or code == "not-recorded" or (status is None or (status.state == "locked" and keys is None)):
            result = Result.UNKNOWN
        else:
            result = Result.FAIL
        said = Say(code, {"day": day.isoformat() if day else "?", "days": "?" if idle is None else idle})
        return Instance(account.name, result, said, found=idle, where="lastlog")
