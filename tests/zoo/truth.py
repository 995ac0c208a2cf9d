"""What is true of an animal, in the words of our evidence, and how what we found differs from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from traceback import format_exception

import yaml

from auditor.evidence.tls import VERSIONS, Answer, Offer, Peer, Preference, Revocation, Revoked, TlsService
from auditor.model import CollectError, Unavailable
from tests.zoo.keeper import HERE, Animal
from tests.zoo.papers import NAME


@dataclass(frozen=True)
class Difference:
    """One thing that we found otherwise than it is."""

    animal: str
    field: str
    expected: object
    found: object

    def __str__(self) -> str:
        return f"{self.animal}: {self.field}: expected {self.expected}, found {self.found}"


def versions(one: Animal) -> dict[str, tuple[str, ...]]:
    """Versions offered, each with its suites in the order in which they were configured."""
    said = one.truth.get("versions", {})
    only = one.truth.get("only", tuple(said))
    return {name: _suites(said[name]) for name in VERSIONS if name in said and name in only}


def server_name(one: Animal) -> str:
    return str(one.truth.get("server_name", NAME))


def reason(one: Animal) -> str:
    """Why nothing can be learnt of it; empty where something can."""
    return str(one.truth.get("reason", ""))


def _suites(said: str | list[str]) -> tuple[str, ...]:
    return tuple(_sets()[said] if isinstance(said, str) else said)


@cache
def _sets() -> Mapping[str, list[str]]:
    text = (HERE / "_suites.yaml").read_text(encoding="utf-8")
    held: Mapping[str, list[str]] = yaml.safe_load(text)  # noqa: TID251 (ours)
    return held


def preference(one: Animal, version: str) -> str:
    """server, client, or untested where there is but one suite; empty where it is not said."""
    said = one.truth.get("prefers") or ""
    if isinstance(said, Mapping):
        return str(said.get(version, ""))
    return "untested" if len(versions(one)[version]) == 1 else str(said)


def differences(
    one: Animal, found: TlsService | Exception, findings: Mapping[str, str], wanted: Mapping[str, tuple[str, ...]]
) -> Iterator[Difference]:
    """All of them: ``findings`` are our results by check, ``wanted`` those that are right (``verdicts.expected``)."""
    pairs = chain(_pairs(one, found), _findings(findings, wanted) if isinstance(found, TlsService) else ())
    yield from (Difference(one.id, field, right, seen) for field, right, seen in pairs if seen != right)


Pairs = Iterator[tuple[str, object, object]]
"""What it is about, what is true, what we found."""


def _pairs(one: Animal, found: TlsService | Exception) -> Pairs:
    wanted = reason(one)
    if isinstance(found, CollectError):
        yield "reason", wanted, found.reason.value if found.reason.value == wanted else str(found)[:300]
        told = one.truth.get("detail", "")
        yield "detail", told, told if told in found.detail else found.detail
        return
    if isinstance(found, Exception):
        yield "crash", "none", "".join(format_exception(found)[-3:])
        return
    if wanted:
        yield "reason", wanted, {asked.version: f"{asked.offer.value} ({asked.why})" for asked in found.protocols}
        return
    yield from _protocols(one, found)
    yield from _features(one, found)
    yield from _certificates(one, found)
    if "clear" in one.truth:
        yield "clear", one.truth["clear"], found.clear.value


def _protocols(one: Animal, found: TlsService) -> Pairs:
    true, maybe = versions(one), one.truth.get("maybe", ())
    for asked in found.protocols:
        if asked.version in maybe:
            continue
        expected = Offer.OFFERED if asked.version in true else Offer.REFUSED
        said = f" ({asked.why})" if asked.offer is not expected else ""
        yield asked.version, expected.value, asked.offer.value + said
        if expected is not Offer.OFFERED or asked.offer is not expected:
            continue
        suites, names = true[asked.version], tuple(suite.name for suite in asked.suites)
        ordered = preference(one, asked.version) == "server"
        yield (
            f"{asked.version} suites",
            suites if ordered else tuple(sorted(suites)),
            names if ordered else tuple(sorted(names)),
        )
        yield f"{asked.version} whole", True, asked.whole
        if preference(one, asked.version):
            yield f"{asked.version} preference", Preference(preference(one, asked.version)), asked.preference


def _features(one: Animal, found: TlsService) -> Pairs:
    for name, expected in one.truth.get("features", {}).items():
        if expected is not None:
            seen = found.feature(name)
            told = f"{seen.answer.value} ({seen.why})" if seen.answer != expected else expected
            yield name, Answer(expected).value, told
    if (groups := one.truth.get("groups")) is not None:
        yield "groups", set(groups), {group.name for group in found.groups}
    if (sizes := one.truth.get("dh")) is not None:
        yield "dh", set(sizes), {item.bits for item in found.dh}
    if (protocols := one.truth.get("alpn")) is not None:
        yield "alpn", set(protocols), set(found.alpn) & {"h2", "http/1.1"}


def _certificates(one: Animal, found: TlsService) -> Pairs:
    truth, peer = one.truth, found.peer
    if truth.get("peer") == "any":
        return
    if truth.get("peer") == "none":
        yield "peer", "none", "none" if isinstance(peer, Unavailable) else "one"
        return
    if isinstance(peer, Unavailable):
        yield "peer", "a certificate", f"{peer.reason.value}: {peer.detail}"
        return
    shown = (peer, *found.others)
    yield "keys", sorted(truth["keys"]), sorted({_key(item) for item in shown})
    yield "hash", {truth["hash"]}, {item.leaf.signature for item in shown}
    for name, seen in (("sent", len(peer.sent)), ("in_order", peer.in_order), ("strays", peer.strays)):
        if name in truth and peer.chain_known:
            yield name, truth[name], seen
    yield "revocation", truth.get("revocation", "none"), _revocation(peer)


def _key(item: Peer) -> str:
    return item.leaf.key_type + (f" {item.leaf.key_bits}" if item.leaf.key_bits else "")


def _revocation(peer: Peer) -> str:
    said = peer.revocation
    if said is None:
        return "none"
    if isinstance(said, Revocation):
        return {Revoked.GOOD: "good", Revoked.REVOKED: "revoked", Revoked.UNKNOWN: "unknown"}[said.status]
    return "unreadable"


def _findings(findings: Mapping[str, str], wanted: Mapping[str, tuple[str, ...]]) -> Pairs:
    for check, results in wanted.items():
        seen = findings.get(check, "no such check")
        yield check, seen if seen in results else " or ".join(results), seen
