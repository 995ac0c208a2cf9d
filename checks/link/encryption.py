"""Is traffic over the link encrypted?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.declared import DeclaredTarget

_WHERE = "inventory: links.encrypted"


class Encryption(Check[DeclaredTarget, NoParams]):
    """As declared: from its ends alone one cannot see what a line carries."""

    id: ClassVar[str] = "link.encryption"
    evidence: ClassVar[type] = DeclaredTarget

    def judge(self, evidence: DeclaredTarget, params: NoParams) -> Verdict:
        how = evidence.link_encrypted
        if evidence.link_kind == "loopback":
            return notapplicable("loopback", found=evidence.link_kind, where="inventory: links.kind")
        if how is None:
            return unknown("not-declared", where=_WHERE)
        if how == "none":
            return failed("plain", found=how, where=_WHERE)
        return passed("declared", found=how, where=_WHERE, how=how)
