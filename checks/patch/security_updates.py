"""Are all available security updates installed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Unavailable, Verdict, failed, param, passed, unknown
from auditor.evidence.patch import PatchState


@dataclass(frozen=True)
class Params:
    max_list_age_days: int = param(7, stricter="lower")
    """Older package lists cannot show that nothing is missing. A tool default."""


class SecurityUpdates(Check[PatchState, Params]):
    """Nothing missing counts only by a recent list of a security archive; something missing counts always."""

    id: ClassVar[str] = "patch.security-updates"
    evidence: ClassVar[type] = PatchState
    params: ClassVar[type] = Params

    def judge(self, evidence: PatchState, params: Params) -> Verdict:
        where = "apt-get -s dist-upgrade"
        missing = evidence.missing
        if not isinstance(missing, Unavailable) and missing.security:
            names = tuple(sorted(f"{each.package} {each.candidate}" for each in missing.security))
            return failed("missing", expected=0, found=names[:50], where=where, count=len(names), first=names[0])
        security = [source for source in evidence.sources if source.security]
        if not security:
            return self._unsourced(evidence)
        if isinstance(missing, Unavailable):
            return unknown("not-simulated", where=where, reason=str(missing.reason), detail=missing.detail)
        dates = [source.dated for source in security if source.dated is not None]
        if len(dates) < len(security):
            return unknown("undated", where="/var/lib/apt/lists")
        days = (evidence.seen.collected_at - min(dates)).total_seconds() / 86400
        if not -1 <= days <= params.max_list_age_days:
            said = {"days": round(days, 1), "max_days": params.max_list_age_days}
            return unknown("stale", found=min(dates).isoformat(), where="/var/lib/apt/lists", **said)
        if missing.kept_back:
            count = len(missing.kept_back)
            return unknown("kept-back", found=missing.kept_back, where=where, count=count, first=missing.kept_back[0])
        return passed("none-missing", expected=0, found=0, where=where, days=round(days, 1))

    def _unsourced(self, evidence: PatchState) -> Verdict:
        if not evidence.sources:
            return unknown("no-lists", where="/var/lib/apt/lists")
        found = tuple(f"{source.label} {source.suite}" for source in evidence.sources)
        if any(source.origin in ("Debian", "Ubuntu") for source in evidence.sources):
            return failed("no-security-source", found=found, where="/etc/apt")
        return unknown("source-not-known", found=found, where="/etc/apt")
