"""Does a command line close when nobody types?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Verdict, failed, param, passed
from auditor.evidence.shells import ShellSettings


@dataclass(frozen=True)
class Params:
    max_minutes: int = param(15, stricter="lower")


class ShellIdleTimeout(Check[ShellSettings, Params]):
    """TMOUT, set for everybody and read-only: an open session on an empty chair is an open door."""

    id: ClassVar[str] = "access.shell-idle-timeout"
    evidence: ClassVar[type] = ShellSettings
    params: ClassVar[type] = Params

    def judge(self, evidence: ShellSettings, params: Params) -> Verdict:
        wanted = f"TMOUT <= {params.max_minutes * 60}"
        if not evidence.timeouts:
            return failed("unset", expected=wanted, found="-", where="/etc/profile", limit=params.max_minutes)
        # Where several files set it, the one that lets a session live longest counts.
        longest = max(evidence.timeouts, key=lambda each: each.seconds or float("inf"))
        found, where = f"TMOUT={longest.seconds}", longest.where
        if not 0 < longest.seconds <= params.max_minutes * 60:
            return failed("long", expected=wanted, found=found, where=where, limit=params.max_minutes)
        if not evidence.readonly:
            return failed("changeable", expected="readonly TMOUT", found=found, where=where)
        return passed("closes", expected=wanted, found=found, where=where, limit=params.max_minutes)
