"""Is the operating system's release still supported?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import VIETNAM, Check, Verdict, failed, param, passed, unknown
from auditor.evidence.patch import SupportState


@dataclass(frozen=True)
class Params:
    accept: tuple[str, ...] = param(("standard", "lts"), stricter="fewer")
    """Phases of support that count: standard, lts (free); elts, esm, legacy (paid, so only where they were bought)."""


class SupportedRelease(Check[SupportState, Params]):
    """An end that has passed is a fail, however old the data; support still running needs data that is not too old."""

    id: ClassVar[str] = "patch.supported-release"
    evidence: ClassVar[type] = SupportState
    params: ClassVar[type] = Params

    def judge(self, evidence: SupportState, params: Params) -> Verdict:
        where = "/etc/os-release"
        data = {"name": evidence.os_name, "dated": evidence.data_dated.isoformat()}
        if not evidence.ends:
            return unknown("not-in-table", found=f"{evidence.os_id} {evidence.os_version}".strip(), where=where, **data)
        today = evidence.seen.now.astimezone(VIETNAM).date()
        counted = [(end, phase) for phase, end in evidence.ends if phase in params.accept]
        running = [(end, phase) for end, phase in counted if today <= end]
        if not running:
            later = next((phase for phase, end in evidence.ends if today <= end), None)
            over = (max(counted)[0] if counted else evidence.ends[0][1]).isoformat()
            values = {"expected": f">= {today}", "found": over, "where": where, "end": over, **data}
            return failed("ended-but-paid", phase=later, **values) if later else failed("ended", **values)
        # The phase that runs now is the one that ends first.
        end, phase = min(running)
        last = max(running)[0].isoformat()
        if (today - evidence.data_dated).days > evidence.data_stale_after_days:
            return unknown("data-old", found=last, where=where, last=last, **data)
        code = "standard" if phase == "standard" else "extended"
        said = {"expected": f">= {today}", "found": last, "where": where, **data}
        return passed(code, end=end.isoformat(), last=last, phase=phase, **said)
