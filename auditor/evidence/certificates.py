"""Certificates as a service shows them, the path they make, and what is known of their revocation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from auditor.model import Unavailable


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
    key_fingerprint: str = ""
    """SHA-256 over the SubjectPublicKeyInfo: one key in several certificates, or on several hosts, has one."""
    serial: str = ""
    """Lower-case hex."""
    authority: bool = False
    """basicConstraints says that it is a CA."""
    path_length: int | None = None
    key_usage: tuple[str, ...] | None = None
    """RFC 5280 names (digitalSignature, keyEncipherment …); None where the extension is absent."""
    extended_usage: tuple[str, ...] | None = None
    """Names (serverAuth, clientAuth, anyExtendedKeyUsage) or dotted OIDs; None where the extension is absent."""
    must_staple: bool = False
    """RFC 7633: a client may refuse it without a stapled OCSP answer."""
    ocsp_urls: tuple[str, ...] = ()
    crl_urls: tuple[str, ...] = ()
    timestamps: int = 0
    """Signed certificate timestamps (RFC 6962) inside the certificate."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Outcome of building and verifying the path, on the run's date."""

    code: int
    """OpenSSL's X509_V_ERR number; 0 when the chain leads to a trust anchor."""
    message: str
    anchors: bool
    """Were all the trust anchors there that should be: the system's own, and each file the inventory names?"""
    public: bool | None = None
    """Does the path end at an anchor that everybody's system has (a public CA), not one that the inventory names?
    None where no path was found, or where it is not known whose the anchor is."""


class Revoked(StrEnum):
    """What a CA has said of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """The CA answered that it does not know the certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A signed and verified statement on the leaf, by a stapled OCSP answer or a local CRL."""

    source: str
    """``ocsp-staple``, or ``crl``."""
    status: Revoked
    since: datetime | None = None
    reason: str = ""
    this_update: datetime
    next_update: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What was learnt from handshakes that got as far as the certificate."""

    version: str
    cipher: str
    """IANA's name of the negotiated suite."""
    context: str
    """``current``: a client of today gets through. ``legacy``: only one that allows what is outdated."""
    chain: tuple[Certificate, ...]
    """Leaf first: the path that was verified, else what was sent as far as each issued the one before."""
    chain_known: bool
    """False where only the leaf could be had."""
    trust: Trust
    sent: tuple[Certificate, ...] = ()
    """All certificates as sent, in the order sent."""
    in_order: bool | None = None
    """Was each certificate sent issued by the next? None where the chain is not known."""
    strays: int = 0
    """Certificates sent that belong to no path from the leaf."""
    revocation: Revocation | Unavailable | None = None
    """None: nobody said anything. Unavailable: something was said that cannot be read or trusted."""
    timestamps: int | None = None
    """Signed certificate timestamps by all three ways; None where that could not be seen."""

    @property
    def leaf(self) -> Certificate:
        return self.chain[0]


def each(peers: Iterable[Peer]) -> tuple[Certificate, ...]:
    """Every certificate of these chains, once."""
    return tuple({one.fingerprint: one for peer in peers for one in peer.chain}.values())
