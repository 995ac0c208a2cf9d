"""A sweep of networks for hosts that the inventory does not know: which addresses may be asked, and what is proposed.

Pure. The packets are sent by ``auditor/collectors/_sweep.py``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

from auditor.authority import Ip, Permit, parse_ip, permit
from auditor.collectors._exposure_data import table
from auditor.fields import MOST_ADDRESSES
from auditor.i18n import _
from auditor.model import CapdoError
from auditor.targets import Inventory, Scope, Site, Target

Network = IPv4Network | IPv6Network

MOST = MOST_ADDRESSES
"""Addresses of one call."""
TLS_PORTS = {443: "https", 8443: "https", 465: "smtps", 636: "ldaps", 993: "imaps", 995: "pop3s"}
"""Ports where TLS comes first, and the scheme of a service's URL."""
_USUAL = {"https": 443, "smtps": 465, "ldaps": 636, "imaps": 993, "pop3s": 995}
_MANY_FOR_ONE = 8
"""So many addresses with one hardware address are more likely a router that answers for others."""
_WINDOWS = frozenset({135, 445, 3389, 5985, 5986})
_WEB = frozenset({80, 443, 8000, 8008, 8080, 8081, 8443, 8888})
_SERVING = frozenset({"database", "file", "inner", "public"})
_BOXES = ("cisco", "rosssh", "huawei", "comware", "dropbear", "mikrotik", "forti", "zyxel", "romsshell", "mocana")
"""Words in the SSH greeting of network devices."""
_FRAGILE_MAKERS = {
    "printer": "brother|canon|epson|fuji xerox|konica|kyocera|lexmark|oki electric|ricoh|xerox|zebra tech",
    "phone": "grandstream|polycom|yealink|snom|fanvil",
    "camera": "axis communications|dahua|hikvision|hanwha vision|vivotek",
    "controller": "beckhoff|moxa|phoenix contact|rockwell|schneider|siemens|wago|omron",
}
"""Makers whose things print, ring or move: they are looked at no closer than that they are there."""


@dataclass(frozen=True, slots=True)
class Live:
    """A host that answered. ``mac`` and ``maker`` are known only on the auditor's own network segment."""

    address: str
    how: str
    """The scanner's word for the answer: arp-response, echo-reply, syn-ack …"""
    mac: str = ""
    maker: str = ""
    own: bool = False
    """Is it the very machine that sweeps?"""

    @property
    def fragile(self) -> str:
        """What its maker mostly makes, where that must not be looked at."""
        said = self.maker.lower()
        return next((kind for kind, names in _FRAGILE_MAKERS.items() if any(n in said for n in names.split("|"))), "")


