"""The harnesses: what is fed, which errors are its own, and good bytes to begin from."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from auditor.collector import Reading
from auditor.collectors import _http, _kexinit, _nmap_reading
from auditor.collectors._tls import certificates, paths, prefaces, replies, revocation, session12, session13, suites
from auditor.collectors._tls.io import Ended
from auditor.collectors._tls.wire import Malformed
from auditor.collectors.tls_prober import TlsProber
from auditor.evidence.tls import VERSIONS
from auditor.model import CollectError, Observation, Seen
from tests.support import target

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
NAME = "cong.tinh.example"


@cache
def signed_leaf() -> bytes:
    """A certificate by itself, in force at ``AT``."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    made = made.not_valid_before(AT - timedelta(10)).not_valid_after(AT + timedelta(80))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass(frozen=True)
class Harness:
    """``feed`` takes any bytes; ``typed`` are the errors it may raise."""

    feed: Callable[[bytes], object]
    typed: tuple[type[Exception], ...]
    seeds: Callable[[], Iterable[bytes]]

    def __call__(self, data: bytes) -> None:
        with suppress(*self.typed):
            self.feed(data)


class Scripted:
    """A line whose other side says these bytes, in pieces as their first byte wants, whatever we say."""

    def __init__(self, data: bytes) -> None:
        self._step = 1 + (data[0] if data else 0) * 64
        self._left = data[1:]

    def send(self, data: bytes) -> None:
        """Nobody listens."""

    def receive(self) -> bytes:
        said, self._left = self._left[: self._step], self._left[self._step :]
        return said


def _hello(data: bytes) -> None:
    for version in VERSIONS:
        replies.outcome(version, "closed", data)
        replies.enough(version, data)
    flight = replies.read(data)
    for kind, body in flight.messages:
        with suppress(Malformed):
            if kind == 11:
                replies.certificates(body)
            if kind == 22:
                replies.staple(body)
            if kind == 12 and flight.hello:
                replies.key_exchange(body, suites.suite(flight.hello.suite), flight.hello.version)


def _exchanged(data: bytes) -> None:
    for code in (0xC02F, 0x0033, 0x0003, 0x00A6, 0xC035):
        for version in (0x0300, 0x0303):
            with suppress(Malformed):
                replies.key_exchange(data, suites.suite(code), version)


def _session(data: bytes) -> None:
    session12.tls12(Scripted(data), NAME, renegotiate=True)
    session13.tls13(Scripted(data), NAME, tickets=True)


def _certificate(data: bytes) -> None:
    leaf = signed_leaf()
    with suppress(CollectError):
        certificates.certificate(data)
    paths.verify([leaf, data], [], AT)
    paths.verify([data, leaf], [], AT)


def _revocation(data: bytes) -> None:
    leaf = signed_leaf()
    revocation.staple(data, leaf, [leaf], AT)
    revocation.crls(data)


def _preface(data: bytes) -> None:
    schemes = sorted(prefaces.PORTS)
    scheme = schemes[data[0] % len(schemes)] if data else schemes[0]
    line = prefaces.preface(scheme)(Scripted(data[1:]), NAME)
    line.send(b"hello")
    while line.receive():
        pass


def _kex(data: bytes) -> None:
    for first in (_kexinit.first_version, _kexinit.kexinit):
        with suppress(_kexinit.Malformed):
            first(data)
    greeting = _kexinit.greeting(data)
    left = greeting.rest if greeting else data
    for _ in range(5):
        found = _kexinit.next_message(left)
        if found is None:
            break
        payload, left = found
        _kexinit.kexinit(payload)


def _head(data: bytes) -> None:
    status, headers = _http.parse_head(data[: max(0, _http.head_end(data))] or data)
    body = _http.Body(status, headers)
    step = 1 + (data[0] if data else 0)
    for at in range(0, len(data), step):
        body.feed(data[at : at + step])
    body.close()
    assert body.end
    assert len(body.seen) <= _http.BODY_CAP


def _stored(data: bytes) -> None:
    """What the judge re-reads: documents of an evidence folder that somebody may have written by hand."""
    collector = TlsProber()
    service = target(kind="service", platform=None, address=None, url="https://127.0.0.1:4433/")
    made = {
        key: Observation(
            key=key, source="fuzz", target=service.id, vantage="auditor", collected_at=AT, stdout=data, problem=None
        )
        for key in ("hellos", "certificate")
    }
    collector.parse(Reading(service, Seen(AT, AT, None, ("0" * 64,)), made))


# --- good bytes to begin from --------------------------------------------------------------------------------


@cache
def flight() -> bytes:
    """A whole first flight of TLS 1.2 with ECDHE."""
    leaf = signed_leaf()
    body = b"\3\3" + bytes(32) + b"\0\xc0\x2f\0" + b"\0\5\xff\1\0\1\0"
    shown = (len(leaf) + 3).to_bytes(3, "big") + len(leaf).to_bytes(3, "big") + leaf
    point = b"\3\0\x17\x41\4" + bytes(64) + b"\4\1\1\0" + bytes(256)
    parts = ((2, body), (11, shown), (12, point), (14, b""))
    said = b"".join(bytes((kind,)) + len(part).to_bytes(3, "big") + part for kind, part in parts)
    return b"\x16\3\3" + struct.pack(">H", len(said)) + said


