"""What an SSH service offers before anybody logs in: versions, algorithms, host keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import ClassVar

from auditor.evidence.shared_keys import ShownKey
from auditor.model import Evidence, Unavailable

STRICT = "kex-strict-s-v00@openssh.com"
"""A server lists this among its key exchanges when it counts packets strictly (OpenSSH 9.6, 2023-12-18)."""
_CHACHA = ("chacha20-poly1305", "chacha20-poly1305@openssh.com")
_HYBRIDS = ("sntrup761", "sntrup4591761", "mlkem", "kyber")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The name-lists of a server's KEXINIT (RFC 4253 7.1), as sent and in its order.

    ``_in`` is from client to server, ``_out`` from server to client.
    """

    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers_in: tuple[str, ...]
    ciphers_out: tuple[str, ...]
    macs_in: tuple[str, ...]
    macs_out: tuple[str, ...]
    compression_in: tuple[str, ...]
    compression_out: tuple[str, ...]

    @property
    def ciphers(self) -> tuple[str, ...]:
        """Of both directions, each once."""
        return tuple(dict.fromkeys((*self.ciphers_in, *self.ciphers_out)))

    @property
    def macs(self) -> tuple[str, ...]:
        """Of both directions, each once."""
        return tuple(dict.fromkeys((*self.macs_in, *self.macs_out)))

    @property
    def strict_kex(self) -> bool:
        return STRICT in self.kex

    @property
    def prefix_truncatable(self) -> tuple[str, ...]:
        """What the Terrapin attack (CVE-2023-48795) cuts packets from, where strict key exchange is missing:
        ChaCha20-Poly1305, and in one direction both a CBC cipher and an encrypt-then-MAC."""
        found = [name for name in self.ciphers if name in _CHACHA]
        for ciphers, macs in ((self.ciphers_in, self.macs_in), (self.ciphers_out, self.macs_out)):
            cbc = [name for name in ciphers if name.partition("@")[0].endswith("-cbc")]
            etm = [name for name in macs if name.partition("@")[0].endswith("-etm")]
            found += [f"{cipher} + {mac}" for cipher in cbc for mac in etm]
        return tuple(dict.fromkeys(found))

    @property
    def post_quantum(self) -> tuple[str, ...]:
        """Hybrid key exchanges that hold against a quantum computer too."""
        return tuple(name for name in self.kex if name.startswith(_HYBRIDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKey:
    """A host key, as the server sent it in a key exchange."""

    type: str
    """The name inside the key: ssh-rsa, ssh-ed25519, ecdsa-sha2-nistp256, ssh-dss …"""
    bits: int
    fingerprint: str
    """As OpenSSH shows it: ``SHA256:`` and base64."""
    sha256: str
    """Of the whole public key blob, lower-case hex."""
    algorithm: str
    """The host key algorithm it was asked by."""
    proved: bool
    """Did its signature over the exchange verify, that is: does the server hold the private key?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnseenKey:
    """A host key that is offered and was not seen."""

    algorithm: str
    why: Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstVersion:
    """What an SSH-1 server tells in its first packet (SSH_SMSG_PUBLIC_KEY)."""

    host_key_bits: int
    server_key_bits: int
    sha256: str
    """Of modulus and exponent of the host key, as SSH-1 fingerprints are made, lower-case hex."""
    ciphers: tuple[str, ...]
    authentications: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SshService(Evidence):
    """The SSH service at one address and port; everything but these is empty where ``listening`` is false."""

    topic: ClassVar[str] = "ssh-service"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    address: str
    port: int
    listening: bool
    """False only for this very machine, whose own kernel said that nothing listens there."""
    banner: tuple[str, ...] = ()
    """Lines sent before the identification."""
    identification: str = ""
    protocol: str = ""
    """``2.0``; ``1.99`` for a server that speaks both; ``1.5`` and the like for SSH-1 alone."""
    software: str = ""
    comments: str = ""
    proposal: Proposal | None = None
    """None where the server speaks SSH-1 only."""
    first_version: FirstVersion | None = None
    """Seen where the server speaks SSH-1 only."""
    keys: tuple[HostKey, ...] = ()
    unseen: tuple[UnseenKey, ...] = ()

    @property
    def place(self) -> str:
        """For ``where``."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def shown_keys(self) -> tuple[ShownKey, ...]:
        """Those proved only: what a server merely claims may be another's."""
        return tuple(ShownKey("ssh", key.sha256, f"{key.type} {key.fingerprint}") for key in self.keys if key.proved)


def entry(name: str, table: Mapping[str, str]) -> str | None:
    """What ``table``, keyed by shell patterns, says of an algorithm; None where no pattern fits."""
    return next((said for pattern, said in table.items() if fnmatchcase(name, pattern)), None)
