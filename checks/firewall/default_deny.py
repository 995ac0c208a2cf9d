"""Is inbound traffic that no rule names dropped, over IPv4 and over IPv6?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Verdict, over
from auditor.evidence.firewall import FirewallPolicy

_RESULTS = {"drop": Result.PASS, "accept": Result.FAIL, None: Result.UNKNOWN}
_CODES = {"drop": "dropped", "accept": "accepted", None: "not-understood"}


class DefaultDeny(Check[FirewallPolicy, NoParams]):
    """The two versions have separate rules; a host closed over one is often wide open over the other."""

    id: ClassVar[str] = "firewall.default-deny"
    evidence: ClassVar[type] = FirewallPolicy

    def judge(self, evidence: FirewallPolicy, params: NoParams) -> Verdict:
        return over((self._version(evidence, version) for version in (4, 6)), "inbound", expected="drop")

    def _version(self, evidence: FirewallPolicy, version: int) -> Instance:
        name = f"ipv{version}"
        if version == 6 and evidence.ipv6_off:
            return Instance(name, Result.NOTAPPLICABLE, Say("ipv6-off"), where="net.ipv6.conf.all.disable_ipv6")
        way = evidence.way("inbound", version)
        said = Say(_CODES[way.default], {"version": version})
        return Instance(name, _RESULTS[way.default], said, "drop", way.default, way.default_where)
