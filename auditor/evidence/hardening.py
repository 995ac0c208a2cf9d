"""Settings of the kernel and of logging in that make an attack harder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor.model import Evidence, personal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sysctl:
    """One kernel setting as it is now."""

    path: str
    """Below /proc/sys: ``net/ipv4/conf/eth0/rp_filter``."""
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoLogin:
    """A place that logs somebody in without a password."""

    where: str
    """File and line."""
    account: str = personal(default="")
    """Empty where the file names nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostHardening(Evidence):
    """Kernel settings, mandatory access control, automatic logins."""

    topic: ClassVar[str] = "hardening"

    sysctls: tuple[Sysctl, ...]
    """Those that exist; a setting not listed is not in this kernel."""
    apparmor: bool
    """Is AppArmor switched on?"""
    apparmor_enforced: int | None
    """Profiles in enforce mode; None when AppArmor is off or they could not be counted."""
    selinux: str
    """enforcing, permissive or absent."""
    auto_logins: tuple[AutoLogin, ...] | None
    """None when the files could not be read whole."""

    def sysctl(self, path: str) -> str | None:
        """The value of one setting, or None when the kernel has no such setting."""
        return next((item.value for item in self.sysctls if item.path == path), None)
