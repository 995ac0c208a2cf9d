"""The authority gate: who may look at what, how, and when. Pure; no packet leaves before it says yes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from auditor.model import VIETNAM
from auditor.targets import Authority, Hours, Inventory, Target

Ip = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Permit:
    """The gate's answer: the authority that allows it (None where none is needed), or why not."""

    allowed: bool
    authority: str | None = None
    why: str = ""


def exempt(address: Ip | None, target: Target, method: str) -> bool:
    """This very machine, loopback, and files that somebody brought need no authority.

    Bringing a file takes the place of a login; who probes the address of such a target needs an authority.
    """
    if target.connect in ("local", "recorded"):
        return True
    if target.connect in ("file", "bundle") and method == "read-login":
        return True
    return address is not None and _plain(address).is_loopback


def permit(inventory: Inventory, target: Target, method: str, address: Ip | None, at: datetime) -> Permit:
    """May ``target`` be looked at by ``method`` at the instant ``at``, at ``address``?

    An authority must name the target's agency, system, site, id, or a network that holds its address;
    where it names several kinds, all of them must agree. An excluded network wins over everything.
    """
    if exempt(address, target, method):
        return Permit(True)
    refused = [_refusal(item, target, method, address, at) for item in inventory.authorities]
    for item, why in zip(inventory.authorities, refused, strict=True):
        if why == _EXCLUDED:
            return Permit(False, item.id, f"{item.id}: {why}")
    for item, why in zip(inventory.authorities, refused, strict=True):
        if not why:
            return Permit(True, item.id)
    if not refused:
        return Permit(False, None, "the inventory names no authority")
    told = "; ".join(f"{item.id}: {why}" for item, why in zip(inventory.authorities, refused, strict=True))
    return Permit(False, None, told[:500])


_EXCLUDED = "the address lies in an excluded network"


def _refusal(item: Authority, target: Target, method: str, address: Ip | None, at: datetime) -> str:
    local = at.astimezone(VIETNAM)
    scope = item.scope
    if address is not None and _inside(address, scope.exclude):
        return _EXCLUDED
    named = (
        (scope.agencies, target.agency in scope.agencies),
        (scope.systems, bool(set(scope.systems) & set(target.systems))),
        (scope.sites, target.site in scope.sites),
        (scope.targets, target.id in scope.targets),
        (scope.networks, address is not None and _inside(address, scope.networks)),
    )
    if not any(listed for listed, _ in named):
        return "its scope names nothing"
    if not all(holds for listed, holds in named if listed):
        return "the target is not in its scope"
    if method not in item.methods:
        return f"it does not allow the method {method}"
    if not item.from_ <= local.date() <= item.until:
        return f"it holds from {item.from_} until {item.until}"
    if item.hours is not None and not _open(item.hours, local):
        return f"it allows {item.hours.start}-{item.hours.end} on days {','.join(map(str, item.hours.days))} only"
    return ""


def _open(hours: Hours, local: datetime) -> bool:
    """Is looking allowed at this local time? A window over midnight belongs to the day on which it began."""
    clock, day = local.strftime("%H:%M"), local.isoweekday()
    if hours.start < hours.end:
        return day in hours.days and hours.start <= clock < hours.end
    return (day in hours.days and clock >= hours.start) or ((day - 2) % 7 + 1 in hours.days and clock < hours.end)


def _plain(address: Ip) -> Ip:
    """An IPv4 address dressed as IPv6 is judged as the IPv4 address it reaches."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _inside(address: Ip, networks: tuple[str, ...]) -> bool:
    plain = _plain(address)
    return any(plain.version == net.version and plain in net for net in map(_network, networks))


@lru_cache(maxsize=4096)
def _network(text: str) -> IPv4Network | IPv6Network:
    network = ip_network(text, strict=False)
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped:
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


def parse_ip(text: str) -> Ip | None:
    """The address ``text`` is, or None when it is a name."""
    try:
        return ip_address(text.strip("[]"))
    except ValueError:
        return None
