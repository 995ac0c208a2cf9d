"""Does the service take no early data?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.tls import Answer, TlsService


class EarlyData(Check[TlsService, NoParams]):
    """Requests sent before the handshake is done can be sent again by anyone who saw them (RFC 8446, 8)."""

    id: ClassVar[str] = "tls.early-data"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        seen, where = evidence.feature("early-data"), evidence.where
        if evidence.offered and "TLSv1.3" not in [one.version for one in evidence.offered]:
            return notapplicable("no-tls13", where=where)
        match seen.answer:
            case Answer.NO:
                return passed("off", expected=Answer.NO.value, found=seen.why, where=where)
            case Answer.YES:
                return failed("on", expected=Answer.NO.value, found=seen.why, where=where)
        return unknown("untested", expected=Answer.NO.value, found=seen.why, where=where, why=seen.why)
