"""How a host stands with updates: sources, missing updates, automation, restarts, and its release's support."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar

from auditor.model import Evidence, Unavailable


@dataclass(frozen=True, slots=True)
class Source:
    """One package list that the host holds."""

    host: str
    """Host it comes from; empty for a local folder or medium."""
    origin: str
    label: str
    suite: str
    security: bool
    """A security archive of Debian or Ubuntu, by label and suite as the signed Release file gives them."""
    dated: datetime | None
    """When the archive signed this state of itself; None where no Release file lies beside the list."""


@dataclass(frozen=True, slots=True)
class Update:
    """A package with a newer version in a security archive."""

    package: str
    installed: str
    """Empty for a package that the update would add."""
    candidate: str


@dataclass(frozen=True, slots=True)
class Missing:
    """What upgrading would do if nothing were held, pinned or phased, security archives first."""

    security: tuple[Update, ...]
    others: int
    """Updates from all other sources."""
    kept_back: tuple[str, ...]
    """Packages with a newer version that cannot be installed; where it comes from is not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchState(Evidence):
    """Packages and their sources."""

    topic: ClassVar[str] = "patch"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    sources: tuple[Source, ...]
    """Empty: the host holds no package list at all."""
    missing: Missing | Unavailable
    held: tuple[str, ...]
    """Packages on hold, by dpkg."""
    proxies: tuple[str, ...]
    """Hosts of the HTTP proxies that apt goes through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateAutomation(Evidence):
    """Whether updates are fetched and installed without anyone doing it."""

    topic: ClassVar[str] = "patch-automatic"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    installed: bool
    """The package unattended-upgrades is."""
    enabled: bool
    """``APT::Periodic::Enable`` is not off."""
    refresh: bool
    """Package lists are refreshed by schedule."""
    upgrade: bool
    """Unattended upgrades are made by schedule."""
    origins: tuple[str, ...]
    """Patterns of the archives whose updates are installed."""
    timers: tuple[tuple[str, str], ...]
    """systemd timer → its state (enabled, disabled, masked …); empty without systemd."""
    cron: bool
    """cron runs apt's daily job (where there is no systemd)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartState(Evidence):
    """Whether the host must be restarted for its updates to take effect."""

    topic: ClassVar[str] = "restart"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    flagged: bool
    """/run/reboot-required exists."""
    flagged_by: tuple[str, ...]
    booted_at: datetime
    unpacked: tuple[tuple[str, datetime], ...]
    """Core packages that running programs keep in memory → when their files were last replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportState(Evidence):
    """The host's release, with the support data of this program's dated table beside it."""

    topic: ClassVar[str] = "support"
    max_age: ClassVar[timedelta] = timedelta(days=30)

    os_id: str
    os_version: str
    os_name: str
    ends: tuple[tuple[str, date], ...]
    """Phase of support (standard, lts, elts, esm, legacy) → last day; empty: the release is not in the table."""
    data_source: str
    data_dated: date
    data_stale_after_days: int
