"""Does the certificate chain lead to a trusted authority?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Unavailable, Verdict, failed, passed, unknown, worst_of
from auditor.evidence.certificates import Peer
from auditor.evidence.tls import TlsService

# OpenSSL's X509_V_ERR_… numbers.
_UNDECIDED, _SELF_SIGNED, _SELF_SIGNED_ROOT = 1, 18, 19
_NO_ISSUER = (2, 20, 21)
_TIME = (9, 10)


class CertificateTrust(Check[TlsService, NoParams]):
    """Verified as a client would, against the system's anchors and those the inventory names."""

    id: ClassVar[str] = "tls.certificate-trust"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        if isinstance(evidence.peer, Unavailable):
            return unknown("no-certificate", where=evidence.where, detail=evidence.peer.detail)
        return worst_of({p.leaf.fingerprint: _trusted(p, evidence.where) for p in (evidence.peer, *evidence.others)})


def _trusted(peer: Peer, where: str) -> Verdict:
    trust, issuer = peer.trust, peer.chain[-1].issuer
    found = f"{trust.message or 'ok'} ({trust.code})"
    if trust.code == 0:
        return passed("trusted", found=issuer, where=where, issuer=issuer)
    if trust.code in _TIME:
        return unknown("only-time-seen", found=found, where=where)
    if not trust.anchors:
        return unknown("anchors-missing", found=found, where=where, detail=trust.message)
    if trust.code == _UNDECIDED:
        return unknown("undecided", found=found, where=where, detail=trust.message)
    if trust.code == _SELF_SIGNED:
        return failed("self-signed", found=found, where=where, issuer=issuer)
    if trust.code == _SELF_SIGNED_ROOT:
        return failed("unknown-root", found=found, where=where, issuer=issuer)
    if trust.code in _NO_ISSUER:
        return failed("issuer-missing", found=found, where=where, issuer=issuer)
    return failed("refused", found=found, where=where, detail=trust.message)
