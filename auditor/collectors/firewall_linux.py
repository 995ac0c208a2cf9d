"""Reads the packet filter of a Linux host: nftables and both iptables, and what loads them at start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Privilege, Reading, read_file
from auditor.collectors import _iptables, _nft
from auditor.collectors._files import read_values, values
from auditor.collectors._filter import Chain
from auditor.collectors._keepers import keepers, keeping
from auditor.collectors._policy import Place, judge
from auditor.collectors._spans import network
from auditor.collectors._text import whole_lines
from auditor.evidence.firewall import FirewallPolicy
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_LEGACY = {4: "/proc/net/ip_tables_names", 6: "/proc/net/ip6_tables_names"}
_FORWARD = {4: "/proc/sys/net/ipv4/ip_forward", 6: "/proc/sys/net/ipv6/conf/all/forwarding"}
_DISABLE6 = "/proc/sys/net/ipv6/conf/all/disable_ipv6"


class LinuxFirewall(CommandCollector):
    """The rules in the kernel, where strangers' traffic comes in, and the services that keep the rules."""

    id: ClassVar[str] = "firewall.linux"
    evidence: ClassVar[type[Evidence]] = FirewallPolicy

    def commands(self, target: Target) -> Sequence[Command]:
        root, cap = Privilege.ROOT, 4 << 20
        return (
            Command("nft", ("/usr/sbin/nft", "-j", "list", "ruleset"), root, cap=cap),
            Command("iptables", ("/usr/sbin/iptables-save",), root, cap=cap),
            Command("ip6tables", ("/usr/sbin/ip6tables-save",), root, cap=cap),
            Command("iptables-legacy", ("/usr/sbin/iptables-legacy-save",), root, cap=cap),
            Command("ip6tables-legacy", ("/usr/sbin/ip6tables-legacy-save",), root, cap=cap),
            read_values("legacy-tables", tuple(_LEGACY.values()), root),
            Command("addresses", ("/sbin/ip", "-o", "addr", "show")),
            read_file("routes-v4", "/proc/net/route"),
            read_file("routes-v6", "/proc/net/ipv6_route"),
            read_values("sysctls", (*_FORWARD.values(), _DISABLE6)),
            *keeping(),
        )

    def parse(self, seen: Reading) -> FirewallPolicy:
        chains = _chains(seen)
        addresses = _addresses(seen)
        world = _default_interfaces(seen) or tuple(dict.fromkeys(name for name, *_ in addresses if name != "lo"))
        mine = {version: _reachable(addresses, version) for version in (4, 6)}
        place = Place(world, mine)
        judged = {
            f"{direction}_v{version}": judge(chains, place, direction, version)
            for direction in ("inbound", "forward", "outbound")
            for version in (4, 6)
        }
        sysctls = values(seen, "sysctls", (*_FORWARD.values(), _DISABLE6))
        bases = [chain for chain in chains.values() if chain.hook]
        return FirewallPolicy(
            seen=seen.seen,
            backends=tuple(sorted({chain.backend for chain in bases})),
            inbound_v4=judged["inbound_v4"].way,
            inbound_v6=judged["inbound_v6"].way,
            forward_v4=judged["forward_v4"].way,
            forward_v6=judged["forward_v6"].way,
            outbound_v4=judged["outbound_v4"].way,
            outbound_v6=judged["outbound_v6"].way,
            ipv6_off=bool(addresses) and not mine[6] and sysctls[_DISABLE6] in (None, ("1",)),
            forwards_v4=_switch(sysctls[_FORWARD[4]], _FORWARD[4]),
            forwards_v6=sysctls[_FORWARD[6]] is not None and _switch(sysctls[_FORWARD[6]], _FORWARD[6]),
            world_interfaces=world,
            keepers=keepers(seen),
            not_understood=tuple(dict.fromkeys(line for item in judged.values() for line in item.not_understood))[:10],
        )


