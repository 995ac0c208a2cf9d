"""Is an account locked after wrong passwords?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, over, param
from auditor.evidence.passwords import Lockout as Stack
from auditor.evidence.passwords import PasswordPolicy


@dataclass(frozen=True)
class Params:
    max_attempts: int = param(10, stricter="lower")


class Lockout(Check[PasswordPolicy, Params]):
    """pam_faillock (or pam_tally2 on old releases), in every stack through which people log in."""

    id: ClassVar[str] = "access.lockout"
    evidence: ClassVar[type] = PasswordPolicy
    params: ClassVar[type] = Params

    def judge(self, evidence: PasswordPolicy, params: Params) -> Verdict:
        made = (self._one(stack, params) for stack in evidence.lockouts)
        return over(made, "lockout", expected=f"deny <= {params.max_attempts}", limit=params.max_attempts)

    def _one(self, stack: Stack, params: Params) -> Instance:
        wanted = f"deny <= {params.max_attempts}"
        file = stack.where.partition(":")[0]
        if not stack.deny:
            return Instance(file, Result.FAIL, Say("never"), expected=wanted, found="-", where=stack.where)
        result = Result.PASS if stack.deny <= params.max_attempts else Result.FAIL
        said = Say("after", {"deny": stack.deny})
        found = f"{stack.module} deny={stack.deny} unlock_time={stack.unlock_s}"
        return Instance(file, result, said, expected=wanted, found=found, where=stack.where)
