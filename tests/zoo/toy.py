"""A TLS server of bytes up to its first flight: old versions and suites, quirks, and ways to be broken.

It reads a ClientHello by itself (it shares no code with the prober), answers as it was set up to, and stops where
the handshake would go on. Cf. RFC 2246, 5246, 6101, 8446, and the SSL 2.0 draft.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from tests.zoo.papers import Papers

WIRE = {"SSLv3": 0x0300, "TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
SCSV, RENEGOTIATION = 0x5600, 0x00FF
KNOWN = {0, 1, 5, 10, 11, 13, 15, 16, 18, 21, 22, 23, 35, 43, 45, 51, 65281}
"""Extensions that the extension-intolerant toy has heard of."""
SHARES = {29: 32, 0x11EC: 1120, 0x11EB: 1153}
"""Bytes of the server's key share: x25519, X25519MLKEM768, SecP256r1MLKEM768."""
OAKLEY2 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)
"""RFC 2409 group 2, of 1024 bits."""
DH512 = int(
    "fca682ce8e12caba26efccf7110e526db078b05edecbcd1eb4a208f3ae1617ae"
    "01f35b91a47e6df63413c5e12ed0899bcd132acd50d99151bdc43ee737592e17",
    16,
)
"""The 512-bit prime of Java's old default parameters (JDK's DSA p)."""


@dataclass(frozen=True, kw_only=True)
class Toy:
    """How a toy behaves; suites by code, in the order it likes them."""

    versions: Mapping[str, tuple[int, ...]]
    papers: Papers | None = None
    ssl2: tuple[int, ...] = ()
    """SSL 2.0 cipher kinds."""
    prime: int = OAKLEY2
    groups: tuple[int, ...] = (29,)
    """Of TLS 1.3."""
    says: frozenset[str] = field(default_factory=frozenset)
    """What it does when a client asks: compression, heartbeat, secure-renegotiation, extended-master-secret,
    encrypt-then-mac, session-tickets, session-ids, fallback-scsv, client-certificate, sentinel, client-order, sha1
    (signs with it when nothing better is offered)."""
    quirk: str = ""


@dataclass
class Hello:
    """What a ClientHello says."""

    version: int = 0
    random: bytes = b""
    session: bytes = b""
    suites: tuple[int, ...] = ()
    compressions: bytes = b"\0"
    extensions: dict[int, bytes] = field(default_factory=dict)
    length: int = 0
    record: int = 0
    """Version on the record, 0x0002 where it was an SSL 2.0 hello."""
    kinds: tuple[int, ...] = ()

    def shorts(self, extension: int, prefix: int) -> tuple[int, ...]:
        held = self.extensions.get(extension, b"")[prefix:]
        return tuple(int.from_bytes(held[at : at + 2], "big") for at in range(0, len(held) - 1, 2))

    @property
    def shares(self) -> tuple[int, ...]:
        held, groups, at = self.extensions.get(51, b""), [], 2
        while at + 4 <= len(held):
            groups.append(int.from_bytes(held[at : at + 2], "big"))
            at += 4 + int.from_bytes(held[at + 2 : at + 4], "big")
        return tuple(groups)


def _exactly(conn: socket.socket, wanted: int) -> bytes:
    held = b""
    while len(held) < wanted:
        more = conn.recv(wanted - len(held))
        if not more:
            raise OSError("client left")
        held += more
    return held


def read_hello(conn: socket.socket) -> Hello:
    head = _exactly(conn, 5)
    if head[0] & 0x80:
        return _ssl2_hello(head, _exactly(conn, (int.from_bytes(head[:2], "big") & 0x7FFF) - 3))
    if head[0] != 22:
        raise ValueError("no handshake")
    body = _exactly(conn, int.from_bytes(head[3:5], "big"))
    while len(body) < 4 or len(body) < 4 + int.from_bytes(body[1:4], "big"):
        more = _exactly(conn, 5)
        body += _exactly(conn, int.from_bytes(more[3:5], "big"))
    hello = Hello(record=int.from_bytes(head[1:3], "big"), length=len(body))
    hello.version, hello.random = int.from_bytes(body[4:6], "big"), body[6:38]
    at = 39 + body[38]
    hello.session = body[39:at]
    size = int.from_bytes(body[at : at + 2], "big")
    hello.suites = tuple(int.from_bytes(body[i : i + 2], "big") for i in range(at + 2, at + 2 + size, 2))
    at += 2 + size
    hello.compressions = body[at + 1 : at + 1 + body[at]]
    at += 3 + body[at]
    while at + 4 <= len(body):
        kind, size = struct.unpack(">HH", body[at : at + 4])
        hello.extensions[kind] = body[at + 4 : at + 4 + size]
        at += 4 + size
    return hello


def _ssl2_hello(head: bytes, rest: bytes) -> Hello:
    data = head[2:] + rest
    version, kinds, session, _ = struct.unpack(">HHHH", data[1:9])
    specs = data[9 : 9 + kinds]
    codes = tuple(int.from_bytes(specs[at : at + 3], "big") for at in range(0, kinds, 3))
    random = data[9 + kinds + session :][-32:].rjust(32, b"\0")
    return Hello(version, random, b"", tuple(code for code in codes if code <= 0xFFFF), record=2, kinds=codes)


