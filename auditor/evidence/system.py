"""What a host is: operating system, kernels, uptime and clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from auditor.model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemState(Evidence):
    """Identity of a host as it tells it."""

    topic: ClassVar[str] = "system"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    os_id: str
    """``ID`` of os-release: debian, ubuntu, rhel …"""
    os_version: str
    """``VERSION_ID``; empty on a rolling release."""
    os_codename: str
    os_name: str
    kernel_running: str
    kernels_installed: tuple[str, ...]
    """Kernel releases whose image lies in /boot, oldest first; empty where the host boots another's kernel."""
    uptime_s: float
    hostname: str
    virtualisation: str | None
    """What systemd-detect-virt says; None where that tool is absent."""
