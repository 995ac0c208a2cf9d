"""Do the service's name and its mail servers' names lead to something that exists?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Verdict, notapplicable, over
from auditor.evidence.domain import DomainRecords, Pointer, State

_SAID = {
    State.FOUND: (Result.PASS, "found"),
    State.MISSING: (Result.FAIL, "missing"),
    State.UNTESTED: (Result.UNKNOWN, "untested"),
}


class DanglingName(Check[DomainRecords, NoParams]):
    """What the one resolver says; a name that leads nowhere can often be had by whoever asks for it first."""

    id: ClassVar[str] = "network.dangling-name"
    evidence: ClassVar[type] = DomainRecords

    def judge(self, evidence: DomainRecords, params: NoParams) -> Verdict:
        if not evidence.pointers:
            return notapplicable("no-names", where="inventory")
        return over([_judged(one) for one in evidence.pointers], "names")


def _judged(one: Pointer) -> Instance:
    result, code = _SAID[one.state]
    said = Say(code, {"owner": one.owner, "goal": one.goal, "why": one.why})
    return Instance(f"{one.kind}:{one.goal}", result, said, found=one.goal, where=f"{one.kind} {one.owner}")
