"""Is the certificate made for a TLS server?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Unavailable, Verdict, failed, passed, unknown, worst_of
from auditor.evidence.certificates import Certificate
from auditor.evidence.tls import TlsService

_SERVER, _SIGNS = "serverAuth", "digitalSignature"


class CertificateUsage(Check[TlsService, NoParams]):
    """RFC 5280 4.2.1.3, 4.2.1.9, 4.2.1.12; what a certificate does not say, it does not forbid."""

    id: ClassVar[str] = "tls.certificate-usage"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        if isinstance(evidence.peer, Unavailable):
            return unknown("no-certificate", where=evidence.where, detail=evidence.peer.detail)
        leaves = {peer.leaf.fingerprint: peer.leaf for peer in (evidence.peer, *evidence.others)}
        return worst_of({key: _usage(leaf, evidence.where) for key, leaf in leaves.items()})


def _usage(leaf: Certificate, where: str) -> Verdict:
    purposes, usage = leaf.extended_usage, leaf.key_usage
    if leaf.authority:
        return failed("authority", expected="CA:FALSE", found="CA:TRUE", where=where, subject=leaf.subject)
    # OpenSSL and browsers do not take anyExtendedKeyUsage for it.
    if purposes is not None and _SERVER not in purposes:
        return failed("other-purpose", expected=_SERVER, found=purposes, where=where, subject=leaf.subject)
    if usage is not None and _SIGNS not in usage:
        # TLS 1.3, and every suite with forward secrecy before it, signs.
        return failed("may-not-sign", expected=_SIGNS, found=usage, where=where, subject=leaf.subject)
    return passed("fit", found=(*(usage or ()), *(purposes or ())), where=where, subject=leaf.subject)
