"""Does AppArmor or SELinux confine programs?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, passed, unknown
from auditor.evidence.hardening import HostHardening


class MandatoryAccessControl(Check[HostHardening, NoParams]):
    """Switched on is not enough: SELinux must enforce, AppArmor must hold profiles in enforce mode."""

    id: ClassVar[str] = "hardening.mandatory-access-control"
    evidence: ClassVar[type] = HostHardening

    def judge(self, evidence: HostHardening, params: NoParams) -> Verdict:
        profiles = "/sys/kernel/security/apparmor/profiles"
        if evidence.selinux == "enforcing":
            return passed("selinux", found="enforcing", where="/sys/fs/selinux/enforce")
        if evidence.apparmor and evidence.apparmor_enforced:
            return passed(
                "apparmor", found=evidence.apparmor_enforced, where=profiles, count=evidence.apparmor_enforced
            )
        if evidence.apparmor and evidence.apparmor_enforced is None:
            return unknown("profiles-unseen", where=profiles)
        if evidence.apparmor:
            return failed("no-profiles", found=0, where=profiles)
        if evidence.selinux == "permissive":
            return failed("permissive", found="permissive", where="/sys/fs/selinux/enforce")
        return failed("none", where="/sys/module/apparmor, /sys/fs/selinux")
