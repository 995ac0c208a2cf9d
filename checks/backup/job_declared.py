"""Is at least one backup job declared for the host?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, passed
from auditor.evidence.declared import DeclaredTarget


class JobDeclared(Check[DeclaredTarget, NoParams]):
    """Only what is declared can be missed; whether the jobs really ran is asked by the other checks."""

    id: ClassVar[str] = "backup.job-declared"
    evidence: ClassVar[type] = DeclaredTarget

    def judge(self, evidence: DeclaredTarget, params: NoParams) -> Verdict:
        if not evidence.backups:
            return failed("none", expected=1, found=0, where="backups")
        jobs = ", ".join(evidence.backups)
        return passed("declared", found=evidence.backups, where="backups", count=len(evidence.backups), jobs=jobs)
