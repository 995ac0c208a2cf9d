"""Are new passwords stored under a strong hash?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Verdict, failed, param, passed
from auditor.evidence.passwords import PasswordPolicy


@dataclass(frozen=True)
class Params:
    accepted: tuple[str, ...] = param(("yescrypt", "gost_yescrypt", "sha512", "blowfish", "bcrypt"), stricter="fewer")


class PasswordHash(Check[PasswordPolicy, Params]):
    """MD5 and DES hashes fall within hours to common hardware."""

    id: ClassVar[str] = "access.password-hash"
    evidence: ClassVar[type] = PasswordPolicy
    params: ClassVar[type] = Params

    def judge(self, evidence: PasswordPolicy, params: Params) -> Verdict:
        strong = evidence.hash_method in params.accepted
        return (passed if strong else failed)(
            "strong" if strong else "weak",
            expected=tuple(params.accepted),
            found=evidence.hash_method,
            where=evidence.hash_where,
            method=evidence.hash_method,
        )
