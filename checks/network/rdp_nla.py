"""Does a remote desktop make a session only for users who have proved who they are?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.exposure import Exposure


class RdpNla(Check[Exposure, NoParams]):
    """Each kind of protection was offered alone: only network-level authentication must be taken."""

    id: ClassVar[str] = "network.rdp-nla"
    evidence: ClassVar[type] = Exposure

    def judge(self, evidence: Exposure, params: NoParams) -> Verdict:
        look = evidence.rdp
        where = f"{evidence.address}:3389"
        if not evidence.alive:
            return unknown("silent", where=evidence.address, asked=evidence.asked)
        if look is None:
            closed = 3389 in evidence.closed | evidence.filtered
            return notapplicable("no-rdp", where=where) if closed else unknown("no-answer", where=where)
        taken = tuple(name for name, kind in (("RDP", look.standard), ("TLS", look.tls), ("NLA", look.nla)) if kind)
        if look.standard:
            return failed("standard", expected="NLA", found=taken, where=where)
        if look.tls:
            return failed("without-nla", expected="NLA", found=taken, where=where)
        if look.nla and look.standard is False and look.tls is False:
            return passed("nla-only", expected="NLA", found=taken, where=where)
        return unknown("no-answer", expected="NLA", found=taken or None, where=where)
