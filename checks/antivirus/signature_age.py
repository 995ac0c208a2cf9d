"""Are the malware signatures recent?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Unavailable, Verdict, failed, notapplicable, param, passed, unknown
from auditor.evidence.antivirus import AntivirusState


@dataclass(frozen=True)
class Params:
    max_days: int = param(3, stricter="lower")
    """A tool default."""
    agents: tuple[str, ...] = param((), stricter="fewer")
    """Process names of further agents that count."""


class SignatureAge(Check[AntivirusState, Params]):
    """Age of ClamAV's daily database by the build time in its header, not by its file's date."""

    id: ClassVar[str] = "antivirus.signature-age"
    evidence: ClassVar[type] = AntivirusState
    params: ClassVar[type] = Params

    def judge(self, evidence: AntivirusState, params: Params) -> Verdict:
        engine = evidence.engine(params.agents)
        if engine == "none":
            return notapplicable("no-product", where="ps, ls")
        if engine == "other" or evidence.clamav is None:
            return unknown("other-product", found=evidence.others_running(params.agents), where="ps")
        held = evidence.signatures
        if isinstance(held, Unavailable):
            return unknown("unseen", reason=str(held.reason), detail=held.detail)
        if held is None:
            return failed("no-database", expected="daily.cvd", found=None, where="/var/lib/clamav")
        days = (evidence.seen.collected_at - held.built_at).total_seconds() / 86400
        said = {"version": held.version, "days": round(days, 1), "max_days": params.max_days}
        if days < -1:
            return unknown("from-the-future", found=held.built_at.isoformat(), where=held.path, **said)
        judged = passed if days <= params.max_days else failed
        code = "recent" if days <= params.max_days else "old"
        expected = f"<= {params.max_days} d"
        return judged(code, expected=expected, found=held.built_at.isoformat(), where=held.path, **said)
