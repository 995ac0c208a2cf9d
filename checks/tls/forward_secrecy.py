"""Does a client of today get forward secrecy?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, passed, unknown
from auditor.evidence.tls import Preference, Suite, TlsService


class ForwardSecrecy(Check[TlsService, NoParams]):
    """In the newest version offered, with a client that likes it best; TLS 1.3 always has it."""

    id: ClassVar[str] = "tls.forward-secrecy"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        expected, where = "ECDHE / DHE / TLS 1.3", evidence.where
        if not evidence.offered:
            return unknown("no-version", expected=expected, where=where)
        newest = evidence.offered[-1]
        if newest.version == "TLSv1.3":
            return passed("forward-secret", expected=expected, found=newest.version, where=where, suite="TLS 1.3")
        if not newest.suites:
            return unknown("no-suites", expected=expected, found=newest.version, where=where, version=newest.version)
        secret = [one.name for one in newest.suites if _secret(one)]
        first = newest.suites[0]
        if not secret:
            if not newest.whole:
                return unknown("no-suites", expected=expected, found=first.name, where=where, version=newest.version)
            return failed("none", expected=expected, found=first.name, where=where, suite=first.name)
        if _secret(first) or newest.preference is Preference.CLIENT:
            suite = first.name if _secret(first) else secret[0]
            return passed("forward-secret", expected=expected, found=suite, where=where, suite=suite)
        if newest.preference is Preference.SERVER:
            return failed("not-preferred", expected=expected, found=first.name, where=where, suite=first.name)
        return unknown("order-unknown", expected=expected, found=first.name, where=where, suite=first.name)


def _secret(suite: Suite) -> bool:
    """Not where nobody proves who he is: whoever sits in between agrees on keys with both sides."""
    return suite.forward_secret and suite.authentication != "anon"
