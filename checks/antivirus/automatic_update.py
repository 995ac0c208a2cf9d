"""Are the malware signatures updated without anyone doing it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Unavailable, Verdict, failed, notapplicable, param, passed, unknown
from auditor.evidence.antivirus import AntivirusState


@dataclass(frozen=True)
class Params:
    agents: tuple[str, ...] = param((), stricter="fewer")
    """Process names of further agents that count."""


class AutomaticUpdate(Check[AntivirusState, Params]):
    """freshclam as a running daemon, or started by cron or by its timer."""

    id: ClassVar[str] = "antivirus.automatic-update"
    evidence: ClassVar[type] = AntivirusState
    params: ClassVar[type] = Params

    def judge(self, evidence: AntivirusState, params: Params) -> Verdict:
        engine = evidence.engine(params.agents)
        if engine == "none":
            return notapplicable("no-product", where="ps, ls")
        if engine == "other" or evidence.clamav is None:
            return unknown("other-product", found=evidence.others_running(params.agents), where="ps")
        if "freshclam" in evidence.clamav.running:
            return passed("daemon", found="freshclam", where="ps")
        if isinstance(evidence.schedule, Unavailable):
            return unknown("unseen", reason=str(evidence.schedule.reason), detail=evidence.schedule.detail)
        if evidence.schedule.updates:
            where = evidence.schedule.updates[0]
            return passed("scheduled", found=evidence.schedule.updates, where=where, file=where)
        return failed("none", expected="freshclam", found=None, where="ps, cron, systemctl")
