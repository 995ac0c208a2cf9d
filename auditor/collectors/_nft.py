"""Reads ``nft -j list ruleset`` into chains of rules.

Format: libnftables-json(5); seen with nftables 1.0.6. Tables that iptables-nft manages hold extension
matches which this listing does not spell out; for those the caller takes iptables-save's listing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from auditor.collectors._filter import SOMETIMES, UNKNOWN, Act, Chain, Condition, Family, Protocol, Rule
from auditor.collectors._nft_match import Json, Unclear, conditions, is_tcp_flags, tcp_flags
from auditor.model import CollectError, Reason

_VERSIONS = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
_VERDICTS = {"accept": Act.ACCEPT, "drop": Act.DROP, "reject": Act.DROP, "return": Act.RETURN, "continue": Act.CONTINUE}
_HARMLESS = frozenset({"counter", "log", "mangle", "notrack", "comment", "ct helper", "ct timeout", "secmark", "dup"})
"""Statements after which the rule goes on as if they were not there."""
_RATES = frozenset({"limit", "quota", "ct count", "meter"})
_XT_GO_ON = frozenset({"LOG", "NFLOG", "MARK", "CONNMARK", "TCPMSS", "TRACE", "CT"})
_KINDS = {"dnat": True, "redirect": True, "snat": False, "masquerade": False}
_REJECTS: dict[str | None, tuple[Condition, ...]] = {
    None: (),
    "icmpx": (),
    "icmp": (Family(4),),
    "icmpv6": (Family(6),),
    "tcp reset": (Protocol(frozenset({"tcp"})),),
}
_MAX_WAYS = 4096

Way = tuple[Condition, ...]


@dataclass(slots=True)
class Listed:
    """The chains, and the (family, table) pairs that hold any."""

    chains: dict[str, Chain] = field(default_factory=dict)
    tables: set[tuple[str, str]] = field(default_factory=set)


def parse(text: str, skip: Iterable[tuple[str, str]] = ()) -> Listed:
    """Chains of the listing, without tables in ``skip``, which were read by a better reader.

    Raises ``unparsable`` for what is not such a listing as a whole; a rule that is not understood
    becomes a rule with an unknown condition.
    """
    try:
        items = json.loads(text)["nftables"]
        heads = [next(iter(item)) for item in items]
    except (ValueError, KeyError, TypeError, StopIteration, RecursionError):
        raise CollectError(Reason.UNPARSABLE, "nft: not a JSON listing of a ruleset") from None
    if "metainfo" not in heads:
        raise CollectError(Reason.INCOMPLETE, "nft: the listing has no metainfo")
    listed, left_out = Listed(), set(skip)
    sets: dict[tuple[str, str, str], Json] = {}
    rules: list[Json] = []
    for head, item in zip(heads, items, strict=True):
        body = item[head]
        if head == "metainfo" or not isinstance(body, dict) or body.get("family") not in _VERSIONS:
            continue
        table = (body["family"], str(body.get("table", "")))
        if table in left_out:
            continue
        if head in ("set", "map"):
            sets[(*table, str(body.get("name")))] = body.get("elem", [])
        elif head == "chain":
            listed.tables.add(table)
            chain = _chain(body)
            listed.chains[chain.key] = chain
        elif head == "rule":
            rules.append(body)
    for body in rules:
        key = _key(body, body.get("chain"))
        if key not in listed.chains:
            raise CollectError(Reason.UNPARSABLE, f"{key}: a rule of a chain that is not listed")
        listed.chains[key].lines += 1
        listed.chains[key].rules.extend(_Rule(body, sets).read())
    return listed


def _key(body: Mapping[str, Json], chain: Json) -> str:
    return f"nft {body.get('family')} {body.get('table')} {chain}"


def _chain(body: Mapping[str, Json]) -> Chain:
    hook, policy, priority = body.get("hook", ""), body.get("policy", "accept"), body.get("prio", 0)
    if policy not in ("accept", "drop") or not isinstance(hook, str) or not isinstance(priority, int):
        raise CollectError(Reason.UNPARSABLE, f"nft: chain {body.get('name')} of hook {hook!r}, policy {policy!r}")
    key = _key(body, body.get("name"))
    versions = _VERSIONS[body["family"]]
    return Chain(
        key, "nft", versions, [], hook, body.get("type") == "nat", policy == "accept", f"{key}: policy {policy}"
    )


@dataclass(slots=True)
class _Rule:
    """One rule; a verdict map makes several of it."""

    body: Mapping[str, Json]
    sets: Mapping[tuple[str, str, str], Json]

    def read(self) -> Iterator[Rule]:
        where = f"{_key(self.body, self.body.get('chain'))} handle {self.body.get('handle')}"
        if comment := self.body.get("comment"):
            where += f" ({str(comment)[:80]})"
        ways: list[Way] = [()]
        expressions = self.body.get("expr", [])
        for expression in expressions if isinstance(expressions, list) else [{"?": None}]:
            name, value = _only(expression)
            try:
                if name in _VERDICTS:
                    ways = _product(ways, [_implied(value)]) if name == "reject" else ways
                    yield Rule(tuple(ways), _VERDICTS[name], where)
                    return
                if name in ("jump", "goto"):
                    yield Rule(tuple(ways), Act(name), where, _key(self.body, value["target"]))
                    return
                if name in _KINDS:
                    act = Act.TRANSLATE if _KINDS[name] else Act.ACCEPT
                    if isinstance(value, dict) and "family" in value:
                        ways = _product(ways, [(Family({"ip": 4, "ip6": 6}[value["family"]]),)])
                    port = value.get("port") if isinstance(value, dict) else None
                    number = port if isinstance(port, int) else None
                    yield Rule(tuple(ways), act, where, to_port=number, to_self=name == "redirect")
                    return
                if name == "vmap":
                    yield from self._map(value, ways, where)
                    continue  # what no element matches goes on in the rule
                asked = self._statement(name, value)
            except (Unclear, KeyError, TypeError, ValueError, AttributeError, RecursionError):
                if name != "match":  # it may well be a verdict
                    yield Rule(tuple(ways), Act.UNKNOWN, where)
                asked = [(UNKNOWN,)]
            ways = _product(ways, asked)

    def _statement(self, name: str, value: Json) -> list[Way]:
        if name in _HARMLESS:
            return [()]
        if name in _RATES or (name in ("set", "map") and value.get("stmt")):
            return [(SOMETIMES,)]
        if name in ("set", "map") or (name == "xt" and value["type"] == "target" and value["name"] in _XT_GO_ON):
            return [()]
        if name != "match":
            raise Unclear(name)
        op, left, right = value["op"], value["left"], value["right"]
        if "concat" in left:
            if op != "==":
                raise Unclear(op)
            return [self._concat(left["concat"], item) for item in self._items(right)]
        if is_tcp_flags(left):
            return [(Protocol(frozenset({"tcp"})), tcp_flags(left, right, op))]
        return [tuple(conditions(left, self._items(right), op))]

    def _map(self, value: Json, ways: list[Way], where: str) -> Iterator[Rule]:
        """A verdict map: one rule an element."""
        key = value["key"]
        data = value["data"]
        elements = self._named(data) if isinstance(data, str) else data["set"]
        made: list[Rule] = []
        for item, verdict in elements:
            name, target = next(iter(verdict.items()))
            item = item["elem"]["val"] if isinstance(item, dict) and "elem" in item else item  # noqa: PLW2901
            if item == "*":
                asked: Way = ()
            elif "concat" in key:
                asked = self._concat(key["concat"], item)
            else:
                asked = tuple(conditions(key, [item], "=="))
            found = tuple(_product(ways, [asked]))
            if name in ("jump", "goto"):
                made.append(Rule(found, Act(name), where, _key(self.body, target["target"])))
            else:
                made.append(Rule(found, _VERDICTS[name], where))
        # The catch-all element is asked last, wherever it stands.
        yield from sorted(made, key=lambda rule: rule.ways == tuple(ways))

    def _concat(self, keys: list[Json], item: Json) -> Way:
        if isinstance(item, dict) and "elem" in item:
            item = item["elem"]["val"]
        parts = item["concat"]
        if len(parts) != len(keys):
            raise Unclear("concat")
        return tuple(
            condition
            for key, part in zip(keys, parts, strict=True)
            for condition in conditions(key, self._items(part), "==")
        )

    def _named(self, name: str) -> list[Json]:
        if not name.startswith("@"):
            raise Unclear(name)
        return self.sets[(str(self.body["family"]), str(self.body["table"]), name[1:])]  # type: ignore[no-any-return]

    def _items(self, right: Json) -> list[Json]:
        """The values on the right side: of a set, named or not, a list of flags, or one."""
        if isinstance(right, str) and right.startswith("@"):
            right = self._named(right)
        elif isinstance(right, dict) and "set" in right:
            right = right["set"]
        items = right if isinstance(right, list) else [right]
        plain = [item["elem"]["val"] if isinstance(item, dict) and "elem" in item else item for item in items]
        if len(plain) > 1 and any(item == "*" for item in plain):
            raise Unclear("*")
        return plain


def _only(expression: Json) -> tuple[str, Json]:
    """The one name and value of a statement."""
    return next(iter(expression.items())) if isinstance(expression, dict) and expression else ("?", None)


def _implied(reject: Json) -> Way:
    """A reject with ICMPv6 is for IPv6 alone, and so on: the listing leaves out the condition it brings."""
    kind = reject.get("type") if isinstance(reject, dict) else None
    return _REJECTS[kind]


def _product(ways: list[Way], more: list[Way]) -> list[Way]:
    if len(ways) * len(more) > _MAX_WAYS:
        raise Unclear("too many combinations")
    return [one + other for one in ways for other in more]
