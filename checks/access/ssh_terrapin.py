"""Can nobody cut messages from the beginning of an SSH session?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, notapplicable, passed
from auditor.evidence.ssh_service import STRICT, SshService


class SshTerrapin(Check[SshService, NoParams]):
    """CVE-2023-48795, published on 2023-12-18: both sides must count strictly, or avoid what can be cut."""

    id: ClassVar[str] = "access.ssh-terrapin"
    evidence: ClassVar[type] = SshService

    def judge(self, evidence: SshService, params: NoParams) -> Verdict:
        if not evidence.listening:
            return notapplicable("not-listening", where=evidence.place)
        if evidence.proposal is None:
            return failed("first-version", found=evidence.identification, where=evidence.place)
        if evidence.proposal.strict_kex:
            return passed("strict", expected=STRICT, found=STRICT, where=evidence.place)
        open_to = evidence.proposal.prefix_truncatable
        if open_to:
            return failed("cuttable", expected=STRICT, found=open_to, where=evidence.place, count=len(open_to))
        return passed("nothing-to-cut", expected=STRICT, where=evidence.place)
