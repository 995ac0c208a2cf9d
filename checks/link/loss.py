"""Does the link lose no more packets than agreed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Say, Verdict, failed, param, passed
from auditor.evidence.declared import DeclaredTarget
from auditor.evidence.link import LinkState


@dataclass(frozen=True)
class Params:
    loss_pct: float = param(1, stricter="lower")
    """Where the inventory names no agreed loss. A tool default."""


@dataclass(frozen=True)
class LinkAndSla(Bundle):
    link: LinkState
    declared: DeclaredTarget


class Loss(Check[LinkAndSla, Params]):
    """Measured over one series of echoes: a look at this moment, not a month's average."""

    id: ClassVar[str] = "link.loss"
    evidence: ClassVar[type] = LinkAndSla
    params: ClassVar[type] = Params

    def judge(self, evidence: LinkAndSla, params: Params) -> Verdict:
        link, agreed = evidence.link, evidence.declared.sla_loss_pct
        most = params.loss_pct if agreed is None else agreed
        answer, code = (passed, "within") if link.loss_pct <= most else (failed, "beyond")
        return answer(
            code,
            expected=Say("at-most", {"share": _figure(most)}),
            found=Say("share", {"share": _figure(link.loss_pct)}),
            where=link.address,
            loss=_figure(link.loss_pct),
            most=_figure(most),
            lost=link.sent - link.received,
            sent=link.sent,
        )


def _figure(number: float) -> Say | str:
    """A share to three places, so that 1.04 % never reads as the 1 % that is allowed."""
    whole, _, places = f"{number:.3f}".rstrip("0").rstrip(".").partition(".")
    return Say("decimal", {"whole": whole, "places": places}) if places else whole