@dataclass(frozen=True, slots=True)
class Look:
    """A short look at one host: open ports, what was said unasked, and where TLS answered."""

    open: frozenset[int] = frozenset()
    said: Mapping[int, str] = field(default_factory=dict)
    tls: frozenset[int] = frozenset()
    tls_asked: bool = True
    trouble: str = ""
    """Why there was no look, or no whole one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be asked of one network, and what is not and why."""

    network: str
    asked: tuple[str, ...]
    known: int
    """Addresses of the inventory: nothing is sent to them."""
    excluded: int
    refused: Mapping[str, int]
    """Addresses that no authority covers, counted by the reason."""


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks of a command line. Raises ``CapdoError`` for what is none, and for more than ``MOST`` addresses."""
    found: dict[Network, None] = {}
    for text in texts:
        try:
            network = ip_network(text)
        except ValueError:
            raise CapdoError(_("--network {text}: expected a network like 10.1.0.0/24").format(text=text)) from None
        if network.version == 6 and network.num_addresses > 1:
            raise CapdoError(_("--network {text}: of IPv6 single addresses only").format(text=text))
        found[network] = None
    if sum(network.num_addresses for network in found) > MOST:
        raise CapdoError(_("at most {most} addresses at once: name smaller networks").format(most=MOST))
    return tuple(found)


def hosts_of(network: Network) -> int:
    """How many addresses ``network.hosts()`` gives."""
    all_, spare = network.num_addresses, 2 if network.version == 4 else 1
    return all_ if all_ <= 2 else all_ - spare


class Gate:
    """The authority gate of runs, for hosts of which nothing but the address is known.

    What a run looks at is named in an inventory; here only an authority that names networks covers anything.
    Exclusions of all authorities hold.
    """

    def __init__(self, inventory: Inventory, site: Site | None) -> None:
        stripped = tuple(
            one
            if one.scope.networks
            else one.model_copy(update={"scope": Scope.model_validate({"exclude": one.scope.exclude})})
            for one in inventory.authorities
        )
        self._inventory = inventory.model_copy(update={"authorities": stripped})
        # An empty id is in nobody's list of targets.
        self._stranger = Target.model_construct(
            id="", kind="device", connect="network", site=site and site.id, agency=site and site.agency
        )

        self.needs_site = site is None and any(
            one.scope.networks and (one.scope.sites or one.scope.agencies) for one in inventory.authorities
        )
        """Might an authority cover more if it were said where the networks are?"""

    def ask(self, address: Ip, method: str, at: datetime) -> Permit:
        return permit(self._inventory, self._stranger, method, address, at)

    def allowed(self, addresses: Iterable[str], method: str, at: datetime) -> tuple[list[str], str]:
        """Those that may be asked at this instant, and why others may not."""
        answers = [(one, self.ask(ip, method, at)) for one in addresses if (ip := parse_ip(one)) is not None]
        why = next((answer.why for _one, answer in answers if not answer.allowed), "")
        return [one for one, answer in answers if answer.allowed], why


def wanted(gate: Gate, known: frozenset[Ip], network: Network, at: datetime) -> Wanted:
    """Which addresses of a network are asked; never its own and its broadcast address."""
    asked: list[str] = []
    refused: Counter[str] = Counter()
    skipped = excluded = 0
    for address in network.hosts():
        answer = gate.ask(address, "ports", at)
        if answer.allowed:
            skipped += address in known
            asked += [] if address in known else [str(address)]
        elif answer.authority is not None:  # the gate names one in a refusal only where that one excludes the address
            excluded += 1
        else:
            refused[answer.why] += 1
    return Wanted(str(network), tuple(asked), skipped, excluded, refused)


def known_addresses(inventory: Inventory) -> frozenset[Ip]:
    """Every address the inventory names."""
    named = [target.address for target in inventory.targets]
    named += [target.dns.resolver for target in inventory.targets if target.dns is not None]
    found = (parse_ip(text) for text in named if text)
    return frozenset((ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip for ip in found if ip is not None)


def address_texts(inventory: Inventory) -> frozenset[str]:
    """Every address the inventory names, as it is shown."""
    return frozenset(map(str, known_addresses(inventory)))


def known_names(inventory: Inventory) -> tuple[str, ...]:
    """Host names of targets whose address the inventory does not say."""
    named = (target.address for target in inventory.targets if target.address and target.connect != "local")
    return tuple(sorted({name for name in named if parse_ip(name) is None}))


# --- the networks of a run ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Register:
    """Who is where, as a whole inventory says, whatever part of it a run looks at."""

    addresses: frozenset[Ip]
    named: Mapping[str | None, int]
    """Machines whose address it does not say, counted by site."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a run may ask of the networks that one target serves."""

    wanted: tuple[Wanted, ...]
    named: int
    """Machines at its site, or at none, that the inventory knows by name only."""
    gate: Gate


def register(inventory: Inventory) -> Register:
    named = Counter(
        target.site
        for target in inventory.targets
        if target.kind in _MACHINES and target.connect not in ("local", "recorded") and _by_name(target.address)
    )
    return Register(known_addresses(inventory), named)


def errand(inventory: Inventory, known: Register, target: Target, at: datetime) -> Errand:
    """Of the target's networks those addresses that an authority with networks covers, less those in the inventory."""
    gate = Gate(inventory, place_of(target))
    planned = tuple(wanted(gate, known.addresses, ip_network(one), at) for one in target.networks)
    here = {target.site, None} if target.site else set(known.named)
    return Errand(planned, sum(count for site, count in known.named.items() if site in here), gate)


def place_of(target: Target) -> Site:
    """Where strangers in its networks are taken to be."""
    return Site.model_construct(id=target.site or "", agency=target.agency)


_MACHINES = frozenset({"server", "device", "endpoint"})


def _by_name(address: str | None) -> bool:
    return address is not None and parse_ip(address) is None


# --- what is proposed ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposal:
    """One entry for an inventory, with the reasons for it."""

    section: str
    entry: Mapping[str, str]
    why: tuple[str, ...]


