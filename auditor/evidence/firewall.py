"""What a host's own packet filter does with new traffic from strangers, whichever tool wrote its rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor.model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Traffic that gets in: a run of ports, from whom, and the rule that lets it."""

    protocol: str
    """tcp or udp."""
    first: int
    last: int
    sources: tuple[str, ...]
    """Networks, ``any`` for all, ``!net`` for all but some; a last ``…`` when there are more."""
    world: bool
    """From more public addresses than one organisation has (over an IPv4 /8 or an IPv6 /16)."""
    sure: bool
    """False when a rule that was not understood may close or open it."""
    where: str
    published: bool = False
    """Sent on by address translation (a published container port) rather than accepted for the host itself."""

    @property
    def ports(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What becomes of new traffic in one direction and one IP version."""

    direction: str
    """inbound (to the host), forward (through it), outbound (from it)."""
    version: int
    default: str | None
    """What befalls traffic that no rule names: ``drop``, ``accept``; None where rules were not understood.
    A rule that lets in most ports from everywhere counts as ``accept``."""
    default_where: str
    restricts: bool | None
    """Is anything at all kept out?"""
    openings: tuple[Opening, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """A service that loads rules when the host starts."""

    unit: str
    enabled: bool
    rules: bool | None
    """Does its configuration hold an inbound policy? None when that cannot be told from the file."""
    config: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallPolicy(Evidence):
    """The effective policy of nftables, iptables (both backends) and what stands on them (ufw, firewalld)."""

    topic: ClassVar[str] = "firewall"

    backends: tuple[str, ...]
    """Which listings hold rules: nft, iptables-save (legacy or not) …; empty on a host without any."""
    inbound_v4: Way
    inbound_v6: Way
    forward_v4: Way
    forward_v6: Way
    outbound_v4: Way
    outbound_v6: Way
    ipv6_off: bool
    """IPv6 is switched off in the kernel; False also when only not known."""
    forwards_v4: bool
    forwards_v6: bool
    """Does the kernel pass packets on between interfaces? (net.ipv*.ip_forward)"""
    world_interfaces: tuple[str, ...]
    """Where strangers' traffic comes in: those with a default route, else all but loopback."""
    keepers: tuple[Keeper, ...] | None
    """None where the services enabled at start could not be listed (no systemd)."""
    not_understood: tuple[str, ...]
    """Rules whose meaning was not understood and that may matter; at most ten."""

    def way(self, direction: str, version: int) -> Way:
        """``way("inbound", 6)``: what becomes of new traffic in that direction."""
        found: Way = getattr(self, f"{direction}_v{version}")
        return found
