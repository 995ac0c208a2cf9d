"""Does the far end of the link answer?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, passed
from auditor.evidence.link import LinkState


class Reachability(Check[LinkState, NoParams]):
    """One answer is enough; how many are lost is another question."""

    id: ClassVar[str] = "link.reachability"
    evidence: ClassVar[type] = LinkState

    def judge(self, evidence: LinkState, params: NoParams) -> Verdict:
        answer, code = (passed, "answers") if evidence.received else (failed, "silent")
        return answer(
            code,
            expected=">= 1",
            found=evidence.received,
            where=evidence.address,
            address=evidence.address,
            sent=evidence.sent,
            received=evidence.received,
        )
