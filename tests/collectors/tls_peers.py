"""Servers in memory: Python's own ssl, bytes of ours, and a TLS 1.3 server that has the keys and means harm."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from auditor.collectors._tls import agreement, wire
from auditor.collectors._tls.guards import guard13
from auditor.collectors._tls.keys import derive, finished13, handshake_secret, master_secret

NAME = "cong.tinh.example"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
KEYS: dict[str, Key] = {
    "ecdsa": ec.generate_private_key(ec.SECP256R1()),
    "rsa": rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def self_signed(key: Key) -> x509.Certificate:
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)]), datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(9))
    return made.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


CERTIFICATES = {kind: self_signed(key) for kind, key in KEYS.items()}
DER = {kind: made.public_bytes(serialization.Encoding.DER) for kind, made in CERTIFICATES.items()}


class Against:
    """A line to an ssl server in memory; ``spoil`` may change what it says."""

    def __init__(self, context: ssl.SSLContext, spoil: Callable[[bytes], bytes] = bytes) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._spoil = spoil
        self._step: Callable[[], None] | None = self._tls.do_handshake

    def send(self, data: bytes) -> None:
        self._in.write(data)

    def receive(self) -> bytes:
        try:
            if self._step is not None:
                self._step()
                self._step = None
            self._tls.read(1)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._step = None
        return self._spoil(self._out.read(16384))


class Says:
    """A line on which certain bytes come, however they are cut, and then the end."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self.said = iter(chunks), b""

    def send(self, data: bytes) -> None:
        self.said += data

    def receive(self) -> bytes:
        return next(self._chunks, b"")


def write_files(folder: Path) -> Path:
    """Certificate and key of each kind in one file, as ssl wants them."""
    pem = serialization.Encoding.PEM
    for kind, key in KEYS.items():
        held = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / kind).write_bytes(held + CERTIFICATES[kind].public_bytes(pem))
    return folder


def server(files: Path, kind: str = "ecdsa", version: str = "TLSv1_3", ciphers: str = "") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    context.load_cert_chain(files / kind)
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def record(data: bytes, kind: int = wire.HANDSHAKE) -> bytes:
    return bytes((kind,)) + b"\x03\x03" + wire.vector(data)


def hello(version: int = 0x0303, suite: int = 0xC02F, extensions: bytes = b"", session: bytes = b"") -> bytes:
    body = wire.u16(version) + b"r" * 32 + wire.vector(session, 1) + wire.u16(suite) + b"\x00"
    return wire.message(wire.SERVER_HELLO, body + wire.vector(extensions))


EXTENSIONS = wire.message(wire.ENCRYPTED_EXTENSIONS, b"\x00\x00")
CHAIN13 = wire.message(wire.CERTIFICATE, b"\x00" + wire.vector(wire.vector(DER["ecdsa"], 3) + b"\x00\x00", 3))
VERIFY = wire.message(wire.CERTIFICATE_VERIFY, wire.u16(0x0403) + wire.vector(b"signature"))


Flight = Callable[[], Iterator[bytes]]
"""What is said, record by record; a record of kind 23 where it begins with ``DATA``."""


class Hostile:
    """TLS 1.3 up to the keys; under them it says what the test wants, or proves itself and says that afterwards."""

    def __init__(self, flight: Flight, *, proven: bool = False) -> None:
        self._flight, self._proven, self._heard, self._going = flight, proven, b"", self._say()

    def send(self, data: bytes) -> None:
        self._heard += data

    def receive(self) -> bytes:
        return next(self._going, b"")

    def _say(self) -> Iterator[bytes]:
        sent = self._heard[5:]
        read = wire.Reader(sent[4:])
        read.take(34)
        session, _, _ = read.vector(1), read.vector(), read.vector(1)
        theirs = wire.extensions(read.vector())[51][6:]
        own = agreement.share(0x001D)
        share = wire.extension(51, wire.u16(0x001D) + wire.vector(own.public))
        said = hello(suite=0x1301, extensions=wire.extension(43, b"\x03\x04") + share, session=session)
        yield record(said)
        secret = handshake_secret("sha256", own.agree(theirs))
        traffic = derive("sha256", secret, b"s hs traffic", sent + said)
        guard = guard13("AES_128_GCM", "sha256", traffic)
        if self._proven:
            said += EXTENSIONS + CHAIN13
            context = b" " * 64 + b"TLS 1.3, server CertificateVerify\x00" + sha256(sent + said).digest()
            key = KEYS["ecdsa"]
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            signature = key.sign(context, ec.ECDSA(hashes.SHA256()))
            verify = wire.message(wire.CERTIFICATE_VERIFY, wire.u16(0x0403) + wire.vector(signature))
            proof = finished13("sha256", traffic, sent + said + verify)
            finished = wire.message(wire.FINISHED, proof)
            yield guard.seal(wire.HANDSHAKE, EXTENSIONS + CHAIN13 + verify + finished)
            messages = sent + said + verify + finished
            traffic = derive("sha256", master_secret("sha256", secret), b"s ap traffic", messages)
            guard = guard13("AES_128_GCM", "sha256", traffic)
        for data in self._flight():
            kind = wire.DATA if data.startswith(b"DATA") else wire.HANDSHAKE
            yield guard.seal(kind, data)
