"""What a command line does when nobody types: TMOUT of the shells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from auditor.model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellTimeout:
    """One place that sets TMOUT for everybody."""

    seconds: int
    """0 switches it off."""
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellSettings(Evidence):
    """What the system-wide start files of shells set."""

    topic: ClassVar[str] = "shells"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    timeouts: tuple[ShellTimeout, ...]
    readonly: bool
    """May a user not set TMOUT anew?"""
