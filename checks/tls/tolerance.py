"""Does the service get along with clients of tomorrow?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Verdict, over
from auditor.evidence.tls import Answer, TlsService

_TOLERANCES = ("version-tolerance", "extension-tolerance", "long-hello-tolerance")
_RESULT = {Answer.YES: Result.PASS, Answer.NO: Result.FAIL, Answer.UNTESTED: Result.UNKNOWN}


class Tolerance(Check[TlsService, NoParams]):
    """A server must pass over what it does not know (RFC 8701); one that hangs up locks out the next browser."""

    id: ClassVar[str] = "tls.tolerance"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        made = []
        for name in _TOLERANCES:
            seen = evidence.feature(name)
            said = Say(f"{name}-{seen.answer}", {"why": seen.why})
            made.append(Instance(name, _RESULT[seen.answer], said, Answer.YES.value, seen.why, evidence.where))
        return over(made, "tolerance")
