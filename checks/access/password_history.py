"""May an old password come back?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Verdict, failed, param, passed
from auditor.evidence.passwords import PasswordPolicy


@dataclass(frozen=True)
class Params:
    min_remembered: int = param(10, stricter="higher")


class PasswordHistory(Check[PasswordPolicy, Params]):
    """pam_pwhistory, or pam_unix with ``remember``."""

    id: ClassVar[str] = "access.password-history"
    evidence: ClassVar[type] = PasswordPolicy
    params: ClassVar[type] = Params

    def judge(self, evidence: PasswordPolicy, params: Params) -> Verdict:
        enough = evidence.remember >= params.min_remembered
        return (passed if enough else failed)(
            "kept" if enough else "few",
            expected=f">= {params.min_remembered}",
            found=evidence.remember,
            where=evidence.stack,
            held=evidence.remember,
            wanted=params.min_remembered,
        )
