"""Does every account that has a password have one that is not empty?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, NoParams, Verdict, failed, passed, unknown
from auditor.evidence.accounts import Accounts, Credentials


@dataclass(frozen=True)
class Needs(Bundle):
    accounts: Accounts
    credentials: Credentials


class EmptyPasswords(Check[Needs, NoParams]):
    """``passwd -S`` says NP of an account that an empty password opens."""

    id: ClassVar[str] = "access.empty-passwords"
    evidence: ClassVar[type] = Needs

    def judge(self, evidence: Needs, params: NoParams) -> Verdict:
        source = "passwd -S -a"
        held = {status.name: status.state for status in evidence.credentials.passwords}
        empty = tuple(name for name, state in held.items() if state == "none")
        if empty:
            return failed("empty", found=empty, where=source, names=", ".join(empty), count=len(empty))
        missing = tuple(account.name for account in evidence.accounts.accounts if account.name not in held)
        if missing:
            return unknown("not-told", found=missing, where=source, names=", ".join(missing))
        return passed("none-empty", found=len(held), where=source, count=len(held))
