"""Host keys of SSH: what a key blob says, and whether a key exchange proves it. Pure.

RSA and DSA signatures are computed here and not by a library, as those refuse the weak keys that are to be found.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from auditor.collectors._kexinit import Malformed, mpint, string, to_string
from auditor.evidence.ssh_service import HostKey

TYPES: dict[str, tuple[str, ...]] = {
    "rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),
    "ed25519": ("ssh-ed25519",),
    "ecdsa-256": ("ecdsa-sha2-nistp256",),
    "ecdsa-384": ("ecdsa-sha2-nistp384",),
    "ecdsa-521": ("ecdsa-sha2-nistp521",),
    "dss": ("ssh-dss",),
    "ed448": ("ssh-ed448",),
}
"""Types of host keys, and the algorithms by which each can be had, best first."""

_CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "nistp256": (ec.SECP256R1(), hashes.SHA256()),
    "nistp384": (ec.SECP384R1(), hashes.SHA384()),
    "nistp521": (ec.SECP521R1(), hashes.SHA512()),
}
_DIGESTS = {
    "ssh-rsa": ("sha1", "3021300906052b0e03021a05000414"),
    "rsa-sha2-256": ("sha256", "3031300d060960864801650304020105000420"),
    "rsa-sha2-512": ("sha512", "3051300d060960864801650304020305000440"),
}
"""Hash and its DigestInfo (RFC 8017 9.2) of each algorithm of an RSA key."""
_MOST_BITS = 16384
"""Of a modulus: more would only cost us time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A key exchange as far as the server's reply, with all that its hash covers (RFC 4253 8)."""

    kex: str
    hash: str
    algorithm: str
    client_id: bytes
    server_id: bytes
    client_init: bytes
    server_init: bytes
    host_key: bytes
    between: bytes
    """What the method puts into the hash after the host key: its public values, encoded."""
    agreed: bytes
    """The number both sides came to, as an mpint. Its session ended there and carried nothing."""
    signature: bytes

    def digest(self) -> bytes:
        """The exchange hash, which the server has signed."""
        told = (self.client_id, self.server_id, self.client_init, self.server_init, self.host_key)
        return hashlib.new(self.hash, b"".join(map(to_string, told)) + self.between + self.agreed).digest()

    def dump(self) -> bytes:
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.dumps(
            {k: v if isinstance(v, str) else base64.b64encode(v).decode() for k, v in told.items()}
        ).encode()


def load(document: bytes) -> Exchange:
    """An exchange as ``dump`` wrote it. Raises ``Malformed``."""
    try:
        told = json.loads(document)
        made: dict[str, Any] = {
            field.name: told[field.name] if field.type == "str" else base64.b64decode(told[field.name], validate=True)
            for field in fields(Exchange)
        }
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as exc:
        raise Malformed(f"not a recorded exchange: {type(exc).__name__}") from None
    if not isinstance(told, dict) or not all(isinstance(value, (str, bytes)) for value in made.values()):
        raise Malformed("not a recorded exchange: a field is of the wrong kind")
    if made["hash"] not in ("sha1", "sha256", "sha384", "sha512"):
        raise Malformed("not a recorded exchange: no such hash")
    return Exchange(**made)


def host_key(exchange: Exchange) -> HostKey:
    """The host key that was sent, and whether the exchange proves it. Raises ``Malformed`` for no key at all."""
    blob = exchange.host_key
    name, bits, verify = _read(blob)
    wanted = next((known for known in TYPES.values() if exchange.algorithm in known), ())
    if name != (wanted[-1] if wanted else ""):
        raise Malformed(f"asked for {exchange.algorithm}, got a key of type {name}")
    digest = hashlib.sha256(blob).digest()
    try:
        form, rest = string(exchange.signature)
        signature, rest = string(rest)
        proved = (
            form == exchange.algorithm.encode()
            and not rest
            and verify(exchange.algorithm, signature, exchange.digest())
        )
    except (Malformed, InvalidSignature, ValueError):
        proved = False
    return HostKey(
        type=name,
        bits=bits,
        fingerprint="SHA256:" + base64.b64encode(digest).decode().rstrip("="),
        sha256=digest.hex(),
        algorithm=exchange.algorithm,
        proved=proved,
    )


