"""Can a machine be administered from where the auditor stands, though that is no place for administration?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Instance, Result, Say, Verdict, over, param, passed, unknown
from auditor.evidence.declared import DeclaredTarget
from auditor.evidence.exposure import Exposure, OpenPort


@dataclass(frozen=True)
class Params:
    """``vantage``: where the auditing machine stands: ``admin`` (a network for administration), ``user`` or ``unsaid``.

    ``also``: services of other families by which machines are administered.
    """

    vantage: str = param("unsaid", stricter="none")
    role_ports: Mapping[str, tuple[int, ...]] = param({"bastion": (22, 3389)}, stricter="fewer")
    also: tuple[str, ...] = param(("telnet", "rlogin", "rsh", "rexec"), stricter="more")


@dataclass(frozen=True)
class Facts(Bundle):
    exposure: Exposure
    declared: DeclaredTarget


class AdminExposure(Check[Facts, Params]):
    """Reachable from a network for administration is as it should be; from one for users it is not."""

    id: ClassVar[str] = "network.admin-exposure"
    evidence: ClassVar[type] = Facts
    params: ClassVar[type] = Params

    def judge(self, evidence: Facts, params: Params) -> Verdict:
        seen = evidence.exposure
        if not seen.alive:
            return unknown("silent", where=seen.address, asked=seen.asked)
        items = tuple(self._instances(seen, evidence.declared, params))
        return over(items, "admin") if items else passed("none-open", where=seen.address, asked=seen.asked)

    def _instances(self, seen: Exposure, declared: DeclaredTarget, params: Params) -> Iterator[Instance]:
        allowed = {*declared.ports, *params.role_ports.get(declared.role or "", ())}
        for item in seen.open:
            if item.family == "admin" or item.name in params.also or item.port == seen.login_port:
                result, code = self._weigh(item, allowed, seen.login_port, params.vantage)
                said = Say(code, {"port": item.label})
                yield Instance(f"tcp/{item.port}", result, said, None, item.said or None, seen.address)

    def _weigh(self, item: OpenPort, allowed: set[int], login: int | None, vantage: str) -> tuple[Result, str]:
        if item.port in allowed:
            return Result.PASS, "declared"
        if item.port == login:
            return Result.INFORMATIONAL, "login"
        answers = {"admin": (Result.INFORMATIONAL, "from-admin"), "user": (Result.FAIL, "from-user")}
        return answers.get(vantage, (Result.UNKNOWN, "from-unsaid"))
