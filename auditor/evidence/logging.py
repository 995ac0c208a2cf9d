"""Where a host's logs go, and how long they stay: the journal, syslog daemons, rotation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import ClassVar, Literal

from auditor.model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalState(Evidence):
    """systemd's journal as configured, and what lies in /var/log/journal."""

    topic: ClassVar[str] = "journal"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    installed: bool
    storage: Literal["persistent", "volatile", "auto", "none"] = "auto"
    storage_where: str = ""
    folder: bool = False
    """Does /var/log/journal exist? ``auto`` keeps the journal only then."""
    retention_s: int = 0
    """MaxRetentionSec; 0 for no limit by age. The limit by size always holds besides."""
    oldest: datetime | None = None
    """First entry of the oldest archived file; None while no file was archived yet."""
    newest: datetime | None = None
    """Last change of any file of the journal."""
    upload_url: str | None = None
    """Where systemd-journal-upload would send the journal."""

    @property
    def kept(self) -> bool:
        """Does the journal outlive a restart?"""
        return self.installed and (self.storage == "persistent" or (self.storage == "auto" and self.folder))

    @property
    def limit_days(self) -> float:
        """Age at which entries are deleted whatever their size; 0 for a journal that no restart survives."""
        if not self.kept:
            return 0.0
        return self.retention_s / 86_400 if self.retention_s else float("inf")

    @property
    def reach_days(self) -> int:
        """Days that the archived files reach back from the day of collection."""
        return (self.seen.collected_at - self.oldest).days if self.oldest else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """A file that a syslog daemon writes."""

    path: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """A place that a syslog daemon sends logs to."""

    to: str
    """As written: host, address, or the output module where the line names no host."""
    where: str

    @property
    def is_local(self) -> bool:
        host = self.to.lower()
        return host.startswith(("127.", "localhost", "::1", "[::1]"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogConfig(Evidence):
    """Configuration of rsyslog and syslog-ng; both empty where neither is configured."""

    topic: ClassVar[str] = "syslog"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    configured: tuple[Literal["rsyslogd", "syslog-ng"], ...]
    files: tuple[LogFile, ...]
    forwards: tuple[Forward, ...]
    unread: tuple[str, ...]
    """Includes of other folders: what was not found may stand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How one group of log files is rotated."""

    paths: tuple[str, ...]
    """Paths or shell patterns."""
    count: int
    """Rotated files kept besides the current one; -1 for all."""
    period_days: float | None
    """Days between rotations; None when only size decides."""
    by_size: bool
    """May size bring a rotation forward, so that days say nothing?"""
    max_age_days: int | None
    where: str

    @property
    def kept_days(self) -> float | None:
        """Days certainly kept; None when that cannot be told from the configuration."""
        if self.count == -1 and self.max_age_days is None:
            return float("inf")
        if self.by_size or self.period_days is None:
            return None
        days = float("inf") if self.count == -1 else self.count * self.period_days
        return days if self.max_age_days is None else min(days, self.max_age_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRotation(Evidence):
    """logrotate's configuration."""

    topic: ClassVar[str] = "rotation"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    installed: bool
    rotations: tuple[Rotation, ...] = ()

    def of(self, path: str) -> Rotation | None:
        """The rotation of one file; None when none names it."""
        return next(
            (each for each in self.rotations if any(fnmatchcase(path, pattern) for pattern in each.paths)), None
        )