# --- what an honest one says ---------------------------------------------------------------------------------


def alert(code: int, version: int = 0x0301, level: int = 2) -> bytes:
    return struct.pack(">BHHBB", 21, version, 2, level, code)


def vector(data: bytes, width: int) -> bytes:
    return len(data).to_bytes(width, "big") + data


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + vector(body, 3)


def records(data: bytes, version: int, size: int = 0x4000) -> bytes:
    parts = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(struct.pack(">BHH", 22, version, len(part)) + part for part in parts)


def honest(toy: Toy, conn: socket.socket) -> None:
    hello = read_hello(conn)
    if _intolerant(toy, hello, conn):
        return
    if hello.record == 2 and hello.version == 2:
        if toy.ssl2:
            conn.sendall(_ssl2_server_hello(toy, hello))
            linger(conn)
        return
    if not toy.versions:
        return
    version = _pick_version(toy, hello)
    if not version:
        conn.sendall(alert(70, min(hello.version, 0x0303)))
        return
    wire = WIRE[version]
    newest = max(WIRE[one] for one in toy.versions)
    if SCSV in hello.suites and "fallback-scsv" in toy.says and wire < newest:
        conn.sendall(alert(86, min(wire, 0x0303)))
        return
    curves = hello.shorts(10, 2) if 10 in hello.extensions else (23,)
    mine = [code for code in toy.versions[version] if 23 in curves or not KINDS.get(code, "").startswith("ecdhe")]
    theirs = hello.suites
    common = [c for c in theirs if c in mine] if "client-order" in toy.says else [c for c in mine if c in theirs]
    if not common:
        conn.sendall(alert(40, min(wire, 0x0303)))
        return
    reply = _first_flight_13(toy, hello, common[0]) if wire == 0x0304 else first_flight(toy, hello, wire, common[0])
    if toy.quirk == "crumbs":
        for at in range(len(reply)):
            conn.sendall(reply[at : at + 1])
    else:
        conn.sendall(reply)
    linger(conn)


def linger(conn: socket.socket) -> None:
    """Take what the client still says, so that closing does not reset the connection under its unread answer."""
    conn.settimeout(2)
    with contextlib.suppress(OSError):
        while conn.recv(4096):
            conn.sendall(alert(80))
            conn.shutdown(socket.SHUT_WR)


def _intolerant(toy: Toy, hello: Hello, conn: socket.socket) -> bool:
    """Whether this toy's quirk makes it mishandle this hello; if so, it has done so."""
    names = any(kind == 0 for kind in hello.extensions)
    stalls = toy.quirk == "long-hello" and 256 <= hello.length <= 511
    if stalls:
        with contextlib.suppress(OSError):
            conn.recv(1)
        return True
    if toy.quirk == "server-name" and not names and hello.record != 2:
        conn.sendall(alert(112))
        return True
    asked = max((hello.version, *hello.shorts(43, 1))) if toy.quirk == "new-versions" else 0
    return (
        asked > max((WIRE[one] for one in toy.versions), default=asked)
        or (toy.quirk == "large-hello" and hello.length > 512)
        or (toy.quirk == "new-extensions" and bool(set(hello.extensions) - KNOWN))
        or (toy.quirk == "any-extension" and bool(hello.extensions))
    )


def _pick_version(toy: Toy, hello: Hello) -> str:
    listed = hello.shorts(43, 1)
    if "TLSv1.3" in toy.versions and listed:
        fitting = [name for name, wire in WIRE.items() if name in toy.versions and wire in listed]
    else:
        fitting = [n for n, w in WIRE.items() if n in toy.versions and w <= hello.version and n != "TLSv1.3"]
    return fitting[-1] if fitting else ""


def _ssl2_server_hello(toy: Toy, hello: Hello) -> bytes:
    kinds = b"".join(kind.to_bytes(3, "big") for kind in toy.ssl2 if kind in hello.kinds)
    leaf = toy.papers.leaf.public_bytes(serialization.Encoding.DER) if toy.papers else b""
    body = struct.pack(">BBBHHHH", 4, 0, 1, 2, len(leaf), len(kinds), 16) + leaf + kinds + os.urandom(16)
    return struct.pack(">H", 0x8000 | len(body)) + body


def _first_flight_13(toy: Toy, hello: Hello, suite: int) -> bytes:
    group = next((one for one in toy.groups if one in hello.shares), 0)
    random = os.urandom(32)
    if not group:
        group = next((one for one in toy.groups if one in hello.shorts(10, 2)), 0)
        if not group:
            return alert(40, 0x0303)
        random, share = hashlib.sha256(b"HelloRetryRequest").digest(), struct.pack(">HHH", 51, 2, group)
    else:
        key = _point() if group == 23 else os.urandom(SHARES[group])
        share = struct.pack(">HHHH", 51, 4 + len(key), group, len(key)) + key
    extensions = struct.pack(">HHH", 43, 2, 0x0304) + share
    body = b"\3\3" + random + vector(hello.session, 1) + struct.pack(">HB", suite, 0) + vector(extensions, 2)
    return records(message(2, body), 0x0303) + b"\x14\3\3\0\1\1"


