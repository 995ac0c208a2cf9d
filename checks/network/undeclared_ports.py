"""Does a target answer on nothing but the ports it is declared to offer?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Instance, Result, Say, Verdict, over, param, passed, unknown
from auditor.evidence.declared import DeclaredTarget
from auditor.evidence.exposure import Exposure


@dataclass(frozen=True)
class Params:
    """``always``: may answer anywhere without being declared (SSH is judged by admin-exposure)."""

    role_ports: Mapping[str, tuple[int, ...]] = param(
        {"web": (80, 443), "dns": (53,), "mail": (25, 443, 465, 587, 993, 995), "ntp": (123,)}, stricter="fewer"
    )
    always: tuple[str, ...] = param(("tcp/22",), stricter="fewer")


@dataclass(frozen=True)
class Facts(Bundle):
    exposure: Exposure
    declared: DeclaredTarget


class UndeclaredPorts(Check[Facts, Params]):
    """What nobody declared nobody looks after."""

    id: ClassVar[str] = "network.undeclared-ports"
    evidence: ClassVar[type] = Facts
    params: ClassVar[type] = Params

    def judge(self, evidence: Facts, params: Params) -> Verdict:
        seen = evidence.exposure
        if not seen.alive:
            return unknown("silent", where=seen.address, asked=seen.asked)
        items = tuple(self._instances(seen, evidence.declared, params))
        if not items:
            return passed("none-open", found=seen.scanner, where=seen.address, asked=seen.asked)
        return over(items, "ports", asked=seen.asked, scanner=seen.scanner)

    def _instances(self, seen: Exposure, declared: DeclaredTarget, params: Params) -> Iterator[Instance]:
        ports = {*declared.ports, *params.role_ports.get(declared.role or "", ())}
        allowed = {*params.always, *(f"{protocol}/{port}" for protocol in ("tcp", "udp") for port in ports)}
        allowed |= {f"tcp/{seen.login_port}"} if seen.login_port else set()
        told = [(f"tcp/{item.port}", item.label, item.said) for item in seen.open]
        for name, label, said in told + [(f"udp/{item.port}", item.label, item.said) for item in seen.heard()]:
            good = name in allowed
            result = Result.PASS if good else Result.FAIL
            message = Say("declared" if good else "undeclared", {"port": label})
            yield Instance(name, result, message, None, said or None, seen.address)
