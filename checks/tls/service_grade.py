"""Which grade from A to F does the service as a whole deserve?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, over, param
from auditor.evidence.tls import TlsService
from auditor.tls_grade import Cap, caps


@dataclass(frozen=True)
class Params:
    minimum: str = param("B", stricter="lower")
    """The worst grade that passes."""


class ServiceGrade(Check[TlsService, Params]):
    """Each cap is an instance with its reason; a range where something could not be seen."""

    id: ClassVar[str] = "tls.service-grade"
    evidence: ClassVar[type] = TlsService
    params: ClassVar[type] = Params

    def judge(self, evidence: TlsService, params: Params) -> Verdict:
        found = caps(evidence)
        best = max((cap.grade for cap in found if cap.seen), default="A")
        worst = max((cap.grade for cap in found), default="A")
        made = [_instance(cap, params, evidence.where) for cap in found]
        if not made:
            made = [Instance("uncapped", Result.PASS, Say("uncapped"), params.minimum, "A", evidence.where)]
        grade = best if best == worst else f"{best}-{worst}"
        return replace(over(made, "grade", expected=f"<= {params.minimum}", grade=grade), found=grade)


def _instance(cap: Cap, params: Params, where: str) -> Instance:
    result = Result.PASS if cap.grade <= params.minimum else Result.FAIL if cap.seen else Result.UNKNOWN
    values = {"grade": cap.grade, "about": cap.about or cap.code.removeprefix("cap-")}
    return Instance(
        cap.id, result, Say(cap.code if cap.seen else "cap-unseen", values), params.minimum, cap.grade, where
    )
