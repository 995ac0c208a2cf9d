"""Parsers and arithmetic of the packet filter collector: what recorded cases cannot say."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collectors import _iptables, _nft
from auditor.collectors._filter import Act, Chain, walk
from auditor.collectors._filter import Path as Way
from auditor.collectors._iptables import ports
from auditor.collectors._policy import Place, judge
from auditor.collectors._spans import ADDRESSES, Box, cidrs, inside, merge, network, outside, split, without, worldwide
from auditor.collectors.firewall_linux import LinuxFirewall
from auditor.model import CollectError, Reason
from tests.support import reading

CASES = Path(__file__).parents[1] / "cases" / "firewall.linux"
HOST = Place(("eth0",), {4: (network("198.51.100.10")[1][0],), 6: (network("2001:db8:1::10")[1][0],)})


def case(name: str) -> dict[str, Any]:
    told = yaml.load((CASES / f"{name}.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)  # noqa: TID251 (our own)
    outputs: dict[str, Any] = told["observations"]
    return outputs


def saved(rules: str, policy: str = "DROP", version: int = 4) -> dict[str, Chain]:
    text = f"*filter\n:INPUT {policy} [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:x - [0:0]\n{rules}COMMIT\n"
    return _iptables.parse(text, version, "iptables-save").chains


def opened(chains: dict[str, Chain], version: int = 4, *, sure: bool = True) -> list[str]:
    way = judge(chains, HOST, "inbound", version).way
    return [f"{item.protocol}/{item.ports} {','.join(item.sources)}" for item in way.openings if item.sure is sure]


def nft(
    rules: list[list[dict[str, Any]]], *, policy: str = "drop", sets: tuple[dict[str, Any], ...] = ()
) -> dict[str, Chain]:
    place = {"family": "inet", "table": "filter", "chain": "input"}
    chain = {"family": "inet", "table": "filter", "name": "input", "type": "filter", "hook": "input", "prio": 0}
    items: list[dict[str, Any]] = [{"metainfo": {"version": "1.0.6"}}, {"chain": {**chain, "policy": policy}}]
    items += [{"set": {"family": "inet", "table": "filter", **item}} for item in sets]
    items += [{"rule": {**place, "handle": number, "expr": rule}} for number, rule in enumerate(rules, 2)]
    return _nft.parse(json.dumps({"nftables": items})).chains


def dport(port: int) -> dict[str, Any]:
    return {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": port}}


def flags(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


FLAGS = {"payload": {"protocol": "tcp", "field": "flags"}}
ACCEPT, DROP = {"accept": None}, {"drop": None}


# --- arithmetic

NUMBERS = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: (min(pair), max(pair)))


@given(st.lists(NUMBERS, max_size=6), NUMBERS)
def test_spans_are_the_sets_they_stand_for(spans: list[tuple[int, int]], window: tuple[int, int]) -> None:
    held = merge(spans)
    members = {number for low, high in spans for number in range(low, high + 1)}
    assert {number for low, high in held for number in range(low, high + 1)} == members
    assert all(one[1] + 1 < other[0] for one, other in pairwise(held))
    asked = set(range(window[0], window[1] + 1))
    assert {n for low, high in inside(held, *window) for n in range(low, high + 1)} == members & asked
    assert {n for low, high in outside(held, *window) for n in range(low, high + 1)} == asked - members


@given(NUMBERS, NUMBERS, st.lists(NUMBERS, max_size=4), st.lists(NUMBERS, max_size=4))
def test_a_box_splits_into_what_matches_and_the_rest(side: Any, run: Any, remote: Any, run_in: Any) -> None:
    def points(boxes: list[Box]) -> list[tuple[int, int]]:
        return [(a, p) for b in boxes for a in range(b.low, b.high + 1) for p in range(b.first, b.last + 1)]

    hit, rest = split(Box(*side, *run), merge(remote), merge(run_in))
    everything = points(hit) + points(rest)
    assert len(everything) == len(set(everything)) == (side[1] - side[0] + 1) * (run[1] - run[0] + 1)
    for address, port in points(hit):
        assert any(low <= address <= high for low, high in remote)
        assert any(low <= port <= high for low, high in run_in)


@given(
    st.lists(st.integers(0, (1 << 32) - 1).map(lambda n: (n, min(n + 70_000, (1 << 32) - 1))), min_size=1, max_size=3)
)
def test_networks_say_exactly_the_span(spans: list[tuple[int, int]]) -> None:
    held = merge(spans)
    said = cidrs(held, 4, limit=500)
    nets = merge(network(item.lstrip("!"))[1] for item in said)
    assert (without(nets, ADDRESSES[4]) if said[0].startswith("!") else nets) == held


def test_what_counts_as_the_world() -> None:
    sources = ("-s 10.0.0.0/8", "-s 9.0.0.0/8", "-s 8.0.0.0/7", "! -s 192.0.2.7")
    rules = (f"-A INPUT {source} -p tcp --dport {port} -j ACCEPT\n" for port, source in enumerate(sources, 1))
    chains = saved("".join(rules))
    found = {item.first: item.world for item in judge(chains, HOST, "inbound", 4).way.openings}
    assert found == {1: False, 2: False, 3: True, 4: True}
    assert not worldwide(1 << 112, 6)


# --- iptables


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", ["tcp/22 any"]),
        ("-A INPUT -p tcp -m tcp --dport :1023 -j ACCEPT", ["tcp/0-1023 any"]),
        ("-A INPUT -p udp -m multiport --dports 53,123:125 -j ACCEPT", ["udp/53 any", "udp/123-125 any"]),
        ("-A INPUT -p tcp -m multiport ! --dports 1:65535 -j ACCEPT", ["tcp/0 any"]),
        ("-A INPUT -s 10.1.0.0/16 -p tcp -m tcp --dport 22 -j ACCEPT", ["tcp/22 10.1.0.0/16"]),
        ("-A INPUT ! -s 10.1.0.0/16 -p tcp -m tcp --dport 22 -j ACCEPT", ["tcp/22 !10.1.0.0/16"]),
        ("-A INPUT -p udp -m udp --sport 53 -j ACCEPT", ["udp/0-65535 any"]),
        ("-A INPUT -i lo -j ACCEPT", []),
        ("-A INPUT ! -i lo -p tcp -m tcp --dport 1 -j ACCEPT", ["tcp/1 any"]),
        ("-A INPUT -i eth+ -p tcp -m tcp --dport 1 -j ACCEPT", ["tcp/1 any"]),
        ("-A INPUT -i wg0 -j ACCEPT", []),
        ("-A INPUT -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT", []),
        ("-A INPUT -d 198.51.100.10/32 -p tcp -m tcp --dport 1 -j ACCEPT", ["tcp/1 any"]),
        ("-A INPUT -d 198.51.100.11/32 -j ACCEPT", []),
        ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", []),
        ("-A INPUT -m conntrack ! --ctstate INVALID -p tcp -m tcp --dport 1 -j ACCEPT", ["tcp/1 any"]),
        ("-A INPUT -p tcp -m tcp --dport 9 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", ["tcp/9 any"]),
        ("-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", []),
        ("-A INPUT -p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK -j ACCEPT", []),
        ("-A INPUT -p icmp -j ACCEPT", []),
        ("-A INPUT -p esp -j ACCEPT", []),
        ("-A INPUT -m policy --dir in --pol ipsec --reqid 1 --proto esp -j ACCEPT", []),
        ("-A INPUT -m rpfilter --invert -j ACCEPT", []),
        ("-A INPUT -p tcp -m tcp --dport 1 -m limit --limit 3/min --limit-burst 9 -j ACCEPT", ["tcp/1 any"]),
        ('-A INPUT -p tcp -m tcp --dport 1 -m comment --comment "-j DROP \\" ! -s x" -j ACCEPT', ["tcp/1 any"]),
        ("-A INPUT -p tcp -m tcp --dport 1 -j LOG --log-prefix x -m y", []),
        ("-A INPUT -p tcp --dport 1 -j x\n-A x -j RETURN\n-A INPUT -p tcp --dport 1 -j ACCEPT", ["tcp/1 any"]),
        ("-A INPUT -p tcp --dport 1 -g x\n-A x -j RETURN\n-A INPUT -p tcp --dport 1 -j ACCEPT", []),
        ("[1:60] -A INPUT -p tcp -m tcp --dport 1 -j ACCEPT", ["tcp/1 any"]),
    ],
)
def test_one_rule_of_iptables(rule: str, expected: list[str]) -> None:
    chains = saved(rule + "\n")
    assert opened(chains) == expected
    assert opened(chains, sure=False) == []


@pytest.mark.parametrize(
    "rule",
    [
        "-A INPUT -m set --match-set friends src -j ACCEPT",
        "-A INPUT -m mark --mark 0x1 -j ACCEPT",
        "-A INPUT -m never-heard-of --it really -j ACCEPT",
        "-A INPUT -p tcp -m tcp --dport 70000 -j ACCEPT",
        "-A INPUT -s 2001:db8::/32 -j ACCEPT",
        "-A INPUT -j NFQUEUE --queue-num 0",
        "-A INPUT -j FANCYTARGET",
    ],
)
def test_a_rule_not_understood_is_neither_open_nor_closed(rule: str) -> None:
    chains = saved(rule + "\n")
    found = judge(chains, HOST, "inbound", 4)
    assert found.way.default is None
    assert not any(item.sure for item in found.way.openings)
    assert rule in found.not_understood[0]


def test_a_doubtful_drop_does_not_close() -> None:
    chains = saved("-A INPUT -m set --match-set bad src -j DROP\n-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n")
    assert judge(chains, HOST, "inbound", 4).way.default == "drop"
    assert (opened(chains), opened(chains, sure=False)) == ([], ["tcp/80 any"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("*filter\n:INPUT DROP [0:0]\n", Reason.INCOMPLETE),
        ("*filter\n:INPUT DROP [0:0]\n-A INPUT -j", Reason.UNPARSABLE),
        ("*strange\nCOMMIT\n", Reason.UNPARSABLE),
        ("*filter\n-A INPUT -j ACCEPT\nCOMMIT\n", Reason.UNPARSABLE),
        ("*filter\n:INPUT MAYBE [0:0]\nCOMMIT\n", Reason.UNPARSABLE),
        ("-A INPUT -j ACCEPT\n", Reason.UNPARSABLE),
        ('*filter\n:INPUT DROP [0:0]\n-A INPUT -m comment --comment "x -j ACCEPT\nCOMMIT\n', Reason.UNPARSABLE),
    ],
)
def test_half_a_listing_is_refused(text: str, reason: Reason) -> None:
    with pytest.raises(CollectError) as caught:
        _iptables.parse(text, 4, "iptables-save")
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("words", "port"),
    [("10.0.0.5:80", 80), ("10.0.0.5", None), ("[fd00::5]:8443", 8443), ("fd00::5", None), ("10.0.0.5:80-90", 80)],
)
def test_where_a_translation_leads(words: str, port: int | None) -> None:
    rules = f"-A PREROUTING -p tcp -m tcp --dport 1 -j DNAT --to-destination {words}"
    text = f"*nat\n:PREROUTING ACCEPT [0:0]\n{rules}\nCOMMIT\n"
    rule = _iptables.parse(text, 4, "t").chains["t nat PREROUTING"].rules[0]
    assert (rule.act, rule.to_port) == (Act.TRANSLATE, port)


def test_ports_out_of_order_or_range_are_refused() -> None:
    for text in ("9:3", "-1", "65536", "x", "1,,2", ""):
        with pytest.raises(ValueError):  # noqa: PT011 (any will do; the caller makes it unknown)
            ports(text)


# --- nft


@pytest.mark.parametrize(
    ("match", "new"),
    [
        (flags(FLAGS, "syn"), True),
        (flags(FLAGS, "syn", "!="), False),
        (flags({"&": [FLAGS, ["fin", "syn", "rst", "ack"]]}, "syn"), True),
        (flags({"&": [FLAGS, ["syn", "ack"]]}, ["syn", "ack"]), False),
        (flags({"&": [FLAGS, {"|": ["syn", "ack"]}]}, {"|": ["syn", "ack"]}), False),
        (flags({"&": [FLAGS, ["syn", "ack"]]}, {"set": ["syn", "ack"]}), True),
        (flags(FLAGS, ["fin", "syn"], "in"), True),
        (flags(FLAGS, ["fin", "rst"], "in"), False),
        (flags({"ct": {"key": "state"}}, ["new", "untracked"], "in"), True),
        (flags({"ct": {"key": "state"}}, {"set": ["established", "related"]}), False),
        (flags({"meta": {"key": "pkttype"}}, "host"), True),
        (flags({"meta": {"key": "pkttype"}}, {"set": ["broadcast", "multicast"]}), False),
        (flags({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, False), False),
        (flags({"fib": {"result": "type", "flags": ["daddr"]}}, "local"), True),
    ],
)
def test_the_first_packet_of_a_connection(match: dict[str, Any], new: bool) -> None:
    assert opened(nft([[match, dport(9), ACCEPT]])) == (["tcp/9 any"] if new else [])


@pytest.mark.parametrize(
    ("kind", "four", "six"), [("icmpv6", True, False), ("icmp", False, True), ("icmpx", False, False)]
)
def test_a_reject_brings_its_own_condition(kind: str, four: bool, six: bool) -> None:
    chains = nft([[dport(22), {"reject": {"type": kind, "expr": "port-unreachable"}}]], policy="accept")
    for version, is_open in ((4, four), (6, six)):
        found = judge(chains, HOST, "inbound", version).way.openings
        assert any(item.protocol == "tcp" and item.first <= 22 <= item.last for item in found) is is_open


def test_an_extension_target_that_is_not_spelt_out_is_in_doubt() -> None:
    chains = nft([[{"xt": {"type": "target", "name": "REJECT"}}]], policy="accept")
    assert judge(chains, HOST, "inbound", 4).way.default is None


def test_what_a_statement_adds_to_a_set_is_no_condition() -> None:
    add = {"set": {"op": "add", "elem": {"payload": {"protocol": "ip", "field": "saddr"}}, "set": "@seen"}}
    assert opened(nft([[dport(22), add, DROP], [dport(22), ACCEPT], [dport(23), ACCEPT]])) == ["tcp/23 any"]


def test_a_loop_of_chains_is_given_up() -> None:
    with pytest.raises(CollectError) as caught:
        walk(saved("-A INPUT -j x\n-A x -j x\n"), Way("input", 4, iif="eth0"), generous=True)
    assert caught.value.reason is Reason.UNPARSABLE


def test_a_long_block_list_is_arithmetic_and_quick() -> None:
    elements = [f"{a}.{b}.7.9" for a in range(1, 51) for b in range(100)]
    source = {"payload": {"protocol": "ip", "field": "saddr"}}
    rules: list[list[dict[str, Any]]] = [
        [{"match": {"op": "==", "left": source, "right": "@bad"}}, DROP],
        [dport(22), ACCEPT],
    ]
    start = time.process_time()
    chains = nft(rules, sets=({"name": "bad", "type": "ipv4_addr", "elem": elements},))
    way = judge(chains, HOST, "inbound", 4).way
    assert time.process_time() - start < 5
    assert [(item.ports, item.world) for item in way.openings] == [("22", True)]
    assert way.openings[0].sources[0].startswith("!")


def test_a_thousand_single_bans_are_quick() -> None:
    bans = "".join(
        f"-A INPUT -s {n // 250 + 1}.{n % 250}.3.4/32 -p tcp -m tcp --dport 22 -j DROP\n" for n in range(1000)
    )
    start = time.process_time()
    assert len(opened(saved(bans + "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"))) == 1
    assert time.process_time() - start < 10


# --- whole listings

LISTINGS = (
    "nft",
    "iptables",
    "ip6tables",
    "iptables-legacy",
    "addresses",
    "routes-v4",
    "routes-v6",
    "sysctls",
    "units",
)


@settings(max_examples=60, deadline=5000)
@given(
    st.sampled_from(LISTINGS),
    st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda s: s.encode("utf-8", "replace"))),
)
def test_any_output_gives_evidence_or_a_reason(key: str, junk: bytes) -> None:
    outputs = {**case("ufw-active"), key: {"stdout": junk}}
    with suppress(CollectError):
        LinuxFirewall().parse(reading(outputs))


WORDS = "tcp accept @x 10.0.0.0 new * established lo 10.0.0.0/8".split()  # noqa: SIM905 (reads best so)
KEYS = (  # noqa: SIM905
    "match op left right payload protocol field meta key set vmap data prefix addr len range concat elem val ct fib &"
    " | xt jump target reject dnat accept drop limit type family"
).split()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=150, deadline=5000)
@given(st.lists(st.lists(JSON, max_size=3), max_size=3))
def test_any_rule_gives_chains_or_a_reason(rules: Any) -> None:
    with suppress(CollectError):
        judge(nft(rules), HOST, "inbound", 4)


@settings(max_examples=60, deadline=5000)
@given(st.data())
def test_any_line_of_iptables_gives_chains_or_a_reason(data: st.DataObject) -> None:
    words = (  # noqa: SIM905
        "-A INPUT x -s 10.0.0.0/8 ! -p tcp -m multiport --dports 80,443 -j ACCEPT --ctstate NEW limit -i eth0 -g DNAT"
        ' --tcp-flags SYN --comment " --dport'
    ).split()
    line = " ".join(data.draw(st.lists(st.sampled_from(words), max_size=8)))
    with suppress(CollectError):
        judge(saved(f"-A INPUT {line}\n"), HOST, "inbound", 4)


def test_a_comment_cannot_forge_a_rule() -> None:
    forged = '-A INPUT -m comment --comment "x\u2028-A INPUT -j ACCEPT\x0b-A INPUT -j ACCEPT" -j DROP\n'
    assert opened(saved(forged, policy="ACCEPT")) == []
