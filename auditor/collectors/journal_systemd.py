"""Reads how systemd's journal is kept: its configuration with all drop-ins, and the names of its files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Reading
from auditor.collectors._text import seconds, whole_lines
from auditor.evidence.logging import JournalState
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_ANALYZE = "/usr/bin/systemd-analyze"
_FOLDER = "/var/log/journal"
_CONF = "journald.conf"
_FILE = re.compile(r"^-[\w-]{9}[.+@]? +\d+ +\S+ +\S+ +\d+ (?P<changed>\d{1,12}) (?P<name>[^/]+)$")
# An archived file is named by its first entry: sequence id, sequence number, time in microseconds.
_ARCHIVED = re.compile(r"^system@[0-9a-f]{32}-[0-9a-f]{16}-(?P<usec>[0-9a-f]{16})\.journal$")
_MONTH, _YEAR = 2_629_800, 31_557_600  # systemd.time(7): 30.44 and 365.25 days
_UNITS = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1), **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600), **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 604_800), **dict.fromkeys(("M", "month", "months"), _MONTH),
    **dict.fromkeys(("y", "year", "years"), _YEAR),
}  # fmt: skip


class SystemdJournal(CommandCollector):
    """journald.conf as systemd itself joins it, the target of journal-upload, and /var/log/journal."""

    id: ClassVar[str] = "journal.systemd"
    evidence: ClassVar[type[Evidence]] = JournalState

    def commands(self, target: Target) -> Sequence[Command]:
        return (
            Command("conf", (_ANALYZE, "cat-config", "systemd/journald.conf")),
            Command("upload", (_ANALYZE, "cat-config", "systemd/journal-upload.conf")),
            Command("files", ("/bin/ls", "-lAR", "--time-style=+%s", _FOLDER)),
        )

    def parse(self, seen: Reading) -> JournalState:
        if seen.missing_tool("conf"):
            return JournalState(seen=seen.seen, installed=False)
        told = _section(seen.text("conf"), "Journal")
        storage, where = told.get("Storage", ("auto", f"{_CONF}: Storage"))
        if storage not in ("persistent", "volatile", "auto", "none"):
            raise CollectError(Reason.UNPARSABLE, f"{where}: {storage[:40]!r}")
        span, span_where = told.get("MaxRetentionSec", ("0", ""))
        folder, oldest, newest = _files(seen)
        return JournalState(
            seen=seen.seen,
            installed=True,
            storage=storage,  # type: ignore[arg-type]
            storage_where=where,
            folder=folder,
            retention_s=0 if span == "infinity" else seconds(span, _UNITS, span_where),
            oldest=oldest,
            newest=newest,
            upload_url=_upload(seen),
        )


def _section(text: str, section: str) -> dict[str, tuple[str, str]]:
    """Key to value and place. Files follow one another, each after a ``# /path`` line; the last word counts."""
    found: dict[str, tuple[str, str]] = {}
    path, number, inside, heading = "", 0, False, False
    for line in whole_lines(text, _CONF):
        number += 1
        said = line.strip()
        if said.startswith("# /") and " " not in said[2:]:
            path, number, inside = said[2:], 0, False
        elif said.startswith("["):
            inside = said == f"[{section}]"
            heading = heading or inside
        elif inside and said and said[0] not in "#;":
            key, equals, value = said.partition("=")
            if not equals:
                raise CollectError(Reason.UNPARSABLE, f"{path}:{number}: not a setting: {said[:60]!r}")
            found[key.strip()] = (value.strip(), f"{path}:{number}")
    if not heading:
        raise CollectError(Reason.UNPARSABLE, f"{_CONF}: no section [{section}]")
    return {key: held for key, held in found.items() if held[0]}


def _upload(seen: Reading) -> str | None:
    """None where systemd-journal-upload is not installed: its configuration is then not found."""
    made = seen.observation("upload")
    text = seen.text("upload", ok=(0, 1))
    if "[Upload]" not in text:
        if "not found" in text or "not found" in made.stderr or "No such file" in made.stderr:
            return None
        raise CollectError(Reason.UNPARSABLE, "journal-upload.conf: neither a section nor a word that it is missing")
    return _section(text, "Upload").get("URL", (None, ""))[0]


def _files(seen: Reading) -> tuple[bool, datetime | None, datetime | None]:
    made = seen.observation("files")
    if made.problem is None and made.exit == 2 and "No such file or directory" in made.stderr:
        return False, None, None
    lines = whole_lines(seen.text("files"), "ls")
    if not lines or lines[0] != f"{_FOLDER}:":
        raise CollectError(Reason.UNPARSABLE, f"ls does not begin with {_FOLDER}")
    changed, begun = [], []
    for line in lines:
        match = _FILE.match(line)
        if match is None or ".journal" not in match["name"]:
            continue
        changed.append(int(match["changed"]))
        if archived := _ARCHIVED.match(match["name"]):
            begun.append(int(archived["usec"], 16) // 1_000_000)
    return True, _time(min(begun, default=None)), _time(max(changed, default=None))


def _time(stamp: int | None) -> datetime | None:
    try:
        return None if stamp is None else datetime.fromtimestamp(stamp, UTC)
    except (ValueError, OverflowError, OSError):
        raise CollectError(Reason.UNPARSABLE, f"ls {_FOLDER}: {stamp} is not a time") from None
