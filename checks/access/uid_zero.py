"""Is root the only account with root's rights by number?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, passed
from auditor.evidence.accounts import Accounts


class UidZero(Check[Accounts, NoParams]):
    """Every account with uid 0 is root, whatever its name: a favourite hiding place."""

    id: ClassVar[str] = "access.uid-zero"
    evidence: ClassVar[type] = Accounts

    def judge(self, evidence: Accounts, params: NoParams) -> Verdict:
        names = tuple(account.name for account in evidence.accounts if account.uid == 0)
        if names == ("root",):
            return passed("only-root", expected=("root",), found=names, where="/etc/passwd")
        return failed("others", expected=("root",), found=names, where="/etc/passwd", names=", ".join(names))
