"""Does the service offer a TLS version of today?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, passed, unknown
from auditor.evidence.tls import Offer, TlsService

_MODERN = ("TLSv1.2", "TLSv1.3")


class ModernVersion(Check[TlsService, NoParams]):
    """Without TLS 1.2 or 1.3, current browsers cannot connect, or do so unsafely."""

    id: ClassVar[str] = "tls.modern-version"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        offered = [asked.version for asked in evidence.protocols if asked.offer is Offer.OFFERED]
        modern = [version for version in offered if version in _MODERN]
        expected, found = " / ".join(_MODERN), tuple(offered)
        if modern:
            versions = ", ".join(modern)
            return passed("modern-offered", expected=expected, found=found, where=evidence.where, versions=versions)
        untested = [a for a in evidence.protocols if a.version in _MODERN and a.offer is Offer.UNTESTED]
        if untested:
            said = "; ".join(f"{asked.version}: {asked.why}" for asked in untested)
            return unknown("modern-untested", expected=expected, found=found, where=evidence.where, detail=said)
        newest = offered[-1] if offered else "-"
        return failed("only-outdated", expected=expected, found=found, where=evidence.where, newest=newest)
