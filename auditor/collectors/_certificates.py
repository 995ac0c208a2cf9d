"""Certificates to facts. Purely, and ready for certificates made to break parsers."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from threading import Lock

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from auditor.evidence.tls import Certificate
from auditor.model import CollectError, Reason

# What cryptography raises for bytes that are no certificate, or one that breaks the rules of X.509.
_BAD = (
    ValueError,
    TypeError,
    ArithmeticError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_NAMES = 1000
"""More names than this in one certificate are not read; the largest real ones have a few hundred."""
_SCHEMES = {"1.3.101.112": "ed25519", "1.3.101.113": "ed448"}
_quietly = Lock()


def certificate(der: bytes) -> Certificate:
    """Facts of one DER certificate. Raises ``CollectError(unparsable)``."""
    try:
        with _quietly, warnings.catch_warnings():
            # A serial number of zero breaks RFC 5280 and harms nobody.
            warnings.filterwarnings("ignore", "Parsed a serial number")
            return _facts(der, x509.load_der_x509_certificate(der))
    except (*_BAD, Warning) as exc:
        raise CollectError(Reason.UNPARSABLE, f"certificate: {type(exc).__name__}: {str(exc)[:200]}") from None


def _facts(der: bytes, read: x509.Certificate) -> Certificate:
    try:
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    if len(names) > _NAMES:
        raise ValueError(f"{len(names)} names in subjectAltName")
    kind, bits = _key(read)
    return Certificate(
        fingerprint=hashlib.sha256(der).hexdigest(),
        subject=read.subject.rfc4514_string(),
        issuer=read.issuer.rfc4514_string(),
        self_issued=read.subject == read.issuer,
        not_before=read.not_valid_before_utc,
        not_after=read.not_valid_after_utc,
        dns_names=tuple(names.get_values_for_type(x509.DNSName)),
        ip_names=tuple(str(address) for address in names.get_values_for_type(x509.IPAddress)),
        key_type=kind,
        key_bits=bits,
        signature=_signature(read),
    )


def _key(read: x509.Certificate) -> tuple[str, int | None]:
    try:
        key = read.public_key()
    except _BAD:  # a curve or algorithm this library does not know: the rest of the certificate can still be read
        return "other", None
    match key:
        case rsa.RSAPublicKey():
            return "rsa", key.key_size
        case ec.EllipticCurvePublicKey():
            return "ec", key.key_size
        case dsa.DSAPublicKey():
            return "dsa", key.key_size
        case ed25519.Ed25519PublicKey():
            return "ed25519", None
        case ed448.Ed448PublicKey():
            return "ed448", None
    return "other", None


def _signature(read: x509.Certificate) -> str | None:
    try:
        used = read.signature_hash_algorithm
    except _BAD:
        return None
    return used.name if used else _SCHEMES.get(read.signature_algorithm_oid.dotted_string)


def issued_in_turn(sent: Sequence[Certificate]) -> tuple[Certificate, ...]:
    """The leaf, then as far as they were sent the certificates by whose names each was issued; strays left out."""
    chain = [sent[0]]
    while not chain[-1].self_issued:
        above = next((item for item in sent if item.subject == chain[-1].issuer and item not in chain), None)
        if above is None:
            break
        chain.append(above)
    return tuple(chain)
