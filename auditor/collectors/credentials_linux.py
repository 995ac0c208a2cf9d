"""Asks shadow's passwd for the state of every password (no hash is shown), and looks for authorized keys.

A locked password does not close an account that holds SSH keys, hence the second look: names and sizes of
``/home/*/.ssh/authorized_keys`` only, never their content.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import ClassVar, Literal

from auditor.collector import Command, CommandCollector, Privilege, Reading
from auditor.collectors._text import whole_lines
from auditor.evidence.accounts import Credentials, PasswordStatus
from auditor.model import CollectError, Evidence, Privacy, Reason
from auditor.targets import Target

_STATES: dict[str, Literal["usable", "locked", "none"]] = {
    "P": "usable", "PS": "usable", "L": "locked", "LK": "locked", "NP": "none",
}  # fmt: skip
# Prints /home, each folder in it, its .ssh, and authorized keys that are not empty; goes nowhere else.
# /etc/passwd comes last in the output and shows that it is whole.
_END = "/etc/passwd"
_KEYS = (
    "/usr/bin/find", "-H", "/home", _END, "-maxdepth", "3", "-path", "/home/*/*", "!", "-path", "/home/*/.ssh",
    "!", "-path", "/home/*/.ssh/*", "-prune", "-o", "-type", "d", "-print",
    "-o", "-name", "authorized_keys*", "!", "-size", "0", "-print", "-o", "-path", _END, "-print",
)  # fmt: skip


class LinuxCredentials(CommandCollector):
    """``passwd -S -a``, and which homes hold authorized keys."""

    id: ClassVar[str] = "credentials.linux"
    evidence: ClassVar[type[Evidence]] = Credentials

    def commands(self, target: Target) -> Sequence[Command]:
        return (
            Command("status", ("/usr/bin/passwd", "-S", "-a"), Privilege.ROOT, privacy=Privacy.PERSONAL),
            Command("keys", _KEYS, Privilege.ROOT, privacy=Privacy.PERSONAL),
        )

    def parse(self, seen: Reading) -> Credentials:
        passwords = tuple(_status(line) for line in whole_lines(seen.text("status"), "passwd -S -a"))
        if not any(status.name == "root" for status in passwords):
            raise CollectError(Reason.UNPARSABLE, "passwd -S -a does not name root")
        paths = whole_lines(seen.text("keys"), "find /home")
        if paths[:1] != ["/home"] or paths[-1] != _END or not all(path.startswith("/home/") for path in paths[1:-1]):
            raise CollectError(Reason.UNPARSABLE, f"find: does not go from /home to {_END}")
        return Credentials(
            seen=seen.seen,
            passwords=passwords,
            homes=tuple(path for path in paths[1:-1] if path.count("/") == 2),
            key_homes=tuple(dict.fromkeys(path[: path.index("/.ssh/")] for path in paths if "/.ssh/" in path)),
        )


def _status(line: str) -> PasswordStatus:
    """``name STATE changed min max warn inactive``."""
    words = line.split(" ")
    if len(words) != 7 or words[1] not in _STATES:
        raise CollectError(Reason.UNPARSABLE, f"passwd -S -a: {len(words)} words, state {' '.join(words[1:2])[:10]!r}")
    longest = words[4]
    if not longest.removeprefix("-").isdigit() or len(longest) > 9:
        raise CollectError(Reason.UNPARSABLE, f"passwd -S -a: {longest[:20]!r} is not a number of days")
    limited = 0 <= int(longest) < 99999
    return PasswordStatus(
        name=words[0], state=_STATES[words[1]], changed=_day(words[2]), max_days=int(longest) if limited else None
    )


def _day(text: str) -> date | None:
    """``2026-11-22``, before shadow 4.12 ``11/22/2026``; ``never`` when the day is not recorded."""
    if text == "never":
        return None
    for form in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            continue
    raise CollectError(Reason.UNPARSABLE, f"passwd -S -a: {text[:20]!r} is not a day")
