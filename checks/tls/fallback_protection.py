"""Can nobody on the way talk the two sides down to an older version?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.tls import Answer, TlsService

_OLD = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1")


class FallbackProtection(Check[TlsService, NoParams]):
    """Where an outdated version is offered beside a newer one, RFC 7507 tells a lowered hello from an old client's."""

    id: ClassVar[str] = "tls.fallback-protection"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        offered = [one.version for one in evidence.offered]
        if not any(version in _OLD for version in offered) or len(offered) < 2:
            return notapplicable("nothing-to-fall-to", found=tuple(offered), where=evidence.where)
        seen, expected = evidence.feature("fallback-scsv"), "TLS_FALLBACK_SCSV (RFC 7507)"
        match seen.answer:
            case Answer.YES:
                return passed("refused", expected=expected, found=seen.why, where=evidence.where)
            case Answer.NO:
                return failed("taken", expected=expected, found=seen.why, where=evidence.where)
        return unknown("untested", expected=expected, found=seen.why, where=evidence.where, why=seen.why)
