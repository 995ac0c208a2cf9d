"""What single matches of nft's JSON mean for the first packet of a stranger's connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from auditor.collectors._filter import (
    ALWAYS,
    NEVER,
    SOMETIMES,
    UNKNOWN,
    Address,
    Condition,
    Family,
    Fixed,
    Interface,
    Port,
    Protocol,
    Translation,
)
from auditor.collectors._iptables import PROTOCOL_NAMES
from auditor.collectors._spans import ADDRESSES, PORTS, Span, Spans, merge, network, without

Json = Any


class Unclear(Exception):
    """Something in a rule that we do not understand."""


def conditions(left: Json, items: list[Json], op: str) -> Iterator[Condition]:
    """What a match of ``left`` against any of ``items`` asks. Raises ``Unclear``."""
    if op not in ("==", "!=", "in", "<", ">", "<=", ">="):
        raise Unclear(op)
    kind, value = next(iter(left.items()))
    if kind == "payload":
        yield from _payload(value["protocol"], value["field"], items, op)
    elif kind == "meta":
        yield from _meta(value["key"], items, op)
    elif kind == "ct":
        yield _ct(value["key"], items, op)
    elif kind == "fib":
        yield _fib(value, items, op)
    elif kind in ("exthdr", "tcp option", "ip option", "numgen", "jhash", "symhash"):
        yield SOMETIMES  # the sender chooses it, or chance
    else:
        raise Unclear(kind)


def _payload(protocol: str, name: str, items: list[Json], op: str) -> Iterator[Condition]:
    if protocol in ("ip", "ip6"):
        version = 4 if protocol == "ip" else 6
        yield Family(version)
        if name in ("saddr", "daddr"):
            spans = _spans([_address(item, version) for item in items], op, ADDRESSES[version])
            yield Address(name, version, spans)
        elif name in ("protocol", "nexthdr"):
            yield _protocols(items, op)
        else:
            yield SOMETIMES  # length, ttl, dscp: the sender chooses
    elif protocol in ("tcp", "udp", "th"):
        both_kinds = frozenset({"tcp", "udp"}) if protocol == "th" else frozenset({protocol})
        if name in ("dport", "sport"):
            yield Port(name, _spans([_port(item) for item in items], op, PORTS), both_kinds)
        else:
            if name == "flags":
                raise Unclear(name)
            yield Protocol(both_kinds)
            yield SOMETIMES
    elif protocol in ("icmp", "icmpv6", "sctp", "dccp", "esp", "ah", "comp", "udplite", "igmp", "gre", "arp", "mh"):
        yield NEVER  # not the traffic we follow
    elif protocol in ("dst", "frag", "hbh", "rt"):
        yield SOMETIMES
    else:
        raise Unclear(protocol)


def _meta(key: str, items: list[Json], op: str) -> Iterator[Condition]:
    if op not in ("==", "!=") and key != "l4proto":
        raise Unclear(op)
    names = _words(items) if key not in ("mark", "priority") else []
    negate = op == "!="
    if key in ("iif", "iifname", "oif", "oifname"):
        if any(name.isdigit() for name in names):
            raise Unclear("an interface that is gone")
        yield Interface(key[:3], tuple(names), negate)
    elif key == "l4proto":
        yield _protocols(items, op)
    elif key in ("nfproto", "protocol"):
        versions = {{"ipv4": 4, "ip": 4, "ipv6": 6, "ip6": 6}[name] for name in names}
        if negate:
            versions = {4, 6} - versions
        if len(versions) != 2:
            yield Family(versions.pop()) if versions else NEVER
    elif key == "pkttype":
        yield _fixed(bool({"host", "unicast"} & set(names)) != negate)
    elif key in ("iiftype", "oiftype"):
        yield NEVER if names == ["loopback"] and not negate else UNKNOWN
    elif key in ("skuid", "skgid", "cpu", "random", "length", "time", "hour", "day", "cgroup", "secmark"):
        yield SOMETIMES
    else:
        raise Unclear(key)


def _ct(key: str, items: list[Json], op: str) -> Condition:
    names = set(_words(items))
    negate = op == "!="
    if key == "state" and names <= {"new", "established", "related", "invalid", "untracked"}:
        return _fixed(("new" in names) != negate)
    if key == "direction":
        return _fixed(("original" in names) != negate)
    if key == "status" and names == {"dnat"}:
        return Translation(negate)
    if key in ("bytes", "packets", "avgpkt", "expiration"):
        return SOMETIMES
    raise Unclear(key)


def _fib(value: Mapping[str, Json], items: list[Json], op: str) -> Condition:
    flags = set(_words(value.get("flags", [])))
    negate = op == "!="
    if value["result"] == "type" and "daddr" in flags:
        return _fixed(("local" in _words(items)) != negate)
    if value["result"] == "type" and "saddr" in flags:
        return _fixed(("unicast" in _words(items)) != negate)
    if value["result"] in ("oif", "oifname") and "saddr" in flags and items in ([False], [True], [0]):
        # Is the way back to the sender missing? Not for a genuine stranger.
        return _fixed((items == [True]) != negate)
    raise Unclear("fib")


def is_tcp_flags(left: Json) -> bool:
    if "&" in left:
        left = left["&"][0]
    return bool(left == {"payload": {"protocol": "tcp", "field": "flags"}})


def tcp_flags(left: Json, right: Json, op: str) -> Condition:
    """The first packet of a connection has SYN and nothing else. A set is several combinations, a list is one."""
    flags = {"syn"} if "&" not in left or "syn" in _flags(left["&"][1]) else set()
    combinations = right["set"] if isinstance(right, dict) and "set" in right else [right]
    wanted = [_flags(one) for one in combinations]
    if op == "in":
        return _fixed(any(flags & one for one in wanted))
    if op not in ("==", "!="):
        raise Unclear(op)
    return _fixed((flags in wanted) != (op == "!="))


def _flags(value: Json) -> set[str]:
    if isinstance(value, dict):
        return set().union(*(_flags(part) for part in value["|"]))
    found = set(_words(value)) - {"0"}
    if not found <= {"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"}:
        raise Unclear("tcp flags")
    return found


def _fixed(true: bool) -> Fixed:
    return ALWAYS if true else NEVER


def _protocols(items: list[Json], op: str) -> Protocol:
    if op not in ("==", "!="):
        raise Unclear(op)
    return Protocol(frozenset(PROTOCOL_NAMES.get(name, name) for name in _words(items)), op == "!=")


def _words(items: Json) -> list[str]:
    if not isinstance(items, list):
        items = [items]
    if not all(isinstance(item, (str, int)) for item in items):
        raise Unclear("not words")
    return [str(item) for item in items]


def _spans(items: list[Span], op: str, whole: Spans) -> Spans:
    top = whole[0][1]
    if op in ("<", "<=", ">", ">="):
        (edge, _) = items[0]
        below, above = (0, edge - (op == "<")), (edge + (op == ">"), top)
        span = below if op in ("<", "<=") else above
        return (span,) if 0 <= span[0] <= span[1] <= top else ()
    found = merge(items)
    return without(found, whole) if op == "!=" else found


def _port(item: Json) -> Span:
    low, high = item["range"] if isinstance(item, dict) else (item, item)
    if not (isinstance(low, int) and isinstance(high, int) and 0 <= low <= high <= 65535):
        raise Unclear("port")
    return low, high


def _address(item: Json, version: int) -> Span:
    if item == "*":
        return ADDRESSES[version][0]
    if isinstance(item, dict) and "prefix" in item:
        text = f"{item['prefix']['addr']}/{item['prefix']['len']}"
        found, span = network(text)
    elif isinstance(item, dict) and "range" in item:
        (found, (low, _)), (_, (_, high)) = (network(str(end)) for end in item["range"])
        span = (low, high)
    else:
        found, span = network(str(item))
    if found != version or span[0] > span[1]:
        raise Unclear("address")
    return span
