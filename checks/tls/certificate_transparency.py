"""Has the certificate been entered in public logs?"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from auditor import Check, NoParams, Unavailable, Verdict, failed, notapplicable, passed, unknown, worst_of
from auditor.evidence.certificates import Peer
from auditor.evidence.tls import TlsService

_SHORT = timedelta(days=180)
"""Chrome's and Apple's policies: two timestamps up to this validity, three above it."""


class CertificateTransparency(Check[TlsService, NoParams]):
    """Timestamps are counted, not verified: the keys of the logs change too often to be carried along."""

    id: ClassVar[str] = "tls.certificate-transparency"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        if isinstance(evidence.peer, Unavailable):
            return unknown("no-certificate", where=evidence.where, detail=evidence.peer.detail)
        return worst_of({p.leaf.fingerprint: _logged(p, evidence.where) for p in (evidence.peer, *evidence.others)})


def _logged(peer: Peer, where: str) -> Verdict:
    if peer.trust.public is not True:
        if peer.trust.anchors and peer.trust.public is False:
            return notapplicable("private-authority", where=where)
        if peer.trust.anchors and peer.trust.code != 0:
            return notapplicable("untrusted", where=where)
        return unknown("authority-unknown", where=where)
    leaf = peer.leaf
    needed = 2 if leaf.not_after - leaf.not_before <= _SHORT else 3
    found = max(peer.timestamps or 0, leaf.timestamps)
    if found >= needed:
        return passed("logged", expected=needed, found=found, where=where, count=found, needed=needed)
    if peer.timestamps is None:
        return unknown("unseen", expected=needed, found=found, where=where, count=found, needed=needed)
    return failed("not-logged", expected=needed, found=found, where=where, count=found, needed=needed)
