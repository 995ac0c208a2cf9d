"""One HTTP request and what came back: a raw socket, a wall-clock deadline, caps on everything.

The server's certificate is not verified here on purpose: whether it is to be trusted is judged from
the TLS evidence, and a page behind a bad certificate is still shown to those who click on.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from dataclasses import dataclass

from auditor import __version__

AGENT = f"Capdo compliance audit {__version__}"
HEAD_CAP = 32 << 10
BODY_CAP = 512 << 10
WIRE_CAP = 2 * BODY_CAP
"""Bytes taken in for one answer, its chunk sizes included."""
LINES = 200
"""Header lines of one answer."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: .*)?", re.DOTALL)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?", re.DOTALL)
_CHUNK_LINE = 4096

Headers = tuple[tuple[str, str], ...]


class Ended(Exception):
    """An exchange ended before there was an answer; its text is the word: refused, timeout, not-http …"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``body_end`` says how far the body was seen: whole, closed, cut, broken, encoded, timeout …"""

    status: int
    headers: Headers
    body: bytes = b""
    body_end: str = "whole"

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


@dataclass(frozen=True, slots=True)
class Request:
    """A GET: to which address and port, by which name, and whether TLS is spoken."""

    address: str
    port: int
    name: str
    tls: bool
    path: str
    referer: str = ""

    def raw(self) -> bytes:
        usual = 443 if self.tls else 80
        host = f"[{self.name}]" if ":" in self.name else self.name
        lines = [
            f"GET {self.path} HTTP/1.1",
            f"Host: {host}" + ("" if self.port == usual else f":{self.port}"),
            f"User-Agent: {AGENT}",
            "Accept: text/html,*/*;q=0.5",
            "Accept-Encoding: identity",
            "Accept-Language: vi,en;q=0.5",
            *([f"Referer: {self.referer}"] if self.referer else []),
            "Connection: close",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def fetch(request: Request, until: float) -> Answer:
    """The answer to one request, by the instant ``until`` of time.monotonic(). Raises ``Ended`` without one."""
    try:
        with socket.create_connection((request.address, request.port), _left(until, 5.0)) as plain:
            if not request.tls:
                return _exchange(plain, request.raw(), until)
            plain.settimeout(_left(until))
            with _context().wrap_socket(plain, server_hostname=request.name) as line:
                return _exchange(line, request.raw(), until)
    except TimeoutError:
        raise Ended("timeout") from None
    except ConnectionRefusedError:
        raise Ended("refused") from None
    except (ConnectionResetError, BrokenPipeError):
        raise Ended("reset") from None
    except ssl.SSLError as exc:
        raise Ended(f"tls: {(exc.reason or type(exc).__name__).lower()}") from None
    except (OSError, ValueError) as exc:
        raise Ended(f"unreachable: {exc}"[:200]) from None


def _context() -> ssl.SSLContext:
    """Takes any certificate and every version there is: others judge those."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_ciphers("ALL:@SECLEVEL=0")
    made.options |= ssl.OP_LEGACY_SERVER_CONNECT if hasattr(ssl, "OP_LEGACY_SERVER_CONNECT") else 0x4
    made.set_alpn_protocols(["http/1.1"])
    return made


def _left(until: float, most: float = 3600.0) -> float:
    left = min(until - time.monotonic(), most)
    if left <= 0:
        raise TimeoutError
    return left


def _exchange(line: socket.socket, asked: bytes, until: float) -> Answer:
    line.settimeout(_left(until))
    line.sendall(asked)
    held = b""
    for _ in range(5):  # interim answers (100, 103) come before the one that counts
        head, held = _head(line, held, until)
        status, headers = parse_head(head)
        if status >= 200:
            body = Body(status, headers)
            body.feed(held)
            _rest(line, body, until)
            return Answer(status, headers, bytes(body.seen), body.end)
    raise Ended("not-http")


def _head(line: socket.socket, held: bytes, until: float) -> tuple[bytes, bytes]:
    """The next head, and what came behind it."""
    end, known = head_end(held), len(held)
    while end < 0:
        if held[:5] != b"HTTP/"[: len(held)]:
            raise Ended("not-http")
        if len(held) > HEAD_CAP:
            raise Ended("head-too-long")
        data = _receive(line, until)
        if not data:
            raise Ended("closed")
        known, held = len(held), held + data
        end = head_end(held, known)
    return held[:end], held[end:]


def _rest(line: socket.socket, body: Body, until: float) -> None:
    taken = 0
    try:
        while not body.end:
            data = _receive(line, until)
            taken += len(data)
            if not data:
                body.close()
            elif taken > WIRE_CAP:
                body.end = "cut"
            else:
                body.feed(data)
    except TimeoutError:
        body.end = "timeout"
    except OSError:
        body.end = "broken"


def _receive(line: socket.socket, until: float) -> bytes:
    line.settimeout(_left(until))
    try:
        return line.recv(16384)
    except ssl.SSLEOFError:  # closed without saying so, as many do
        return b""


def head_end(data: bytes, known: int = 0) -> int:
    """Where the head ends and the body begins, or -1; its first ``known`` bytes were looked at before."""
    start = max(0, known - 3)
    ends = [at + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := data.find(mark, start)) >= 0]
    return min(ends, default=-1)


def parse_head(head: bytes) -> tuple[int, Headers]:
    """Status and header fields, names in lower case. Raises ``Ended`` for what is no head of HTTP/1.

    A folded line belongs to the one before (RFC 9112, 5.2), as browsers still read it.
    """
    first, *lines = head.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    status = _STATUS.fullmatch(first)
    if status is None or b"\r" in head.replace(b"\r\n", b"") or b"\0" in head:
        raise Ended("not-http")
    if len(lines) > LINES:
        raise Ended("head-too-long")
    found: list[tuple[str, str]] = []
    for line in (raw.decode("latin-1") for raw in lines):
        if line[:1] in (" ", "\t"):
            if not found:
                raise Ended("head-malformed")
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}".strip())
            continue
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name):
            raise Ended("head-malformed")
        found.append((name.lower(), value.strip(" \t")))
    return int(status[1]), tuple(found)


class Body:
    """A body as it comes in: by length, in chunks, or until the other side closes."""

    def __init__(self, status: int, headers: Headers) -> None:
        self.seen = bytearray()
        self.end = ""
        told = {name: [value for key, value in headers if key == name] for name, _ in headers}
        coding = [one.strip().lower() for value in told.get("transfer-encoding", []) for one in value.split(",")]
        lengths = {one.strip() for value in told.get("content-length", []) for one in value.split(",")}
        content = [one.strip().lower() for value in told.get("content-encoding", []) for one in value.split(",")]
        self._chunked = coding == ["chunked"]
        self._left: int | None = None
        self._rest = bytearray()
        self._inside = 0
        """Bytes of the chunk that are still to come, with the two of its line end."""
        if status in (204, 304):
            self.end = "whole"
        elif (coding and not self._chunked) or any(one not in ("", "identity") for one in content):
            self.end = "encoded"  # we asked for none; what is not understood is not guessed
        elif not self._chunked and lengths:
            length = next(iter(lengths))
            if len(lengths) > 1 or not (length.isascii() and length.isdigit()) or len(length) > 15:
                self.end = "broken"
            else:
                self._left = int(length)
                self.end = "whole" if self._left == 0 else ""

    def feed(self, data: bytes) -> None:
        if self.end or not data:
            return
        if self._chunked:
            self._rest += data
            self._chunks()
            return
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        self._take(data)
        if self._left == 0 and not self.end:
            self.end = "whole"

    def close(self) -> None:
        """The other side has closed: the end only where nothing said how long the body is."""
        if not self.end:
            self.end = "broken" if self._chunked or self._left is not None else "closed"

    def _take(self, data: bytes | bytearray) -> None:
        room = BODY_CAP - len(self.seen)
        self.seen += data[:room]
        if len(data) > room:
            self.end = "cut"

    def _chunks(self) -> None:
        at = 0
        while not self.end:
            if self._inside > 2:
                part = self._rest[at : at + self._inside - 2]
                self._take(part)
                at += len(part)
                self._inside -= len(part)
                if self._inside > 2:
                    break
            if self._inside:  # the line end behind a chunk
                if len(self._rest) - at < 2:
                    break
                if self._rest[at : at + 2] != b"\r\n":
                    self.end = "broken"
                at, self._inside = at + 2, 0
            stop = self._rest.find(b"\r\n", at)
            if stop < 0:
                if len(self._rest) - at > _CHUNK_LINE:
                    self.end = "broken"
                break
            size = _SIZE.fullmatch(self._rest[at:stop]) if stop - at <= _CHUNK_LINE else None
            if size is None:
                self.end = "broken"
                break
            at, self._inside = stop + 2, int(size[1], 16) + 2
            if self._inside == 2:
                self.end = self.end or "whole"  # trailers say nothing to us
        del self._rest[:at]
