"""Does the host run the newest kernel it has installed?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, notapplicable, passed
from auditor.evidence.system import SystemState


class RunningKernel(Check[SystemState, NoParams]):
    """A security update of the kernel protects only after the restart that loads it."""

    id: ClassVar[str] = "patch.running-kernel"
    evidence: ClassVar[type] = SystemState

    def judge(self, evidence: SystemState, params: NoParams) -> Verdict:
        if not evidence.kernels_installed:
            return notapplicable("no-own-kernel", found=evidence.kernel_running, where="/boot")
        newest = evidence.kernels_installed[-1]
        if evidence.kernel_running == newest:
            return passed("newest-runs", expected=newest, found=evidence.kernel_running, where="uname -r")
        return failed("older-runs", expected=newest, found=evidence.kernel_running, where="uname -r", newest=newest)
