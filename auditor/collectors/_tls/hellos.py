"""Any ClientHello, written by hand: libraries speak neither what is old nor what does not exist yet.

Pure (SSL 0.2 draft; RFC 6101, 5246, 6066, 7685, 8446).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from auditor.collectors._tls.io import is_ip
from auditor.collectors._tls.wire import (
    CLIENT_HELLO,
    HANDSHAKE,
    VERSION,
    extension,
    message,
    records,
    u16,
    u16s,
    vector,
)  # fmt: skip

EMPTY_RENEGOTIATION = 0x00FF
FALLBACK = 0x5600
SERVER_NAME, STATUS_REQUEST, GROUPS_X, POINTS, SIGNATURES_X, HEARTBEAT, ALPN = 0, 5, 10, 11, 13, 15, 16
TIMESTAMPS, PADDING, ENCRYPT_THEN_MAC, MASTER_SECRET, TICKET, PSK = 18, 21, 22, 23, 35, 41
EARLY_DATA, SUPPORTED_VERSIONS, COOKIE, PSK_MODES, KEY_SHARE, RENEGOTIATION = 42, 43, 44, 45, 51, 0xFF01

GROUPS = (0x001D, 0x0017, 0x0018, 0x0019, 0x001E)
"""What clients of today take below TLS 1.3: x25519, the NIST curves, x448."""
OLD_GROUPS = (*GROUPS, 0x001A, 0x001B, 0x001C, *range(0x000E, 0, -1), *range(0x0016, 0x000E, -1))
"""The brainpool and SECG curves too, strongest first."""
SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x081A, 0x081B, 0x081C, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A,
              0x080B, 0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0502, 0x0602, 0x0302, 0x0202,
              0x0101)  # fmt: skip
"""Every signature scheme a server may have, the good ones first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a ClientHello says. Fields that a version has no place for are left out when it is written."""

    version: str
    """Of ``VERSIONS``; the newest offered."""
    suites: tuple[int, ...]
    groups: tuple[int, ...] = GROUPS
    shares: tuple[tuple[int, bytes], ...] = ()
    """TLS 1.3: key shares by group; none asks for a HelloRetryRequest."""
    signatures: tuple[int, ...] = SIGNATURES
    server_name: str = ""
    """An IP address is not sent as a name."""
    alpn: tuple[str, ...] = ()
    session: bytes = b""
    compressions: bytes = b"\x00"
    more: tuple[tuple[int, bytes], ...] = ()
    """Further extensions by kind, sent as they are (before padding)."""
    last: tuple[int, bytes] | None = None
    """An extension that must be the last one: pre_shared_key."""
    pad: int = 0
    """Bytes the message is to have at the least (RFC 7685)."""
    legacy: int = 0
    """The version in the old field, where it is to be another than that of ``version``."""
    versions: tuple[int, ...] = (0x0304,)
    """TLS 1.3: what stands in supported_versions."""

    @property
    def bare(self) -> bool:
        """Has it no extensions at all? SSL 3.0 knew none; only a server's name is said to those that insist on it."""
        if self.version == "SSLv3":
            return not self.server_name
        return self.version != "TLSv1.3" and not (
            self.server_name or self.groups or self.signatures or self.alpn or self.more or self.last or self.pad
        )


def client_hello(hello: Hello, random: bytes) -> bytes:
    """The hello as it goes over the wire. ``random`` is 32 bytes."""
    if hello.version == "SSLv2":
        kinds = b"".join(code.to_bytes(3, "big") for code in hello.suites)
        body = b"\x01\x00\x02" + u16(len(kinds)) + b"\x00\x00\x00\x10" + kinds + random[:16]
        return u16(0x8000 | len(body)) + body
    return records(HANDSHAKE, min(VERSION[hello.version], 0x0301), client_hello_message(hello, random))


def client_hello_message(hello: Hello, random: bytes) -> bytes:
    """The handshake message alone, as the transcript of a handshake has it; not for SSL 2.0."""
    wire = hello.legacy or min(VERSION[hello.version], 0x0303)
    head, compressions = u16(wire) + random + vector(hello.session, 1), vector(hello.compressions, 1)
    suites = hello.suites
    size = 4 + len(head) + 2 + 2 * len(suites) + len(compressions)
    if hello.bare and 0x100 <= size < 0x200:
        # As below, where no extension can pad: the code that is no suite, over and over.
        suites += (EMPTY_RENEGOTIATION,) * ((0x201 - size) // 2)
    body = head + vector(u16s(suites)) + compressions
    if not hello.bare:
        made = _extensions(
            hello.version, hello.server_name, hello.groups, hello.signatures, hello.shares, hello.alpn, hello.versions,
            hello.more,
        )  # fmt: skip
        tail = extension(*hello.last) if hello.last else b""
        size = len(body) + 4 + 2 + len(made) + len(tail)
        # Some load balancers hang on hellos of these sizes (RFC 7685).
        wanted = max(hello.pad, size)
        wanted = 0x200 if 0x100 <= wanted < 0x200 else wanted
        if size < wanted:
            made += extension(PADDING, bytes(max(0, wanted - size - 4)))
        body += vector(made + tail)
    return message(CLIENT_HELLO, body)


@lru_cache(maxsize=256)
def _extensions(
    version: str,
    server_name: str,
    groups: tuple[int, ...],
    signatures: tuple[int, ...],
    shares: tuple[tuple[int, bytes], ...],
    alpn: tuple[str, ...],
    versions: tuple[int, ...],
    more: tuple[tuple[int, bytes], ...],
) -> bytes:
    """All but suites and random changes seldom from one hello to the next."""
    made = b""
    if server_name and not is_ip(server_name):
        made += extension(SERVER_NAME, vector(b"\x00" + vector(server_name.encode("ascii"))))
    if groups:
        made += extension(GROUPS_X, vector(u16s(groups))) + extension(POINTS, b"\x01\x00")
    if version in ("TLSv1.2", "TLSv1.3") and signatures:
        made += extension(SIGNATURES_X, vector(u16s(signatures)))
    if alpn:
        made += extension(ALPN, vector(b"".join(vector(name.encode("ascii"), 1) for name in alpn)))
    if version == "TLSv1.3":
        made += extension(SUPPORTED_VERSIONS, vector(u16s(versions), 1)) + extension(PSK_MODES, b"\x01\x01")
        made += extension(KEY_SHARE, vector(b"".join(u16(group) + vector(key) for group, key in shares)))
    return made + b"".join(extension(kind, data) for kind, data in more)
