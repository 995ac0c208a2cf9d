"""What protects a host from malware, as far as ClamAV and well-known agents show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from auditor.model import Evidence, Unavailable


@dataclass(frozen=True, slots=True)
class Product:
    """One anti-malware product found on the host."""

    name: str
    installed: tuple[str, ...]
    """Paths of it that exist."""
    running: tuple[str, ...]
    """Its processes that run, by their kernel names (15 characters at most)."""


@dataclass(frozen=True, slots=True)
class Signatures:
    """ClamAV's daily database, by the header of its file."""

    version: int
    built_at: datetime
    path: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """Files whose active lines start ClamAV's tools."""

    updates: tuple[str, ...]
    """Cron files that start freshclam, and its enabled timer."""
    scans: tuple[str, ...]
    """Cron files and own systemd units that start clamscan or clamdscan; a unit may be disabled."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The end of a scan, as its log tells it."""

    ended_at: datetime
    files: int | None
    """Files scanned; clamdscan does not say."""
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AntivirusState(Evidence):
    """Products and processes always; each other part may be absent for its own reason."""

    topic: ClassVar[str] = "antivirus"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    products: tuple[Product, ...]
    """Empty after a complete look: none of the known products is there."""
    processes: frozenset[str]
    """Names of all processes, so that a pack can name further agents."""
    signatures: Signatures | Unavailable | None
    """None: ClamAV's folder holds no daily database."""
    schedule: Schedule | Unavailable
    last_scan: Scan | Unavailable | None
    """None: no scan log tells of an end."""

    @property
    def clamav(self) -> Product | None:
        return next((product for product in self.products if product.name == "ClamAV"), None)

    def others_running(self, agents: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Products besides ClamAV that have a process, and those processes that a pack names as agents."""
        known = (product.name for product in self.products if product.name != "ClamAV" and product.running)
        return (*known, *sorted(self.processes & set(agents)))

    def engine(self, agents: tuple[str, ...] = ()) -> Literal["clamav", "other", "none"]:
        """What protects this host: ClamAV does not when it lies idle beside another product that runs."""
        others = self.others_running(agents)
        if self.clamav is not None and ("clamd" in self.clamav.running or not others):
            return "clamav"
        return "other" if others or self.products else "none"
