"""Conversations with an SSH server, as far as its host key: never an authentication, never a session.

Nothing is raised for what a server does but ``Ended``, whose word says how the conversation ended.
"""

from __future__ import annotations

import contextlib
import secrets
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Protocol, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auditor.collectors._hostkey import Exchange
from auditor.collectors._kexinit import (
    DISCONNECT,
    Greeting,
    Kexinit,
    Malformed,
    first_version,
    greeting,
    kexinit,
    mpint,
    next_message,
    packed,
    string,
    to_kexinit,
    to_mpint,
    to_string,
)
from auditor.collectors._tls.io import Ended, Wire, dial
from auditor.evidence.ssh_service import Proposal

VERSION_2, VERSION_1 = b"SSH-2.0-Capdo", b"SSH-1.5-Capdo"
PATIENCE_S = 3.0
"""How long a server may be silent before we say what RFC 4253 would have it say first."""
HELLO_S, KEY_S = 12.0, 20.0
"""For one conversation, from its first packet to its end. An old device counts seconds for a key exchange."""
_FAREWELL = packed(bytes([DISCONNECT]) + struct.pack(">I", 11) + to_string(b"audit, no login wanted") + to_string(b""))
_INIT, _REPLY, _GROUP, _GROUP_INIT, _GROUP_REPLY, _GROUP_REQUEST = 30, 31, 31, 32, 33, 34
_MOST_BITS = 8192
_SIZES = (1024, 2048, _MOST_BITS)
"""Bits of a group asked for in a group exchange: at least, best, at most."""

