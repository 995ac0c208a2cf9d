"""Ways for a server to be broken, or not to be one at all; what each does when a client has connected."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import struct
from collections.abc import Callable, Mapping

from tests.zoo.toy import Toy, alert, first_flight, honest, linger, message, read_hello, records, vector

Behaviour = Callable[[Toy, socket.socket], None]


def serve(toy: Toy, conn: socket.socket) -> None:
    """Talk to one client as this toy does; whatever the client does, the toy does not mind."""
    with contextlib.suppress(OSError, ValueError, IndexError, struct.error):
        conn.settimeout(20)
        BROKEN.get(toy.quirk, honest)(toy, conn)


def _plain(version: int, suite: int) -> bytes:
    body = struct.pack(">H", version) + os.urandom(32) + b"\0" + struct.pack(">HB", suite, 0)
    return records(message(2, body), version) + records(message(14, b""), version)


def _stall(_: Toy, conn: socket.socket) -> None:
    while conn.recv(4096):
        pass


def _drip(_: Toy, conn: socket.socket) -> None:
    conn.recv(4096)
    conn.settimeout(0.2)
    for byte in b"\x16\3\3\x40\0\2\0\x3f\xfc\3\3" + bytes(600):
        conn.sendall(bytes((byte,)))
        with contextlib.suppress(TimeoutError):
            if not conn.recv(4096):
                return


def _reset(_: Toy, conn: socket.socket) -> None:
    conn.recv(4096)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _close(_: Toy, conn: socket.socket) -> None:
    pass


def _says(answer: bytes) -> Behaviour:
    def speak(_: Toy, conn: socket.socket) -> None:
        conn.recv(65536)
        conn.sendall(answer)
        _drain(conn)

    return speak


def _drain(conn: socket.socket) -> None:
    conn.shutdown(socket.SHUT_WR)
    conn.settimeout(2)
    while conn.recv(65536):
        pass


def _junk(_: Toy, conn: socket.socket) -> None:
    conn.recv(65536)
    conn.sendall(b"\xf1" + os.urandom(3999))
    _drain(conn)


def _banner(_: Toy, conn: socket.socket) -> None:
    conn.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    conn.recv(65536)
    _drain(conn)


def _endless_warnings(_: Toy, conn: socket.socket) -> None:
    conn.recv(65536)
    while True:
        conn.sendall(alert(90, level=1) * 500)


def _endless_records(_: Toy, conn: socket.socket) -> None:
    """A certificate message of 16 MB that never comes to its end, before any ServerHello."""
    conn.recv(65536)
    conn.sendall(b"\x16\3\3\x40\0\x0b\xff\xff\xff" + bytes(0x4000 - 4))
    while True:
        conn.sendall(b"\x16\3\3\x40\0" + bytes(0x4000))


def _unasked_suite(_: Toy, conn: socket.socket) -> None:
    """Always answers with a suite that the client did not offer."""
    hello = read_hello(conn)
    unasked = next((code for code in range(0x7A00, 0x7B00) if code not in hello.suites), 0)
    conn.sendall(_plain(min(hello.version, 0x0303), unasked))
    linger(conn)


def _unasked_version(_: Toy, conn: socket.socket) -> None:
    """Always answers one version newer than the client can speak."""
    hello = read_hello(conn)
    newest = max((hello.version, *(one for one in hello.shorts(43, 1) if one <= 0x0304)))
    conn.sendall(_plain(newest + 1, hello.suites[0]))
    linger(conn)


def _retries_for_ever(_: Toy, conn: socket.socket) -> None:
    """HelloRetryRequest after HelloRetryRequest, and no other version."""
    for _round in range(50):
        hello = read_hello(conn)
        if 0x0304 not in hello.shorts(43, 1):
            conn.sendall(alert(70))
            return
        random = hashlib.sha256(b"HelloRetryRequest").digest()
        group = 24 if 23 in hello.shares else 23
        extensions = struct.pack(">HHH", 43, 2, 0x0304) + struct.pack(">HHH", 51, 2, group)
        suite = next((one for one in hello.suites if one >> 8 == 0x13), 0x1301)
        body = b"\3\3" + random + vector(hello.session, 1) + struct.pack(">HB", suite, 0) + vector(extensions, 2)
        conn.sendall(records(message(2, body), 0x0303))


def _half(toy: Toy, conn: socket.socket) -> None:
    """The first half of a good answer."""
    hello = read_hello(conn)
    whole = first_flight(toy, hello, 0x0303, next(iter(toy.versions["TLSv1.2"])))
    conn.sendall(whole[:40])
    _drain(conn)


_HTTP = b"HTTP/1.1 400 Bad Request\r\nServer: toy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

BROKEN: Mapping[str, Behaviour] = {
    "stall": _stall,
    "drip": _drip,
    "reset": _reset,
    "close": _close,
    "http": _says(_HTTP),
    "ssh": _banner,
    "junk": _junk,
    "zeros": _says(bytes(300)),
    "handshake-failure": _says(alert(40)),
    "internal-error": _says(alert(80)),
    "endless-warnings": _endless_warnings,
    "endless-records": _endless_records,
    "unasked-suite": _unasked_suite,
    "unasked-version": _unasked_version,
    "retries": _retries_for_ever,
    "half": _half,
}
