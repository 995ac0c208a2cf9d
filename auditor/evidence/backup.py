"""What the declared backup jobs of a host have really produced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from auditor.model import Evidence, Unavailable


@dataclass(frozen=True, slots=True)
class Copy:
    """One version that could be restored: a restic snapshot, or a file of a backup folder."""

    at: datetime
    """When it was made, by the clock of the host that made it."""
    size: int | None
    """Bytes; None where the tool does not say, or where other paths were saved along with these."""


@dataclass(frozen=True, slots=True)
class Series:
    """Copies of the same thing, newest first."""

    paths: tuple[str, ...]
    """The paths saved; for files, their folder and pattern."""
    copies: tuple[Copy, ...]

    @property
    def name(self) -> str:
        return " ".join(self.paths)


@dataclass(frozen=True, slots=True)
class Storage:
    """The file system on which a job's copies lie."""

    source: str
    """Device or export, as the mount table names it."""
    network: bool
    """A file system of another machine (NFS, SMB, sshfs …)."""
    shared_with: tuple[str, ...]
    """Which of ``/`` and the saved paths lie on the same source."""


@dataclass(frozen=True, slots=True)
class JobState:
    """One declared job. A job's own trouble stays its own."""

    id: str
    tool: Literal["restic", "files"]
    place: str
    """Repository or folder."""
    max_age_hours: float
    min_copies: int
    separate: bool | None
    """The owner's word that the place is on other infrastructure."""
    series: tuple[Series, ...] | Unavailable
    """Empty after a complete look: the job has produced nothing."""
    names: tuple[str, ...]
    """files: the names of the files that count."""
    storage: Storage | Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupState(Evidence):
    """All declared jobs of one target; none declared is an empty tuple."""

    topic: ClassVar[str] = "backup"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    jobs: tuple[JobState, ...]

    @property
    def clock(self) -> datetime:
        """The instant from which the age of copies is counted: the target's clock, since it dated them."""
        return self.seen.target_clock or self.seen.collected_at
