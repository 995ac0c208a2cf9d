"""Does the inventory say of this asset what an asset register must say?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, passed
from auditor.evidence.declared import DeclaredTarget


class InventoryRecord(Check[DeclaredTarget, NoParams]):
    """Which fields must be there depends on the kind of asset; the engine names those that are missing."""

    id: ClassVar[str] = "network.inventory-record"
    evidence: ClassVar[type] = DeclaredTarget

    def judge(self, evidence: DeclaredTarget, params: NoParams) -> Verdict:
        if evidence.missing:
            fields = ", ".join(evidence.missing)
            return failed("fields-missing", found=evidence.missing, where="inventory", fields=fields)
        return passed("complete", where="inventory")
