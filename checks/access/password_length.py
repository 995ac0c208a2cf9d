"""How short may a new password be?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Verdict, failed, param, passed
from auditor.evidence.passwords import PasswordPolicy


@dataclass(frozen=True)
class Params:
    min_length: int = param(14, stricter="higher")
    """The standard suggests 14 where a password is all that is asked, 8 with a second factor."""


class PasswordLength(Check[PasswordPolicy, Params]):
    """The least length that the host truly enforces, after credits for kinds of characters."""

    id: ClassVar[str] = "access.password-length"
    evidence: ClassVar[type] = PasswordPolicy
    params: ClassVar[type] = Params

    def judge(self, evidence: PasswordPolicy, params: Params) -> Verdict:
        verdict = passed if evidence.min_length >= params.min_length else failed
        return verdict(
            "long" if evidence.min_length >= params.min_length else "short",
            expected=f">= {params.min_length}",
            found=evidence.min_length,
            where=evidence.min_length_where,
            length=evidence.min_length,
            wanted=params.min_length,
        )
