"""Has the certificate been revoked by those who issued it?"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from auditor import VIETNAM, Check, NoParams, Unavailable, Verdict, failed, notapplicable, passed, unknown, worst_of
from auditor.evidence.certificates import Peer, Revocation, Revoked
from auditor.evidence.tls import Answer, TlsService

_SHORT = timedelta(days=7)
"""CAs need not revoke what lives no longer (CA/B Forum Baseline Requirements 1.6.1, short-lived; from 2026-03-15)."""
_SELF_SIGNED = 18


class CertificateRevocation(Check[TlsService, NoParams]):
    """By the stapled OCSP answer or a CRL that the inventory names; no CA is asked, and silence is no good news."""

    id: ClassVar[str] = "tls.certificate-revocation"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        if isinstance(evidence.peer, Unavailable):
            return unknown("no-certificate", where=evidence.where, detail=evidence.peer.detail)
        return worst_of({p.leaf.fingerprint: _revoked(p, evidence) for p in (evidence.peer, *evidence.others)})


def _revoked(peer: Peer, evidence: TlsService) -> Verdict:
    leaf, said, where = peer.leaf, peer.revocation, evidence.where
    if isinstance(said, Revocation) and said.status is Revoked.REVOKED:
        since = said.since.astimezone(VIETNAM).date().isoformat() if said.since else "-"
        return failed("revoked", expected="good", found="revoked", where=where, since=since, reason=said.reason or "-")
    if leaf.must_staple and evidence.feature("ocsp-stapling").answer is Answer.NO:
        return failed("staple-missing", expected="OCSP staple", found=None, where=where, subject=leaf.subject)
    if isinstance(said, Revocation) and said.status is Revoked.GOOD:
        day = said.this_update.astimezone(VIETNAM).date().isoformat()
        return passed("good", expected="good", found="good", where=where, source=said.source, day=day)
    if isinstance(said, Revocation):
        return unknown("not-known-there", expected="good", found=said.status.value, where=where, source=said.source)
    if isinstance(said, Unavailable):
        return unknown("not-believed", expected="good", where=where, detail=said.detail)
    if peer.trust.code == _SELF_SIGNED:
        return notapplicable("self-signed", where=where)
    if leaf.not_after - leaf.not_before < _SHORT:
        return notapplicable("short-lived", where=where)
    return unknown("nothing-said", expected="good", where=where)
