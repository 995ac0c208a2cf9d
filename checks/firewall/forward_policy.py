"""Does the host refuse to pass on traffic that no rule names?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Verdict, over
from auditor.evidence.firewall import FirewallPolicy

_RESULTS = {"drop": Result.PASS, "accept": Result.FAIL, None: Result.UNKNOWN}
_CODES = {"drop": "dropped", "accept": "accepted", None: "not-understood"}


class ForwardPolicy(Check[FirewallPolicy, NoParams]):
    """A host that passes everything on is a bridge between networks that were kept apart."""

    id: ClassVar[str] = "firewall.forward-policy"
    evidence: ClassVar[type] = FirewallPolicy

    def judge(self, evidence: FirewallPolicy, params: NoParams) -> Verdict:
        return over((self._version(evidence, version) for version in (4, 6)), "forward", expected="drop")

    def _version(self, evidence: FirewallPolicy, version: int) -> Instance:
        name = f"ipv{version}"
        if version == 6 and evidence.ipv6_off:
            return Instance(name, Result.NOTAPPLICABLE, Say("ipv6-off"), where="net.ipv6.conf.all.disable_ipv6")
        if not (evidence.forwards_v4 if version == 4 else evidence.forwards_v6):
            where = "net.ipv4.ip_forward" if version == 4 else "net.ipv6.conf.all.forwarding"
            return Instance(name, Result.PASS, Say("does-not-forward", {"version": version}), 0, 0, where)
        way = evidence.way("forward", version)
        said = Say(_CODES[way.default], {"version": version})
        return Instance(name, _RESULTS[way.default], said, "drop", way.default, way.default_where)