Verify = Callable[[str, bytes, bytes], bool]
"""Algorithm, signature, signed bytes."""


def _read(blob: bytes) -> tuple[str, int, Verify]:
    raw, rest = string(blob)
    name = raw.decode("ascii", "replace")
    if name == "ssh-rsa":
        exponent, rest = mpint(rest)
        modulus, rest = mpint(rest)
        found: tuple[int, Verify] = modulus.bit_length(), _rsa(modulus, exponent)
    elif name == "ssh-dss":
        numbers = []
        for _ in range(4):
            number, rest = mpint(rest)
            numbers.append(number)
        found = numbers[0].bit_length(), _dss(*numbers)
    elif name.startswith("ecdsa-sha2-"):
        curve, rest = string(rest)
        point, rest = string(rest)
        if name != "ecdsa-sha2-" + curve.decode("ascii", "replace"):
            raise Malformed("an ECDSA key of two curves")
        found = _ecdsa(curve.decode("ascii"), point)
    elif name in ("ssh-ed25519", "ssh-ed448"):
        point, rest = string(rest)
        found = _edwards(name, point)
    else:
        raise Malformed(f"a key of type {name[:60]!r}")
    if rest:
        raise Malformed(f"{len(rest)} bytes after a key of type {name}")
    return name, *found


def _rsa(modulus: int, exponent: int) -> Verify:
    def verify(algorithm: str, signature: bytes, data: bytes) -> bool:
        if modulus.bit_length() > _MOST_BITS or exponent.bit_length() > 64 or modulus < 2 or algorithm not in _DIGESTS:
            return False
        hash_name, info = _DIGESTS[algorithm]
        size = (modulus.bit_length() + 7) // 8
        tail = b"\x00" + bytes.fromhex(info) + hashlib.new(hash_name, data).digest()
        wanted = b"\x00\x01" + b"\xff" * (size - len(tail) - 2) + tail
        number = int.from_bytes(signature)
        # Below eight bytes of padding no signature is one (RFC 8017 9.2); some servers leave out leading zeros.
        return size - len(tail) >= 10 and number < modulus and pow(number, exponent, modulus) == int.from_bytes(wanted)

    return verify


def _dss(p: int, q: int, g: int, y: int) -> Verify:
    def verify(_algorithm: str, signature: bytes, data: bytes) -> bool:
        r, s = int.from_bytes(signature[:20]), int.from_bytes(signature[20:])
        if (
            p.bit_length() > _MOST_BITS
            or q.bit_length() != 160
            or len(signature) != 40
            or not 0 < r < q
            or not 0 < s < q
        ):
            return False
        if not 1 < g < p or not 1 < y < p:
            return False
        w = pow(s, -1, q)
        digest = int.from_bytes(hashlib.sha1(data, usedforsecurity=False).digest())
        return bool(pow(g, digest * w % q, p) * pow(y, r * w % q, p) % p % q == r)

    return verify


def _ecdsa(curve: str, point: bytes) -> tuple[int, Verify]:
    if curve not in _CURVES:
        raise Malformed(f"an ECDSA key on the curve {curve[:40]!r}")
    on, digest = _CURVES[curve]
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(on, point)
    except ValueError:
        raise Malformed(f"not a point of {curve}") from None

    def verify(_algorithm: str, signature: bytes, data: bytes) -> bool:
        r, rest = mpint(signature)
        s, _ = mpint(rest)
        key.verify(encode_dss_signature(r, s), data, ec.ECDSA(digest))
        return True

    return on.key_size, verify


def _edwards(name: str, point: bytes) -> tuple[int, Verify]:
    made: ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
    try:
        if name == "ssh-ed25519":
            bits, made = 256, ed25519.Ed25519PublicKey.from_public_bytes(point)
        else:
            bits, made = 456, ed448.Ed448PublicKey.from_public_bytes(point)
    except ValueError:
        raise Malformed(f"not a key of type {name}") from None

    def verify(_algorithm: str, signature: bytes, data: bytes) -> bool:
        made.verify(signature, data)
        return True

    return bits, verify
