"""Is the link as quick as agreed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, NoParams, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.declared import DeclaredTarget
from auditor.evidence.link import LinkState


@dataclass(frozen=True)
class LinkAndSla(Bundle):
    link: LinkState
    declared: DeclaredTarget


class Latency(Check[LinkAndSla, NoParams]):
    """Average round trip against the agreement; without one there is nothing to hold it against."""

    id: ClassVar[str] = "link.latency"
    evidence: ClassVar[type] = LinkAndSla

    def judge(self, evidence: LinkAndSla, params: NoParams) -> Verdict:
        link, most = evidence.link, evidence.declared.sla_rtt_ms
        if most is None:
            return notapplicable("no-agreement", found=link.rtt_avg_ms, where=link.address)
        expected = f"<= {most:g} ms"
        if link.rtt_avg_ms is None:
            return unknown("no-answer", expected=expected, where=link.address, sent=link.sent)
        answer, code = (passed, "within") if link.rtt_avg_ms <= most else (failed, "beyond")
        return answer(
            code,
            expected=expected,
            found=f"{link.rtt_avg_ms:g} ms",
            where=link.address,
            average=f"{link.rtt_avg_ms:g}",
            worst=f"{link.rtt_max_ms:g}",
            most=f"{most:g}",
        )
