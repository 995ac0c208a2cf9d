"""What a packet filter does with new traffic from strangers: rules of any tool, walked with sets of traffic.

A rule set, whatever wrote it, is chains of rules; a rule is conditions and a verdict. The traffic in
question is *the first packet of a new connection*, so "established" never matches. It is followed as
boxes (remote addresses × ports) per protocol through all chains of a hook, which must all let it pass.

Two kinds of condition have no fixed answer. *Sometimes*: a rate, or what the sender chooses (his port): both
ways are really possible. *Unknown*: not understood by us. The set is therefore walked twice: generously
(what may get in at most) and strictly (what gets in for certain); where the two differ, nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum

from auditor.collectors._spans import ADDRESSES, Box, Spans, both, network, split, without
from auditor.model import CollectError, Reason

CLASSES = ("tcp", "udp", "other")
"""``other``: a protocol that no rule names. ICMP, named everywhere and harmless, is left out."""

_STEPS = 4_000_000
"""Boxes handled in one walk before it is given up; rule sets of ten thousand lines need far fewer."""
_DEPTH = 64

Region = dict[str, list[Box]]


class Certainty(IntEnum):
    NEVER = 0
    UNKNOWN = 1
    SOMETIMES = 2
    ALWAYS = 3


class Act(Enum):
    ACCEPT = "accept"
    DROP = "drop"
    CONTINUE = "continue"
    JUMP = "jump"
    GOTO = "goto"
    RETURN = "return"
    TRANSLATE = "translate"
    """Sent on to another address or port: let through as far as this chain goes."""
    UNKNOWN = "unknown"
    """Decided elsewhere (a queue to a program), or a verdict we do not know."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A condition whose answer does not depend on address, port, protocol or interface."""

    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Family:
    version: int


@dataclass(frozen=True, slots=True)
class Protocol:
    names: frozenset[str]
    negate: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """``saddr`` or ``daddr`` lies in ``spans``; a negated one comes already inverted."""

    side: str
    version: int
    spans: Spans


@dataclass(frozen=True, slots=True)
class Port:
    side: str
    spans: Spans
    protocols: frozenset[str] = frozenset({"tcp", "udp"})


@dataclass(frozen=True, slots=True)
class Interface:
    """``iif`` or ``oif`` is one of ``names``; a name ending in ``*`` is a prefix."""

    side: str
    names: tuple[str, ...]
    negate: bool = False

    def names_only_loopback(self) -> bool:
        return all(name == "lo" for name in self.names)

    def holds(self, name: str) -> bool:
        listed = any(name.startswith(item[:-1]) if item.endswith("*") else name == item for item in self.names)
        return listed != self.negate


@dataclass(frozen=True, slots=True)
class Translation:
    """The packet was sent on to us by a DNAT or redirect rule."""

    negate: bool = False


Condition = Translation | Fixed | Family | Protocol | Address | Port | Interface
NEVER, UNKNOWN, SOMETIMES, ALWAYS = (Fixed(certainty) for certainty in Certainty)


@dataclass(frozen=True, slots=True)
class Rule:
    """Applies when all conditions of any of its ``ways`` hold; ``where`` is how the owner finds it."""

    ways: tuple[tuple[Condition, ...], ...]
    act: Act
    where: str
    target: str = ""
    """JUMP, GOTO: key of the chain."""
    to_port: int | None = None
    """TRANSLATE: the port traffic is sent to; None when it stays as it is."""
    to_self: bool = False
    """TRANSLATE: redirected to this very host."""


@dataclass(slots=True)
class Chain:
    """A chain; a base chain has a hook."""

    key: str
    backend: str
    versions: tuple[int, ...]
    rules: list[Rule] = field(default_factory=list)
    hook: str = ""
    nat: bool = False
    accepts: bool = True
    """The policy of a base chain."""
    policy_where: str = ""
    lines: int = 0
    """Rules as listed; one of them may have become several of ``rules``."""


Chains = Mapping[str, Chain]


@dataclass(frozen=True, slots=True)
class Path:
    """One way that new traffic takes: in by which interface, to which of our addresses."""

    hook: str
    version: int
    iif: str | None = None
    """None: nothing comes in (output). ``?``: we do not know which interfaces there are."""
    oif: str | None = None
    """None: nothing goes out (input). ``*``: whichever leads on."""
    local: int | None = None
    """Our address at the near end; None: one of several, or not known."""
    local_known: bool = True
    translated: bool = False
    """Follow what a translation sent here, rather than what came by itself."""

    @property
    def remote_side(self) -> str:
        return "daddr" if self.hook == "output" else "saddr"


