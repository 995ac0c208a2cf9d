"""Is the security level of every system on this asset approved?"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Verdict, failed, over
from auditor.evidence.declared import DeclaredTarget

_APPROVED, _WANTED = "approved", Say("status-approved")


class LevelDossier(Check[DeclaredTarget, NoParams]):
    """Approved, and with the decision named (decree 331/2026, art. 17-24)."""

    id: ClassVar[str] = "network.level-dossier"
    evidence: ClassVar[type] = DeclaredTarget

    def judge(self, evidence: DeclaredTarget, params: NoParams) -> Verdict:
        if not evidence.level_status:
            return failed("no-system", where="inventory")
        instances = [_dossier(*told) for told in evidence.level_status]
        return replace(over(instances, "dossiers"), expected=_WANTED, where="inventory: systems.level_status")


def _dossier(system: str, status: str, decision: bool) -> Instance:
    held = Say(f"status-{status}")
    if status != _APPROVED:
        said = Say("not-approved", {"system": system, "status": held})
        return Instance(system, Result.FAIL, said, _WANTED, held, "inventory: systems.level_status")
    if not decision:
        said = Say("no-decision", {"system": system})
        return Instance(system, Result.FAIL, said, found=held, where="inventory: systems.decision")
    said = Say("approved", {"system": system})
    return Instance(system, Result.PASS, said, _WANTED, held, "inventory: systems.level_status")
