"""The addresses that the inventory knows, so that what answers can be held against all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from auditor.model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownHosts(Evidence):
    """Made by the engine from the inventory it judges with; its observation is that snapshot's digest."""

    topic: ClassVar[str] = "known-hosts"
    max_age: ClassVar[timedelta] = timedelta(days=36500)

    addresses: frozenset[str]
    """One set, shared by all targets of a run."""
