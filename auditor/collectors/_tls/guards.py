"""Records under keys: how TLS 1.0 to 1.3 encrypt them and prove them whole.

For measuring, not for secrecy: nothing of value is ever sent, and nothing here is done in constant time.
RFC 2246, 4346, 5246 (CBC with HMAC), 5288, 6655, 7905 (AEAD suites of TLS 1.2), 8446 section 5 (TLS 1.3).
"""

from __future__ import annotations

import hmac
import os
from hashlib import new as digest_of
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import Camellia, TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from auditor.collectors._tls.keys import expand_label, prf, prf_hash

_AEADS: dict[str, tuple[type[Any], int, int]] = {
    "AES_128_GCM": (AESGCM, 16, 16),
    "AES_256_GCM": (AESGCM, 32, 16),
    "AES_128_CCM": (AESCCM, 16, 16),
    "AES_256_CCM": (AESCCM, 32, 16),
    "AES_128_CCM_8": (AESCCM, 16, 8),
    "AES_256_CCM_8": (AESCCM, 32, 8),
    "CHACHA20_POLY1305": (ChaCha20Poly1305, 32, 16),
}  # algorithm, bytes of key, bytes of tag
_BLOCKS: dict[str, tuple[type[Any], int, int]] = {
    "AES_128_CBC": (AES, 16, 16),
    "AES_256_CBC": (AES, 32, 16),
    "3DES_EDE_CBC": (TripleDES, 24, 8),
    "CAMELLIA_128_CBC": (Camellia, 16, 16),
    "CAMELLIA_256_CBC": (Camellia, 32, 16),
}  # algorithm, bytes of key, bytes of block
CIPHERS = frozenset(_AEADS) | frozenset(_BLOCKS)
"""Names of the ciphers spoken here, as ``Suite.cipher`` has them."""


class Guard(Protocol):
    """One direction of a connection under keys; counts its records."""

    def seal(self, kind: int, data: bytes) -> bytes:
        """A whole record, header and all, of at most 16384 bytes of data."""

    def open(self, header: bytes, body: bytes) -> tuple[int, bytes]:
        """Kind and data of a record. Raises ``ValueError`` where it was not made with our keys."""


def guard13(cipher: str, name: str, traffic: bytes) -> Guard:
    """TLS 1.3 under one traffic secret. Raises ``KeyError`` for a cipher that is not an AEAD of ``CIPHERS``."""
    _, size, tag = _AEADS[cipher]
    key, start = (expand_label(name, traffic, label, b"", many) for label, many in ((b"key", size), (b"iv", 12)))
    return _Aead13(_aead(cipher, key), start, tag)


def guards12(version: int, cipher: str, mac: str, master: bytes, randoms: tuple[bytes, bytes]) -> tuple[Guard, Guard]:
    """TLS 1.0 to 1.2: the client's guard and the server's; randoms are the client's and the server's.

    Raises ``KeyError`` for a cipher not of ``CIPHERS``.
    """
    key, more = (_AEADS.get(cipher) or _BLOCKS[cipher])[1:]
    if cipher in _AEADS:
        proof, start = 0, 12 if cipher.startswith("CHACHA") else 4
    else:
        proof, start = digest_of(mac).digest_size, more
    seed = randoms[1] + randoms[0]
    block = prf(version, prf_hash(mac), master, b"key expansion", seed, 2 * (proof + key + start))

    def side(last: int) -> Guard:
        """Cut the key block, which has of each kind the client's and then the server's."""
        at, cut = 0, []
        for size in (proof, key, start):
            cut.append(block[at + last * size : at + last * size + size])
            at += 2 * size
        if cipher in _AEADS:
            return _Aead12(_aead(cipher, cut[1]), cut[2], version, more)
        return _Block(cipher, cut[1], cut[2], cut[0], mac, version)

    return side(0), side(1)


def _aead(cipher: str, key: bytes) -> Any:
    made, _, tag = _AEADS[cipher]
    return made(key, tag_length=tag) if made is AESCCM else made(key)


def _mask(start: bytes, count: int) -> bytes:
    return (int.from_bytes(start, "big") ^ count).to_bytes(len(start), "big")


