"""Does the anti-malware software run, and does it protect in real time?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Verdict, failed, notapplicable, param, passed, unknown
from auditor.evidence.antivirus import AntivirusState


@dataclass(frozen=True)
class Params:
    on_access: bool = param(False, stricter="true")
    """Must files be scanned as they are opened? Otherwise a running scanner is enough."""
    agents: tuple[str, ...] = param((), stricter="fewer")
    """Process names of further agents that count."""


class Running(Check[AntivirusState, Params]):
    """clamd scans on request; only clamonacc beside it scans on access."""

    id: ClassVar[str] = "antivirus.running"
    evidence: ClassVar[type] = AntivirusState
    params: ClassVar[type] = Params

    def judge(self, evidence: AntivirusState, params: Params) -> Verdict:
        clamav = evidence.clamav.running if evidence.clamav else ()
        others = evidence.others_running(params.agents)
        if {"clamd", "clamonacc"} <= set(clamav):
            return passed("on-access", found=clamav, where="ps")
        if others and params.on_access:
            return unknown("agent-mode", found=others, where="ps", products=", ".join(others))
        if others:
            return passed("agent-runs", found=others, where="ps", products=", ".join(others))
        if "clamd" in clamav and params.on_access:
            return failed("no-on-access", expected=("clamd", "clamonacc"), found=clamav, where="ps")
        if "clamd" in clamav:
            return passed("daemon", found=clamav, where="ps")
        if not evidence.products:
            return notapplicable("no-product", where="ps, ls")
        names = ", ".join(product.name for product in evidence.products)
        return failed("stopped", expected=("clamd",) if clamav else None, found=clamav, where="ps", products=names)
