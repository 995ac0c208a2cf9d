"""The first bytes of SSH, read and written by hand: identification, plain packets, KEXINIT, SSH-1's public key.

Pure. RFC 4253 sections 4.2, 6 and 7.1; for SSH-1 the draft of Ylönen of 1995. Readers give None for
bytes that end too early, and raise ``Malformed`` for bytes that can never become right.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from dataclasses import dataclass, fields

from auditor.evidence.ssh_service import FirstVersion, Proposal

GREETING_CAP = 16384
"""Bytes before the end of the identification; login banners of devices are a page at most."""
PACKET_CAP = 65536
_SMALL_TALK = 50
"""Messages in a row that may be left out; more would only cost us time."""
DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, EXT_INFO, KEXINIT = 1, 2, 3, 4, 7, 20
_SMSG_PUBLIC_KEY = 2
_IDENTIFICATION = re.compile(rb"SSH-(\d{1,3}\.\d{1,3})-([!-~]*)(?: ([ -~]*))?", re.ASCII)
_NAME = re.compile(rb"[!-+\--~]{1,255}")  # printable, without blank and comma
_CIPHERS = ("none", "idea", "des", "3des", "tss", "rc4", "blowfish")
_AUTHENTICATIONS = ("", "rhosts", "rsa", "password", "rhosts-rsa", "tis", "kerberos")


class Malformed(ValueError):
    """These bytes are not what they should be; ``str()`` says in what."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a server says first."""

    banner: tuple[str, ...]
    line: bytes
    """The identification without its end of line: this goes into the exchange hash."""
    protocol: str
    software: str
    comments: str
    rest: bytes

    @property
    def first_version_only(self) -> bool:
        return self.protocol.startswith("1.") and self.protocol != "1.99"


def greeting(data: bytes) -> Greeting | None:
    """Lines up to and with the identification."""
    banner: list[str] = []
    at = 0
    while (end := data.find(b"\n", at, GREETING_CAP)) >= 0:
        line = data[at:end].removesuffix(b"\r")
        at = end + 1
        if line.startswith(b"SSH-"):
            told = _IDENTIFICATION.fullmatch(line)
            if told is None or len(line) > 253:
                raise Malformed(f"not an identification: {_shown(line)}")
            protocol, software, comments = (part.decode() for part in told.groups(b""))
            return Greeting(tuple(banner), line, protocol, software, comments, data[at:])
        banner.append(line.decode("utf-8", "replace"))
    if len(data) >= GREETING_CAP:
        raise Malformed(f"no identification within {GREETING_CAP} bytes: {_shown(data)}")
    return None


def packet(data: bytes) -> tuple[bytes, bytes] | None:
    """The payload of the first plain packet, and what follows it."""
    if len(data) < 5:
        return None
    length, padding = struct.unpack_from(">IB", data)
    if not 2 <= length <= PACKET_CAP or padding >= length - 1:
        raise Malformed(f"not a packet: {_shown(data)}")
    if len(data) < 4 + length:
        return None
    return data[5 : 4 + length - padding], data[4 + length :]


def packed(payload: bytes) -> bytes:
    """A plain packet: padding of at least 4, the whole a multiple of 8."""
    padding = 8 - (5 + len(payload)) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)


def next_message(data: bytes) -> tuple[bytes, bytes] | None:
    """As ``packet``, past what a server may say at any time. A farewell is ``Malformed``, as is endless small talk."""
    for _ in range(_SMALL_TALK):
        found = packet(data)
        if found is None:
            return None
        payload, data = found
        kind = payload[0] if payload else IGNORE
        if kind == DISCONNECT:
            text, _rest = string(payload[5:])
            raise Malformed(f"it hung up: {_shown(text)}")
        if kind not in (IGNORE, UNIMPLEMENTED, DEBUG, EXT_INFO):
            return payload, data
    raise Malformed(f"{_SMALL_TALK} messages that say nothing")


def string(data: bytes) -> tuple[bytes, bytes]:
    """A length-prefixed string, and what follows it."""
    if len(data) < 4 or len(data) - 4 < (length := int.from_bytes(data[:4])):
        raise Malformed("a string ends too early")
    return data[4 : 4 + length], data[4 + length :]


