"""Are the certificates in force on the day of the audit?"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from auditor import VIETNAM, Check, Instance, NoParams, Result, Say, Unavailable, Verdict, over, unknown
from auditor.evidence.certificates import Certificate, each
from auditor.evidence.tls import TlsService


class CertificateExpiry(Check[TlsService, NoParams]):
    """Of all chains shown: a client refuses an expired intermediate as it does an expired leaf."""

    id: ClassVar[str] = "tls.certificate-expiry"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        peer = evidence.peer
        if isinstance(peer, Unavailable):
            return unknown("no-certificate", where=evidence.where, detail=peer.detail)
        peers = (peer, *evidence.others)
        instances = [_in_force(item, evidence.seen.now, evidence.where) for item in each(peers)]
        if not all(one.chain_known for one in peers):
            instances.append(Instance("rest-of-chain", Result.UNKNOWN, Say("rest-of-chain"), where=evidence.where))
        until = min(item.not_after for item in each(peers))
        verdict = over(instances, "validity", until=_day(until))
        expected = f">= {_day(evidence.seen.now)}"
        return replace(verdict, expected=expected, found=_day(until), where=evidence.where)


def _in_force(item: Certificate, now: datetime, where: str) -> Instance:
    dates = f"{_day(item.not_before)} … {_day(item.not_after)}"
    values = {"subject": item.subject, "since": _day(item.not_before), "until": _day(item.not_after)}
    if now > item.not_after:
        return Instance(item.fingerprint, Result.FAIL, Say("expired", values), found=dates, where=where)
    if now < item.not_before:
        return Instance(item.fingerprint, Result.FAIL, Say("not-yet-valid", values), found=dates, where=where)
    return Instance(item.fingerprint, Result.PASS, Say("in-force", values), found=dates, where=where)


def _day(instant: datetime) -> str:
    """The date in Vietnam; the first and last days that a calendar has stay as they are."""
    return (instant.astimezone(VIETNAM) if 1 < instant.year < 9999 else instant).date().isoformat()
