"""Are security updates installed without anyone doing it?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, passed
from auditor.evidence.patch import UpdateAutomation


class AutomaticUpdates(Check[UpdateAutomation, NoParams]):
    """The whole chain must hold: program, settings, security archives allowed, and something that starts it."""

    id: ClassVar[str] = "patch.automatic-updates"
    evidence: ClassVar[type] = UpdateAutomation

    def judge(self, evidence: UpdateAutomation, params: NoParams) -> Verdict:
        where = "apt-config dump"
        if not evidence.installed:
            return failed("not-installed", expected="unattended-upgrades", found=None, where="/usr/bin")
        for code, holds, setting in (
            ("switched-off", evidence.enabled, "APT::Periodic::Enable"),
            ("no-refresh", evidence.refresh, "APT::Periodic::Update-Package-Lists"),
            ("no-upgrade", evidence.upgrade, "APT::Periodic::Unattended-Upgrade"),
        ):
            if not holds:
                return failed(code, expected=f'{setting} "1"', found="0", where=where)
        if not any("security" in origin.lower() for origin in evidence.origins):
            return failed("no-security-origin", expected="*-security", found=evidence.origins, where=where)
        off = tuple(f"{timer}: {state}" for timer, state in evidence.timers if not state.startswith("enabled"))
        if off:
            return failed("timer-off", expected="enabled", found=off, where="systemctl is-enabled", timer=off[0])
        if not evidence.timers and not evidence.cron:
            return failed(
                "nothing-starts-it", expected="apt-daily.timer", found=None, where="systemctl, /etc/cron.daily"
            )
        return passed("on", found=evidence.origins, where=where)
