"""Is the certificate valid for no longer than public CAs may issue?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from auditor import Check, NoParams, Say, Unavailable, Verdict, failed, notapplicable, passed, unknown, worst_of
from auditor.evidence.certificates import Peer
from auditor.evidence.tls import TlsService

_LIMITS = (
    (datetime(2018, 3, 1, tzinfo=UTC), 825),
    (datetime(2020, 9, 1, tzinfo=UTC), 398),
    (datetime(2026, 3, 15, tzinfo=UTC), 200),
    (datetime(2027, 3, 15, tzinfo=UTC), 100),
    (datetime(2029, 3, 15, tzinfo=UTC), 47),
)
"""Days by the first day of issue: CA/B Forum Baseline Requirements 6.3.2 (ballots 193, SC-31, SC-081v3)."""
_DAY, _LAST_SECOND = timedelta(days=1), timedelta(seconds=1)


class CertificateLifetime(Check[TlsService, NoParams]):
    """Browsers refuse longer ones of public CAs; what a private CA does is its owner's affair."""

    id: ClassVar[str] = "tls.certificate-lifetime"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        if isinstance(evidence.peer, Unavailable):
            return unknown("no-certificate", where=evidence.where, detail=evidence.peer.detail)
        return worst_of({p.leaf.fingerprint: _life(p, evidence.where) for p in (evidence.peer, *evidence.others)})


def _life(peer: Peer, where: str) -> Verdict:
    if peer.trust.public is not True:
        if peer.trust.anchors and peer.trust.public is False:
            return notapplicable("private-authority", where=where)
        if peer.trust.anchors and peer.trust.code != 0:
            return notapplicable("untrusted", where=where)
        return unknown("authority-unknown", where=where)
    leaf = peer.leaf
    limit = next((days for since, days in reversed(_LIMITS) if leaf.not_before >= since), None)
    if limit is None:
        return notapplicable("issued-before", where=where)
    # Both ends count (6.3.2): a certificate from 00:00:00 to 23:59:59 is valid for a day.
    life = (leaf.not_after - leaf.not_before + _LAST_SECOND) / _DAY
    days, expected = round(life, 1), Say("at-most", {"limit": limit})
    answer, code = (passed, "within") if life <= limit else (failed, "too-long")
    found = Say("valid-for", {"days": days})
    return answer(code, expected=expected, found=found, where=where, days=days, limit=limit)
