"""Is the host the kind of system that the inventory says?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, NoParams, Verdict, failed, notapplicable, passed
from auditor.evidence.declared import DeclaredTarget
from auditor.evidence.system import SystemState

_HOSTS = ("linux", "windows")


@dataclass(frozen=True)
class DeclaredAndFound(Bundle):
    declared: DeclaredTarget
    system: SystemState


class DeclaredPlatform(Check[DeclaredAndFound, NoParams]):
    """Rules are chosen by the declared platform: a false one makes the wrong ones apply."""

    id: ClassVar[str] = "network.declared-platform"
    evidence: ClassVar[type] = DeclaredAndFound

    def judge(self, evidence: DeclaredAndFound, params: NoParams) -> Verdict:
        declared, system = evidence.declared.platform, evidence.system
        if declared not in _HOSTS:
            return notapplicable("not-declared", found=system.os_name, where="inventory: platform")
        found = "windows" if system.os_id == "windows" else "linux"
        answer, code = (passed, "as-declared") if found == declared else (failed, "other-platform")
        return answer(
            code,
            expected=declared,
            found=system.os_id,
            where="inventory: platform",
            declared=declared,
            name=system.os_name,
        )
