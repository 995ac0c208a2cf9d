"""Whether a host's clock is held to a time source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from auditor.model import Evidence

DAEMONS = ("chronyd", "ntpd", "systemd-timesyncd", "openntpd", "ntimed-client", "ptp4l")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAnswer:
    """What one program says of the clock."""

    tool: str
    synchronised: bool
    source: str
    """The time source it follows; empty where the program does not say."""
    offset_s: float | None
    """How far it thinks the clock is from true time, in seconds; None where it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSync(Evidence):
    """The answers of the time programs that are there and could be asked."""

    topic: ClassVar[str] = "timesync"
    max_age: ClassVar[timedelta] = timedelta(days=1)

    answers: tuple[TimeAnswer, ...]
    silent: tuple[str, ...]
    """Programs that are installed but gave no answer, each with its own words."""
