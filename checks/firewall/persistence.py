"""Will the firewall still be there after a restart?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.firewall import FirewallPolicy


class Persistence(Check[FirewallPolicy, NoParams]):
    """Rules live in the kernel; after a restart only a service that loads them again brings them back."""

    id: ClassVar[str] = "firewall.persistence"
    evidence: ClassVar[type] = FirewallPolicy

    def judge(self, evidence: FirewallPolicy, params: NoParams) -> Verdict:
        if evidence.inbound_v4.restricts is False:
            return notapplicable("nothing-to-keep")
        if evidence.keepers is None:
            return unknown("services-not-listed", where="systemctl list-unit-files")
        enabled = [keeper for keeper in evidence.keepers if keeper.enabled]
        for keeper in enabled:
            if keeper.rules:
                return passed("kept", found=keeper.unit, where=keeper.config, unit=keeper.unit)
        for keeper in enabled:
            if keeper.rules is None:
                return unknown("rules-unclear", found=keeper.unit, where=keeper.config, unit=keeper.unit)
        if enabled:
            keeper = enabled[0]
            return failed("loads-nothing", found=keeper.unit, where=keeper.config, unit=keeper.unit)
        return failed("no-service", found=tuple(keeper.unit for keeper in evidence.keepers), where="systemctl")
