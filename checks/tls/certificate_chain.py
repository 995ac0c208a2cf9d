"""Does the server send its intermediate certificates, these only, and in order?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Say, Unavailable, Verdict, failed, passed, unknown, worst_of
from auditor.evidence.certificates import Peer
from auditor.evidence.tls import TlsService

_NO_ISSUER = (2, 20, 21)
"""OpenSSL's X509_V_ERR_… numbers for a path that ends without its issuer."""


class CertificateChain(Check[TlsService, NoParams]):
    """Browsers mend much of it by themselves; programs, phones and older clients do not."""

    id: ClassVar[str] = "tls.certificate-chain"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        if isinstance(evidence.peer, Unavailable):
            return unknown("no-certificate", where=evidence.where, detail=evidence.peer.detail)
        return worst_of({p.leaf.fingerprint: _chain(p, evidence.where) for p in (evidence.peer, *evidence.others)})


def _chain(peer: Peer, where: str) -> Verdict:
    expected, found = Say("wanted"), tuple(one.subject for one in peer.sent)
    if not peer.chain_known or peer.in_order is None or not peer.sent:
        return unknown("chain-unseen", expected=expected, found=found, where=where)
    issuer = peer.chain[-1].issuer
    if peer.trust.code in _NO_ISSUER and not peer.trust.anchors:
        return unknown("open-end", expected=expected, found=found, where=where, issuer=issuer)
    if peer.trust.code in _NO_ISSUER and len(peer.chain) == 1:
        return failed("missing", expected=expected, found=found, where=where, issuer=issuer)
    if not peer.in_order:
        return failed("wrong-order", expected=expected, found=found, where=where, count=len(peer.sent))
    if peer.strays:
        return failed("strays", expected=expected, found=found, where=where, strays=peer.strays, count=len(peer.sent))
    if peer.trust.code in _NO_ISSUER:
        # Whether that issuer is an intermediate not sent or a root not trusted, only the issuer knows.
        return unknown("open-end", expected=expected, found=found, where=where, issuer=issuer)
    return passed("whole", expected=expected, found=found, where=where, count=len(peer.sent))
