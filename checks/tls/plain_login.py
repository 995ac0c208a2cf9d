"""Does a service that can switch to TLS insist on it before anybody logs in?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.tls import Answer, TlsService


class PlainLogin(Check[TlsService, NoParams]):
    """TLS that a client may leave out protects nobody whose client does, or is made to."""

    id: ClassVar[str] = "tls.plain-login"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        if not evidence.preface:
            return notapplicable("tls-first", where=evidence.where)
        protocol, found = evidence.preface, evidence.clear.value
        if evidence.clear is Answer.NO:
            return passed("tls-needed", expected="no", found=found, where=evidence.where, protocol=protocol)
        if evidence.clear is Answer.YES:
            found = evidence.clear_why or found
            return failed("tls-optional", expected="no", found=found, where=evidence.where, protocol=protocol)
        return unknown("tls-untested", expected="no", found=found, where=evidence.where, protocol=protocol)
