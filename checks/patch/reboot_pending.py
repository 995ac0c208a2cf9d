"""Have all installed updates taken effect, without a restart still due?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Say, Verdict, failed, passed
from auditor.evidence.patch import RestartState


class RebootPending(Check[RestartState, NoParams]):
    """By the flag in /run, or by core packages replaced after the start. The kernel is asked for on its own."""

    id: ClassVar[str] = "patch.reboot-pending"
    evidence: ClassVar[type] = RestartState

    def judge(self, evidence: RestartState, params: NoParams) -> Verdict:
        booted = evidence.booted_at
        due = Say("nothing-since", {"booted": booted})
        if evidence.flagged:
            packages = ", ".join(evidence.flagged_by[:10]) or "?"
            return failed(
                "flagged", expected=due, found=evidence.flagged_by, where="/run/reboot-required", packages=packages
            )
        replaced = tuple(package for package, at in evidence.unpacked if at > evidence.booted_at)
        if replaced:
            names = ", ".join(replaced)
            return failed("replaced", expected=due, found=replaced, where="/var/lib/dpkg/info", packages=names)
        return passed("none-due", expected=due, found=(), where="/var/lib/dpkg/info", booted=booted)