def proposals(
    found: Iterable[Live], looks: Mapping[str, Look], site: str | None, taken: Iterable[str]
) -> Iterator[Proposal]:
    """Entries for hosts, in order of address, each followed by its services."""
    ids = set(taken)
    hosts = sorted(found, key=lambda one: (":" in one.address, parse_ip(one.address)))
    shared = Counter(one.mac for one in hosts if one.mac)
    for live in hosts:
        look = looks.get(live.address)
        section, more, why = _kind(live, look or Look())
        if shared[live.mac] > _MANY_FOR_ONE:
            text = _("{count} addresses have the same hardware address: perhaps a router answers for them")
            why = (*why, text.format(count=shared[live.mac]))
        name = _free("found-" + live.address.replace(".", "-").replace(":", "-").strip("-"), ids)
        place = {"site": site} if site else {}
        yield Proposal(section, {"id": name, "address": live.address, **place, **more}, (*_seen(live, look), *why))
        for port in sorted(look.tls if look else ()):
            url = {"id": _free(f"{name}-{port}", ids), "url": _url(live.address, port), **place}
            yield Proposal("services", url, (_("TLS answers on port {port}").format(port=port),))


def _kind(live: Live, look: Look) -> tuple[str, dict[str, str], tuple[str, ...]]:
    """Section, fields and reasons."""
    greeting = look.said.get(22, "").lower()
    families = {service.family for port in look.open - _WEB if (service := table().services.get(port))}
    if live.own:
        return "servers", {"connect": "local"}, (_("this is the machine that swept"),)
    if live.fragile:
        return "devices", {"role": live.fragile}, (_("by its maker it may be fragile: not looked at any closer"),)
    if any(word in greeting for word in _BOXES):
        return "devices", {}, (_("its SSH greeting is that of a network device"),)
    if "for_windows" in greeting:
        return "servers", {"platform": "windows", "connect": "ssh"}, (_("its SSH greeting is that of Windows"),)
    if 22 in look.open:
        why = _("port 22 is open: reached by ssh, once a user and a key are named")
        return (
            "servers",
            {"platform": "linux", "connect": "ssh"} if "openssh" in greeting else {"connect": "ssh"},
            (why,),
        )
    if len(look.open & _WINDOWS) > 1:
        why = _("ports of Windows are open: a server, or a workstation, which belongs under endpoints")
        return "servers", {"platform": "windows", "connect": "network"}, (why,)
    if families & _SERVING:
        return "servers", {"connect": "network"}, (_("it serves more than web pages"),)
    unseen = look.trouble or not look.open
    guess = (
        _("what it is cannot be seen from here: device is a guess")
        if unseen
        else _("no way of a server to log in was seen: device is a guess")
    )
    return "devices", {}, (guess,)


def _seen(live: Live, look: Look | None) -> tuple[str, ...]:
    """What was seen, a line each."""
    first = _("answered: {how}").format(how=live.how)
    if live.mac:
        first += f" · {live.mac}" + (f" ({live.maker})" if live.maker else "")
    if look is None:
        return (first,)
    if look.trouble:
        return first, _("ports not seen: {why}").format(why=look.trouble)
    names = ", ".join(_label(port, look) for port in sorted(look.open))
    lines = [first, _("open: {ports}").format(ports=names) if names else _("no port asked is open")]
    if not look.tls_asked and look.open & TLS_PORTS.keys():
        lines.append(_("no authority allows TLS hellos to it: whether TLS answers is not known"))
    return tuple(lines)


def _label(port: int, look: Look) -> str:
    service = table().services.get(port)
    told = f"{port} {service.name}" if service else str(port)
    return told + (f" “{look.said[port]}”" if look.said.get(port) else "")


def _free(name: str, ids: set[str]) -> str:
    """An id that nobody has yet, whatever the case of its letters."""
    folded = {one.casefold() for one in ids}
    made = next(one for n in range(1, len(folded) + 2) if (one := name if n == 1 else f"{name}-{n}") not in folded)
    ids.add(made)
    return made


def _url(address: str, port: int) -> str:
    scheme = TLS_PORTS[port]
    host = f"[{address}]" if ":" in address else address
    return f"{scheme}://{host}" + ("" if _USUAL[scheme] == port else f":{port}") + "/"


def text(proposed: Sequence[Proposal], head: Iterable[str]) -> str:
    """YAML of the sections, to be copied into an inventory; why each is there stands before it."""
    lines = [f"# {line}" for line in head]
    for section in ("servers", "devices", "services"):
        mine = [one for one in proposed if one.section == section]
        lines += ["", f"{section}:" if mine else f"{section}: []"]
        for one in mine:
            lines += [f"  # {' '.join(why.split())}" for why in one.why]
            pairs = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in one.entry.items())
            lines.append(f"  - {{{pairs}}}")
    return "\n".join(lines) + "\n"
