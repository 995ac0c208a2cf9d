"""From walked traffic to facts: what is open to whom, and what befalls everything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from auditor.collectors._filter import (
    Address,
    Chain,
    Chains,
    Interface,
    Path,
    Region,
    Translated,
    subtract,
    unite,
    walk,
)
from auditor.collectors._spans import ADDRESSES, Box, Spans, cidrs, merge, public, worldwide
from auditor.evidence.firewall import Opening, Way
from auditor.model import CollectError, Reason

_MOST_PORTS = 32768
"""More of a protocol's ports than this open to strangers: the default is to accept, whatever the policy says."""
_MAX_PATHS = 64
_MAX_PAIRS = 4_000_000
_HOOKS = {"inbound": "input", "forward": "forward", "outbound": "output"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the host stands: what traffic can come in by, and what addresses it has."""

    interfaces: tuple[str, ...]
    """Where strangers come in; empty when not known."""
    addresses: dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Judged:
    way: Way
    not_understood: tuple[str, ...]


def judge(chains: Chains, place: Place, direction: str, version: int) -> Judged:
    """What becomes of new traffic in one direction. Raises ``unparsable`` for rule sets past all bounds."""
    paths = list(_paths(chains, place, direction, version))
    walks = [walk(chains, path, generous=True) for path in paths]
    most = unite(item.accepted for item in walks)
    doubts = tuple(dict.fromkeys(line for item in walks for line in item.not_understood))
    surely = unite(walk(chains, path, generous=False).accepted for path in paths) if doubts else most
    openings = list(_openings(surely, version, sure=True))
    if doubts:
        if sum(map(len, most.values())) * sum(map(len, surely.values())) > _MAX_PAIRS:
            raise CollectError(Reason.UNPARSABLE, f"{direction} IPv{version}: too many rules not understood")
        openings += _openings(subtract(most, surely), version, sure=False)
    if direction == "inbound":
        openings += dict.fromkeys(_published(chains, paths, version))
    default, where = _default(chains, most, surely, direction, version)
    restricts = False if _all(surely, version) else None if _all(most, version) else True
    if direction == "outbound":
        openings = []
    way = Way(
        direction=direction,
        version=version,
        default=default,
        default_where=where or next(iter(doubts), "nft, iptables: no chain holds this traffic"),
        restricts=restricts,
        openings=tuple(sorted((replace(item, where=item.where or where) for item in openings), key=_order)),
    )
    return Judged(way, doubts)


def _order(item: Opening) -> tuple[str, int, int, str]:
    return item.protocol, item.first, item.last, item.where


def _paths(chains: Chains, place: Place, direction: str, version: int) -> Iterator[Path]:
    """One path for each way of arriving that some rule could tell from the others."""
    conditions = {item for chain in chains.values() for rule in chain.rules for way in rule.ways for item in way}
    told = sorted((item for item in conditions if isinstance(item, Interface)), key=repr)
    by_name = {tuple(item.holds(name) for item in told): name for name in place.interfaces}
    spans = sorted((item for item in conditions if isinstance(item, Address)), key=repr)
    by_address = {
        tuple(any(low <= address <= high for low, high in item.spans) for item in spans): address
        for address in place.addresses.get(version, ())
    }
    names = tuple(by_name.values()) or ("?",)
    hook = _HOOKS[direction]
    if len(names) * max(1, len(by_address)) > _MAX_PATHS:
        raise CollectError(Reason.UNPARSABLE, f"{len(names)} interfaces by {len(by_address)} addresses differ in rules")
    for name in names:
        if direction == "inbound":
            for address in by_address.values():
                yield Path(hook, version, iif=name, local=address)
            if not by_address:
                yield Path(hook, version, iif=name, local_known=False)
        elif direction == "forward":
            yield Path(hook, version, iif=name, oif="*")
        else:
            yield Path(hook, version, oif=name)


def _default(chains: Chains, most: Region, surely: Region, direction: str, version: int) -> tuple[str | None, str]:
    bases = [item for item in chains.values() if item.hook == _HOOKS[direction] and version in item.versions]
    if not _mostly_open(most, version):
        closed = [chain.policy_where for chain in bases if not chain.accepts]
        last = [chain.rules[-1].where for chain in bases if chain.rules and chain.accepts and not chain.nat]
        return "drop", next(iter(closed or last), "")
    if _mostly_open(surely, version):
        opened = [chain.policy_where for chain in bases if chain.accepts and not chain.nat]
        return "accept", _widest(surely) or next(iter(opened), "")
    return None, ""


def _widest(region: Region) -> str:
    boxes = [box for items in region.values() for box in items]
    return max(boxes, key=lambda box: (box.last - box.first, box.high - box.low)).tag


def _mostly_open(region: Region, version: int) -> bool:
    for name, boxes in region.items():
        strangers = (
            last - first + 1 for first, last, spans in _by_port(boxes) if worldwide(public(spans, version), version)
        )
        if sum(strangers) > (_MOST_PORTS if name != "other" else 0):
            return True
    return False


def _all(region: Region, version: int) -> bool:
    """Does everything get through?"""
    for name in ("tcp", "udp", "other"):
        runs = list(_by_port(region.get(name, [])))
        ports = 65536 if name != "other" else 1
        if sum(last - first + 1 for first, last, spans in runs if spans == ADDRESSES[version]) != ports:
            return False
    return True


def _by_port(boxes: Sequence[Box]) -> Iterator[tuple[int, int, Spans]]:
    """Disjoint runs of ports in order, each with all addresses that reach it."""
    groups: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for box in boxes:
        groups[(box.first, box.last)].append((box.low, box.high))
    starts = sorted(groups)
    edges = sorted({edge for first, last in starts for edge in (first, last + 1)})
    active: list[tuple[int, int]] = []
    at = 0
    for edge, after in pairwise(edges):
        active = [run for run in active if run[1] >= edge]
        while at < len(starts) and starts[at][0] == edge:
            active.append(starts[at])
            at += 1
        if active:
            yield edge, after - 1, merge(span for run in active for span in groups[run])


def _openings(region: Region, version: int, *, sure: bool) -> Iterator[Opening]:
    for name in ("tcp", "udp"):
        by_rule: dict[str, list[Box]] = defaultdict(list)
        for box in region.get(name, []):
            by_rule[box.tag].append(box)
        for where, boxes in by_rule.items():
            yield from _runs(name, where, boxes, version, sure)


def _runs(name: str, where: str, boxes: list[Box], version: int, sure: bool) -> Iterator[Opening]:
    held: tuple[int, int, Spans] | None = None
    for first, last, spans in [*_by_port(boxes), (-2, -2, ())]:
        if held and held[1] + 1 == first and held[2] == spans:
            held = (held[0], last, spans)
            continue
        if held:
            yield Opening(
                protocol=name,
                first=held[0],
                last=held[1],
                sources=cidrs(held[2], version),
                world=worldwide(public(held[2], version), version),
                sure=sure,
                where=where,
            )
        held = (first, last, spans)


def _published(chains: Chains, paths: Sequence[Path], version: int) -> Iterator[Opening]:
    """Ports that translation sends on before the input chains see them: what Docker publishes goes past ufw."""
    met: list[tuple[Translated, Path]] = []
    for path in paths:
        before = replace(path, hook="prerouting")
        met += [(item, path) for item in walk(chains, before, generous=True, nat=True).translated]
    reached: dict[bool, tuple[Region, Region]] = {}
    for item, path in met:
        if item.protocol == "other":
            continue
        to_self = item.rule.to_self
        if to_self not in reached:
            end = path if to_self else Path("forward", version, iif=path.iif, oif="*")
            end = replace(end, translated=True)
            reached[to_self] = (
                walk(chains, end, generous=True).accepted,
                walk(chains, end, generous=False).accepted,
            )
        most, surely = ([*region.get(item.protocol, [])] for region in reached[to_self])
        for opening in _runs(item.protocol, item.rule.where, list(item.boxes), version, True):
            port = item.rule.to_port or opening.first
            if opening.world and _reaches(most, port, version):
                yield replace(opening, published=True, sure=_reaches(surely, port, version))


def _reaches(boxes: Sequence[Box], port: int, version: int) -> bool:
    spans = merge((box.low, box.high) for box in boxes if box.first <= port <= box.last)
    return worldwide(public(spans, version), version)


def restricts(chain: Chain) -> bool:
    """Does a saved base chain keep anything out, at a glance? For files that are loaded at the next start."""
    return not chain.accepts or any(rule.act.value == "drop" for rule in chain.rules)
