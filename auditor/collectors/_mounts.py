"""Reads the mount table and ``df``: on which file system a path lies, and what else lies there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from auditor.evidence.backup import Storage
from auditor.model import CollectError, Reason

Table = dict[str, tuple[str, str]]
"""Mount point → (source, type)."""

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs"})
_ESCAPED = re.compile(r"\\([0-7]{3})")


def storage(lines: list[str], mounts: Table, saved: tuple[str, ...]) -> Storage:
    """``df -P``: a header, then source, three numbers, a share and the mount point."""
    if len(lines) != 2 or not lines[0].startswith("Filesystem"):
        raise CollectError(Reason.UNPARSABLE, f"df gave {len(lines)} lines")
    match = re.match(r"^(\S.*?) +[\d-]+ +[\d-]+ +[\d-]+ +(?:\d+%|-) +(/.*)$", lines[1][:1024])
    if match is None or match[2] not in mounts:
        raise CollectError(Reason.UNPARSABLE, f"df: {lines[1][:100]!r}")
    source, kind = mounts[match[2]]
    shared = tuple(path for path in dict.fromkeys(("/", *saved)) if _mount_of(path, mounts)[0] == source)
    return Storage(source, kind in _NETWORK, shared)


def table(lines: Sequence[str]) -> Table:
    """Mount point → (source, type); a later mount hides an earlier one."""
    if not lines or lines[-1] != "cat":  # the name of the process itself, read after the table
        raise CollectError(Reason.INCOMPLETE, "the mount table stops early")
    found = {}
    for line in lines[:-1]:
        words = line.split(" ")
        if len(words) != 6:
            raise CollectError(Reason.UNPARSABLE, f"mounts: {line[:100]!r}")
        found[_unescape(words[1])] = (_unescape(words[0]), words[2])
    if "/" not in found:
        raise CollectError(Reason.INCOMPLETE, "the mount table does not hold /")
    return found


def _unescape(word: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), word)


def _mount_of(path: str, mounts: Table) -> tuple[str, str]:
    place = PurePosixPath(path)
    inside = (str(parent) for parent in (place, *place.parents))
    return next((mounts[parent] for parent in inside if parent in mounts), mounts["/"])