@dataclass(frozen=True, slots=True)
class Translated:
    """A translation that strangers' traffic meets before it is filtered."""

    protocol: str
    boxes: tuple[Box, ...]
    rule: Rule


@dataclass(slots=True)
class Walked:
    """What one walk let through."""

    accepted: Region
    not_understood: list[str]
    translated: list[Translated]


def everything(version: int) -> Region:
    low, high = ADDRESSES[version][0]
    return {name: [Box(low, high, 0, 65535 if name != "other" else 0)] for name in CLASSES}


def walk(chains: Chains, path: Path, *, generous: bool, nat: bool = False) -> Walked:
    """Follows new traffic through all base chains on its path. Raises ``unparsable`` on loops and monsters."""
    walker = _Walker(chains, path, generous)
    region = everything(path.version)
    hooks = (path.hook,) if nat or path.hook == "output" else ("prerouting", path.hook)
    for hook in hooks:
        for base in chains.values():
            if base.hook == hook and path.version in base.versions and base.nat == nat:
                region = walker.base(base, region)
    return Walked(region, list(dict.fromkeys(walker.not_understood)), walker.translated)


class _Walker:
    def __init__(self, chains: Chains, path: Path, generous: bool) -> None:
        self.chains = chains
        self.path = path
        self.generous = generous
        self.not_understood: list[str] = []
        self.translated: list[Translated] = []
        self._steps = 0

    def base(self, chain: Chain, region: Region) -> Region:
        accepted, left = self._chain(chain, region, 0)
        if chain.accepts:
            _add(accepted, left)
        return accepted

    def _chain(self, chain: Chain, region: Region, depth: int) -> tuple[Region, Region]:
        """What the chain accepts, and what comes out of its end."""
        if depth > _DEPTH:
            raise CollectError(Reason.UNPARSABLE, f"chains nested deeper than {_DEPTH} at {chain.key}")
        accepted: Region = {}
        returned: Region = {}
        for rule in chain.rules:
            if not region:
                break
            for way in rule.ways:
                region = self._apply(rule, way, region, accepted, returned, depth)
        _add(returned, region)
        return accepted, returned

    def _apply(  # noqa: PLR0911, PLR0912 - one branch a verdict
        self, rule: Rule, way: Sequence[Condition], region: Region, accepted: Region, returned: Region, depth: int
    ) -> Region:
        """Acts on what one way of a rule matches; gives what goes on to the next rule."""
        if rule.act is Act.CONTINUE:
            return region
        certainty, hit, rest = self._divide(way, region)
        if not hit:
            return region
        if certainty is Certainty.UNKNOWN or rule.act is Act.UNKNOWN:
            self.not_understood.append(rule.where)
        doubtful = certainty is Certainty.UNKNOWN and not self.generous
        goes_on = rest if certainty is Certainty.ALWAYS else region
        if rule.act is Act.DROP:
            return rest if doubtful else goes_on
        if rule.act is Act.UNKNOWN:
            if self.generous:
                _add(accepted, hit, rule.where)
            return goes_on if self.generous else rest
        if rule.act in (Act.ACCEPT, Act.TRANSLATE):
            if doubtful:
                return region
            if rule.act is Act.TRANSLATE:
                self.translated += [Translated(name, tuple(boxes), rule) for name, boxes in hit.items()]
            _add(accepted, hit, rule.where, catch_all=hit == region)
            return goes_on
        if rule.act is Act.RETURN:
            if not doubtful:
                _add(returned, hit)
            return rest if doubtful else goes_on
        inner, back = self._chain(self._target(rule), hit, depth + 1)
        if rule.act is Act.GOTO:
            if not doubtful:
                _add(accepted, inner)
                _add(returned, back)
            return rest if doubtful else goes_on
        if certainty is not Certainty.ALWAYS and not doubtful:
            _add(accepted, inner)
            return region
        # Taken for certain: what the chain gave back goes on. Taken perhaps (strict walk): what it would
        # have accepted must still be accepted here to be certain, and what it drops is gone.
        onward: Region = {name: list(boxes) for name, boxes in rest.items()}
        _add(onward, back)
        _add(onward if doubtful else accepted, inner)
        return onward

    def _target(self, rule: Rule) -> Chain:
        try:
            return self.chains[rule.target]
        except KeyError:
            raise CollectError(Reason.UNPARSABLE, f"{rule.where}: no chain {rule.target}") from None

    def _divide(self, way: Sequence[Condition], region: Region) -> tuple[Certainty, Region, Region]:
        certainty, classes = Certainty.ALWAYS, set(CLASSES)
        remote: Spans | None = None
        ports: Spans | None = None
        for condition in way:
            match condition:
                case Protocol(names, negate):
                    classes -= names if negate else set(CLASSES) - names
                case Port("dport", spans, protocols):
                    classes &= protocols
                    ports = spans if ports is None else both(ports, spans)
                case Port(_, spans, protocols):
                    classes &= protocols  # the sender chooses his port
                    certainty = min(certainty, Certainty.SOMETIMES if spans else Certainty.NEVER)
                case Address(side, version, spans) if version == self.path.version and side == self.path.remote_side:
                    remote = spans if remote is None else both(remote, spans)
                case _:
                    certainty = min(certainty, _certainty(condition, self.path))
            if certainty is Certainty.NEVER or not classes:
                return Certainty.NEVER, {}, region
        hit: Region = {}
        rest: Region = {}
        for name, boxes in region.items():
            if name not in classes:
                rest[name] = boxes
                continue
            for box in boxes:
                matched, others = split(box, remote, ports)
                self._count(len(matched) + len(others))
                if matched:
                    hit.setdefault(name, []).extend(matched)
                if others:
                    rest.setdefault(name, []).extend(others)
        return certainty, hit, rest

    def _count(self, boxes: int) -> None:
        self._steps += boxes
        if self._steps > _STEPS:
            raise CollectError(Reason.UNPARSABLE, f"the rules of {self.path.hook} split traffic into too many parts")


