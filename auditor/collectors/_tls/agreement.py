"""What two sides of a handshake agree on keys with, and how the server proves that it was the one (RFC 8446, 5246)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, x448, x25519
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auditor.collectors._tls.certificates import BAD, quiet
from auditor.collectors._tls.io import Ended


@dataclass(frozen=True, slots=True)
class Share:
    """Our half of a key agreement."""

    public: bytes
    agree: Callable[[bytes], bytes]
    """The secret shared with whoever has this public half. Raises ``ValueError`` for one that is none."""


_CURVES = {0x0017: ec.SECP256R1(), 0x0018: ec.SECP384R1(), 0x0019: ec.SECP521R1()}
_MONTGOMERY: dict[int, tuple[Any, Any]] = {
    0x001D: (x25519.X25519PrivateKey, x25519.X25519PublicKey),
    0x001E: (x448.X448PrivateKey, x448.X448PublicKey),
}
GROUPS = (0x001D, 0x0017, 0x0018, 0x0019, 0x001E)
"""Groups spoken here, favourite first: X25519, P-256, P-384, P-521, X448."""
_FFDHE = {0x0100: (2048, 560316), 0x0101: (3072, 2625351), 0x0102: (4096, 5736041), 0x0103: (6144, 15705020),
          0x0104: (8192, 10965728)}  # fmt: skip
FFDHE = tuple(_FFDHE)
"""Finite fields of TLS 1.3: bits of each, and the number that its prime is made with (RFC 7919 appendix A)."""


@cache
def ffdhe_prime(group: int) -> int:
    """``2^b - 2^(b-64) + (floor(2^(b-130) * e) + X) * 2^64 - 1``, e being Euler's number."""
    bits, number = _FFDHE[group]
    spare = 64
    term = whole = 1 << (bits - 130 + spare)
    for divisor in count(1):
        term //= divisor
        if not term:
            break
        whole += term
    return (1 << bits) - (1 << (bits - 64)) + (((whole >> spare) + number) << 64) - 1


def share(group: int) -> Share:
    """A fresh share in one of ``GROUPS`` or ``FFDHE``. Raises ``KeyError`` for another."""
    if group in _FFDHE:
        prime = ffdhe_prime(group)
        size, field = (prime.bit_length() + 7) // 8, dh_share(prime, 2)
        return Share(field.public, lambda peer: field.agree(peer).rjust(size, b"\x00"))  # RFC 8446 7.4.1
    if group in _CURVES:
        curve = _CURVES[group]
        own = ec.generate_private_key(curve)
        public = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        read = ec.EllipticCurvePublicKey.from_encoded_point
        return Share(public, lambda peer: own.exchange(ec.ECDH(), read(curve, peer)))
    private, peers = _MONTGOMERY[group]
    mine = private.generate()
    return Share(mine.public_key().public_bytes_raw(), lambda peer: mine.exchange(peers.from_public_bytes(peer)))


def dh_share(prime: int, generator: int) -> Share:
    """A fresh share in a finite field the server made up. Raises ``ValueError`` for one too odd or too big to bear."""
    if not 256 <= prime.bit_length() <= 8192 or not prime & 1 or not 1 < generator < prime:
        raise ValueError("not a group")
    own = int.from_bytes(os.urandom(32), "big") | 1 << 255
    size = (prime.bit_length() + 7) // 8

    def agree(peer: bytes) -> bytes:
        theirs = int.from_bytes(peer, "big")
        if not 1 < theirs < prime - 1:
            raise ValueError("not in the group")
        secret = pow(theirs, own, prime)
        return secret.to_bytes((secret.bit_length() + 7) // 8, "big")  # RFC 5246 8.1.2: without leading zeros

    return Share(pow(generator, own, prime).to_bytes(size, "big"), agree)


_Edwards = ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
_HASHES: dict[int, hashes.HashAlgorithm] = {4: hashes.SHA256(), 5: hashes.SHA384(), 6: hashes.SHA512()}
_ECDSA = {0x0403: 4, 0x0503: 5, 0x0603: 6, 0x081A: 4, 0x081B: 5, 0x081C: 6}
_EDWARDS: dict[int, type[_Edwards]] = {0x0807: ed25519.Ed25519PublicKey, 0x0808: ed448.Ed448PublicKey}
_PSS = {0x0804: 4, 0x0805: 5, 0x0806: 6, 0x0809: 4, 0x080A: 5, 0x080B: 6}


def signed(certificate: bytes, scheme: int, signature: bytes, data: bytes) -> bool:
    """Did the key of this certificate sign this, by a scheme of TLS 1.3 (RFC 8446 4.2.3)?

    Raises ``Ended`` where the key cannot be read.
    """
    key = public_key(certificate)
    try:
        if scheme in _EDWARDS and isinstance(key, _EDWARDS[scheme]):
            key.verify(signature, data)
        elif isinstance(key, ec.EllipticCurvePublicKey) and scheme in _ECDSA:
            key.verify(signature, data, ec.ECDSA(_HASHES[_ECDSA[scheme]]))
        elif isinstance(key, rsa.RSAPublicKey) and scheme in _PSS:
            used = _HASHES[_PSS[scheme]]
            key.verify(signature, data, padding.PSS(padding.MGF1(used), padding.PSS.DIGEST_LENGTH), used)
        else:
            return False
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def public_key(certificate: bytes) -> CertificatePublicKeyTypes:
    """The key of a certificate, of whatever kind. Raises ``Ended`` where it cannot be read."""
    try:
        with quiet():
            return x509.load_der_x509_certificate(certificate).public_key()
    except BAD:
        raise Ended("unreadable-key") from None


def wrapped(certificate: bytes, secret: bytes) -> bytes:
    """A secret for the holder of this RSA key alone (PKCS #1 v1.5). Raises ``Ended`` where there is no such key."""
    key = public_key(certificate)
    if not isinstance(key, rsa.RSAPublicKey):
        raise Ended("unreadable-key")
    try:
        return key.encrypt(secret, padding.PKCS1v15())
    except ValueError:  # a key too short for it
        raise Ended("unreadable-key") from None
