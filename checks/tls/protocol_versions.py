"""Are outdated versions of SSL and TLS switched off?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from auditor import Check, Instance, Result, Verdict, over, param
from auditor.evidence.tls import VERSIONS, Offer, TlsService

_RESULT = {Offer.OFFERED: Result.FAIL, Offer.REFUSED: Result.PASS, Offer.UNTESTED: Result.UNKNOWN}


@dataclass(frozen=True)
class Params:
    minimum: str = param("TLSv1.2", stricter="higher")
    """The oldest version that may be offered (TT 39/2017 item 4.2)."""


class ProtocolVersions(Check[TlsService, Params]):
    """Whoever offers an old version can be talked down to it, whatever else is offered."""

    id: ClassVar[str] = "tls.protocol-versions"
    evidence: ClassVar[type] = TlsService
    params: ClassVar[type] = Params

    def judge(self, evidence: TlsService, params: Params) -> Verdict:
        outdated = VERSIONS[: VERSIONS.index(params.minimum)]
        instances = [
            Instance(
                asked.version, _RESULT[asked.offer], expected=Offer.REFUSED.value, found=asked.why, where=evidence.where
            )
            for asked in evidence.protocols
            if asked.version in outdated
        ]
        offered = [asked.version for asked in evidence.protocols if asked.offer is Offer.OFFERED]
        open_ = ", ".join(version for version in offered if version in outdated)
        untested = ", ".join(item.id for item in instances if item.result is Result.UNKNOWN)
        verdict = over(instances, "versions", minimum=params.minimum, outdated=open_, untested=untested)
        return replace(verdict, expected=f">= {params.minimum}", found=tuple(offered), where=evidence.where)