def _certainty(condition: Condition, path: Path) -> Certainty:
    """The answer to a condition that is about neither protocol nor port nor the remote end."""
    match condition:
        case Fixed(certainty):
            return certainty
        case Translation(negate):
            return Certainty.ALWAYS if path.translated != negate else Certainty.NEVER
        case Family(version) | Address(_, version, _) if version != path.version:
            return Certainty.NEVER
        case Family():
            return Certainty.ALWAYS
        case Address(_, version, spans):
            return _local(spans, path) if without(_NOT_OURS[version], spans) else Certainty.NEVER
        case Interface(side):
            return _interface(condition, path.iif if side == "iif" else path.oif)
    return Certainty.UNKNOWN


_NOT_OURS: dict[int, Spans] = {
    4: tuple(sorted(network(text)[1] for text in ("127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32"))),
    6: tuple(sorted(network(text)[1] for text in ("::1/128", "ff00::/8"))),
}
"""Addresses at which no stranger's connection ends: loopback, multicast, broadcast."""


def _local(spans: Spans, path: Path) -> Certainty:
    if spans == ADDRESSES[path.version]:
        return Certainty.ALWAYS
    if not path.local_known:
        return Certainty.UNKNOWN
    if path.local is None:
        return Certainty.SOMETIMES
    return Certainty.ALWAYS if both(spans, ((path.local, path.local),)) else Certainty.NEVER


def _interface(condition: Interface, name: str | None) -> Certainty:
    if name is None:
        return Certainty.NEVER
    if name in ("?", "*"):
        if condition.names_only_loopback():
            return Certainty.ALWAYS if condition.negate else Certainty.NEVER
        return Certainty.UNKNOWN if name == "?" else Certainty.SOMETIMES
    return Certainty.ALWAYS if condition.holds(name) else Certainty.NEVER


def _add(into: Region, region: Region, where: str = "", *, catch_all: bool = False) -> None:
    """Adds boxes; each is told what let it in, unless an earlier chain said it more exactly."""
    for name, boxes in region.items():
        kept = into.setdefault(name, [])
        for box in boxes:
            if not where or (box.tag and catch_all):
                kept.append(box)
            else:
                kept.append(replace(box, tag=f"{box.tag}; {where}" if box.tag else where))


def unite(regions: Iterable[Region]) -> Region:
    """All traffic of several walks (interfaces, addresses)."""
    total: Region = {}
    for region in regions:
        _add(total, region)
    return {name: list(dict.fromkeys(boxes)) for name, boxes in total.items()}


def subtract(region: Region, less: Region) -> Region:
    """What of ``region`` does not lie in ``less``."""
    left: Region = {}
    for name, boxes in region.items():
        for part in less.get(name, ()):
            span, ports = ((part.low, part.high),), ((part.first, part.last),)
            boxes = [piece for box in boxes for piece in split(box, span, ports)[1]]  # noqa: PLW2901
        if boxes:
            left[name] = boxes
    return left
