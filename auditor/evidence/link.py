"""How a link answers to echo requests from the auditor's vantage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from auditor.model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState(Evidence):
    """One series of ICMP echoes to the far end of a link."""

    topic: ClassVar[str] = "link"
    max_age: ClassVar[timedelta] = timedelta(days=2)

    address: str
    sent: int
    received: int
    loss_pct: float
    """Share of echoes without an answer in time, 0 to 100."""
    rtt_min_ms: float | None
    """Round-trip times; None when nothing came back."""
    rtt_avg_ms: float | None
    rtt_max_ms: float | None
