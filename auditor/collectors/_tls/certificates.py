"""Certificates to facts. Purely, and ready for certificates made to break parsers."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from threading import RLock
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from auditor.evidence.certificates import Certificate
from auditor.model import CollectError, Reason

BAD = (
    ValueError,
    TypeError,
    ArithmeticError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    Warning,
)
"""What cryptography raises for bytes that are no certificate, or one that breaks the rules of X.509."""
_NAMES = 1000
"""More names than this in one certificate are not read; the largest real ones have a few hundred."""
_SCHEMES = {"1.3.101.112": "ed25519", "1.3.101.113": "ed448"}
_USAGES = (
    ("digital_signature", "digitalSignature"),
    ("content_commitment", "contentCommitment"),
    ("key_encipherment", "keyEncipherment"),
    ("data_encipherment", "dataEncipherment"),
    ("key_agreement", "keyAgreement"),
    ("key_cert_sign", "keyCertSign"),
    ("crl_sign", "cRLSign"),
)
_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.CODE_SIGNING: "codeSigning",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.TIME_STAMPING: "timeStamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "anyExtendedKeyUsage",
}
_lock = RLock()
X = TypeVar("X", bound=x509.ExtensionType)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the library's warning of serial numbers of zero and below, which break RFC 5280 and harm nobody."""
    with _lock, warnings.catch_warnings():  # Python's filters are one for all threads
        warnings.filterwarnings("ignore", "Parsed a serial number")
        yield


@lru_cache(maxsize=1024)
def load(der: bytes) -> x509.Certificate:
    """One DER certificate with its extensions read. Raises ``CollectError(unparsable)``."""
    try:
        with quiet():
            read = x509.load_der_x509_certificate(der)
            _ = read.extensions, read.subject, read.issuer
            return read
    except BAD as exc:
        raise _unparsable(exc) from None


@lru_cache(maxsize=1024)
def certificate(der: bytes) -> Certificate:
    """Facts of one DER certificate. Raises ``CollectError(unparsable)``."""
    try:
        return _facts(der, load(der))
    except BAD as exc:
        raise _unparsable(exc) from None


def extension(read: x509.Certificate, kind: type[X]) -> X | None:
    """One of its extensions, or None. Raises one of ``BAD`` for one that cannot be read."""
    try:
        return read.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _facts(der: bytes, read: x509.Certificate) -> Certificate:
    names = extension(read, x509.SubjectAlternativeName) or x509.SubjectAlternativeName([])
    if len(names) > _NAMES:
        raise ValueError(f"{len(names)} names in subjectAltName")
    kind, bits = _key(read)
    serial, key = _serial_and_key(read)
    basic = extension(read, x509.BasicConstraints)
    purposes = extension(read, x509.ExtendedKeyUsage)
    embedded = extension(read, x509.PrecertificateSignedCertificateTimestamps)
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
        key_fingerprint=hashlib.sha256(key).hexdigest(),
        serial=serial.hex().lstrip("0") or "0",
        authority=bool(basic and basic.ca),
        path_length=basic.path_length if basic else None,
        key_usage=_usage(extension(read, x509.KeyUsage)),
        extended_usage=None if purposes is None else tuple(_PURPOSES.get(oid, oid.dotted_string) for oid in purposes),
        must_staple=x509.TLSFeatureType.status_request in (extension(read, x509.TLSFeature) or ()),
        ocsp_urls=_ocsp_urls(read),
        crl_urls=_crl_urls(read),
        timestamps=len({(one.log_id, one.timestamp) for one in embedded}) if embedded else 0,
    )


def _key(read: x509.Certificate) -> tuple[str, int | None]:
    try:
        key = read.public_key()
    except BAD:  # a curve or algorithm this library does not know: the rest of the certificate can still be read
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


def _serial_and_key(read: x509.Certificate) -> tuple[bytes, bytes]:
    """The serial number's bytes and the SubjectPublicKeyInfo, exactly as they stand there.

    By hand: the library warns of serial numbers that are not positive, and writes no key that it cannot use.
    """
    body = _inside(read.tbs_certificate_bytes)
    at = _end(body, 0) if body[0] == 0xA0 else 0  # the version (RFC 5280 4.1), absent in version 1
    serial = _inside(body[at : _end(body, at)])
    for _ in range(5):  # serial number, signature, issuer, validity, subject
        at = _end(body, at)
    return serial, body[at : _end(body, at)]


def _inside(der: bytes) -> bytes:
    return der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) :]


def _end(der: bytes, at: int) -> int:
    """Where the DER value at ``at`` ends; the bytes have been through a strict parser already."""
    long = der[at + 1] & 0x7F if der[at + 1] & 0x80 else 0
    length = int.from_bytes(der[at + 2 : at + 2 + long], "big") if long else der[at + 1]
    return at + 2 + long + length


def _signature(read: x509.Certificate) -> str | None:
    try:
        used = read.signature_hash_algorithm
    except BAD:
        return None
    return used.name if used else _SCHEMES.get(read.signature_algorithm_oid.dotted_string)


def _usage(told: x509.KeyUsage | None) -> tuple[str, ...] | None:
    if told is None:
        return None
    names = [name for field, name in _USAGES if getattr(told, field)]
    if told.key_agreement:
        names += ["encipherOnly"] if told.encipher_only else []
        names += ["decipherOnly"] if told.decipher_only else []
    return tuple(names)


def _ocsp_urls(read: x509.Certificate) -> tuple[str, ...]:
    ways = extension(read, x509.AuthorityInformationAccess) or ()
    asked = [way.access_location for way in ways if way.access_method == AuthorityInformationAccessOID.OCSP]
    return tuple(name.value for name in asked if isinstance(name, x509.UniformResourceIdentifier))


def _crl_urls(read: x509.Certificate) -> tuple[str, ...]:
    try:
        points = extension(read, x509.CRLDistributionPoints) or ()
    except BAD:
        return ()
    names = [name for point in points for name in point.full_name or ()]
    return tuple(name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))


def issued_in_turn(sent: Sequence[Certificate]) -> tuple[Certificate, ...]:
    """The leaf, then as far as they were sent the certificates by whose names each was issued; strays left out."""
    chain = [sent[0]]
    while not chain[-1].self_issued:
        above = next((item for item in sent if item.subject == chain[-1].issuer and item not in chain), None)
        if above is None:
            break
        chain.append(above)
    return tuple(chain)


def _unparsable(exc: Exception) -> CollectError:
    return CollectError(Reason.UNPARSABLE, f"certificate: {type(exc).__name__}: {str(exc)[:200]}")
