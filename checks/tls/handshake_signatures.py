"""Does the service sign its handshakes with a hash that still holds?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, notapplicable, over, param, unknown
from auditor.evidence.tls import Suite, TlsService

_AGREED = ("TLSv1.2", "TLSv1.3")


@dataclass(frozen=True)
class Params:
    refused: tuple[str, ...] = param(("md5", "sha1"), stricter="more")
    """Hashes no longer to be signed with (RFC 9155)."""


class HandshakeSignatures(Check[TlsService, Params]):
    """From TLS 1.2 on the two sides agree on it; before, it is MD5 and SHA-1 whatever they say."""

    id: ClassVar[str] = "tls.handshake-signatures"
    evidence: ClassVar[type] = TlsService
    params: ClassVar[type] = Params

    def judge(self, evidence: TlsService, params: Params) -> Verdict:
        signing = {one.version for one in evidence.offered if any(map(_signs, one.suites))}
        if evidence.suites and not signing:
            return notapplicable("nothing-signed", where=evidence.where)
        made = []
        for scheme in evidence.signatures:
            bad = any(one in scheme.split("_") for one in params.refused)
            said = Say("scheme-weak" if bad else "scheme-strong", {"scheme": scheme})
            made.append(Instance(scheme, Result.FAIL if bad else Result.PASS, said, where=evidence.where))
        if signing & set(_AGREED) and not made:
            made.append(Instance("-", Result.UNKNOWN, Say("unseen"), where=evidence.where))
        for version in sorted(signing - set(_AGREED)):
            result = Result.FAIL if {"md5", "sha1"} & set(params.refused) else Result.PASS
            made.append(Instance(version, result, Say("fixed", {"version": version}), where=evidence.where))
        if not made:
            return unknown("unseen", where=evidence.where)
        return over(made, "schemes", expected=f"- {', '.join(params.refused)}")


def _signs(suite: Suite) -> bool:
    return suite.forward_secret and suite.authentication != "anon"
