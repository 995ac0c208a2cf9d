"""Keys of a TLS handshake: what both sides derive from what they agreed on.

For measuring, not for secrecy: nothing of value is ever sent, and nothing here is done in constant time.
Hashes are hashlib's names. RFC 2246, 5246 (TLS 1.0 to 1.2), 5869 (HKDF), 8446 section 7 (TLS 1.3).
"""

from __future__ import annotations

import hmac
from hashlib import new as digest_of

# --- TLS 1.0 to 1.2 ---------------------------------------------------------------------------------------


def prf(version: int, name: str, secret: bytes, label: bytes, seed: bytes, size: int) -> bytes:
    """The pseudo-random function of a version (0x0301 …); ``name`` is its hash, which only TLS 1.2 lets vary."""
    if version >= 0x0303:
        return _p_hash(name, secret, label + seed, size)
    half = (len(secret) + 1) // 2  # MD5 has the first half of the secret, SHA-1 the last; an odd byte goes to both
    one = _p_hash("md5", secret[:half], label + seed, size)
    two = _p_hash("sha1", secret[len(secret) - half :], label + seed, size)
    return bytes(a ^ b for a, b in zip(one, two, strict=True))


def _p_hash(name: str, secret: bytes, seed: bytes, size: int) -> bytes:
    made, link = b"", seed
    while len(made) < size:
        link = hmac.digest(secret, link, name)
        made += hmac.digest(secret, link + seed, name)
    return made[:size]


def prf_hash(mac: str) -> str:
    """The hash of TLS 1.2's PRF in a suite with this hash: SHA-256 where the suite does not have a stronger one."""
    return mac if mac in ("sha384", "sha512") else "sha256"


def transcript_hash(version: int, name: str, messages: bytes) -> bytes:
    """What stands for all messages so far in Finished: MD5 and SHA-1 side by side before TLS 1.2."""
    if version >= 0x0303:
        return digest_of(name, messages).digest()
    return digest_of("md5", messages).digest() + digest_of("sha1", messages).digest()  # noqa: S324


# --- TLS 1.3 ----------------------------------------------------------------------------------------------


def extract(name: str, salt: bytes, secret: bytes) -> bytes:
    """HKDF-Extract (RFC 5869)."""
    return hmac.digest(salt or bytes(digest_of(name).digest_size), secret, name)


def expand(name: str, secret: bytes, info: bytes, size: int) -> bytes:
    """HKDF-Expand (RFC 5869)."""
    made, link, count = b"", b"", 1
    while len(made) < size:
        link = hmac.digest(secret, link + info + bytes((count,)), name)
        made, count = made + link, count + 1
    return made[:size]


def expand_label(name: str, secret: bytes, label: bytes, context: bytes, size: int) -> bytes:
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes((len(label),)) + label + bytes((len(context),)) + context
    return expand(name, secret, info, size)


def derive(name: str, secret: bytes, label: bytes, messages: bytes) -> bytes:
    """Derive-Secret: bound to all handshake messages so far."""
    context = digest_of(name, messages).digest()
    return expand_label(name, secret, label, context, len(context))


def handshake_secret(name: str, shared: bytes) -> bytes:
    """From the (EC)DHE secret; without a PSK the early secret is one of zeros."""
    zeros = bytes(digest_of(name).digest_size)
    return extract(name, derive(name, extract(name, zeros, zeros), b"derived", b""), shared)


def master_secret(name: str, handshake: bytes) -> bytes:
    return extract(name, derive(name, handshake, b"derived", b""), bytes(digest_of(name).digest_size))


def finished13(name: str, traffic: bytes, messages: bytes) -> bytes:
    """verify_data of the side whose handshake traffic secret this is."""
    key = expand_label(name, traffic, b"finished", b"", digest_of(name).digest_size)
    return hmac.digest(key, digest_of(name, messages).digest(), name)
