"""Conversations over TCP: one address, a wall-clock deadline and a byte cap for each.

Nothing here resolves a name. What a server does is never an error of ours: every way a conversation
can end has a word, which ``Ended`` carries.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Protocol

STEP_S = 5.0
"""For one conversation, from its first packet to its end."""
CHUNK = 16384
CAP = 1 << 18
"""Bytes taken in during one conversation; chains longer than 100 KB no client takes."""
NO_SERVER = ("refused", "unreachable", "no-answer")
"""Words for a conversation that never began."""
TOO_MANY = "too-many"
"""Word for a conversation that was not begun, as the service has borne enough of them."""
_TIMEVAL = struct.Struct("@ll")


class Line(Protocol):
    """One conversation with a server."""

    def send(self, data: bytes) -> None:
        """Raises ``Ended``."""

    def receive(self) -> bytes:
        """What came next, at most 16 KiB; b"" when the other side has closed. Raises ``Ended``."""


class Ended(Exception):
    """A conversation ended early; ``str()`` is the word: timeout, reset, too-long, refused, unreachable, no-answer
    (nobody accepted the connection), preface …"""


Preface = Callable[[Line, str], Line]
"""What is said before TLS, given the name of the server; gives the line to speak TLS on. Raises ``Ended``."""


class Wire:
    """A ``Line`` over a socket."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until
        self._taken = 0

    def send(self, data: bytes) -> None:
        try:
            while data:
                _bound(self._sock, socket.SO_SNDTIMEO, self._until)
                data = data[self._sock.send(data) :]
        except OSError as exc:
            raise Ended(_word(exc)) from None

    def receive(self) -> bytes:
        try:
            _bound(self._sock, socket.SO_RCVTIMEO, self._until)
            data = self._sock.recv(CHUNK)
        except OSError as exc:
            raise Ended(_word(exc)) from None
        self._taken += len(data)
        if self._taken > CAP:
            raise Ended("too-long")
        return data


class Caller:
    """Opens conversations with one server, and counts them.

    ``until`` is an instant of ``time.monotonic()`` after which nothing more is asked. ``preface`` is said
    first on each line, for ``name``.
    """

    def __init__(
        self, address: str, port: int, until: float, *, name: str = "", preface: Preface | None = None
    ) -> None:
        self.address = address
        self.port = port
        self.until = until
        self.name = name
        self.connections = 0
        self._preface = preface

    @contextmanager
    def call(self, step_s: float | None = None, *, bare: bool = False) -> Iterator[Line]:
        """A line ready for TLS, or ``bare`` without the preface. Raises ``Ended``."""
        until = min(self.until, time.monotonic() + (STEP_S if step_s is None else step_s))
        with dial(self.address, self.port, until) as sock:
            self.connections += 1
            line: Line = Wire(sock, until)
            yield line if bare or self._preface is None else self._preface(line, self.name)

    def exchange(self, said: bytes, enough: Callable[[bytes], bool], step_s: float | None = None) -> tuple[str, bytes]:
        """Send bytes and read until ``enough``; gives how it ended, and what was read.

        Endings: ``answered``, ``closed``, or the word of ``Ended``.
        """
        reply = b""
        try:
            with self.call(step_s) as line:
                line.send(said)
                while chunk := line.receive():
                    reply += chunk
                    if enough(reply):
                        return "answered", reply
        except Ended as exc:
            return str(exc), reply
        return "closed", reply


def dial(address: str, port: int, until: float) -> socket.socket:
    """A connection to an IP address. Raises ``Ended``: refused, unreachable, no-answer, timeout."""
    if not is_ip(address):
        raise Ended("unreachable")
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _bound(sock, socket.SO_SNDTIMEO, until)
        sock.connect((address, port))
    except BaseException as exc:
        sock.close()
        if isinstance(exc, ConnectionRefusedError):
            raise Ended("refused") from None
        if isinstance(exc, (TimeoutError, BlockingIOError)):
            raise Ended("no-answer") from None
        if isinstance(exc, OSError):
            raise Ended("unreachable") from None
        raise
    return sock


def _bound(sock: socket.socket, option: int, until: float) -> None:
    """Let the next call that may block end at an instant. Raises ``Ended("timeout")`` when it has passed.

    Linux keeps the time itself, so that a call is one entry into it: Python's own timeouts take several, and hand the
    interpreter to another thread at each, which with twenty services at once cost more than all else.
    """
    seconds = left(until)
    if sys.platform == "linux":
        whole = int(seconds)
        sock.setsockopt(socket.SOL_SOCKET, option, _TIMEVAL.pack(whole, int((seconds - whole) * 1e6) or 1))
    else:
        sock.settimeout(seconds)


def left(until: float) -> float:
    """Seconds until an instant. Raises ``Ended("timeout")`` when it has passed."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise Ended("timeout")
    return seconds


@lru_cache(maxsize=1024)
def is_ip(name: str) -> bool:
    """Is it an IP address, not a name?"""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _word(exc: OSError) -> str:
    if isinstance(exc, (TimeoutError, BlockingIOError)):
        return "timeout"
    return "reset" if isinstance(exc, (ConnectionResetError, BrokenPipeError)) else "broken"
