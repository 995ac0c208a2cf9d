"""Are only the ports that the host is declared to offer open to everyone?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Instance, Result, Say, Verdict, over, param, passed, worst
from auditor.evidence.declared import DeclaredTarget
from auditor.evidence.firewall import FirewallPolicy, Opening


@dataclass(frozen=True)
class Params:
    """``always``: open anywhere without being declared (SSH is judged by admin-sources; DHCP clients)."""

    role_ports: Mapping[str, tuple[int, ...]] = param(
        {"web": (80, 443), "dns": (53,), "mail": (25, 443, 465, 587, 993, 995), "ntp": (123,)}, stricter="fewer"
    )
    always: tuple[str, ...] = param(("tcp/22", "udp/68", "udp/546"), stricter="fewer")


@dataclass(frozen=True)
class Facts(Bundle):
    firewall: FirewallPolicy
    declared: DeclaredTarget


class OpenPorts(Check[Facts, Params]):
    """Looks at rules, not at services: an open port without a service waits for one."""

    id: ClassVar[str] = "firewall.open-ports"
    evidence: ClassVar[type] = Facts
    params: ClassVar[type] = Params

    def judge(self, evidence: Facts, params: Params) -> Verdict:
        ports = (*evidence.declared.ports, *params.role_ports.get(evidence.declared.role or "", ()))
        allowed = {*params.always, *(f"{protocol}/{port}" for protocol in ("tcp", "udp") for port in ports)}
        found: dict[str, Instance] = {}
        for item in self._instances(evidence.firewall, allowed):
            held = found.get(item.id, item)
            found[item.id] = held if worst((held.result, item.result)) is held.result else item
        return over(found.values(), "ports") if found else passed("none-open", where="inbound")

    def _instances(self, policy: FirewallPolicy, allowed: set[str]) -> Iterator[Instance]:
        for version in (4,) if policy.ipv6_off else (4, 6):
            way = policy.way("inbound", version)
            if way.default == "accept":
                said = Say("everything", {"version": version})
                yield Instance(f"ipv{version}", Result.FAIL, said, None, "any", way.default_where)
            else:
                yield from (self._opening(item, version, allowed) for item in way.openings if item.world)

    def _opening(self, item: Opening, version: int, allowed: set[str]) -> Instance:
        good = all(f"{item.protocol}/{port}" in allowed for port in range(item.first, item.last + 1))
        result = Result.PASS if good else Result.FAIL if item.sure else Result.UNKNOWN
        code = "declared" if good else "world-open" if item.sure else "not-understood"
        said = Say(code, {"protocol": item.protocol, "ports": item.ports, "version": version})
        return Instance(f"ipv{version}/{item.protocol}/{item.ports}", result, said, None, item.sources, item.where)