def _opened(aead: Any, nonce: bytes, body: bytes, bound: bytes) -> bytes:
    try:
        return bytes(aead.decrypt(nonce, body, bound))
    except InvalidTag:
        raise ValueError("tag") from None


class _Aead13:
    def __init__(self, aead: Any, start: bytes, tag: int) -> None:
        self._aead, self._start, self._tag, self._count = aead, start, tag, 0

    def _nonce(self) -> bytes:
        self._count += 1
        return _mask(self._start, self._count - 1)

    def seal(self, kind: int, data: bytes) -> bytes:
        inner = data + bytes((kind,))
        header = b"\x17\x03\x03" + (len(inner) + self._tag).to_bytes(2, "big")
        return header + bytes(self._aead.encrypt(self._nonce(), inner, header))

    def open(self, header: bytes, body: bytes) -> tuple[int, bytes]:
        inner = _opened(self._aead, self._nonce(), body, header).rstrip(b"\x00")
        if not inner:
            raise ValueError("padding without a record")
        return inner[-1], inner[:-1]


class _Guard12:
    """What both kinds before TLS 1.3 have: a count, and a heading that is proven along with the data."""

    def __init__(self, version: int) -> None:
        self._version, self._count = version.to_bytes(2, "big"), 0

    def _bound(self, kind: int, size: int) -> bytes:
        self._count += 1
        return (self._count - 1).to_bytes(8, "big") + bytes((kind,)) + self._version + size.to_bytes(2, "big")

    def _record(self, kind: int, body: bytes) -> bytes:
        return bytes((kind,)) + self._version + len(body).to_bytes(2, "big") + body


class _Aead12(_Guard12):
    def __init__(self, aead: Any, start: bytes, version: int, tag: int) -> None:
        super().__init__(version)
        self._aead, self._start, self._tag = aead, start, tag
        self._told = 8 if len(start) == 4 else 0
        """Bytes of the nonce that stand in each record: eight with GCM and CCM, none with ChaCha20."""

    def seal(self, kind: int, data: bytes) -> bytes:
        told = self._count.to_bytes(8, "big")[: self._told]
        nonce = self._start + told if told else _mask(self._start, self._count)
        return self._record(kind, told + bytes(self._aead.encrypt(nonce, data, self._bound(kind, len(data)))))

    def open(self, header: bytes, body: bytes) -> tuple[int, bytes]:
        size = len(body) - self._told - self._tag
        if size < 0:
            raise ValueError("short record")
        told = body[: self._told]
        nonce = self._start + told if told else _mask(self._start, self._count)
        return header[0], _opened(self._aead, nonce, body[self._told :], self._bound(header[0], size))


class _Block(_Guard12):
    """CBC with HMAC. One chain for all records is right for every version: from TLS 1.1 on each begins with a
    block to be thrown away, which breaks the chain."""

    def __init__(self, cipher: str, key: bytes, start: bytes, secret: bytes, mac: str, version: int) -> None:
        super().__init__(version)
        made, _, self._block = _BLOCKS[cipher]
        both = Cipher(made(key), CBC(start))
        self._going, self._coming = both.encryptor(), both.decryptor()
        self._secret, self._mac = secret, mac
        self._ahead = self._block if version >= 0x0302 else 0

    def seal(self, kind: int, data: bytes) -> bytes:
        plain = data + hmac.digest(self._secret, self._bound(kind, len(data)) + data, self._mac)
        more = self._block - len(plain) % self._block
        return self._record(kind, self._going.update(os.urandom(self._ahead) + plain + bytes((more - 1,)) * more))

    def open(self, header: bytes, body: bytes) -> tuple[int, bytes]:
        if len(body) % self._block or len(body) <= self._ahead:
            raise ValueError("not whole blocks")
        plain = self._coming.update(body)[self._ahead :]
        more = plain[-1] + 1
        size = len(plain) - more - digest_of(self._mac).digest_size
        if size < 0 or plain[len(plain) - more :] != plain[-1:] * more:
            raise ValueError("padding")
        data, proof = plain[:size], plain[size : len(plain) - more]
        if hmac.digest(self._secret, self._bound(header[0], size) + data, self._mac) != proof:
            raise ValueError("mac")
        return header[0], data
