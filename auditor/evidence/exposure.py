"""What a target offers to the network, as seen from where the auditor stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from auditor.model import Evidence

Family = Literal["admin", "database", "legacy", "file", "inner", "public", ""]
"""What a port number is customarily for (``data/exposure.yaml``); "" where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPort:
    """A TCP port that took a connection."""

    port: int
    name: str
    """The service whose customary port it is, or empty. By number alone: see ``seen``."""
    family: Family
    seen: str = ""
    """The service that was recognised by what it said unasked; empty where it was not looked at or said nothing."""
    said: str = ""
    """The beginning of what it said, printable characters only."""

    @property
    def label(self) -> str:
        return f"tcp/{self.port}" + (f" ({self.seen or self.name})" if self.seen or self.name else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpAnswer:
    """What came back for the one datagram sent to a UDP port."""

    port: int
    name: str
    state: Literal["answered", "refused", "silent", "other"]
    """``answered``: by the service's own protocol; ``other``: by something else. Silence is an unwilling service,
    a filter, or none there."""
    said: str = ""

    @property
    def label(self) -> str:
        return f"udp/{self.port} ({self.name})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmbLook:
    """A file server's own offers, on port 445. None: it gave no answer that could be read."""

    smb1: bool | None
    """Was NT LM 0.12, the one dialect of SMBv1, accepted when offered alone?"""
    dialect: str | None
    """The dialect chosen from SMB 2.0.2 to 3.0.2; empty when it speaks none of them."""
    signing_required: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RdpLook:
    """Which kinds of protection a remote desktop accepts, by its answer to the first packet. None: no clear answer."""

    standard: bool | None
    """RDP's own old encryption, which proves nothing about the server."""
    tls: bool | None
    """TLS without network-level authentication."""
    nla: bool | None
    """CredSSP: the user is known before a session is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure(Evidence):
    """One whole look at a target's ports; an unfinished one is never evidence."""

    topic: ClassVar[str] = "exposure"

    address: str
    scanner: str
    """``nmap`` with its version, or ``connect``: our own, over a shorter list of ports."""
    vantage: str
    login_port: int | None
    """The port by which the audit itself logs in; None where it does not."""
    open: tuple[OpenPort, ...]
    echo: bool
    """Did a port or, where none did, a ping answer?"""
    closed: frozenset[int]
    """TCP ports that refused."""
    filtered: frozenset[int]
    """TCP ports from which nothing came back, though asked twice."""
    left_out: frozenset[int]
    """TCP ports never asked on anything: fragile things listen there."""
    udp: tuple[UdpAnswer, ...]
    smb: SmbLook | None
    """None where 445 is not open."""
    rdp: RdpLook | None
    """None where 3389 is not open."""
    ftp_tls: bool | None
    """Does the FTP server on 21 offer TLS? None where there is none, or it did not say."""

    @property
    def asked(self) -> int:
        """How many TCP ports were asked."""
        return len(self.open) + len(self.closed) + len(self.filtered)

    def heard(self, *names: str) -> tuple[UdpAnswer, ...]:
        """The UDP services from which something came back; of these names, or all."""
        told = (item for item in self.udp if item.state in ("answered", "other"))
        return tuple(item for item in told if not names or item.name in names)

    @property
    def alive(self) -> bool:
        """Did anything come back at all? If not, a host that is off and one that drops all look the same."""
        return bool(self.open or self.closed or self.echo or any(item.state != "silent" for item in self.udp))
