"""Are the groups that keys are agreed in large enough?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, notapplicable, over, param, unknown
from auditor.evidence.tls import DhParameters, Group, TlsService


@dataclass(frozen=True)
class Params:
    dh_bits: int = param(2048, stricter="higher")
    """Finite fields (NIST SP 800-57: 2048 bits for 112 bits of security)."""
    ec_bits: int = param(224, stricter="higher")
    """Curves: twice the bits of security."""


class KeyExchange(Check[TlsService, Params]):
    """A 1024-bit prime that many servers share is within the reach of states (Logjam)."""

    id: ClassVar[str] = "tls.key-exchange"
    evidence: ClassVar[type] = TlsService
    params: ClassVar[type] = Params

    def judge(self, evidence: TlsService, params: Params) -> Verdict:
        made = [_prime(one, params, evidence.where) for one in evidence.dh]
        made += [_group(one, params, evidence.where) for one in evidence.groups]
        exchanges = {suite.exchange for suite in evidence.suites}
        if "dhe" in exchanges and not evidence.dh:
            made.append(Instance("dh", Result.UNKNOWN, Say("prime-unseen"), where=evidence.where))
        if exchanges & {"ecdhe", "tls13"} and not evidence.groups_whole:
            made.append(Instance("groups", Result.UNKNOWN, Say("groups-cut"), where=evidence.where))
        if made:
            return over(made, "groups", expected=f"DH >= {params.dh_bits}, EC >= {params.ec_bits}")
        if exchanges:
            return notapplicable("no-agreement", where=evidence.where)
        return unknown("no-suites", where=evidence.where)


def _prime(one: DhParameters, params: Params, where: str) -> Instance:
    good = one.bits >= params.dh_bits
    code = "prime-strong" if good else "prime-common" if one.common else "prime-weak"
    values = {"bits": one.bits, "name": one.common}
    return Instance(one.prime, Result.PASS if good else Result.FAIL, Say(code, values), params.dh_bits, one.bits, where)


def _group(one: Group, params: Params, where: str) -> Instance:
    needed = params.dh_bits if one.name.startswith("ffdhe") else params.ec_bits
    values = {"group": one.name, "bits": one.bits}
    if not one.bits and not one.hybrid:
        return Instance(one.name, Result.UNKNOWN, Say("group-unknown", values), needed, one.name, where)
    good = one.hybrid or one.bits >= needed
    code, result = ("group-strong", Result.PASS) if good else ("group-weak", Result.FAIL)
    return Instance(one.name, result, Say(code, values), needed, one.bits, where)
