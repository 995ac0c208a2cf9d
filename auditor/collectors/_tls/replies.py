"""What a server answers to a hello, as far as it can be read without keys. Pure, and bounded by its input.

SSL 0.2 draft; RFC 6101, 5246, 8446; key exchanges after RFC 5246 7.4.3, 8422, 4279, 5489.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from auditor.collectors._tls import wire
from auditor.collectors._tls.wire import Malformed, Reader
from auditor.evidence.tls import Suite

RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a HelloRetryRequest: SHA-256 of its name."""
SENTINELS = {b"DOWNGRD\x00": 0x0302, b"DOWNGRD\x01": 0x0303}
"""Ends of a random that say: I could have done better than this version or an older one."""
ALERTS = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed", 22: "record_overflow",
    40: "handshake_failure", 42: "bad_certificate", 43: "unsupported_certificate", 47: "illegal_parameter",
    49: "access_denied", 50: "decode_error", 51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security",
    80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled", 109: "missing_extension",
    110: "unsupported_extension", 112: "unrecognized_name", 116: "certificate_required", 120: "no_application_protocol",
}  # fmt: skip
FIRM = frozenset({40, 70, 71})
"""Alerts that say in so many words that nothing offered suits."""
IMPLIED = frozenset({10, 47, 80, 109})
"""Alerts that some servers send instead; they mean it if the same server goes on answering others."""
NAMELESS = 112
"""unrecognized_name: also said to a hello that names no server."""
_WARNING = 1
_WARNINGS = 20
"""Alerts of one reply that are read."""


@dataclass(frozen=True, slots=True)
class ServerHello:
    version: int
    """The version chosen, wherever it stands."""
    random: bytes
    session: bytes
    suite: int
    compression: int
    extensions: dict[int, bytes]

    @property
    def retry(self) -> bool:
        """Is it a HelloRetryRequest?"""
        return self.random == RETRY

    @property
    def group(self) -> int | None:
        """TLS 1.3: the group of its key share, or the one it wants a share of."""
        share = self.extensions.get(51, b"")
        return int.from_bytes(share[:2], "big") if len(share) >= 2 else None


@dataclass(slots=True)
class Flight:
    """What came, as far as it came. Only ``read`` writes it: the same bytes are asked about more than once."""

    hello: ServerHello | None = None
    head: int = 0
    """Where in the bytes the ServerHello or the alert ends."""
    alert: int | None = None
    """A fatal alert, or a warning that ended the conversation."""
    messages: list[tuple[int, bytes]] = field(default_factory=list)
    """Handshake messages behind the ServerHello."""
    whole: bool = False
    """Nothing more can come without keys: an alert, ServerHelloDone, or the hello of TLS 1.3."""
    odd: str = ""
    """Where it is not TLS, what it is."""

    def message(self, kind: int) -> bytes | None:
        return next((body for found, body in self.messages if found == kind), None)


@lru_cache(maxsize=16)
def read(data: bytes) -> Flight:
    """Read a reply in TLS records. Never raises; what is not understood is ``odd``, what is cut short not ``whole``."""
    flight, pending, warnings = Flight(), b"", 0
    try:
        at = 0
        for kind, _, body, all_there in wire.split_records(data):
            at += 5 + len(body)
            if kind == wire.ALERT:
                if len(body) < 2 and not all_there:
                    break
                if pending or len(body) != 2:
                    raise Malformed("an alert in the wrong place")
                warnings += 1
                if warnings > _WARNINGS:
                    raise Malformed("too many warnings")
                if body[0] != _WARNING or body[1] == 0:
                    flight.alert, flight.whole = body[1], True
                    flight.head = flight.head or at
                    break
            elif kind == wire.HANDSHAKE:
                pending = _messages(flight, pending + body, at)
                if flight.whole:
                    break
            elif flight.hello is None:
                raise Malformed("no hello")
            else:
                break  # change_cipher_spec or encrypted: nothing for us
    except Malformed as exc:
        flight.odd, flight.whole = stranger(data) or f"not understood: {exc}: {data[:24]!r}", True
    return flight


