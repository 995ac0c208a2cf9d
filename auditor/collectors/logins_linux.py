"""Reads when each account last logged in.

``lastlog`` names every account; ``lastlog2``, which newer releases have instead, only those that ever logged in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Reading
from auditor.collectors._text import whole_lines
from auditor.evidence.accounts import Logins
from auditor.model import CollectError, Evidence, Privacy, Reason
from auditor.targets import Target

_ROW = re.compile(
    r"^(?P<name>\S+)\s.*?(?:(?P<never>\*\*Never logged in\*\*)"
    r"|[A-Z][a-z]{2} (?P<at>[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} [+-]\d{4} \d{4}))(?:\s+\S*)?\s*$"
)


class LinuxLogins(CommandCollector):
    """The last login of every local account."""

    id: ClassVar[str] = "logins.linux"
    evidence: ClassVar[type[Evidence]] = Logins

    def commands(self, target: Target) -> Sequence[Command]:
        return (
            Command("lastlog", ("/usr/bin/lastlog",), privacy=Privacy.PERSONAL),
            Command("lastlog2", ("/usr/bin/lastlog2",), privacy=Privacy.PERSONAL),
        )

    def parse(self, seen: Reading) -> Logins:
        key = "lastlog2" if seen.missing_tool("lastlog") else "lastlog"
        lines = whole_lines(seen.text(key), key)
        if not lines or not lines[0].startswith("Username") or "Latest" not in lines[0]:
            raise CollectError(Reason.UNPARSABLE, f"{key}: its heading is not there")
        last = tuple(_row(line, key) for line in lines[1:])
        if key == "lastlog" and "root" not in {name for name, _ in last}:
            raise CollectError(Reason.UNPARSABLE, f"{key}: does not name root")
        return Logins(seen=seen.seen, last=last, lists_all=key == "lastlog")


def _row(line: str, key: str) -> tuple[str, datetime | None]:
    match = _ROW.match(line[:400])
    if match is None:
        raise CollectError(Reason.UNPARSABLE, f"{key}: a row is neither a date nor 'Never logged in'")
    if match["never"]:
        return match["name"], None
    try:
        return match["name"], datetime.strptime(match["at"], "%b %d %H:%M:%S %z %Y")
    except ValueError:
        raise CollectError(Reason.UNPARSABLE, f"{key}: {match['at']!r} is not a time") from None
