"""Is there anti-malware software on the host?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Verdict, failed, param, passed, unknown
from auditor.evidence.antivirus import AntivirusState


@dataclass(frozen=True)
class Params:
    agents: tuple[str, ...] = param((), stricter="fewer")
    """Process names of further agents that count (15 characters at most, as the kernel cuts them)."""


class Installed(Check[AntivirusState, Params]):
    """A product counts by its running process; ClamAV also by its programs."""

    id: ClassVar[str] = "antivirus.installed"
    evidence: ClassVar[type] = AntivirusState
    params: ClassVar[type] = Params

    def judge(self, evidence: AntivirusState, params: Params) -> Verdict:
        running = list(evidence.others_running(params.agents))
        if evidence.clamav is not None:
            running.insert(0, "ClamAV")
        if running:
            return passed("found", found=tuple(running), where="ps, ls", products=", ".join(running))
        left = tuple(path for product in evidence.products for path in product.installed)
        if left:
            # A folder may be what an uninstaller left behind.
            return unknown("folder-only", found=left, where="ls", folder=left[0])
        return failed("none", expected=1, found=0, where="ps, ls")
