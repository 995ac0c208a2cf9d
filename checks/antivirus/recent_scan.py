"""Has the host been scanned for malware recently?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Unavailable, Verdict, failed, notapplicable, param, passed, unknown
from auditor.evidence.antivirus import AntivirusState


@dataclass(frozen=True)
class Params:
    max_days: int = param(7, stricter="lower")
    """A tool default."""
    agents: tuple[str, ...] = param((), stricter="fewer")
    """Process names of further agents that count."""


class RecentScan(Check[AntivirusState, Params]):
    """By the end of a scan in ClamAV's logs; scanning on access stands for it."""

    id: ClassVar[str] = "antivirus.recent-scan"
    evidence: ClassVar[type] = AntivirusState
    params: ClassVar[type] = Params

    def judge(self, evidence: AntivirusState, params: Params) -> Verdict:
        engine = evidence.engine(params.agents)
        if engine == "none":
            return notapplicable("no-product", where="ps, ls")
        if engine == "other" or evidence.clamav is None:
            return unknown("other-product", found=evidence.others_running(params.agents), where="ps")
        if {"clamd", "clamonacc"} <= set(evidence.clamav.running):
            return passed("on-access", found=evidence.clamav.running, where="ps")
        scan = evidence.last_scan
        if isinstance(scan, Unavailable):
            return unknown("unseen", reason=str(scan.reason), detail=scan.detail)
        expected = f"<= {params.max_days} d"
        if scan is None:
            return self._unlogged(evidence, expected)
        days = (evidence.seen.collected_at - scan.ended_at).total_seconds() / 86400
        said = {"days": round(days, 1), "max_days": params.max_days}
        if days < -1:
            return unknown("from-the-future", found=scan.ended_at.isoformat(), where=scan.log, **said)
        judged, code = (passed, "recent") if days <= params.max_days else (failed, "old")
        return judged(code, expected=expected, found=scan.ended_at.isoformat(), where=scan.log, **said)

    def _unlogged(self, evidence: AntivirusState, expected: str) -> Verdict:
        schedule = evidence.schedule
        if isinstance(schedule, Unavailable):
            return unknown("unseen", reason=str(schedule.reason), detail=schedule.detail)
        if schedule.scans:
            return unknown("not-logged", expected=expected, found=schedule.scans, file=schedule.scans[0])
        return failed("none", expected=expected, found=None, where="/var/log/clamav, cron, /etc/systemd/system")
