"""Is the certificate renewed in good time?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import floor
from typing import ClassVar

from auditor import Check, Say, Unavailable, Verdict, failed, param, passed, unknown, worst_of
from auditor.evidence.certificates import Certificate
from auditor.evidence.tls import TlsService

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Params:
    days: float = param(14, stricter="higher")
    """Days that must be left; for short-lived certificates no more than a third of their life. A tool default."""


class CertificateRenewal(Check[TlsService, Params]):
    """Issue and approval take days; a certificate renewed on its last day is one holiday away from an outage."""

    id: ClassVar[str] = "tls.certificate-renewal"
    evidence: ClassVar[type] = TlsService
    params: ClassVar[type] = Params

    def judge(self, evidence: TlsService, params: Params) -> Verdict:
        if isinstance(evidence.peer, Unavailable):
            return unknown("no-certificate", where=evidence.where, detail=evidence.peer.detail)
        leaves = {peer.leaf.fingerprint: peer.leaf for peer in (evidence.peer, *evidence.others)}
        return worst_of({key: _left(leaf, evidence, params.days) for key, leaf in leaves.items()})


def _left(leaf: Certificate, evidence: TlsService, wanted: float) -> Verdict:
    life, left = (leaf.not_after - leaf.not_before) / _DAY, (leaf.not_after - evidence.seen.now) / _DAY
    needed = min(wanted, life / 3)
    days, expected = floor(abs(left)), Say("at-least", {"days": round(needed)})
    if left < 0:
        return failed("expired", expected=expected, found=Say("ago", {"days": days}), where=evidence.where, days=days)
    answer, code = (passed, "time-left") if left >= needed else (failed, "due")
    found = Say("left", {"days": days})
    return answer(code, expected=expected, found=found, where=evidence.where, days=days, needed=round(needed))