def _messages(flight: Flight, data: bytes, at: int) -> bytes:
    """Take whole messages off the front of bytes that end at ``at``; gives what is left of one cut short."""
    while len(data) >= 4 and not flight.whole:
        size = int.from_bytes(data[1:4], "big")
        if size > wire.MESSAGE_CAP or (flight.hello is None and (data[0] != wire.SERVER_HELLO or size > 0x4000)):
            raise Malformed("no ServerHello")
        if len(data) < 4 + size:
            break
        kind, body, data = data[0], data[4 : 4 + size], data[4 + size :]
        if flight.hello is None:
            flight.hello, flight.head = server_hello(body), at - len(data)
            flight.whole = flight.hello.version >= 0x0304
        else:
            flight.messages.append((kind, body))
            flight.whole = kind == wire.HELLO_DONE
    if flight.hello is None and data and data[0] != wire.SERVER_HELLO:
        raise Malformed("no ServerHello")
    return data


def server_hello(body: bytes) -> ServerHello:
    """Raises ``Malformed``."""
    read = Reader(body)
    version, random, session, suite = read.number(), read.take(32), read.vector(1), read.number()
    compression = read.number(1)
    extensions = wire.extensions(read.vector()) if read else {}
    read.end()
    if 43 in extensions:
        version = int.from_bytes(extensions[43], "big")
    if version not in wire.NAME or version == 0x0002:
        raise Malformed(f"a ServerHello of version 0x{version:04X}")
    return ServerHello(version, random, session, suite, compression, extensions)


class Kind(StrEnum):
    TAKEN = "taken"
    """A ServerHello of the version asked for."""
    REFUSED = "refused"
    ODD = "odd"
    """Anything else; nothing follows from it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one hello. ``firm``: said in so many words; else it holds only if the server lives on."""

    kind: Kind
    why: str
    firm: bool = True
    hello: ServerHello | None = None
    taken: tuple[int, ...] = ()
    """SSL 2.0: the suites it has in common with us. Else the one it picked."""


@lru_cache(maxsize=1024)
def outcome(version: str, ending: str, data: bytes) -> Outcome:
    """What a reply means to the question whether ``version`` is spoken. Pure; never raises."""
    if version == "SSLv2" and data[:1] not in (b"\x15", b"\x16"):
        return _ssl2(ending, data)
    flight = read(data)
    if flight.odd:
        return Outcome(Kind.ODD, flight.odd)
    if flight.hello is not None:
        return _answered(version, flight.hello)
    if flight.alert is not None and flight.alert:
        why = f"alert {ALERTS.get(flight.alert, flight.alert)}"
        if flight.alert in FIRM or flight.alert in IMPLIED:
            return Outcome(Kind.REFUSED, why, firm=flight.alert in FIRM)
        if version == "SSLv2" and flight.alert == NAMELESS:
            return Outcome(Kind.REFUSED, why)  # no hello of SSL 2.0 can name a server, so that nobody gets it
        return Outcome(Kind.ODD, why)
    if ending in ("closed", "reset") and (not data or flight.alert == 0):
        return Outcome(Kind.REFUSED, ending, firm=False)
    return Outcome(Kind.ODD, f"{ending} after {len(data)} bytes" if data else ending)


def _answered(version: str, hello: ServerHello) -> Outcome:
    chosen, name = hello.version, wire.NAME[hello.version]
    if chosen != wire.VERSION[version]:
        return Outcome(Kind.REFUSED if chosen < wire.VERSION[version] else Kind.ODD, f"answered with {name}")
    why = f"{'HelloRetryRequest' if hello.retry else 'ServerHello'}, suite 0x{hello.suite:04X}"
    return Outcome(Kind.TAKEN, why, hello=hello, taken=(hello.suite,))


