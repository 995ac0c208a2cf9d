"""First messages of SSL 2.0 to TLS 1.3, written and read by hand: today's libraries cannot speak the old ones.

A server that answers a ClientHello of one version with a ServerHello of that version offers it, whatever
would come of the rest of the handshake. Pure: bytes in, bytes out (RFC 6101, 5246, 8446; SSL 0.2 draft).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from auditor.evidence.tls import Offer

WIRE = {"SSLv3": 0x0300, "TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
"""Versions on the wire; SSLv2 has a format of its own."""

# One of nearly every kind that servers of twenty years have had, so that "no suite in common" is not
# mistaken for "no such version". Many more in one hello make some servers hang up.
_ECDHE = (0xC009, 0xC00A, 0xC013, 0xC014, 0xC008, 0xC012, 0xC007, 0xC011, 0xC006, 0xC010)
_DHE = (0x0033, 0x0039, 0x0032, 0x0038, 0x0045, 0x0088, 0x009A, 0x0016, 0x0013, 0x0015, 0x0012)
_RSA = (0x002F, 0x0035, 0x0041, 0x0084, 0x0096, 0x000A, 0x0005, 0x0004, 0x0007, 0x0009)
_EXPORT_NULL_ANON = (0x0003, 0x0006, 0x0008, 0x0011, 0x0014, 0x0062, 0x0064, 0x0001, 0x0002, 0x0034, 0x003A, 0x0018,
                     0x001B, 0xC018, 0xC019)  # fmt: skip
_TLS12 = (0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC023, 0xC027, 0xC024, 0xC028, 0x009E, 0x009F, 0xCCAA,
          0x0067, 0x006B, 0x009C, 0x009D, 0x003C, 0x003D, 0xC09C, 0xC09D, 0xC0AC, 0xC0AD, 0x003B, 0x00A6)  # fmt: skip
_TLS13 = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)
_SCSV = (0x00FF,)
_GROUPS = (0x001D, 0x0017, 0x0018, 0x0019, 0x001E, 0x0015, 0x0013)
_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B,
               0x0401, 0x0501, 0x0601, 0x0402, 0x0203, 0x0201, 0x0202, 0x0101)  # fmt: skip
_SSL2_CIPHERS = bytes.fromhex("010080 020080 030080 040080 050080 060040 0700c0")

_FIRM = {40: "handshake_failure", 70: "protocol_version", 71: "insufficient_security"}
_IMPLIED = {80: "internal_error"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reply means. ``firm``: said in so many words; else it holds only if the server lives on."""

    offer: Offer
    why: str
    firm: bool = True


def client_hello(version: str, server_name: str, random: bytes) -> bytes:
    """A ClientHello for exactly ``version``; ``random`` is 64 bytes of it. An IP is not sent as a name."""
    if version == "SSLv2":
        body = b"\x01\x00\x02" + _u16(len(_SSL2_CIPHERS)) + b"\x00\x00\x00\x10" + _SSL2_CIPHERS + random[:16]
        return _u16(0x8000 | len(body)) + body
    wire = WIRE[version]
    suites: tuple[int, ...] = _ECDHE + _DHE + _RSA + _EXPORT_NULL_ANON + _SCSV
    if version == "TLSv1.2":
        suites = _TLS12 + suites
    elif version == "TLSv1.3":
        suites = _TLS13
    session = random[32:64] if version == "TLSv1.3" else b""
    body = _u16(min(wire, 0x0303)) + random[:32] + _short(session) + _long(_u16s(suites)) + b"\x01\x00"
    if version != "SSLv3":
        extensions = _extensions(version, server_name, random)
        size = len(body) + 4 + 2 + len(extensions)
        if 0x100 <= size < 0x200:  # some load balancers hang on hellos of these sizes (RFC 7685)
            extensions += _extension(21, bytes(max(0, 0x200 - size - 4)))
        body += _long(extensions)
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16" + _u16(min(wire, 0x0301)) + _long(message)


def _extensions(version: str, server_name: str, random: bytes) -> bytes:
    made = b""
    if not is_ip(server_name):
        made += _extension(0, _long(b"\x00" + _long(server_name.encode("ascii"))))
    made += _extension(10, _long(_u16s(_GROUPS))) + _extension(11, b"\x01\x00") + _extension(23, b"")
    if version in ("TLSv1.2", "TLSv1.3"):
        made += _extension(13, _long(_u16s(_SIGNATURES)))
    if version == "TLSv1.3":
        # Any 32 bytes are an X25519 public key; the handshake ends before it would matter.
        share = _u16(0x001D) + _long(random[:32])
        made += _extension(43, b"\x02\x03\x04") + _extension(45, b"\x01\x01") + _extension(51, _long(share))
    return made


