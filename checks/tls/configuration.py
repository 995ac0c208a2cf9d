"""Does the service offer what its target configuration allows, and nothing beside it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from auditor import VIETNAM, Check, Instance, Result, Say, Unavailable, Verdict, over, param, unknown
from auditor.evidence.tls import Offer, TlsProfile, TlsService


@dataclass(frozen=True)
class Params:
    profile: str = param("", stricter="none")  # modern, intermediate, legacy; empty: that of the target's role


class Configuration(Check[TlsService, Params]):
    """Versions, suites, groups and keys: each that the list does not have is a deviation."""

    id: ClassVar[str] = "tls.configuration"
    evidence: ClassVar[type] = TlsService
    params: ClassVar[type] = Params

    def judge(self, evidence: TlsService, params: Params) -> Verdict:
        name = params.profile or evidence.aims_at
        aim = next((one for one in evidence.profiles if one.name == name), None)
        day = evidence.seen.now.astimezone(VIETNAM).date()
        if aim is None or day < aim.from_ or (aim.until is not None and day > aim.until):
            return unknown("no-profile", where=evidence.where, profile=name or "-")
        return over(_compared(evidence, aim), "configuration", expected=name, profile=name)


def _compared(evidence: TlsService, aim: TlsProfile) -> Iterator[Instance]:
    for protocol in evidence.protocols:
        if protocol.version not in aim.versions:
            result = {Offer.OFFERED: Result.FAIL, Offer.REFUSED: Result.PASS}.get(protocol.offer, Result.UNKNOWN)
            yield _instance(evidence, protocol.version, result)
        elif protocol.offer is Offer.UNTESTED or (protocol.offer is Offer.OFFERED and not protocol.whole):
            yield _instance(evidence, protocol.version, Result.UNKNOWN)
    for suite in evidence.suites:
        yield _instance(evidence, suite.name, Result.PASS if suite.name in aim.suites else Result.FAIL)
    for group in evidence.groups:
        yield _instance(evidence, group.name, Result.PASS if group.name in aim.groups else Result.FAIL)
    for dh in evidence.dh:
        yield _instance(
            evidence, f"DH {dh.bits}", Result.PASS if aim.dh_bits and dh.bits >= aim.dh_bits else Result.FAIL
        )
    for peer in (evidence.peer, *evidence.others):
        if isinstance(peer, Unavailable):
            yield _instance(evidence, "certificate", Result.UNKNOWN)
            continue
        kind, bits = peer.leaf.key_type, peer.leaf.key_bits or 0
        good = kind in aim.key_types and (kind != "rsa" or bits >= aim.rsa_bits)
        yield _instance(evidence, f"{kind} {bits}".removesuffix(" 0"), Result.PASS if good else Result.FAIL)


def _instance(evidence: TlsService, what: str, result: Result) -> Instance:
    code = {Result.PASS: "allowed", Result.FAIL: "beside"}.get(result, "unseen")
    return Instance(what, result, Say(code, {"what": what}), where=evidence.where)