def first_flight(toy: Toy, hello: Hello, wire: int, suite: int) -> bytes:
    mark = {0x0303: b"DOWNGRD\1"}.get(wire, b"DOWNGRD\0")
    newer = wire < max(WIRE[one] for one in toy.versions)
    random = os.urandom(24) + (mark if "sentinel" in toy.says and newer else os.urandom(8))
    flags = {  # extension: (what it is called, what the server answers)
        65281: ("secure-renegotiation", b"\0"),
        23: ("extended-master-secret", b""),
        35: ("session-tickets", b""),
        15: ("heartbeat", b"\1"),
    }
    if KINDS.get(suite, "").endswith("cbc"):
        flags[22] = ("encrypt-then-mac", b"")
    extensions = b"".join(
        struct.pack(">HH", kind, len(data)) + data
        for kind, (name, data) in flags.items()
        if name in toy.says and (kind in hello.extensions or (kind == 65281 and RENEGOTIATION in hello.suites))
    )
    squeeze = 1 if "compression" in toy.says and 1 in hello.compressions else 0
    session = os.urandom(32) if "session-ids" in toy.says else b""
    body = struct.pack(">H", wire) + random + vector(session, 1) + struct.pack(">HB", suite, squeeze)
    flight = message(2, body + (vector(extensions, 2) if extensions else b""))
    kind = KINDS.get(suite, "rsa").split()
    signs = kind[0].startswith(("dhe", "ecdhe")) and "anon" not in kind and wire == 0x0303
    if signs and "sha1" not in toy.says and 0x0401 not in hello.shorts(13, 2):
        return alert(40, wire)
    if toy.papers and "anon" not in kind:
        shown = b"".join(vector(one.public_bytes(serialization.Encoding.DER), 3) for one in toy.papers.sent)
        flight += message(11, vector(shown, 3))
    if kind[0] != "rsa":
        flight += message(12, _exchange(toy, hello, wire, random, kind))
    if "client-certificate" in toy.says:
        schemes = vector(b"\4\1\4\3", 2) if wire == 0x0303 else b""
        flight += message(13, vector(b"\1\x40", 1) + schemes + vector(b"", 2))
    return records(flight + message(14, b""), wire)


KINDS = {
    0x0003: "export", 0x0004: "rsa", 0x0005: "rsa", 0x0008: "export", 0x0009: "rsa cbc", 0x000A: "rsa cbc",
    0x002F: "rsa cbc", 0x0035: "rsa cbc", 0x0014: "dhe cbc", 0x0016: "dhe cbc", 0x0033: "dhe cbc",
    0x0034: "dhe anon cbc", 0x0039: "dhe cbc", 0x009C: "rsa", 0x009E: "dhe", 0xC013: "ecdhe cbc",
    0xC014: "ecdhe cbc", 0xC02F: "ecdhe", 0xC030: "ecdhe",
}  # fmt: skip
"""Key exchange, and whether it works with blocks, of the suites that toys have."""


def _exchange(toy: Toy, hello: Hello, wire: int, random: bytes, kind: list[str]) -> bytes:
    if kind[0] == "ecdhe":
        parameters = struct.pack(">BH", 3, 23) + vector(_point(), 1)
    elif kind[0] == "export":
        modulus = b"\xc1" + os.urandom(62) + b"\x03"  # nobody will encrypt to it
        parameters = vector(modulus, 2) + vector(b"\1\0\1", 2)
    else:
        size = (toy.prime.bit_length() + 7) // 8
        public = pow(2, int.from_bytes(os.urandom(32), "big"), toy.prime).to_bytes(size, "big")
        parameters = vector(toy.prime.to_bytes(size, "big"), 2) + vector(b"\2", 2) + vector(public, 2)
    if "anon" in kind or not toy.papers:
        return parameters
    signed, key = hello.random + random + parameters, toy.papers.key
    assert isinstance(key, rsa.RSAPrivateKey)
    if wire == 0x0303:
        sha1 = 0x0401 not in hello.shorts(13, 2)
        scheme, digest = (0x0201, hashes.SHA1()) if sha1 else (0x0401, hashes.SHA256())  # noqa: S303
        return parameters + struct.pack(">H", scheme) + vector(key.sign(signed, padding.PKCS1v15(), digest), 2)
    both = hashlib.md5(signed).digest() + hashlib.sha1(signed).digest()  # noqa: S324 (as SSL 3.0 has it)
    size = (key.key_size + 7) // 8
    block = b"\0\1" + b"\xff" * (size - 3 - len(both)) + b"\0" + both
    numbers = key.private_numbers()
    raw = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n)
    return parameters + vector(raw.to_bytes(size, "big"), 2)


def _point() -> bytes:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