def _hellos() -> Iterable[bytes]:
    body = b"\3\3" + bytes(32) + b"\0\x13\1\0" + b"\0\x2e\0\x2b\0\2\3\4\0\x33\0\x24\0\x1d\0\x20" + bytes(32)
    ssl2 = b"\x80\x16\4\0\1\0\2\0\0\0\3\0\x08\1\0\x80" + bytes(8)
    return (flight(), b"\x16\3\3\0\x5a\2\0\0\x56" + body, b"\x15\3\1\0\2\2\x28", ssl2, b"HTTP/1.1 400 Bad\r\n\r\n")


def _exchanges() -> Iterable[bytes]:
    return (b"\3\0\x17\x41\4" + bytes(64) + b"\4\1\0\2ab", b"\0\2\1\1\0\1\2\0\1\3")


def _talks() -> Iterable[bytes]:
    said = (
        b"220 thu.tinh.example ESMTP\r\n250-thu\r\n250 STARTTLS\r\n220 go\r\n",
        b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\na OK begin\r\n",
        b"+OK ready\r\n+OK\r\nSTLS\r\n.\r\n+OK begin\r\n",
        b"\x30\x0c\2\1\1\x78\7\x0a\1\0\4\0\4\0",
        b"S",
        b"\x4a\0\0\0\x0a5.5.5-10.11.6-MariaDB\0\1\0\0\0abcdefgh\0\xfe\xff\x2d\2\0\xff\x81\x15%sabcdefghijkl\0"
        % bytes(10),
        b"\3\0\0\x13\x0e\xd0\0\0\x12\x34\0\2\x1f\x08\0\1\0\0\0",
        b"\4\1\0\x2b\0\0\1\0" + bytes(35),
    )
    return [bytes((scheme, 3)) + one for scheme in range(len(prefaces.PORTS)) for one in said]


def _kexes() -> Iterable[bytes]:
    names = (b"curve25519-sha256", b"ssh-ed25519", *[b"none"] * 8)
    lists = b"".join(struct.pack(">I", len(one)) + one for one in names)
    payload = b"\x14" + bytes(16) + lists + bytes(5)
    return (payload, b"SSH-2.0-OpenSSH_9.2\r\n" + _kexinit.packed(payload), b"SSH-1.5-old\r\n")


def _scans() -> Iterable[bytes]:
    """As nmap 7.93 writes it."""
    whole = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner="nmap" args="nmap -sT" '
        b'start="1795366000" startstr="Sun Nov 22 17:03:00 2026" version="7.93" xmloutputversion="1.05">'
        b'<scaninfo type="connect" protocol="tcp" numservices="2" services="22,80"/><verbose level="0"/>'
        b'<debugging level="0"/><host starttime="1795366000" endtime="1795366000"><status state="up" '
        b'reason="user-set" reason_ttl="0"/><address addr="127.0.0.1" addrtype="ipv4"/><hostnames></hostnames><ports>'
        b'<extraports state="closed" count="1"><extrareasons reason="conn-refused" count="1" proto="tcp" ports="80"/>'
        b'</extraports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack" reason_ttl="0"/>'
        b'<service name="ssh" method="table" conf="3"/></port></ports><times srtt="27" rttvar="5000" to="100000"/>'
        b'</host><runstats><finished time="1795366000" timestr="Sun Nov 22 17:03:00 2026" summary="Nmap done" '
        b'elapsed="0.02" exit="success"/><hosts up="1" down="0" total="1"/></runstats></nmaprun>'
    )
    return (whole,)


def _answers() -> Iterable[bytes]:
    return (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nContent-Length: 3\r\nSet-Cookie: a=b; Secure\r\n\r\nabc",
    )


def _documents() -> Iterable[bytes]:
    return (b'{"server_name": "127.0.0.1", "runs": []}', b'{"server_name": "127.0.0.1", "shown": [{}], "asks": []}')


def _ders() -> Iterable[bytes]:
    return (signed_leaf(),)


HARNESSES = {
    "hello": Harness(_hello, (), _hellos),
    "exchange": Harness(_exchanged, (), _exchanges),
    "session": Harness(_session, (), lambda: [b"\xff" + one for one in _hellos()]),
    "certificate": Harness(_certificate, (CollectError,), _ders),
    "revocation": Harness(_revocation, (CollectError,), lambda: (*_ders(), b"\x30\3\x0a\1\6")),
    "preface": Harness(_preface, (Ended,), _talks),
    "kexinit": Harness(_kex, (_kexinit.Malformed,), _kexes),
    "nmap": Harness(_nmap_reading.states, (CollectError,), _scans),
    "http": Harness(_head, (_http.Ended,), _answers),
    "stored": Harness(_stored, (CollectError,), _documents),
}
