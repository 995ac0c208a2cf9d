"""The letter that announces an audit to those who watch the network and to its providers. Pure.

It says what the inventory and the plan say, and nothing else: what neither of them knows is left blank and marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from ipaddress import ip_network

from auditor import sweep
from auditor.authority import Permit, parse_ip, permit
from auditor.collector import Collector, ProbeCollector
from auditor.i18n import _, current
from auditor.model import VIETNAM
from auditor.plan import host_commands
from auditor.targets import Authority, Inventory, Name, Target

_MOST_PORTS = 12
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")


@dataclass(frozen=True, slots=True)
class Visit:
    """One way in which one target will be touched."""

    target: Target
    address: str
    method: str
    collector: str
    """The probe that does it, or ``ssh`` for the session of commands."""
    what: str
    ports: tuple[int, ...] = ()
    authority: str = ""
    """Id of the authority that allows it."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the letter: a heading, a paragraph, a list, or a table with its head as the first row."""

    heading: str = ""
    text: str = ""
    items: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    level: int = 2


@dataclass(frozen=True, slots=True)
class Given:
    """What the inventory cannot know."""

    sources: tuple[str, ...] = ()
    hours: str = ""
    contact: str = ""
    parallel: int = 4
    """Tasks at once in a site that sets no limit of its own."""


@dataclass(slots=True)
class Visits:
    """All that is planned over the network, and the targets that no authority lets us touch."""

    planned: list[Visit] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Target id, and why."""


def visits(inventory: Inventory, collectors: Iterable[Collector], now: datetime) -> Visits:
    """What will be sent to whom. This very machine, loopback and recordings are no one's concern."""
    found = Visits()
    known = list(collectors)
    gate = _Gate(inventory, now)
    for target in inventory.targets:
        if target.handling != "normal" or target.connect == "recorded":
            continue
        for visit in _ways(target, known):
            answer = gate.ask(visit)
            if answer is not None and answer.allowed:
                found.planned.append(replace(visit, authority=answer.authority or ""))
            elif answer is not None:
                found.refused.setdefault(target.id, answer.why)
    return found


def _ways(target: Target, known: Sequence[Collector]) -> Iterator[Visit]:
    if target.connect == "ssh" and (commands := host_commands(target, known)):
        what = f"one SSH session, at most {len(commands)} read-only commands (plan lists each)"
        yield Visit(target, target.address or "", "read-login", "ssh", what, ((target.ssh and target.ssh.port) or 22,))
    for probe in known:
        if isinstance(probe, ProbeCollector) and probe.serves(target):
            for action in probe.actions(target):
                where = action.network or ("" if target.connect == "local" else probe.contact(target) or "")
                yield Visit(target, where, probe.method, probe.id, action.what, action.ports)


class _Gate:
    """The authority gate as it will stand: hours do not matter yet, and an authority may begin later."""

    def __init__(self, inventory: Inventory, now: datetime) -> None:
        timeless = tuple(one.model_copy(update={"hours": None}) for one in inventory.authorities)
        self._inventory = inventory.model_copy(update={"authorities": timeless})
        begins = [datetime.combine(one.from_, time(12), VIETNAM) for one in timeless]
        self._instants = [now, *(instant for instant in begins if instant > now)]
        self._networks = [
            ip_network(net, strict=False).network_address for one in timeless for net in one.scope.networks
        ]

    def ask(self, visit: Visit) -> Permit | None:
        """None where nothing leaves this machine, or nothing has an address."""
        address = parse_ip(visit.address)
        if not visit.address or visit.address == "localhost" or (address is not None and address.is_loopback):
            return None
        if "/" in visit.address:
            return self._ask_network(visit)
        # Where a name leads is known on the day only; it is announced when it may lead into a network of a scope.
        addresses = [address] if address is not None else [None, *self._networks]
        answers = [
            permit(self._inventory, visit.target, visit.method, at, when) for when in self._instants for at in addresses
        ]
        return next((one for one in answers if one.allowed), answers[0])

    def _ask_network(self, visit: Visit) -> Permit:
        """A network is announced when a part of it may be swept."""
        network = ip_network(visit.address)
        gate = sweep.Gate(self._inventory, sweep.place_of(visit.target))
        inside = [one for one in self._networks if one.version == network.version and one in network]
        places = [network.network_address, *inside]
        answers = [gate.ask(at, visit.method, when) for when in self._instants for at in places]
        return next((one for one in answers if one.allowed), answers[0])


def blanks(given: Given) -> list[str]:
    """What the writer of the letter still has to fill in by hand."""
    found = []
    if not given.sources:
        found.append(_("the addresses the audit comes from (--from)"))
    if not given.contact:
        found.append(_("a contact who answers during the audit (--contact)"))
    return found


def outside(hours: str, authorities: Iterable[Authority]) -> list[str]:
    """Ids of authorities whose own hours do not hold all of ``hours``."""
    start, end = hours.split("-")
    return [one.id for one in authorities if one.hours and not _within(start, end, one.hours.start, one.hours.end)]


