"""Can the service be renegotiated safely, and not by anyone who likes?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Verdict, notapplicable, over
from auditor.evidence.tls import Answer, TlsService

_WISHED = {"secure-renegotiation": Answer.YES, "client-renegotiation": Answer.NO}


class Renegotiation(Check[TlsService, NoParams]):
    """RFC 5746 keeps strangers from putting words before a session; a client that may start it can tire the server."""

    id: ClassVar[str] = "tls.renegotiation"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        offered = [one.version for one in evidence.offered]
        if offered == ["TLSv1.3"]:
            return notapplicable("only-tls13", where=evidence.where)
        made = []
        for name, wished in _WISHED.items():
            seen = evidence.feature(name)
            result = Result.UNKNOWN if seen.answer is Answer.UNTESTED else Result.PASS
            if seen.answer is not Answer.UNTESTED and seen.answer is not wished:
                result = Result.FAIL
            said = Say(f"{name}-{seen.answer}", {"why": seen.why})
            made.append(Instance(name, result, said, wished.value, seen.why, evidence.where))
        return over(made, "renegotiation")