def read_reply(version: str, reply: bytes) -> Answer | None:
    """What the first bytes of a server's reply to ``client_hello(version, …)`` mean; None if more must come."""
    if version == "SSLv2" and reply[:1] not in (b"\x15", b"\x16"):
        return _read_ssl2(reply)
    flight = b""
    while True:
        if len(reply) < 5:
            return None if _may_be_tls(reply) else _odd(reply)
        kind, size = reply[0], int.from_bytes(reply[3:5], "big")
        if not _may_be_tls(reply) or not 0 < size <= 0x4800:
            return _odd(reply)
        record, whole = reply[5 : 5 + size], len(reply) >= 5 + size
        if kind == 0x15:
            if flight or size != 2:
                return _odd(reply)
            if not whole:
                return None
            if record[0] == 2:
                return _alert(record[1])
        else:
            flight += record
            answer = _server_hello(version, flight)
            if answer is not None:
                return answer
            if not whole:
                return None
        reply = reply[5 + size :]


def _alert(code: int) -> Answer:
    if code in _FIRM:
        return Answer(Offer.REFUSED, f"alert {_FIRM[code]}")
    if code in _IMPLIED:
        return Answer(Offer.REFUSED, f"alert {_IMPLIED[code]}", firm=False)
    return Answer(Offer.UNTESTED, f"alert {code}")


def _server_hello(asked: str, flight: bytes) -> Answer | None:
    """Reads the ServerHello (or HelloRetryRequest, which has its form) at the head of handshake bytes."""
    if asked == "SSLv2" or flight[:1] not in (b"", b"\x02"):
        return _odd(flight)
    if len(flight) < 4:
        return None
    size = int.from_bytes(flight[1:4], "big")
    if not 38 <= size <= 0x4000:
        return _odd(flight)
    if len(flight) < 4 + size:
        return None
    body = flight[4 : 4 + size]
    chosen = int.from_bytes(body[:2], "big")
    rest = 35 + body[34]  # version, random, session id; then suite and compression
    suite, extensions = body[rest : rest + 2], body[rest + 5 :]
    if len(suite) != 2:
        return _odd(flight)
    while len(extensions) >= 4:
        kind, length = int.from_bytes(extensions[:2], "big"), int.from_bytes(extensions[2:4], "big")
        if kind == 43 and length == 2:
            chosen = int.from_bytes(extensions[4:6], "big")
        extensions = extensions[4 + length :]
    if chosen == WIRE[asked]:
        return Answer(Offer.OFFERED, f"ServerHello, suite 0x{suite.hex().upper()}")
    if 0x0300 <= chosen < WIRE[asked]:
        name = next(name for name, wire in WIRE.items() if wire == chosen)
        return Answer(Offer.REFUSED, f"answered with {name}")
    return _odd(flight)


def _read_ssl2(reply: bytes) -> Answer | None:
    """SSL 2.0: a record of 2 (or, padded, 3) bytes of header; SERVER-HELLO is 4, ERROR is 0."""
    if len(reply) < 2:
        return None
    head = 2 if reply[0] & 0x80 else 3
    size = int.from_bytes(reply[:2], "big") & (0x7FFF if head == 2 else 0x3FFF)
    body = reply[head : head + size]
    if size == 3:
        if len(body) < 3:
            return None
        return Answer(Offer.REFUSED, "error no-cipher") if body == b"\x00\x00\x01" else _odd(reply)
    if size < 11 or body[:1] not in (b"", b"\x04"):
        return _odd(reply)
    if len(body) < 11:
        return None
    fits = size == 11 + sum(int.from_bytes(body[at : at + 2], "big") for at in (5, 7, 9))
    if body[3:5] != b"\x00\x02" or not fits:
        return _odd(reply)
    if body[7:9] == b"\x00\x00":
        return Answer(Offer.UNTESTED, "SSLv2 ServerHello without a cipher")
    return Answer(Offer.OFFERED, "SSLv2 ServerHello")


def _may_be_tls(reply: bytes) -> bool:
    return reply[:1] in (b"", b"\x15", b"\x16") and reply[1:2] in (b"", b"\x03") and reply[2:3] <= b"\x04"


def _odd(reply: bytes) -> Answer:
    return Answer(Offer.UNTESTED, f"not understood: {reply[:24]!r}")


def is_ip(name: str) -> bool:
    """Is it an IP address, not a name?"""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "big")


def _u16s(numbers: tuple[int, ...]) -> bytes:
    return b"".join(map(_u16, numbers))


def _short(data: bytes) -> bytes:
    return bytes((len(data),)) + data


def _long(data: bytes) -> bytes:
    return _u16(len(data)) + data


def _extension(kind: int, data: bytes) -> bytes:
    return _u16(kind) + _long(data)
