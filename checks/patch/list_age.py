"""Are the package lists recent?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Verdict, failed, param, passed, unknown
from auditor.evidence.patch import PatchState


@dataclass(frozen=True)
class Params:
    max_days: int = param(7, stricter="lower")
    """A tool default. Debian's security archive is signed anew within a week."""


class ListAge(Check[PatchState, Params]):
    """Age of the security archive's list by its signed date; of the youngest list where there is none."""

    id: ClassVar[str] = "patch.list-age"
    evidence: ClassVar[type] = PatchState
    params: ClassVar[type] = Params

    def judge(self, evidence: PatchState, params: Params) -> Verdict:
        where, expected = "/var/lib/apt/lists", f"<= {params.max_days} d"
        if not evidence.sources:
            return failed("none", expected=expected, found=None, where=where)
        security = [source.dated for source in evidence.sources if source.security]
        dates = [source.dated for source in evidence.sources if source.dated is not None]
        if None in security or not dates:
            return unknown("undated", where=where)
        # The main archive changes only with a point release, so its date would say nothing.
        held = min(date for date in security if date is not None) if security else max(dates)
        days = (evidence.seen.collected_at - held).total_seconds() / 86400
        said = {"days": round(days, 1), "max_days": params.max_days}
        if days < -1:
            return unknown("from-the-future", found=held.isoformat(), where=where, **said)
        judged, code = (passed, "recent") if days <= params.max_days else (failed, "old")
        return judged(code, expected=expected, found=held.isoformat(), where=where, **said)
