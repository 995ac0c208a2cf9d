"""The forms that TLS puts bytes in: numbers, vectors, records, handshake messages. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

VERSION = {"SSLv2": 0x0002, "SSLv3": 0x0300, "TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
"""Versions as they are written on the wire."""
NAME = {code: name for name, code in VERSION.items()}
RECORD_CAP = 0x4800
"""Longest record body there is: 2^14 + 2048 (RFC 5246)."""
MESSAGE_CAP = 1 << 17
"""Longest handshake message read; nobody's chain needs more."""
CHANGE_CIPHER, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, NEW_TICKET, ENCRYPTED_EXTENSIONS = 1, 2, 4, 8
CERTIFICATE, KEY_EXCHANGE, CERTIFICATE_REQUEST, HELLO_DONE = 11, 12, 13, 14
CERTIFICATE_VERIFY, CLIENT_KEY_EXCHANGE, FINISHED, CERTIFICATE_STATUS = 15, 16, 20, 22


class Malformed(Exception):
    """Bytes that are not what they should be; ``str()`` says which."""


def u16(number: int) -> bytes:
    return number.to_bytes(2, "big")


def u16s(numbers: Sequence[int]) -> bytes:
    return struct.pack(f">{len(numbers)}H", *numbers)


def vector(data: bytes, width: int = 2) -> bytes:
    """Data behind its length, which takes ``width`` bytes."""
    return len(data).to_bytes(width, "big") + data


def extension(kind: int, data: bytes = b"") -> bytes:
    return u16(kind) + vector(data)


def message(kind: int, body: bytes) -> bytes:
    """A handshake message."""
    return bytes((kind,)) + vector(body, 3)


def records(kind: int, version: int, data: bytes) -> bytes:
    """Data in as many records as it takes."""
    size = 0x4000
    head = bytes((kind,)) + u16(version)
    return b"".join(head + vector(data[at : at + size]) for at in range(0, len(data), size))


class Reader:
    """Reads from the front of bytes. Raises ``Malformed`` for bytes that are not there."""

    def __init__(self, data: bytes) -> None:
        self._data, self._size = data, len(data)
        self.at = 0

    def __bool__(self) -> bool:
        return self.at < self._size

    def take(self, count: int) -> bytes:
        at, end = self.at, self.at + count
        if end > self._size:
            raise Malformed(f"{end - self._size} bytes short")
        self.at = end
        return self._data[at:end]

    def number(self, width: int = 2) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int = 2) -> bytes:
        return self.take(int.from_bytes(self.take(width), "big"))

    def rest(self) -> bytes:
        return self.take(len(self._data) - self.at)

    def end(self) -> None:
        if self:
            raise Malformed(f"{len(self._data) - self.at} bytes too many")


def numbers(data: bytes) -> tuple[int, ...]:
    """A list of 16-bit numbers."""
    if len(data) % 2:
        raise Malformed("odd length")
    return struct.unpack(f">{len(data) // 2}H", data)


def extensions(data: bytes) -> dict[int, bytes]:
    """The inside of an extensions vector; each kind once (RFC 8446 4.2)."""
    found: dict[int, bytes] = {}
    read = Reader(data)
    while read:
        kind = read.number()
        if kind in found:
            raise Malformed(f"extension {kind} twice")
        found[kind] = read.vector()
    return found


def split_records(data: bytes) -> Iterator[tuple[int, int, bytes, bool]]:
    """Kind, version, body and whether the body is all there, for each record; ends at a head cut short.

    Raises ``Malformed`` where no TLS record can begin like this.
    """
    at = 0
    while at < len(data):
        head = data[at : at + 5]
        if head[0] not in (CHANGE_CIPHER, ALERT, HANDSHAKE, DATA) or head[1:2] not in (b"", b"\x03"):
            raise Malformed("no TLS record")
        if len(head) < 5:
            return
        size = int.from_bytes(head[3:5], "big")
        if size > RECORD_CAP or (not size and head[0] != DATA):
            raise Malformed(f"a record of {size} bytes")
        body = data[at + 5 : at + 5 + size]
        yield head[0], int.from_bytes(head[1:3], "big"), body, len(body) == size
        at += 5 + size