def _ssl2(ending: str, data: bytes) -> Outcome:
    """SSL 2.0: a record of 2 (or, padded, 3) bytes of header; SERVER-HELLO is 4, ERROR is 0."""
    if ending in ("closed", "reset") and not data:
        return Outcome(Kind.REFUSED, ending, firm=False)
    odd = Outcome(Kind.ODD, stranger(data) or f"not understood: {data[:24]!r}" if data else ending)
    if len(data) < 2:
        return odd
    head = 2 if data[0] & 0x80 else 3
    size = int.from_bytes(data[:2], "big") & (0x7FFF if head == 2 else 0x3FFF)
    body = data[head : head + size]
    if body == b"\x00\x00\x01" and size == 3:
        return Outcome(Kind.REFUSED, "error no-cipher")
    if len(body) < 11 or body[:1] != b"\x04" or body[3:5] != b"\x00\x02":
        return odd
    certificate, kinds, ids = (int.from_bytes(body[at : at + 2], "big") for at in (5, 7, 9))
    if size != 11 + certificate + kinds + ids or kinds % 3:
        return odd
    listed = body[11 + certificate : 11 + certificate + kinds]
    taken = tuple(int.from_bytes(listed[at : at + 3], "big") for at in range(0, len(listed), 3))
    if len(listed) < kinds:
        return odd
    if not taken:
        return Outcome(Kind.ODD, "SSLv2 ServerHello without a cipher")
    return Outcome(Kind.TAKEN, "SSLv2 ServerHello", taken=taken)


def enough(version: str, data: bytes, *, flight: bool = False) -> bool:
    """Need nothing more be waited for: is the hello answered (``flight``: and all that goes with it there)?"""
    if version == "SSLv2" and data[:1] not in (b"\x15", b"\x16"):
        return len(data) > 2 and len(data) >= 2 + (int.from_bytes(data[:2], "big") & 0x7FFF if data[0] & 0x80 else 9)
    came = read(data)
    return came.whole or (came.hello is not None and not flight)


def stranger(data: bytes) -> str:
    """What speaks here, where it is plainly not TLS; empty where that is not known."""
    start = data[:16].lstrip().upper()
    if start.startswith((b"HTTP/", b"<!DOCTYPE", b"<HTML")):
        return "not TLS: HTTP answered"
    if start.startswith(b"SSH-"):
        return "not TLS: SSH answered"
    if start.startswith((b"220 ", b"220-", b"* OK", b"+OK")):
        return "not TLS: a greeting in the clear came first"
    return ""


@dataclass(frozen=True, slots=True)
class KeyExchange:
    """The signed part of a ServerKeyExchange."""

    group: int | None = None
    """A named curve, where it is one."""
    prime: bytes = b""
    scheme: int | None = None
    """TLS 1.2: signature scheme; None where it is not signed."""
    end: int = 0
    """Where the parameters and the scheme end: what follows is the signature."""


def key_exchange(body: bytes, suite: Suite, version: int) -> KeyExchange:
    """Raises ``Malformed`` for what does not fit the suite."""
    read = Reader(body)
    if suite.authentication == "psk":
        read.vector()  # the identity hint
    group, prime = None, b""
    if suite.exchange == "ecdhe":
        kind = read.number(1)
        if kind != 3:
            raise Malformed(f"a curve of kind {kind}")  # explicit curves: nobody has them
        group = read.number()
        read.vector(1)
    elif suite.exchange == "dhe":
        prime = read.vector()
        read.vector()
        read.vector()
    else:
        raise Malformed(f"a key exchange for {suite.exchange}")
    signed = suite.authentication not in ("anon", "psk") and version >= 0x0303
    scheme = read.number() if signed else None
    return KeyExchange(group, prime.lstrip(b"\x00"), scheme, read.at)


def certificates(body: bytes) -> tuple[bytes, ...]:
    """The chain of a Certificate message (TLS 1.2 and below). Raises ``Malformed``."""
    outer = Reader(body)
    inner = Reader(outer.vector(3))
    outer.end()
    found = []
    while inner:
        found.append(inner.vector(3))
    return tuple(found)


def staple(body: bytes) -> bytes:
    """The OCSP answer of a CertificateStatus. Raises ``Malformed``."""
    read = Reader(body)
    if read.number(1) != 1:
        raise Malformed("no OCSP answer")
    found = read.vector(3)
    read.end()
    return found
