"""Does the mail domain say who may send in its name?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Unavailable, Verdict, failed, passed, unknown
from auditor.evidence.domain import DomainRecords

_LOOKUPS = 10  # RFC 7208 4.6.4


class MailSpf(Check[DomainRecords, NoParams]):
    """By RFC 7208: a record with an error is none, and one that lets everybody pass is none either."""

    id: ClassVar[str] = "network.mail-spf"
    evidence: ClassVar[type] = DomainRecords

    def judge(self, evidence: DomainRecords, params: NoParams) -> Verdict:
        mail = evidence.mail
        if mail is None:
            return unknown("no-domain", where="inventory")
        where, spf = f"TXT {mail.domain}", mail.spf
        if isinstance(spf, Unavailable):
            return unknown("no-answer", where=where, detail=spf.detail)
        if spf is None:
            return failed("absent", expected="v=spf1 … -all", where=where, domain=mail.domain)
        if spf.errors:
            return failed("wrong", found=spf.text, where=where, problems="; ".join(spf.errors))
        if spf.lookups > _LOOKUPS:
            return failed("too-many", expected=_LOOKUPS, found=spf.lookups, where=where, count=spf.lookups)
        if not spf.whole:
            return unknown("no-answer", found=spf.text, where=where, detail=spf.why)
        if spf.all not in ("-", "~"):
            return failed("open", expected="-all", found=spf.text, where=where, all=f"{spf.all}all")
        return passed("guarded", found=spf.text, where=where, all=f"{spf.all}all")
