"""Is the link as quick as agreed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, NoParams, Say, Verdict, failed, notapplicable, passed, unknown
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
        expected = Say("at-most", {"time": _figure(most)})
        if link.rtt_avg_ms is None:
            return unknown("no-answer", expected=expected, where=link.address, sent=link.sent)
        answer, code = (passed, "within") if link.rtt_avg_ms <= most else (failed, "beyond")
        return answer(
            code,
            expected=expected,
            found=Say("time", {"time": _figure(link.rtt_avg_ms)}),
            where=link.address,
            average=_figure(link.rtt_avg_ms),
            worst=_figure(link.rtt_max_ms),
            most=_figure(most),
        )


def _figure(number: float | None) -> Say | str:
    """Milliseconds to three places: in one room an answer takes less than a tenth of one."""
    if number is None:
        return "?"
    whole, _, places = f"{number:.3f}".rstrip("0").rstrip(".").partition(".")
    return Say("decimal", {"whole": whole, "places": places}) if places else whole
