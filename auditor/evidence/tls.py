"""What a TLS service offers: protocol versions, suites, groups, extensions, and the certificates it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import ClassVar

from auditor.evidence.certificates import Certificate, Peer, Revocation, Revoked, Trust
from auditor.evidence.shared_keys import ShownKey
from auditor.model import Evidence, Unavailable

__all__ = [
    "FEATURES", "VERSIONS", "Answer", "Certificate", "DhParameters", "Feature", "Group", "Offer", "Peer",
    "Preference", "Protocol", "Revocation", "Revoked", "Suite", "TlsProfile", "TlsService", "Trust",
]  # fmt: skip

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


class Preference(StrEnum):
    """Whose order of suites decides."""

    SERVER = "server"
    CLIENT = "client"
    UNTESTED = "untested"
    """Only one suite is accepted, or the answers contradict each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One cipher suite a service accepts, with what its name says (IANA's TLS registry; SSL 2.0 draft)."""

    code: int
    name: str
    """IANA's name; ``SSL_CK_…`` for SSL 2.0."""
    exchange: str
    """Key exchange: rsa, dh, dhe, ecdh, ecdhe, psk, srp, krb5, gost, null; ``tls13`` where the suite leaves it open."""
    authentication: str
    """rsa, dss, ecdsa, anon, psk, srp, krb5, gost; ``tls13`` as above."""
    cipher: str
    """Bulk cipher and mode: AES_128_GCM, 3DES_EDE_CBC, RC4_128, NULL …"""
    bits: int
    """Effective strength of the bulk cipher: 112 for 3DES, 40 for export, 0 for NULL."""
    hash: str
    """Hash of the MAC or, for AEAD suites, of the key derivation; empty where it has none."""
    aead: bool

    @property
    def forward_secret(self) -> bool:
        return self.exchange in ("dhe", "ecdhe", "tls13")

    @property
    def export(self) -> bool:
        return "EXPORT" in self.name


@dataclass(frozen=True, slots=True)
class Protocol:
    """One protocol version and whether the service offers it; ``why`` is the answer in short words."""

    version: str
    offer: Offer
    why: str
    suites: tuple[Suite, ...] = ()
    """Accepted suites, in the order the service picks them."""
    whole: bool = False
    """Was the list of suites seen to its end, where the service said that it takes no other?"""
    preference: Preference = Preference.UNTESTED


@dataclass(frozen=True, slots=True)
class Group:
    """A named group that the service accepts for key exchange (TLS 1.2 and below, or 1.3)."""

    code: int
    name: str
    """x25519, secp256r1, ffdhe2048, X25519MLKEM768 …; ``0x….`` where it has none."""
    bits: int
    """Strength of the discrete logarithm field or curve: 255, 256, 2048; 0 where it is not known."""
    hybrid: bool = False
    """Holds out against a quantum computer too."""


@dataclass(frozen=True, slots=True)
class DhParameters:
    """A finite-field group that the service made up or took over (TLS 1.2 and below)."""

    bits: int
    prime: str
    """SHA-256 of the prime, lower-case hex."""
    common: str = ""
    """Where the prime is one that many services share, its name (RFC 2409 group 2 …)."""


class Answer(StrEnum):
    """Whether a service does a thing."""

    YES = "yes"
    NO = "no"
    UNTESTED = "untested"


FEATURES = (
    "compression",  # TLS compression (CRIME)
    "secure-renegotiation",  # RFC 5746 in its ServerHello
    "client-renegotiation",  # a client may start the handshake anew on a running connection
    "fallback-scsv",  # RFC 7507: refuses a hello that was lowered on the way
    "session-tickets",  # RFC 5077 or a TLS 1.3 ticket
    "session-ids",  # TLS 1.2 and below: gives a session id to come back with
    "extended-master-secret",  # RFC 7627
    "encrypt-then-mac",  # RFC 7366
    "heartbeat",  # RFC 6520 in its ServerHello
    "ocsp-stapling",  # RFC 6066 status_request answered
    "early-data",  # TLS 1.3 tickets that allow 0-RTT
    "version-tolerance",  # answers a hello for a version that does not exist yet
    "extension-tolerance",  # answers a hello with an extension, a suite and a group nobody has heard of (RFC 8701)
    "long-hello-tolerance",  # answers a hello of more than 512 bytes, and of more than one TCP segment
    "downgrade-sentinel",  # RFC 8446 4.1.3: marks its random when it could have spoken a newer version
    "server-name-needed",  # does not answer a hello that names no server, or shows another certificate
    "client-certificate",  # asks for one
    "starttls-injection",  # takes commands sent in the clear behind STARTTLS for ones that came under TLS
)
"""Things a service does or not; whether each is good or bad is for the checks to say."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One of ``FEATURES`` with the answer and, in short words, what showed it."""

    name: str
    answer: Answer
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsProfile:
    """A target configuration: what a service may offer, and nothing beside it."""

    name: str
    from_: date
    until: date | None
    """Last day on which it may be aimed at."""
    versions: tuple[str, ...]
    suites: tuple[str, ...]
    groups: tuple[str, ...]
    key_types: tuple[str, ...]
    rsa_bits: int
    """Least size of RSA keys; 0 where they are not allowed."""
    dh_bits: int
    """Least size of finite-field groups; 0 where they are not allowed."""


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
    """What a client of today is shown. Unavailable where no handshake got as far as a certificate that can be read."""
    others: tuple[Peer, ...] = ()
    """What clients are shown that take another kind of key (RSA beside ECDSA), where that is another certificate."""
    preface: str = ""
    """What comes before TLS: smtp, imap, pop3, ldap, postgres, mysql, ftp, rdp, mssql; empty where nothing does."""
    clear: Answer = Answer.NO
    """Does the service also work without TLS: a login or a session in the clear (STARTTLS services)?"""
    clear_why: str = ""
    """What showed that, in the service's own words where it has some."""
    groups: tuple[Group, ...] = ()
    """Key-exchange groups it accepts, its favourite first where that could be seen."""
    groups_whole: bool = False
    dh: tuple[DhParameters, ...] = ()
    signatures: tuple[str, ...] = ()
    """Signature schemes it signs key exchanges with (RFC 8446 names: rsa_pkcs1_sha1, ecdsa_secp256r1_sha256 …)."""
    alpn: tuple[str, ...] = ()
    """Application protocols it picks when they are offered one by one."""
    features: tuple[Feature, ...] = ()
    profiles: tuple[TlsProfile, ...] = ()
    """Target configurations to compare with: dated data of the program that judges."""
    aims_at: str = ""
    """Name of the profile for the role that the inventory gives it."""
    connections: int = 0
    """How many connections it took to learn all this."""

    @property
    def where(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def feature(self, name: str) -> Feature:
        """One of ``FEATURES``; untested where nothing was learnt of it. Raises ``KeyError`` for another name."""
        if name not in FEATURES:
            raise KeyError(name)
        nothing = Feature(name, Answer.UNTESTED, "not looked at")
        return next((one for one in self.features if one.name == name), nothing)

    @property
    def offered(self) -> tuple[Protocol, ...]:
        return tuple(one for one in self.protocols if one.offer is Offer.OFFERED)

    @property
    def suites(self) -> tuple[Suite, ...]:
        """Every suite accepted in any version, once, newest version first."""
        return tuple({s.code: s for p in reversed(self.protocols) for s in p.suites}.values())

    def shown_keys(self) -> tuple[ShownKey, ...]:
        """The keys of the certificates it shows."""
        peers = [peer for peer in (self.peer, *self.others) if not isinstance(peer, Unavailable)]
        return tuple(ShownKey("tls", peer.leaf.key_fingerprint, peer.leaf.subject) for peer in peers)
