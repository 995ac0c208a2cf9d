"""Does the service throw away what came in the clear behind STARTTLS?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.tls import Answer, TlsService

_OF_LINES = ("smtp", "imap", "pop3", "ftp")
"""Protocols in which several commands fit in one piece, so that the question arises and can be asked."""


class StarttlsInjection(Check[TlsService, NoParams]):
    """Commands of somebody in between must not become commands of the client (CVE-2011-0411)."""

    id: ClassVar[str] = "tls.starttls-injection"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        if evidence.preface not in _OF_LINES:
            return notapplicable("no-starttls", where=evidence.where)
        asked = evidence.feature("starttls-injection")
        found, where = asked.answer.value, evidence.where
        if asked.answer is Answer.NO:
            return passed("thrown-away", expected="no", found=found, where=where, protocol=evidence.preface)
        if asked.answer is Answer.YES:
            return failed("carried-out", expected="no", found=found, where=where, protocol=evidence.preface)
        return unknown("untested", expected="no", found=found, where=where, protocol=evidence.preface, detail=asked.why)
