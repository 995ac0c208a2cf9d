"""Is there a second way when the link is down?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, notapplicable, passed
from auditor.evidence.declared import DeclaredTarget


class BackupPath(Check[DeclaredTarget, NoParams]):
    """As declared: whether traffic does move over cannot be seen without cutting the link."""

    id: ClassVar[str] = "link.backup-path"
    evidence: ClassVar[type] = DeclaredTarget

    def judge(self, evidence: DeclaredTarget, params: NoParams) -> Verdict:
        if evidence.link_kind == "loopback":
            return notapplicable("loopback", found=evidence.link_kind, where="inventory: links.kind")
        if evidence.link_backup:
            return passed(
                "declared", found=evidence.link_backup, where="inventory: links.backup", link=evidence.link_backup
            )
        return failed("none-declared", where="inventory: links.backup")
