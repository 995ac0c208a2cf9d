"""Does the service take no cipher suite that is broken or too weak?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, over, param
from auditor.evidence.tls import Protocol, Suite, TlsService


@dataclass(frozen=True)
class Params:
    min_bits: int = param(128, stricter="higher")
    """Least effective strength of the bulk cipher (3DES counts 112: NIST SP 800-131A rev. 2 disallows it)."""
    refused: tuple[str, ...] = param(("RC4_128",), stricter="more")
    """Bulk ciphers refused whatever their strength (RFC 7465)."""


class CipherSuites(Check[TlsService, Params]):
    """Every suite it would agree to counts, not only the one that a browser of today ends up with."""

    id: ClassVar[str] = "tls.cipher-suites"
    evidence: ClassVar[type] = TlsService
    params: ClassVar[type] = Params

    def judge(self, evidence: TlsService, params: Params) -> Verdict:
        made: dict[str, Instance] = {}
        for protocol in evidence.offered:
            for suite in protocol.suites:
                code = _fault(suite, params)
                result = Result.FAIL if code != "suite-strong" else Result.PASS
                values = {"suite": suite.name, "bits": suite.bits}
                made[suite.name] = Instance(suite.name, result, Say(code, values), where=evidence.where)
        made |= {one.version: _unseen(one, evidence) for one in evidence.offered if not one.whole}
        weak = ", ".join(name for name, one in made.items() if one.result is Result.FAIL)
        if not made:
            made["-"] = Instance("-", Result.UNKNOWN, Say("list-cut", {"version": "-"}), where=evidence.where)
        return over(made.values(), "suites", expected=f">= {params.min_bits} bit", weak=weak)


def _fault(suite: Suite, params: Params) -> str:
    if suite.authentication == "anon":
        return "suite-anonymous"
    if suite.bits == 0:
        return "suite-clear"
    return "suite-weak" if suite.bits < params.min_bits or suite.cipher in params.refused else "suite-strong"


def _unseen(protocol: Protocol, evidence: TlsService) -> Instance:
    return Instance(
        protocol.version, Result.UNKNOWN, Say("list-cut", {"version": protocol.version}), where=evidence.where
    )
