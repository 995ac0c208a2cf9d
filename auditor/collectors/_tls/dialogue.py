"""A talk in the clear before TLS: bounded, recorded, and read a second time from its recording.

The dialogue itself is what understands the answers. It runs once against the server, and again against
the recording whenever that is judged, so that no answer is ever understood in two ways.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from auditor.collectors._tls.io import Ended, Line
from auditor.evidence.tls import Answer

HEARD_CAP = 8192
"""Bytes kept of one talk, both sides together; a banner and a list of capabilities are a few hundred."""
LINE_CAP = 2048
"""RFC 5321 allows 512 bytes a reply, IMAP and LDAP servers write longer ones."""
LINES_CAP = 100
"""Lines of one answer."""
PACKET_CAP = 8000
"""Bytes of one packet; the longest expected is LDAP's root entry."""

_STRANGERS = (
    (b"HTTP/", "http"),
    (b"<!DOCTYPE", "http"),
    (b"<html", "http"),
    (b"SSH-", "ssh"),
    (b"\x15\x03", "tls"),
    (b"\x16\x03", "tls"),
    (b"\x80\x03\x00\x00\x01", "tls"),
)


class Refused(Ended):
    """The server understood and said no: ``code`` is its own word for why."""

    def __init__(self, how: str, code: str = "") -> None:
        super().__init__(f"preface: {how} {code}".rstrip())


@dataclass(slots=True)
class Heard:
    """What was said in one talk, who said it, and what it taught."""

    said: list[tuple[bool, bytes]] = field(default_factory=list)
    """In order; True where it was us."""
    cut: bool = False
    """More was said than is kept."""
    ended: str = ""
    """``tls`` where the server was ready for it, ``answered`` where the question was, else the word of ``Ended``."""
    banner: str = ""
    offered: Answer = Answer.UNTESTED
    """Is TLS to be had on this line?"""
    clear: Answer = Answer.UNTESTED
    """May a client go on, as far as a login, without TLS?"""
    why: str = ""
    security: tuple[str, ...] = ()
    """RDP: what it agreed to, of rdp, tls, nla."""

    _room: int = HEARD_CAP

    def note(self, ours: bool, data: bytes) -> None:
        self.cut = self.cut or len(data) > self._room
        kept = data[: self._room]
        self._room -= len(kept)
        if kept and self.said and self.said[-1][0] is ours:
            self.said[-1] = ours, self.said[-1][1] + kept
        elif kept:
            self.said.append((ours, kept))

    def document(self, ask: str) -> dict[str, Any]:
        said = [[">" if ours else "<", base64.b64encode(data).decode("ascii")] for ours, data in self.said]
        return {"ask": ask, "ended": self.ended, "cut": self.cut, "said": said}


class Recording:
    """A ``Line`` that says again what a server once said."""

    def __init__(self, said: list[tuple[bool, bytes]], ended: str) -> None:
        self._coming = [data for ours, data in said if not ours]
        self._ended = ended.removeprefix("preface: ")

    def send(self, data: bytes) -> None:
        """Nobody listens; an end that came while sending comes with the next ``receive``."""

    def receive(self) -> bytes:
        if self._coming:
            return self._coming.pop(0)
        if self._ended == "closed":
            return b""
        raise Ended("incomplete" if self._ended in ("tls", "answered", "") else self._ended)


def recorded(document: Any) -> tuple[str, list[tuple[bool, bytes]], str, bool]:
    """Question, what was said, how it ended, and whether it was cut. Raises ``ValueError`` for another shape."""
    try:
        ask, ended, cut = document["ask"], document["ended"], document["cut"]
        said = [({">": True, "<": False}[who], base64.b64decode(data, validate=True)) for who, data in document["said"]]
    except (KeyError, TypeError, ValueError, binascii.Error) as exc:
        raise ValueError(f"no recording of a talk: {type(exc).__name__}") from None
    if not isinstance(ask, str) or not isinstance(ended, str) or not isinstance(cut, bool):
        raise ValueError("no recording of a talk: other types")
    return ask, said, ended, cut


class Dialogue:
    """Our side of one talk. Every way it can end is an ``Ended`` whose word begins with ``preface:``."""

    def __init__(self, line: Line, heard: Heard, name: str = "", behind: bytes = b"") -> None:
        self.heard = heard
        self.name = name
        """The server's, as an A-label."""
        self._behind = behind
        self.bare = line
        self._left = b""

    def say(self, data: bytes) -> None:
        self.heard.note(True, data)
        try:
            self.bare.send(data)
        except Ended as exc:
            raise _early(exc) from None

    def start(self, command: bytes) -> None:
        """Send the command that starts TLS, and in one piece with it what is to be sent ``behind`` it."""
        self.say(command + self._behind)

    def line(self) -> bytes:
        """The next line of text, without its end."""
        while b"\n" not in self._left:
            if len(self._left) > LINE_CAP:
                raise Refused(stranger(self._left) or "long-line")
            self._more()
        text, _, self._left = self._left.partition(b"\n")
        return text.removesuffix(b"\r")

    def until(self, done: Callable[[bytes], bool]) -> bytes:
        """All that comes, until ``done`` says that it is whole."""
        while not done(self._left):
            self._more()
        text, self._left = self._left, b""
        return text

    def exactly(self, count: int) -> bytes:
        while len(self._left) < count:
            self._more()
        data, self._left = self._left[:count], self._left[count:]
        return data

    def rest(self) -> bytes:
        """What has come and was not read yet."""
        return self._left

    def tls(self, wrapped: Line | None = None) -> Line:
        """The line, now that TLS is next. Whatever came already came in the clear, and is not the server's to say."""
        if self._left:
            raise Refused("surplus")
        self.heard.offered, self.heard.ended = Answer.YES, "tls"
        return wrapped or self.bare

    def _more(self) -> None:
        try:
            data = self.bare.receive()
        except Ended as exc:
            raise _early(exc) from None
        if not data:
            raise Refused(stranger(self._left) or "closed")
        self.heard.note(False, data)
        self._left += data
        if self.heard.cut:
            raise Refused(stranger(self._left) or "too-long")


def stranger(data: bytes) -> str:
    """The protocol that bytes give away at their beginning: http, ssh, tls; empty where they do not."""
    return next((word for start, word in _STRANGERS if data[: len(start)].lower() == start.lower()), "")


def shown(data: bytes, most: int = 200) -> str:
    """A server's text as ASCII for people: bytes that are not printable as ``?``."""
    return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in data[:most])


def _early(exc: Ended) -> Ended:
    word = str(exc)
    return exc if word.startswith("preface:") else Refused(word)
