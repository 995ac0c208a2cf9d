"""Does a database answer a machine that is none of its applications?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Instance, NoParams, Result, Say, Verdict, over, passed, unknown
from auditor.evidence.declared import DeclaredTarget
from auditor.evidence.exposure import Exposure


@dataclass(frozen=True)
class Facts(Bundle):
    exposure: Exposure
    declared: DeclaredTarget


class DatabaseExposure(Check[Facts, NoParams]):
    """The auditing machine needs no database: if it can reach one, so can others who need none."""

    id: ClassVar[str] = "network.database-exposure"
    evidence: ClassVar[type] = Facts

    def judge(self, evidence: Facts, params: NoParams) -> Verdict:
        seen = evidence.exposure
        if not seen.alive:
            return unknown("silent", where=seen.address, asked=seen.asked)
        found = []
        for item in seen.open:
            if item.family == "database" or item.seen == "mysql":
                good = item.port in evidence.declared.ports
                said = Say("declared" if good else "reachable", {"port": item.label})
                result = Result.PASS if good else Result.FAIL
                found.append(Instance(f"tcp/{item.port}", result, said, None, item.said or None, seen.address))
        return over(found, "databases") if found else passed("none-open", where=seen.address, asked=seen.asked)
