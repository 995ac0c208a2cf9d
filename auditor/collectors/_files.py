"""Small files read many at a time by one ``grep``: sysctls and the like."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.collector import Command, Privilege, Reading
from auditor.collectors._text import whole_lines
from auditor.model import CollectError, Reason


def read_values(key: str, paths: Sequence[str], privilege: Privilege = Privilege.NONE) -> Command:
    """A command that prints the first lines of small files, each behind its path."""
    return Command(key, ("/bin/grep", "-H", "-m", "20", "-e", ".", "--", *paths), privilege)


def values(seen: Reading, key: str, paths: Sequence[str]) -> dict[str, tuple[str, ...] | None]:
    """Lines by path; None for a file that does not exist, () for one that is empty.

    Raises when a file was neither printed nor reported absent, unless grep said by its exit that
    nothing at all was found.
    """
    told = seen.observation(key)
    found: dict[str, tuple[str, ...] | None] = {}
    for line in whole_lines(seen.text(key, ok=(0, 1, 2)), key):
        path = next((item for item in paths if line.startswith(f"{item}:")), None)
        if path is None:
            raise CollectError(Reason.UNPARSABLE, f"{key}: {line[:200]}")
        found[path] = (*(found.get(path) or ()), line[len(path) + 1 :].strip())
    absent = {
        path for path in paths if any(f"{path}: No such file or directory" in item for item in told.stderr.splitlines())
    }
    if told.exit != 2 and told.stderr.strip():
        raise CollectError(_refused(told.stderr), f"{key}: {told.stderr[:200]}")
    if told.exit == 0 and not found:
        raise CollectError(Reason.INCOMPLETE, f"{key}: grep found lines, and none came")
    if told.exit == 2 and not absent:
        raise CollectError(_refused(told.stderr), f"{key}: {told.stderr[:200]}")
    for path in paths:
        if path in found:
            continue
        if path in absent:
            found[path] = None
        elif any(f"{path}:" in item for item in told.stderr.splitlines()):
            raise CollectError(_refused(told.stderr), f"{key}: {path} could not be read")
        else:
            found[path] = ()
    return found


def _refused(stderr: str) -> Reason:
    return Reason.DENIED if "Permission denied" in stderr else Reason.INCOMPLETE
