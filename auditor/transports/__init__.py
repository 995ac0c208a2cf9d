"""Transports: one file per way to reach a host. They take declared commands, never a shell line."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from auditor.collector import Command
from auditor.model import Reason
from auditor.script import HostOutput, build, parse

SESSION_CAP = 48 << 20
"""Most bytes read from one host in one session, base64 included."""


class TransportError(Exception):
    """The host could not be asked at all: which of the reasons, and in which words."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Transport(Protocol):
    """Reaches one host and runs declared commands on it."""

    name: str

    def run(self, commands: Sequence[Command], deadline_s: float) -> HostOutput:
        """Run all commands in one script within ``deadline_s`` wall-clock seconds.

        What was not answered in time comes back with a problem each. Raises ``TransportError``
        when no command could be run.
        """


EVAL = 'eval "$(PATH=/usr/bin:/bin; exec cat)"'
"""Reads the script from stdin whole, whatever PATH an rc file left behind."""

INVOKE = f"exec /bin/sh -c '{EVAL}'"
"""What a host is asked to execute: a POSIX shell whatever the login shell is; nothing shows in argv."""


class Session:
    """One script sent to a host: its bytes, and how to read the answer."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self.commands = commands
        self._word = secrets.token_hex(8)
        self._asked_at = datetime.now(UTC)
        self.script = build(commands, self._word)

    def asked(self) -> bytes:
        """The script to send now; the moment is kept, to hold the target's clock against."""
        self._asked_at = datetime.now(UTC)
        return self.script

    def end(self, raw: bytes, cut: Reason | None = None) -> HostOutput:
        return parse(raw, self._word, self.commands, self._asked_at, cut=cut)

    TAIL = 64
    """How many of the newest bytes ``ended`` needs to see."""

    def ended(self, tail: bytes) -> bool:
        """True when ``tail`` holds the last frame whole, so that a lingering child need not be waited for."""
        return b"@%s end %d\n" % (self._word.encode(), len(self.commands)) in tail

    def began(self, raw: bytes) -> bool:
        """True when our script said anything at all: a shell ran it."""
        return b"@%s " % self._word.encode() in raw
