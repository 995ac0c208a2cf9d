"""Does the kernel lay out memory differently in every program run?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, passed, unknown
from auditor.evidence.hardening import HostHardening

_PATH = "kernel/randomize_va_space"


class KernelRandomisation(Check[HostHardening, NoParams]):
    """Address space layout randomisation, whole: stack, libraries and heap."""

    id: ClassVar[str] = "hardening.kernel-randomisation"
    evidence: ClassVar[type] = HostHardening

    def judge(self, evidence: HostHardening, params: NoParams) -> Verdict:
        value = evidence.sysctl(_PATH)
        where = f"/proc/sys/{_PATH}"
        if value is None:
            return unknown("no-setting", expected=2, where=where)
        if value == "2":
            return passed("full", expected=2, found=2, where=where)
        return failed("partial" if value == "1" else "off", expected=2, found=int(value), where=where)
