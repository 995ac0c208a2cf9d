"""Can only chosen networks reach the ports by which the host is administered?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, over, param, passed, worst
from auditor.evidence.firewall import FirewallPolicy


@dataclass(frozen=True)
class Params:
    """TCP ports of remote administration: SSH, RDP, WinRM, VNC, Cockpit, Webmin, Proxmox."""

    ports: tuple[int, ...] = param((22, 3389, 5900, 5985, 5986, 8006, 9090, 10000), stricter="more")


class AdminSources(Check[FirewallPolicy, Params]):
    """Every password guesser in the world knows these ports; he need not reach them."""

    id: ClassVar[str] = "firewall.admin-sources"
    evidence: ClassVar[type] = FirewallPolicy
    params: ClassVar[type] = Params

    def judge(self, evidence: FirewallPolicy, params: Params) -> Verdict:
        found: dict[str, Instance] = {}
        for version in (4,) if evidence.ipv6_off else (4, 6):
            for item in self._version(evidence, version, params):
                held = found.get(item.id, item)
                found[item.id] = held if worst((held.result, item.result)) is held.result else item
        return over(found.values(), "admin") if found else passed("none-open", where="inbound")

    def _version(self, evidence: FirewallPolicy, version: int, params: Params) -> Iterator[Instance]:
        way = evidence.way("inbound", version)
        if way.default == "accept":
            said = Say("everything", {"version": version})
            yield Instance(f"ipv{version}", Result.FAIL, said, None, "any", way.default_where)
            return
        for item in way.openings:
            for port in params.ports:
                if item.protocol == "tcp" and item.first <= port <= item.last:
                    result = Result.PASS if not item.world else Result.FAIL if item.sure else Result.UNKNOWN
                    code = "limited" if not item.world else "world-open" if item.sure else "not-understood"
                    said = Say(code, {"port": port, "version": version})
                    yield Instance(f"ipv{version}/tcp/{port}", result, said, None, item.sources, item.where)
