"""Must everybody give a password to log in at the machine itself?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Verdict, over, passed, unknown
from auditor.evidence.hardening import HostHardening

_LOOKED = "/etc/systemd/system, /etc/inittab, gdm, lightdm, sddm"


class AutomaticLogin(Check[HostHardening, NoParams]):
    """Consoles (getty) and display managers (gdm, lightdm, sddm)."""

    id: ClassVar[str] = "hardening.automatic-login"
    evidence: ClassVar[type] = HostHardening

    def judge(self, evidence: HostHardening, params: NoParams) -> Verdict:
        if evidence.auto_logins is None:
            return unknown("unread", where=_LOOKED)
        if not evidence.auto_logins:
            return passed("none", where=_LOOKED)
        return over(
            (
                Instance(item.where, Result.FAIL, Say("logs-in"), None, None, item.where)
                for item in evidence.auto_logins
            ),
            "places",
        )