EVERYTHING = Proposal(
    kex=(
        *("curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384"),
        *("ecdh-sha2-nistp521", "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512"),
        *("diffie-hellman-group14-sha256", "diffie-hellman-group-exchange-sha256", "diffie-hellman-group14-sha1"),
        *("diffie-hellman-group-exchange-sha1", "diffie-hellman-group1-sha1"),
    ),
    host_keys=(
        *("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"),
        *("ecdsa-sha2-nistp521", "ssh-dss", "ssh-ed448"),
    ),
    ciphers_in=(ciphers := (
        *("aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com"),
        *("chacha20-poly1305@openssh.com", "aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc", "blowfish-cbc"),
        *("cast128-cbc", "arcfour256", "arcfour128", "arcfour", "des-cbc", "none"),
    )),
    ciphers_out=ciphers,
    macs_in=(macs := (
        *("hmac-sha2-256", "hmac-sha2-512", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"),
        *("umac-128@openssh.com", "hmac-sha1", "hmac-sha1-96", "hmac-md5", "hmac-md5-96", "hmac-ripemd160", "none"),
    )),
    macs_out=macs,
    compression_in=(compression := ("none", "zlib@openssh.com", "zlib")),
    compression_out=compression,
)  # fmt: skip
"""Sent only to a server that waits for our lists before it shows its own."""

T = TypeVar("T")


class Talk:
    """One connection to a server; ``heard`` is all that came."""

    def __init__(self, address: str, port: int, until: float) -> None:
        self._sock = dial(address, port, until)
        self._until = until
        self.heard = b""

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def say(self, data: bytes) -> None:
        Wire(self._sock, self._until).send(data)

    def hear(self, read: Callable[[bytes], T | None], patience: float | None = None) -> T:
        """Listen until ``read`` makes something of all that was heard. Raises ``Ended``, and what ``read`` raises."""
        until = self._until if patience is None else min(self._until, time.monotonic() + patience)
        line = Wire(self._sock, until)
        while (found := read(self.heard)) is None:
            chunk = line.receive()
            if not chunk:
                raise Ended("closed")
            self.heard += chunk
        return found

    def farewell(self) -> None:
        """Hang up in a way that the server can log; it need not listen."""
        with contextlib.suppress(Ended):
            self.say(_FAREWELL)

    def greet(self) -> Greeting:
        """Identifications of both sides, of SSH-1 where it knows no other."""
        try:
            told = self.hear(greeting, PATIENCE_S)
        except Ended as exc:
            if str(exc) != "timeout":
                raise
            self.say(VERSION_2 + b"\r\n")
            return self.hear(greeting)
        self.say((VERSION_1 if told.first_version_only else VERSION_2) + b"\r\n")
        return told

    def lists(self) -> Kexinit:
        """The server's KEXINIT, the first message after its identification."""
        return kexinit(self.hear(_first_message)[0])


def hello(talk: Talk) -> None:
    """Hear a server as far as its lists, or the public key of one that speaks SSH-1 only."""
    if talk.greet().first_version_only:
        talk.hear(lambda heard: first_version(_after(heard)))
        return
    try:
        talk.hear(_first_message, PATIENCE_S)
    except Ended as exc:
        if str(exc) != "timeout":
            raise
        talk.say(packed(to_kexinit(EVERYTHING, secrets.token_bytes(16))))
        talk.hear(_first_message)
    talk.farewell()


def exchange(talk: Talk, kex: str, algorithm: str) -> Exchange:
    """A key exchange by one method for one host key algorithm. Raises ``Ended`` and ``Malformed``.

    What is not chosen is taken from the server's own lists, so that it agrees.
    """
    told = talk.greet()
    theirs = talk.lists()
    known = theirs.proposal
    chosen = {name: getattr(known, name) for name in Proposal.__dataclass_fields__}
    ours = to_kexinit(Proposal(**chosen | {"kex": (kex,), "host_keys": (algorithm,)}), secrets.token_bytes(16))
    talk.say(packed(ours))
    skipped = 1 + (theirs.guessed and (known.kex[0], known.host_keys[0]) != (kex, algorithm))
    conversation = _Messages(talk, skipped)
    method, hash_name = METHODS[kex]
    blob, signature, between, agreed = method(conversation)
    talk.farewell()
    return Exchange(
        kex=kex,
        hash=hash_name,
        algorithm=algorithm,
        client_id=VERSION_2,
        server_id=told.line,
        client_init=ours,
        server_init=theirs.payload,
        host_key=blob,
        between=between,
        agreed=agreed,
        signature=signature,
    )


class _Messages:
    """The messages of a key exchange, after those that came before it."""

    def __init__(self, talk: Talk, heard: int) -> None:
        self._talk = talk
        self._heard = heard

    def ask(self, payload: bytes, reply: int) -> bytes:
        """Say something and hear the reply, without its number. Raises ``Malformed`` for another."""
        self._talk.say(packed(payload))
        found = self._talk.hear(self._next)
        self._heard += 1
        if found[0] != reply:
            raise Malformed(f"message {found[0]} in place of {reply}")
        return found[1:]

    def _next(self, heard: bytes) -> bytes | None:
        rest, found = _after(heard), b""
        for _ in range(self._heard + 1):
            message = next_message(rest)
            if message is None:
                return None
            found, rest = message
        return found


def _after(heard: bytes) -> bytes:
    told = greeting(heard)
    return told.rest if told else b""


def _first_message(heard: bytes) -> tuple[bytes, bytes] | None:
    return next_message(_after(heard))


# -- the methods: what goes between host key and agreed number into the hash, and that number

Outcome = tuple[bytes, bytes, bytes, bytes]
"""Host key, signature, between, agreed."""
Method = Callable[[_Messages], Outcome]


class Secret(Protocol):
    """An ephemeral key of ours: its public half, and what it makes with the other side's."""

    def public(self) -> bytes: ...
    def agree(self, other: bytes) -> bytes: ...


class _Montgomery:
    def __init__(self) -> None:
        self._key = x25519.X25519PrivateKey.generate()

    def public(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def agree(self, other: bytes) -> bytes:
        return self._key.exchange(x25519.X25519PublicKey.from_public_bytes(other))


class _Weierstrass:
    def __init__(self, curve: ec.EllipticCurve) -> None:
        self._key = ec.generate_private_key(curve)

    def public(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def agree(self, other: bytes) -> bytes:
        return self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(self._key.curve, other))


def _elliptic(make: Callable[[], Secret]) -> Method:
    """RFC 5656 4 and RFC 8731."""

    def method(talk: _Messages) -> Outcome:
        mine = make()
        reply = talk.ask(bytes([_INIT]) + to_string(mine.public()), _REPLY)
        blob, reply = string(reply)
        other, reply = string(reply)
        signature, _ = string(reply)
        with _sound():
            agreed = int.from_bytes(mine.agree(other))
        return blob, signature, to_string(mine.public()) + to_string(other), to_mpint(agreed)

    return method


def _group(bits: int, offset: int) -> Method:
    """RFC 4253 8, with a group of RFC 2409 or 3526."""
    return lambda talk: _diffie_hellman(talk, _prime(bits, offset), 2, b"", (_INIT, _REPLY))


def _group_exchange(talk: _Messages) -> Outcome:
    """RFC 4419."""
    sizes = struct.pack(">III", *_SIZES)
    told = talk.ask(bytes([_GROUP_REQUEST]) + sizes, _GROUP)
    prime, rest = mpint(told)
    generator, _ = mpint(rest)
    if not 512 <= prime.bit_length() <= _MOST_BITS or not 1 < generator < prime:
        raise Malformed(f"a group of {prime.bit_length()} bits")
    before = sizes + to_mpint(prime) + to_mpint(generator)
    return _diffie_hellman(talk, prime, generator, before, (_GROUP_INIT, _GROUP_REPLY))


def _diffie_hellman(talk: _Messages, prime: int, generator: int, before: bytes, kinds: tuple[int, int]) -> Outcome:
    secret = secrets.randbelow(1 << 512) + 2
    public = pow(generator, secret, prime)
    reply = talk.ask(bytes([kinds[0]]) + to_mpint(public), kinds[1])
    blob, reply = string(reply)
    other, reply = mpint(reply)
    signature, _ = string(reply)
    if not 1 < other < prime - 1:
        raise Malformed("a public value outside the group")
    return blob, signature, before + to_mpint(public) + to_mpint(other), to_mpint(pow(other, secret, prime))


@cache
def _prime(bits: int, offset: int) -> int:
    """A prime of RFC 2409 or 3526: ``2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + offset)``."""
    return (1 << bits) - (1 << bits - 64) - 1 + ((_pi(bits - 130) + offset) << 64)


def _pi(bits: int) -> int:
    """``floor(2^bits * pi)``, by Machin's formula."""

    def arctan_inverse(number: int) -> int:
        term = total = one // number
        count, sign = 1, -1
        while term:
            term //= number * number
            count += 2
            total += sign * (term // count)
            sign = -sign
        return total

    guard = 64
    one = 1 << bits + guard
    return 4 * (4 * arctan_inverse(5) - arctan_inverse(239)) >> guard


@contextmanager
def _sound() -> Iterator[None]:
    """A library that refuses the other side's public value: the other side's fault."""
    try:
        yield
    except ValueError:
        raise Malformed("a public value that is none") from None


METHODS: dict[str, tuple[Method, str]] = {
    "curve25519-sha256": (_elliptic(_Montgomery), "sha256"),
    "curve25519-sha256@libssh.org": (_elliptic(_Montgomery), "sha256"),
    "ecdh-sha2-nistp256": (_elliptic(lambda: _Weierstrass(ec.SECP256R1())), "sha256"),
    "ecdh-sha2-nistp384": (_elliptic(lambda: _Weierstrass(ec.SECP384R1())), "sha384"),
    "ecdh-sha2-nistp521": (_elliptic(lambda: _Weierstrass(ec.SECP521R1())), "sha512"),
    "diffie-hellman-group14-sha256": (_group(2048, 124476), "sha256"),
    "diffie-hellman-group16-sha512": (_group(4096, 240904), "sha512"),
    "diffie-hellman-group18-sha512": (_group(8192, 4743158), "sha512"),
    "diffie-hellman-group14-sha1": (_group(2048, 124476), "sha1"),
    "diffie-hellman-group-exchange-sha256": (_group_exchange, "sha256"),
    "diffie-hellman-group-exchange-sha1": (_group_exchange, "sha1"),
    "diffie-hellman-group1-sha1": (_group(1024, 129093), "sha1"),
}
"""Methods we can do, the cheapest for the server first, with the hash of each."""
