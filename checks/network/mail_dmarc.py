"""Does the mail domain tell receivers to refuse mail forged in its name?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Unavailable, Verdict, failed, param, passed, unknown
from auditor.evidence.domain import DomainRecords


@dataclass(frozen=True)
class Params:
    policies: tuple[str, ...] = param(("quarantine", "reject"), stricter="fewer")


class MailDmarc(Check[DomainRecords, Params]):
    """By RFC 7489: its own record, or that of a domain above it."""

    id: ClassVar[str] = "network.mail-dmarc"
    evidence: ClassVar[type] = DomainRecords
    params: ClassVar[type] = Params

    def judge(self, evidence: DomainRecords, params: Params) -> Verdict:
        mail, wanted = evidence.mail, " | ".join(f"p={one}" for one in params.policies)
        if mail is None:
            return unknown("no-domain", where="inventory")
        found, where = mail.dmarc, f"TXT _dmarc.{mail.domain}"
        if isinstance(found, Unavailable):
            return unknown("no-answer", where=where, detail=found.detail)
        if found is None:
            return failed("absent", expected=wanted, where=where, domain=mail.domain)
        where = f"TXT _dmarc.{found.domain}"
        if found.errors:
            return failed("wrong", expected=wanted, found=found.text, where=where, problems="; ".join(found.errors))
        if found.policy not in params.policies:
            return failed("weak", expected=wanted, found=found.text, where=where, policy=found.policy)
        if found.percent < 100:
            return failed("partly", expected="pct=100", found=found.text, where=where, percent=found.percent)
        code = "guarded" if found.reports else "no-reports"
        return passed(code, expected=wanted, found=found.text, where=where, policy=found.policy)
