"""What the inventory itself says of a target, so that checks can hold the world against it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from auditor.model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredTarget(Evidence):
    """Made by the engine from the inventory snapshot; its observation is that snapshot's digest."""

    topic: ClassVar[str] = "declared"
    max_age: ClassVar[timedelta] = timedelta(days=36500)

    kind: str
    platform: str | None
    role: str | None
    level: int | None
    """The highest level of its systems."""
    level_status: tuple[tuple[str, str, bool], ...]
    """For each system: its id, its level_status, and whether a decision document is named."""
    missing: tuple[str, ...]
    """Inventory fields an asset register must have and this target lacks: site, role, agency, systems, platform."""
    ports: tuple[int, ...]
    networks: tuple[str, ...] = ()
    """Networks it serves."""
    backups: tuple[str, ...]
    """Ids of declared backup jobs."""
    separate_backups: tuple[str, ...]
    """Those of them the owner declares to lie on other infrastructure."""
    link_kind: str | None = None
    link_provider: str | None = None
    link_backup: str | None = None
    """Id of the link that takes over; the loader has made sure that it exists."""
    link_encrypted: str | None = None
    sla_rtt_ms: float | None = None
    sla_loss_pct: float | None = None
