"""When support for an operating system's release ends: dated data, read once from ``data/eol.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from auditor.dated import made_of, text_of

_FILE = "eol.yaml"


@dataclass(frozen=True, slots=True)
class Release:
    """One release; ``ends`` holds (phase, last day of support), the earliest first."""

    version: str
    codename: str
    released: date
    ends: tuple[tuple[str, date], ...]


@dataclass(frozen=True, slots=True)
class EndOfLife:
    """The whole table, with where and of when it is."""

    source: str
    dated: date
    stale_after_days: int
    systems: dict[str, tuple[Release, ...]]

    def release(self, os_id: str, version: str) -> Release | None:
        """The release of an ``ID`` and ``VERSION_ID`` of os-release; None when it is not known."""
        return next((each for each in self.systems.get(os_id, ()) if each.version == version), None)


@cache
def table() -> EndOfLife:
    """The table that came with this program. Raises ``CapdoError`` when its file is damaged."""
    return read(text_of(_FILE))


def read(text: str) -> EndOfLife:
    """A table from YAML text. Raises ``CapdoError`` for anything that is not one."""
    return made_of(_FILE, text, _table)


def _table(told: Any) -> EndOfLife:
    return EndOfLife(
        source=str(told["source"]),
        dated=date.fromisoformat(told["date"]),
        stale_after_days=int(told["stale_after_days"]),
        systems={name: tuple(map(_release, rows)) for name, rows in told["systems"].items()},
    )


def _release(row: dict[str, Any]) -> Release:
    ends = sorted((date.fromisoformat(day), phase) for phase, day in row["ends"].items())
    if not ends:
        raise ValueError(f"{row['version']}: no end of support")
    released = date.fromisoformat(row["released"])
    return Release(str(row["version"]), row["codename"], released, tuple((phase, day) for day, phase in ends))
