"""The host's own processes, by name. Arguments are never read: they may hold secrets.

A container's clamd or log daemon is a process of the host too, but guards and keeps nothing of the host: only
those that live in the same process namespace as ``ps`` itself count. Root alone sees namespaces of others.
"""

from __future__ import annotations

import re

from auditor.collector import Command, Privilege, Reading
from auditor.collectors._text import whole_lines
from auditor.model import CollectError, Reason

_ROW = re.compile(r"^ *(?P<pid>\d{1,10}) +(?P<namespace>\d{1,20}|-) (?P<name>\S.*)$")


def listing(key: str) -> Command:
    """``ps`` of every process with its namespace."""
    argv = ("/bin/ps", "-e", "-o", "pid=", "-o", "pidns=", "-o", "comm=")
    return Command(key, argv, Privilege.ROOT)


def own(seen: Reading, key: str) -> tuple[str, ...]:
    """Names of the host's own processes, sorted. Its own line and that of process 1 show that the list is whole."""
    rows: list[tuple[int, str, str]] = []
    for line in whole_lines(seen.text(key), "ps"):
        match = _ROW.match(line)
        if match is None:
            raise CollectError(Reason.UNPARSABLE, f"ps: not a number, a namespace and a name: {line[:60]!r}")
        rows.append((int(match["pid"]), match["namespace"], match["name"].rstrip()))
    if rows and rows[0][0] != 1:
        # /proc mounted with hidepid shows each user his own processes only.
        raise CollectError(Reason.DENIED, "ps does not show process 1: others' processes are hidden")
    namespaces = {namespace for _, namespace, name in rows if name == "ps"}
    if len(namespaces - {"-"}) != 1:
        raise CollectError(Reason.INCOMPLETE, "ps does not list itself with one namespace")
    return tuple(sorted(name for _, namespace, name in rows if namespace in namespaces))
