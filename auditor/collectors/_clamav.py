"""Reads what ClamAV leaves on a host: its database's header, schedules that start it, logs of its scans."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from auditor.collector import Reading
from auditor.evidence.antivirus import Scan, Schedule, Signatures
from auditor.model import CollectError, Reason

DATABASES = {"daily-cvd": "/var/lib/clamav/daily.cvd", "daily-cld": "/var/lib/clamav/daily.cld"}
UNITS = "/etc/systemd/system"


def only_absent(stderr: str) -> None:
    """All that a tool complained of is that something does not exist."""
    for line in stderr.splitlines():
        if line.strip() and not line.endswith("No such file or directory"):
            reason = Reason.DENIED if line.endswith("Permission denied") else Reason.INCOMPLETE
            raise CollectError(reason, line[:200])


def signatures(seen: Reading) -> Signatures | None:
    said = [line for _, _, line in _grepped(seen, "database-folder")]
    if not said:  # even untouched configurations hold the line, as a comment
        raise CollectError(Reason.INCOMPLETE, "no configuration file names the database folder")
    for line in said:
        folder = line.partition("DatabaseDirectory")[2].strip().strip('"').rstrip("/")
        if not line.startswith("#") and folder != "/var/lib/clamav":
            raise CollectError(Reason.UNSUPPORTED, f"database kept in {folder[:200]}")
    found = [_header(header, path) for key, path in DATABASES.items() if (header := seen.file(key)) is not None]
    return max(found, key=lambda item: item.version, default=None)


def _header(text: str, path: str) -> Signatures:
    """``ClamAV-VDB:time:version:signatures:level:md5:digest:builder:seconds``, padded to 512 bytes."""
    parts = text.rstrip().split(":")
    try:
        if parts[0] != "ClamAV-VDB":
            raise ValueError(parts[0])
        return Signatures(int(parts[2]), datetime.fromtimestamp(int(parts[8]), UTC), path)
    except (ValueError, IndexError, OverflowError, OSError):
        raise CollectError(Reason.UNPARSABLE, f"{path}: no database header") from None


def _grepped(seen: Reading, key: str) -> list[tuple[str, str, str]]:
    """(file, ':', line) of each match. Files that do not exist match nothing; unreadable ones raise."""
    lines = seen.lines(key, ok=(0, 1, 2))
    said = seen.observation(key)
    only_absent(said.stderr)
    if (said.exit == 0) != bool(lines) and said.exit != 2:
        raise CollectError(Reason.INCOMPLETE, f"{key}: grep ended with {said.exit} and {len(lines)} lines")
    if said.exit == 2 and not said.stderr.strip():
        raise CollectError(Reason.INCOMPLETE, f"{key}: grep failed without a word")
    return [line.partition(":") for line in lines]


def schedule(seen: Reading) -> Schedule:
    updates, scans = set(), set()
    for file, _, line in _grepped(seen, "schedules"):
        if line.lstrip().startswith("#"):
            continue
        if "freshclam" in line and not file.startswith(UNITS):
            updates.add(file)
        if "clamscan" in line or "clamdscan" in line:
            scans.add(file)
    if not seen.missing_tool("timer") and seen.text("timer", ok=(0, 1, 4)).strip() == "enabled":
        updates.add("clamav-freshclam-once.timer")
    return Schedule(tuple(sorted(updates)), tuple(sorted(scans)))


def last_scan(seen: Reading) -> Scan | None:
    zone = _zone(seen.text("zone").strip())
    newest: Scan | None = None
    files: dict[str, int] = {}
    for log, _, line in _grepped(seen, "scans"):
        label, _, value = line.partition(":")
        try:
            if label == "Scanned files":
                files[log] = int(value)
                continue
            ended = datetime.strptime(value.strip(), "%Y:%m:%d %H:%M:%S").replace(tzinfo=zone)
        except (ValueError, OverflowError):
            raise CollectError(Reason.UNPARSABLE, f"{log[:100]}: {line[:100]!r}") from None
        scan = Scan(ended, files.pop(log, None), log)
        if scan.files != 0 and (newest is None or ended > newest.ended_at):
            newest = scan
    return newest


def _zone(text: str) -> timezone:
    """``+0700``: scan logs tell the target's local time."""
    match = re.fullmatch(r"([+-])(\d\d)(\d\d)", text, re.ASCII)
    if match is None:
        raise CollectError(Reason.UNPARSABLE, f"date: {text[:40]!r} is no time zone")
    offset = timedelta(hours=int(match[2]) % 24, minutes=int(match[3]) % 60)
    return timezone(-offset if match[1] == "-" else offset)
