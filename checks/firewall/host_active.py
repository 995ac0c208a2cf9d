"""Does the host's own firewall keep anything out?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, passed, unknown
from auditor.evidence.firewall import FirewallPolicy


class HostActive(Check[FirewallPolicy, NoParams]):
    """Judged by the effect on new IPv4 traffic, not by the name of a tool: an empty rule set is no firewall."""

    id: ClassVar[str] = "firewall.host-active"
    evidence: ClassVar[type] = FirewallPolicy

    def judge(self, evidence: FirewallPolicy, params: NoParams) -> Verdict:
        way = evidence.inbound_v4
        backends = ", ".join(evidence.backends)
        if way.restricts is None:
            return unknown("not-understood", found=backends, where=way.default_where, line=way.default_where)
        if way.restricts:
            return passed("active", found=backends, where=way.default_where, backends=backends)
        if not evidence.backends:
            return failed("no-rules", where="nft, iptables-save, iptables-legacy-save")
        return failed("lets-all-in", found=backends, where=way.default_where, backends=backends)
