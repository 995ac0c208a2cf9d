"""Certificates, good and bad, for tests: every one as told, by the library's own builder."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.support import NOW

DAY = datetime.timedelta(days=1)
HOST = "cong.tinh.example"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
USAGES = (
    "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
    "encipher_only decipher_only"
)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    read: x509.Certificate
    key: Any = field(repr=False)

    @property
    def der(self) -> bytes:
        return self.read.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.read.public_bytes(Encoding.PEM)


def usage(*named: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in named for name in USAGES.split()})


def name(common: str, organisation: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organisation:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


def alternatives(names: Sequence[str]) -> x509.SubjectAlternativeName:
    """``ip:``, ``uri:`` and ``mail:`` before a name say what it is; else it is of the DNS."""
    kinds: dict[str, Any] = {
        "ip": lambda text: x509.IPAddress(ipaddress.ip_address(text)),
        "uri": x509.UniformResourceIdentifier,
        "mail": x509.RFC822Name,
    }
    made = []
    for one in names:
        kind, _, rest = one.partition(":")
        made.append(kinds[kind](rest) if kind in kinds else x509.DNSName(one))
    return x509.SubjectAlternativeName(made)


def issue(
    subject: str | x509.Name,
    by: Issued | None = None,
    *,
    ca: bool = False,
    days: tuple[float, float] = (-10, 90),
    key: Key | None = None,
    names: Sequence[str] = (HOST,),
    basic: bool = True,
    path_length: int | None = None,
    issuer: x509.Name | None = None,
    hash_: hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | None = None,
    more: Sequence[tuple[x509.ExtensionType, bool]] = (),
    now: datetime.datetime = NOW,
    **how: Any,
) -> Issued:
    """A certificate by an issuer or by itself; ``days`` are its validity counted from the run's date."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = name(subject) if isinstance(subject, str) else subject
    signer = by.key if by else key
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or (by.read.subject if by else subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
    )
    if basic:
        made = made.add_extension(x509.BasicConstraints(ca=ca, path_length=path_length if ca else None), critical=True)
    if not ca and names:
        made = made.add_extension(alternatives(names), critical=False)
    for one, critical in more:
        made = made.add_extension(one, critical)
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hash_ or hashes.SHA256()
    return Issued(made.sign(signer, digest, **how), key)


def ca(subject: str | x509.Name, by: Issued | None = None, **told: Any) -> Issued:
    """An authority that stands ten years, unless said otherwise."""
    return issue(subject, by, ca=True, **{"days": (-1000, 2650), **told})


SCTS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def stamp(log: int, when: int = 1_700_000_000_000) -> bytes:
    """A signed certificate timestamp as RFC 6962 writes it, with its length; its signature is none."""
    body = b"\0" + bytes([log]) * 32 + when.to_bytes(8, "big") + b"\0\0" + b"\4\3" + b"\0\2\x30\x00"
    return len(body).to_bytes(2, "big") + body


def stamps(*logs: int) -> bytes:
    """A list of timestamps, as the TLS extension carries it."""
    body = b"".join(map(stamp, logs))
    return len(body).to_bytes(2, "big") + body


def embedded(*logs: int) -> tuple[x509.ExtensionType, bool]:
    """The extension that carries such a list inside a certificate."""
    listed = stamps(*logs)
    octets = b"\x04\x82" + len(listed).to_bytes(2, "big") + listed
    if len(listed) < 256:
        octets = b"\x04" + (b"\x81" if len(listed) > 127 else b"") + bytes([len(listed)]) + listed
    return x509.UnrecognizedExtension(SCTS, octets), False


def flipped(der: bytes, flips: list[tuple[int, int]]) -> bytes:
    """The same bytes with some bits changed: places and masks."""
    spoilt = bytearray(der)
    for at, mask in flips:
        spoilt[at % len(spoilt)] ^= mask
    return bytes(spoilt)
