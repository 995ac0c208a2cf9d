"""Does the host's clock agree with the auditor's?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Verdict, failed, param, passed, unknown
from auditor.evidence.timesync import TimeSync


@dataclass(frozen=True)
class Params:
    max_seconds: float = param(5, stricter="lower")


class ClockOffset(Check[TimeSync, Params]):
    """Two clocks, read at the same moment: no program's word is taken for it."""

    id: ClassVar[str] = "logging.clock-offset"
    evidence: ClassVar[type] = TimeSync
    params: ClassVar[type] = Params

    def judge(self, evidence: TimeSync, params: Params) -> Verdict:
        clock = evidence.seen.target_clock
        wanted = f"<= {params.max_seconds:g} s"
        if clock is None:
            return unknown("no-clock", expected=wanted)
        apart = round(abs((clock - evidence.seen.collected_at).total_seconds()), 1)
        good = apart <= params.max_seconds
        return (passed if good else failed)(
            "agrees" if good else "differs",
            expected=wanted,
            found=f"{apart:g} s",
            where="date",
            seconds=apart,
            limit=params.max_seconds,
        )
