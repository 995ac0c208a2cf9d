"""What a TLS service offers: protocol versions, the certificate it shows, and the cipher it picks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from auditor.model import Evidence, Unavailable

VERSIONS = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
"""All versions there have been, oldest first."""


class Offer(StrEnum):
    """What became of asking a service for one protocol version."""

    OFFERED = "offered"
    """It answered with a ServerHello of that version."""
    REFUSED = "refused"
    """It said no, or hung up on that version while it went on answering another."""
    UNTESTED = "untested"
    """Anything else: no answer in time, or one we do not understand."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """One protocol version and whether the service offers it; ``why`` is the answer in short words."""

    version: str
    offer: Offer
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The facts of one X.509 certificate."""

    fingerprint: str
    """SHA-256 over its DER bytes, in lower-case hex."""
    subject: str
    """RFC 4514 text, as the certificate has it."""
    issuer: str
    self_issued: bool
    """Subject and issuer are one name."""
    not_before: datetime
    not_after: datetime
    dns_names: tuple[str, ...]
    """DNS names of subjectAltName; the common name is not among them, as no client has read it since 2017."""
    ip_names: tuple[str, ...]
    key_type: str
    """rsa, ec, dsa, ed25519, ed448, or ``other``."""
    key_bits: int | None
    """None where the key could not be read or its kind has one size only."""
    signature: str | None
    """Hash of the issuer's signature (sha256 …), or the scheme that has its own (ed25519); None if not known."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Outcome of verifying the chain when it was collected, expiry left aside (it is judged by date)."""

    code: int
    """OpenSSL's X509_V_ERR number; 0 when the chain leads to a trust anchor."""
    message: str
    anchors: bool
    """Were all the trust anchors there that should be: the system's own, and each file the inventory names?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What was learnt from handshakes that got as far as the certificate."""

    version: str
    cipher: str
    """OpenSSL's name of the negotiated suite."""
    context: str
    """``current``: a client of today gets through. ``legacy``: only one that allows what is outdated."""
    chain: tuple[Certificate, ...]
    """Leaf first: the path that was verified, else what was sent as far as each issued the one before."""
    chain_known: bool
    """False where only the leaf could be had from this Python."""
    trust: Trust

    @property
    def leaf(self) -> Certificate:
        return self.chain[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsService(Evidence):
    """One TLS service as seen from the auditor."""

    topic: ClassVar[str] = "tls"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    host: str
    """Host of the service's URL; what its clients type."""
    port: int
    server_name: str
    """The name asked for (SNI) and to be found in the certificate, as an A-label; or an IP address."""
    protocols: tuple[Protocol, ...]
    """One for each of ``VERSIONS``, in that order."""
    peer: Peer | Unavailable
    """Unavailable where no handshake got as far as a certificate that can be read."""

    @property
    def where(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
