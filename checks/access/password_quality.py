"""Does anything judge a new password before it is set?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, passed
from auditor.evidence.passwords import PasswordPolicy


class PasswordQuality(Check[PasswordPolicy, NoParams]):
    """pam_pwquality, pam_passwdqc or pam_cracklib, in a place where its refusal counts."""

    id: ClassVar[str] = "access.password-quality"
    evidence: ClassVar[type] = PasswordPolicy

    def judge(self, evidence: PasswordPolicy, params: NoParams) -> Verdict:
        module, where = evidence.quality_module, evidence.quality_where
        if module is None:
            return failed("none", found="-", where=where, file=evidence.stack)
        if not evidence.quality_enforced:
            return failed("advice", found=module, where=where, module=module)
        return passed("judged", found=module, where=where, module=module)
