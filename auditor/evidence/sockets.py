"""What a host listens on."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import ClassVar

from auditor.model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """One socket that waits for traffic; a UDP socket bound without a peer counts."""

    protocol: str
    """tcp or udp."""
    address: str
    """Without zone; ``*`` for every address of both IP versions."""
    port: int
    interface: str
    """The one interface it is bound to, or empty."""
    program: str | None
    """None when the owner could not be seen without root."""

    @property
    def loopback(self) -> bool:
        """Can only the host itself reach it?"""
        if self.interface == "lo":
            return True
        if self.address == "*":
            return False
        address = ip_address(self.address)
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return (mapped or address).is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningSockets(Evidence):
    """All TCP and UDP sockets that wait for traffic."""

    topic: ClassVar[str] = "sockets"

    sockets: tuple[Listening, ...]
