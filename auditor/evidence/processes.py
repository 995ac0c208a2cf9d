"""Which programs run on a host, by the kernel's short names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from auditor.model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes(Evidence):
    """The host's own processes at one moment, without those of its containers.

    A name is what the kernel keeps: at most 15 characters.
    """

    topic: ClassVar[str] = "processes"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    names: tuple[str, ...]
    """Sorted; a name stands there once for each process that has it."""

    def running(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of ``names`` that run, in the order asked."""
        held = frozenset(self.names)
        return tuple(name for name in names if name[:15] in held)
