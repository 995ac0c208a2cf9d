"""Reads ``restic snapshots --json``: which paths have which copies."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auditor.evidence.backup import Copy, Series
from auditor.model import CollectError, Reason


@dataclass(frozen=True, slots=True)
class _Snapshot:
    at: datetime
    host: str
    paths: tuple[str, ...]
    size: int | None


def series(text: str, hostname: str) -> tuple[Series, ...]:
    """The series of this host's snapshots; one for each set of paths that no newer snapshot covers.

    A path that is no longer saved keeps its old series, so that its age shows.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise CollectError(Reason.UNPARSABLE, "restic: not JSON") from None
    if not isinstance(told, list):
        raise CollectError(Reason.UNPARSABLE, "restic: not a list of snapshots")
    snapshots = sorted((_snapshot(item) for item in told), key=lambda item: item.at, reverse=True)
    hosts = {item.host for item in snapshots}
    if hosts and hostname not in hosts:
        # A backup server's repository: whose snapshots this job means cannot be told from here.
        if len(hosts) > 1:
            raise CollectError(Reason.UNSUPPORTED, f"snapshots of {len(hosts)} other hosts, none of {hostname}")
        hostname = hosts.pop()
    own = [item for item in snapshots if item.host == hostname]
    return tuple(_series(paths, own) for paths in _uncovered(own))


def _snapshot(item: Any) -> _Snapshot:
    try:
        at = datetime.fromisoformat(_microseconds(item["time"]))
        paths = tuple(sorted(item["paths"]))
        summary = item.get("summary") or {}
        size = summary.get("total_bytes_processed")
        if at.tzinfo is None or not paths or not all(isinstance(path, str) for path in paths):
            raise ValueError("no zone or no paths")
        if not isinstance(item["hostname"], str) or not (size is None or type(size) is int):
            raise ValueError("host or size")
        return _Snapshot(at, item["hostname"], paths, size)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CollectError(Reason.UNPARSABLE, f"restic: snapshot {str(item)[:120]}") from None


def _microseconds(time: str) -> str:
    """Go writes nanoseconds; datetime takes six digits."""
    head, dot, rest = time.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}{dot}{rest[: min(digits, 6)]:0<6}{rest[digits:]}" if dot else time


def _uncovered(snapshots: Iterable[_Snapshot]) -> list[tuple[str, ...]]:
    """Sets of paths, newest first, without those that a newer snapshot saves whole."""
    kept: list[tuple[str, ...]] = []
    for item in snapshots:
        if not any(_covers(newer, item.paths) for newer in kept):
            kept.append(item.paths)
    return kept


def _covers(saved: tuple[str, ...], paths: tuple[str, ...]) -> bool:
    return all(any(path == root or path.startswith(root.rstrip("/") + "/") for root in saved) for path in paths)


def _series(paths: tuple[str, ...], snapshots: Iterable[_Snapshot]) -> Series:
    covering = (item for item in snapshots if _covers(item.paths, paths))
    # A snapshot of more paths is a copy too, but its size says nothing about these.
    copies = tuple(Copy(item.at, item.size if item.paths == paths else None) for item in covering)
    return Series(paths, copies)