def _chains(seen: Reading) -> dict[str, Chain]:
    """All chains of all backends. Tables of iptables-nft are taken from its own listing, which says all."""
    chains: dict[str, Chain] = {}
    skip: set[tuple[str, str]] = set()
    legacy_loaded = values(seen, "legacy-tables", tuple(_LEGACY.values()))
    native = None if seen.missing_tool("nft") else _nft.parse(seen.text("nft"))
    for version, tool, family in ((4, "iptables", "ip"), (6, "ip6tables", "ip6")):
        legacy = None
        if not seen.missing_tool(tool):
            saved = _iptables.parse(seen.text(tool), version, f"{tool}-save")
            if saved.nf_tables:
                for table in saved.tables:
                    part = {key: item for key, item in saved.chains.items() if key.split()[1] == table}
                    if native is None or _same(part, native.chains, family, table):
                        chains |= part
                        skip.add((family, table))
            else:
                legacy = saved
        if not seen.missing_tool(f"{tool}-legacy"):
            legacy = _iptables.parse(seen.text(f"{tool}-legacy"), version, f"{tool}-legacy-save")
        loaded = set(legacy_loaded[_LEGACY[version]] or ())
        if legacy is not None and loaded <= legacy.tables:
            chains |= legacy.chains
        elif loaded:
            names = ", ".join(sorted(loaded))
            raise CollectError(Reason.INCOMPLETE, f"legacy tables {names} are loaded, and no tool lists them")
    if native is not None:
        chains |= _nft.parse(seen.text("nft"), skip).chains if skip else native.chains
    return chains


def _same(saved: dict[str, Chain], native: dict[str, Chain], family: str, table: str) -> bool:
    """Do both listings of a table show the same chains with as many rules?"""
    ours = {key.split()[-1]: chain.lines for key, chain in saved.items() if chain.lines or not chain.hook}
    theirs = {
        key.split()[-1]: chain.lines
        for key, chain in native.items()
        if key.split()[1:3] == [family, table] and (chain.lines or not chain.hook)
    }
    return ours == theirs


def _addresses(seen: Reading) -> list[tuple[str, int, int]]:
    """Interface, IP version and address. None at all when the host has no ``ip``."""
    if seen.missing_tool("addresses"):
        return []
    found: list[tuple[str, int, int]] = []
    for line in whole_lines(seen.text("addresses"), "addresses"):
        words = line.split()
        if len(words) < 4:
            raise CollectError(Reason.UNPARSABLE, f"ip addr: {line[:200]}")
        if words[2] in ("inet", "inet6"):
            try:
                version, (number, _) = network(words[3].partition("/")[0])
            except ValueError:
                raise CollectError(Reason.UNPARSABLE, f"ip addr: {line[:200]}") from None
            found.append((words[1].partition("@")[0], version, number))
    if not any(name == "lo" for name, *_ in found):
        raise CollectError(Reason.INCOMPLETE, "ip addr lists no loopback address")
    return found


def _reachable(addresses: list[tuple[str, int, int]], version: int) -> tuple[int, ...]:
    """Our addresses that traffic from afar can have as its destination; link-local ones only for want of others."""
    mine = tuple(number for name, kind, number in addresses if name != "lo" and kind == version)
    _, (low, high) = network("169.254.0.0/16" if version == 4 else "fe80::/10")
    return tuple(number for number in mine if not low <= number <= high) or mine


def _default_interfaces(seen: Reading) -> tuple[str, ...]:
    """Interfaces with a default route, of either IP version."""
    four = [line.split() for line in whole_lines(seen.text("routes-v4"), "routes-v4")]
    if not four or four[0][:2] != ["Iface", "Destination"]:
        raise CollectError(Reason.UNPARSABLE, "/proc/net/route has no header")
    names = [words[0] for words in four[1:] if len(words) > 7 and words[1] == words[7] == "00000000"]
    six = (
        []
        if seen.file("routes-v6") is None
        else [line.split() for line in whole_lines(seen.text("routes-v6"), "routes-v6")]
    )
    names += [words[9] for words in six if len(words) == 10 and words[0] == "0" * 32 and words[1] == "00"]
    return tuple(dict.fromkeys(name for name in names if name != "lo"))


def _switch(lines: tuple[str, ...] | None, path: str) -> bool:
    if lines is None or len(lines) != 1 or not lines[0].isdigit():
        raise CollectError(Reason.UNPARSABLE, f"{path} holds no number")
    return lines != ("0",)