def _within(start: str, end: str, opens: str, closes: str) -> bool:
    """Does the window lie in the other? Either may pass midnight; minutes are counted from the opening."""
    day = 24 * 60
    length = (_minute(closes) - _minute(opens)) % day or day
    begins = (_minute(start) - _minute(opens)) % day
    return begins + ((_minute(end) - _minute(start)) % day or day) <= length


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def compose(inventory: Inventory, planned: Sequence[Visit], given: Given, now: datetime) -> list[Block]:
    """The letter, in the language that is spoken."""
    used = {visit.authority for visit in planned}
    authorities = [one for one in inventory.authorities if one.id in used]
    province = _named(inventory.province.name, inventory.province.id)
    who = inventory.assessor or _blank(_("the unit that audits"))
    return [
        Block(_("Notice of a security audit over the network"), level=1),
        Block(text=_("{province}, {day}").format(province=province, day=now.astimezone(VIETNAM).strftime("%d/%m/%Y"))),
        Block(_("To"), items=_recipients(inventory, planned)),
        Block(
            text=_(
                "We announce the security audit described here, so that what it causes in your logs and alarms is not "
                "taken for an attack, and what does not come from it is."
            )
        ),
        Block(_("Who audits, and by what right"), text=_("Audited by: {who}.").format(who=who)),
        Block(items=tuple(_right(one) for one in authorities)),
        Block(_("From where"), items=given.sources or (_blank(_("source addresses")),)),
        Block(
            _("When"),
            items=(
                *((_("Planned: {hours} (Vietnam time).").format(hours=given.hours),) if given.hours else ()),
                *(_("{no} allows: {hours}.").format(no=one.document.no, hours=_open(one)) for one in authorities),
            ),
        ),
        Block(_("How, and what it does on the wire"), items=_methods(planned)),
        Block(_("How fast"), items=_rates(inventory, planned, given)),
        Block(_("What is never done"), items=_never()),
        *_places(inventory, planned),
        Block(_("How to stop it"), items=_stopping(given)),
        Block(
            _("Declared actions, as the tool prints them before it runs"),
            items=tuple(dict.fromkeys(f"{one.collector}: {one.what.replace(one.address, '…')}" for one in planned)),
        ),
    ]


def _named(name: Name | None, key: str) -> str:
    """A name as the inventory has it, in the language of the letter where it has two."""
    return (name.get("en" if current() == "en" else "vi") if isinstance(name, dict) else name) or key


def _blank(what: str) -> str:
    return _("[TO BE FILLED IN: {what}]").format(what=what)


def _recipients(inventory: Inventory, planned: Sequence[Visit]) -> tuple[str, ...]:
    providers = {visit.target.link.provider for visit in planned if visit.target.link and visit.target.link.provider}
    agencies = {one.id: one for one in inventory.agencies}
    systems = {one.id: one for one in inventory.systems}
    touched: set[str] = set()
    for visit in planned:
        owners = {systems[one].operator or systems[one].owner for one in visit.target.systems if one in systems}
        touched |= owners | ({visit.target.agency} if visit.target.agency else set())
    named = [
        _named(agencies[one].name, one) + (f" ({agencies[one].contact})" if agencies[one].contact else "")
        for one in sorted(touched)
        if one in agencies
    ]
    return (_("The team that watches the network (SOC)"), *sorted(providers), *named)


def _right(one: Authority) -> str:
    """One authority document."""
    basis = {
        "operator-selfcheck": _("the operator's own check"),
        "internal-independent": _("independent check within the province"),
        "professional-body": _("assessment by a professional body"),
        "inspection": _("inspection by the state"),
    }[one.basis]
    said = _("No. {no} of {date}").format(no=one.document.no, date=_day(one.document.date))
    if one.document.signer:
        said += _(", signed by {signer}").format(signer=one.document.signer)
    valid = _("in force {since} to {until}").format(since=_day(one.from_), until=_day(one.until))
    return f"{said} ({basis}; {valid})"


def _day(day: object) -> str:
    return f"{day:%d/%m/%Y}" if hasattr(day, "strftime") else str(day)


def _open(one: Authority) -> str:
    if one.hours is None:
        return _("at any hour")
    names = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
    days = _("every day") if len(one.hours.days) == 7 else ", ".join(names[day - 1] for day in one.hours.days)
    return _("{start} to {end}, {days} (Vietnam time)").format(start=one.hours.start, end=one.hours.end, days=days)


def method_words() -> Mapping[str, str]:
    """Each method in plain words."""
    return {
        "read-login": _(
            "Login for reading, one SSH session with what it was given for that; commands that read, none that change"
        ),
        "tls": _("Connections that read versions, ciphers and certificates, and ask for nothing"),
        "web": _("A few pages are fetched as a browser would, a few DNS questions are asked"),
        "ports": _("Connections and a few datagrams that see what answers; what services say before any login is read"),
        "links": _("ICMP echo (ping) to the far end"),
        "snmp": _("Questions that read, none that set"),
    }