def to_string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def mpint(data: bytes) -> tuple[int, bytes]:
    """A number that must not be negative, and what follows it."""
    raw, rest = string(data)
    if raw and raw[0] & 0x80:
        raise Malformed("a negative number")
    return int.from_bytes(raw), rest


def to_mpint(number: int) -> bytes:
    return to_string(number.to_bytes(number.bit_length() // 8 + 1)) if number else to_string(b"")


@dataclass(frozen=True, slots=True)
class Kexinit:
    """A KEXINIT as read."""

    payload: bytes
    proposal: Proposal
    guessed: bool
    """first_kex_packet_follows: a packet comes next that may have to be thrown away."""


def kexinit(payload: bytes) -> Kexinit:
    """Raises ``Malformed``."""
    if payload[:1] != bytes([KEXINIT]):
        raise Malformed(f"message {payload[0] if payload else 'nothing'} in place of KEXINIT")
    if len(payload) < 17:
        raise Malformed("KEXINIT ends within its cookie")
    lists, rest = [], payload[17:]
    for _ in range(10):
        raw, rest = string(rest)
        names = raw.split(b",") if raw else []
        if bad := next((name for name in names if not _NAME.fullmatch(name)), None):
            raise Malformed(f"not a name of an algorithm: {_shown(bad)}")
        if b"" in names:
            raise Malformed("an empty name of an algorithm")
        lists.append(tuple(name.decode("ascii") for name in names))
    if len(rest) != 5:
        raise Malformed(f"KEXINIT has {len(rest)} bytes after its lists, not 5")
    if not lists[0] or not lists[1]:
        raise Malformed("KEXINIT names no key exchange or no host key")
    named = dict(zip((field.name for field in fields(Proposal)), lists, strict=False))  # the last two are languages
    return Kexinit(payload, Proposal(**named), rest[0] != 0)


def to_kexinit(proposal: Proposal, cookie: bytes) -> bytes:
    """The payload of a KEXINIT of ours."""
    lists = [to_string(",".join(getattr(proposal, field.name)).encode("ascii")) for field in fields(Proposal)]
    return bytes([KEXINIT]) + cookie + b"".join(lists) + to_string(b"") * 2 + bytes(5)


def first_version(data: bytes) -> FirstVersion | None:
    """The first packet of an SSH-1 server."""
    if len(data) < 4:
        return None
    length = int.from_bytes(data[:4])
    if not 5 <= length <= PACKET_CAP:
        raise Malformed(f"not an SSH-1 packet: {_shown(data)}")
    end = 4 + 8 - length % 8 + length
    if len(data) < end:
        return None
    body, checksum = data[4 : end - 4], int.from_bytes(data[end - 4 : end])
    if zlib.crc32(body, 0xFFFFFFFF) ^ 0xFFFFFFFF != checksum:
        raise Malformed("an SSH-1 packet whose checksum does not fit")
    kind, rest = data[4 + 8 - length % 8], data[4 + 8 - length % 8 + 1 : end - 4]
    if kind != _SMSG_PUBLIC_KEY:
        raise Malformed(f"SSH-1 message {kind} in place of the public key")
    rest = rest[8:]
    numbers = []
    for _ in range(2):
        rest = rest[4:]  # the size that is said; that of the modulus is measured
        for _ in range(2):
            if len(rest) < 2 or len(rest) - 2 < (size := (int.from_bytes(rest[:2]) + 7) // 8):
                raise Malformed("an SSH-1 number ends too early")
            numbers.append(rest[2 : 2 + size])
            rest = rest[2 + size :]
    if len(rest) != 12:
        raise Malformed("an SSH-1 public key of the wrong length")
    _, ciphers, authentications = struct.unpack(">III", rest)
    _, server, exponent, host = numbers
    return FirstVersion(
        host_key_bits=int.from_bytes(host).bit_length(),
        server_key_bits=int.from_bytes(server).bit_length(),
        sha256=hashlib.sha256(host + exponent).hexdigest(),
        ciphers=tuple(name for bit, name in enumerate(_CIPHERS) if ciphers >> bit & 1),
        authentications=tuple(name for bit, name in enumerate(_AUTHENTICATIONS) if bit and authentications >> bit & 1),
    )


def _shown(data: bytes) -> str:
    return repr(data[:60].decode("latin-1"))
