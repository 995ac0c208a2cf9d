"""Must every session with a file server be signed?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.exposure import Exposure


class SmbSigning(Check[Exposure, NoParams]):
    """Unsigned sessions can be taken over and relayed; offering signatures is not asking for them."""

    id: ClassVar[str] = "network.smb-signing"
    evidence: ClassVar[type] = Exposure

    def judge(self, evidence: Exposure, params: NoParams) -> Verdict:
        look = evidence.smb
        where = f"{evidence.address}:445"
        if not evidence.alive:
            return unknown("silent", where=evidence.address, asked=evidence.asked)
        if look is None:
            old = any(item.port == 139 for item in evidence.open)
            closed = 445 in evidence.closed | evidence.filtered
            return notapplicable("no-smb", where=where) if closed and not old else unknown("not-asked", where=where)
        said = f"SMB {look.dialect}" if look.dialect else "SMB 1" if look.smb1 else None
        if look.signing_required is None:
            return unknown("no-answer", found=said, where=where)
        if look.signing_required:
            return passed("required", expected="required", found=said, where=where)
        return failed("not-required", expected="required", found=said, where=where)