def _methods(planned: Sequence[Visit]) -> tuple[str, ...]:
    words = method_words()
    used = {visit.method for visit in planned}
    return tuple(
        _("{method}. {words}. Targets: {count}.").format(
            method=method, words=words[method], count=len({one.target.id for one in planned if one.method == method})
        )
        for method in words
        if method in used
    )


def _rates(inventory: Inventory, planned: Sequence[Visit], given: Given) -> tuple[str, ...]:
    touched = {visit.target.site for visit in planned}
    own = [
        _("Site {site}: at most {count} tasks at once.").format(
            site=_named(one.name, one.id), count=one.limits.max_parallel
        )
        for one in inventory.sites
        if one.id in touched and one.limits and one.limits.max_parallel
    ]
    return (
        _("At most {count} tasks at once in a site, unless said otherwise below.").format(count=given.parallel),
        _("A service is asked by one connection at a time; every conversation has a limit of time and of bytes."),
        *own,
    )


def _never() -> tuple[str, ...]:
    return (
        _("No password is guessed on anything; default ones are not tried either."),
        _("Nothing is written, changed, restarted or exploited; no load is made on purpose."),
        _("Printers (ports 515 and 9100-9107), SIP and H.323 telephony and industrial devices get no payload."),
        _("Nothing outside the targets below is touched; redirects to elsewhere are not followed."),
    )


def _places(inventory: Inventory, planned: Sequence[Visit]) -> list[Block]:
    """A table for each site: what is touched there, by provider or network."""
    names = {one.id: _named(one.name, one.id) for one in inventory.sites}
    head = (_("Provider or network"), _("Target"), _("Address"), _("Methods"), _("Ports"))
    gathered: dict[str, dict[tuple[str, str, str], list[Visit]]] = {}
    for visit in planned:
        site = names.get(visit.target.site or "", visit.target.site or _("no site given"))
        key = (_network(inventory, visit), visit.target.id, visit.address)
        gathered.setdefault(site, {}).setdefault(key, []).append(visit)
    made = [Block(_("What is touched"))]
    for site, held in sorted(gathered.items()):
        rows = [
            (*key, ", ".join(dict.fromkeys(one.method for one in held[key])), _ports(held[key])) for key in sorted(held)
        ]
        made.append(Block(site, rows=(head, *rows), level=3))
    return made


def _network(inventory: Inventory, visit: Visit) -> str:
    """The provider of a link; else the narrowest network of an authority that holds the address."""
    if visit.target.link and visit.target.link.provider:
        return visit.target.link.provider
    address = parse_ip(visit.address.partition("/")[0])
    if address is None:
        return _("by name")
    nets = [ip_network(net, strict=False) for one in inventory.authorities for net in one.scope.networks]
    holding = [net for net in nets if net.version == address.version and address in net]
    return str(max(holding, key=lambda net: net.prefixlen, default="-"))


def _ports(held: Sequence[Visit]) -> str:
    ports = sorted({port for visit in held for port in visit.ports})
    if len(ports) > _MOST_PORTS:
        return _("{count} ports").format(count=len(ports))
    return ", ".join(map(str, ports)) or "-"


def _stopping(given: Given) -> tuple[str, ...]:
    contact = given.contact or _blank(_("name and telephone number"))
    return (
        _("Call {contact}: it is stopped at once, and no packet leaves after that.").format(contact=contact),
        _("You may block the source addresses at any time; what could not be seen is then reported as not seen."),
        _("What must never be touched is put into the authority's list of exclusions, which wins over everything."),
    )


def markdown(blocks: Iterable[Block]) -> str:
    """The letter as Markdown."""
    made = []
    for block in blocks:
        if block.heading:
            made.append(f"{'#' * block.level} {_escaped(block.heading)}")
        if block.text:
            made.append(_escaped(block.text))
        if block.items:
            made.append("\n".join(f"- {_escaped(item)}" for item in block.items))
        if block.rows:
            lines = [f"| {' | '.join(map(_escaped, row))} |" for row in block.rows]
            lines.insert(1, "|" + " --- |" * len(block.rows[0]))
            made.append("\n".join(lines))
    return "\n\n".join(made) + "\n"


def plain(blocks: Iterable[Block]) -> str:
    """The letter as plain text, for mail."""
    made = []
    for block in blocks:
        if block.heading:
            title = block.heading.upper() if block.level == 1 else block.heading
            made.append(title + "\n" + {1: "=", 2: "-", 3: "."}[block.level] * len(title))
        if block.text:
            made.append(block.text)
        if block.items:
            made.append("\n".join(f"  - {item}" for item in block.items))
        if block.rows:
            widths = [max(map(len, column)) for column in zip(*block.rows, strict=True)]
            rows = (zip(row, widths, strict=True) for row in block.rows)
            made.append("\n".join("  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in rows))
    return "\n\n".join(made) + "\n"


def _escaped(text: str) -> str:
    """Names from an inventory must not become marks or tags."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
