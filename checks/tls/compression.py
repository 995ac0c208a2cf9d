"""Is TLS compression off?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, passed, unknown
from auditor.evidence.tls import Answer, TlsService


class Compression(Check[TlsService, NoParams]):
    """With it, the length of an answer gives away secrets in it (CRIME, CVE-2012-4929)."""

    id: ClassVar[str] = "tls.compression"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        seen = evidence.feature("compression")
        match seen.answer:
            case Answer.NO:
                return passed("off", expected=Answer.NO.value, found=seen.why, where=evidence.where)
            case Answer.YES:
                return failed("on", expected=Answer.NO.value, found=seen.why, where=evidence.where)
        return unknown("untested", expected=Answer.NO.value, found=seen.why, where=evidence.where, why=seen.why)
