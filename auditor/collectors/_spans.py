"""Exact sets of addresses and ports: sorted, disjoint, inclusive spans of integers, and boxes of both.

Whether "everything from anywhere" is let in is decided by arithmetic on these, not by looking for
well-known lines, so that odd but sound rule sets are understood and odd but leaky ones are seen through.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from itertools import islice
from operator import itemgetter

Span = tuple[int, int]
Spans = tuple[Span, ...]

PORTS: Spans = ((0, 65535),)
ADDRESSES: dict[int, Spans] = {4: ((0, (1 << 32) - 1),), 6: ((0, (1 << 128) - 1),)}


def merge(spans: Iterable[Span]) -> Spans:
    """Sorts and joins spans that overlap or touch."""
    joined: list[Span] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return tuple(joined)


def inside(spans: Spans, low: int, high: int) -> Iterator[Span]:
    """The parts of ``low..high`` that lie in ``spans``."""
    for at in range(bisect_left(spans, low, key=itemgetter(1)), len(spans)):
        first, last = spans[at]
        if first > high:
            return
        yield max(first, low), min(last, high)


def outside(spans: Spans, low: int, high: int) -> Iterator[Span]:
    """The parts of ``low..high`` that do not lie in ``spans``."""
    at = low
    for first, last in inside(spans, low, high):
        if first > at:
            yield at, first - 1
        at = last + 1
    if at <= high:
        yield at, high


def both(one: Spans, other: Spans) -> Spans:
    return tuple(part for low, high in one for part in inside(other, low, high))


def without(spans: Spans, whole: Spans) -> Spans:
    return tuple(part for low, high in whole for part in outside(spans, low, high))


def size(spans: Spans) -> int:
    return sum(high - low + 1 for low, high in spans)


def network(text: str) -> tuple[int, Span]:
    """IP version and span of an address or network. Raises ``ValueError``."""
    found = ip_network(text, strict=False)
    return found.version, (int(found.network_address), int(found.broadcast_address))


def _nets(*texts: str) -> Spans:
    return merge(network(text)[1] for text in texts)


PUBLIC: dict[int, Spans] = {
    4: without(
        _nets(
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "224.0.0.0/3",
        ),
        ADDRESSES[4],
    ),
    6: _nets("2000::/3"),
}
"""What can be a stranger's address: routed worldwide (IANA special-purpose registries)."""

_WORLD: dict[int, int] = {4: 1 << 24, 6: 1 << 112}


def public(spans: Spans, family: int) -> int:
    """How many worldwide addresses lie in ``spans``."""
    return size(both(spans, PUBLIC[family]))


def worldwide(strangers: int, family: int) -> bool:
    """More strangers than any one organisation has: over an IPv4 /8, or an IPv6 /16."""
    return strangers > _WORLD[family]


def cidrs(spans: Spans, family: int, limit: int = 16) -> tuple[str, ...]:
    """Spans as networks, ``any`` for all of them, ``!net`` for all but some; cut after ``limit`` with a last ``…``."""
    if spans == ADDRESSES[family]:
        return ("any",)
    rest = without(spans, ADDRESSES[family])
    said, others = _listed(spans, family, limit), _listed(rest, family, limit)
    if (len(others), size(rest)) < (len(said), size(spans)):
        return tuple(text if text == "…" else f"!{text}" for text in others)
    return said


def _listed(spans: Spans, family: int, limit: int) -> tuple[str, ...]:
    texts = list(islice((text for low, high in spans for text in _blocks(low, high, family)), limit + 1))
    return (*texts[:limit], "…") if len(texts) > limit else tuple(texts)


def _blocks(low: int, high: int, family: int) -> Iterator[str]:
    """The fewest networks that make up a span; a single address without its length."""
    width = 32 if family == 4 else 128
    while low <= high:
        bits = min((low & -low).bit_length() - 1 if low else width, (high - low + 1).bit_length() - 1)
        address = IPv4Address(low) if family == 4 else IPv6Address(low)
        yield str(address) if bits == 0 else f"{address}/{width - bits}"
        low += 1 << bits


@dataclass(frozen=True, slots=True)
class Box:
    """Traffic of one protocol from a span of remote addresses to a span of ports; ``tag`` says what let it in."""

    low: int
    high: int
    first: int
    last: int
    tag: str = ""


def split(box: Box, remote: Spans | None, ports: Spans | None) -> tuple[list[Box], list[Box]]:
    """What of a box lies in ``remote`` × ``ports``, and the rest; None means all."""
    if remote is None and ports is None:
        return [box], []
    sides_in = [(box.low, box.high)] if remote is None else list(inside(remote, box.low, box.high))
    ports_in = [(box.first, box.last)] if ports is None else list(inside(ports, box.first, box.last))
    if not sides_in or not ports_in:
        return [], [box]
    sides_out = [] if remote is None else list(outside(remote, box.low, box.high))
    ports_out = [] if ports is None else list(outside(ports, box.first, box.last))
    hit = [Box(*side, *port, box.tag) for side in sides_in for port in ports_in]
    rest = [Box(*side, box.first, box.last, box.tag) for side in sides_out]
    rest += [Box(*side, *port, box.tag) for side in sides_in for port in ports_out]
    return hit, rest
