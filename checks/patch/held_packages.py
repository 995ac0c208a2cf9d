"""Is no package held back from being updated?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Verdict, failed, param, passed
from auditor.evidence.patch import PatchState


@dataclass(frozen=True)
class Params:
    allowed: tuple[str, ...] = param((), stricter="fewer")
    """Packages that may be on hold, without their architecture."""


class HeldPackages(Check[PatchState, Params]):
    """A package on hold gets no security fix until someone remembers it."""

    id: ClassVar[str] = "patch.held-packages"
    evidence: ClassVar[type] = PatchState
    params: ClassVar[type] = Params

    def judge(self, evidence: PatchState, params: Params) -> Verdict:
        held = tuple(name for name in evidence.held if name.partition(":")[0] not in params.allowed)
        if held:
            return failed(
                "held", expected=params.allowed, found=held, where="apt-mark showhold", packages=", ".join(held)
            )
        return passed("none", expected=params.allowed, found=evidence.held, where="dpkg-query")
