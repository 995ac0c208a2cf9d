"""The kernel's audit trail: is it on, who writes it down, and what does it watch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from auditor.model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRule:
    """One loaded rule, as ``auditctl -l`` prints it."""

    text: str
    never: bool
    """It keeps events out instead of recording them."""
    path: str | None
    """File or folder watched; None for a rule about system calls alone."""
    folder: bool
    """Is everything below ``path`` watched too?"""
    permissions: str
    """Of r, w, x, a (attributes): the kinds of access recorded for ``path``."""
    calls: tuple[str, ...]
    """System calls; ``all`` for every one."""
    filters: tuple[str, ...]
    """The words after ``-F``, without the architecture and the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditState(Evidence):
    """State and rules of the Linux audit system; not installed: no auditctl on the host."""

    topic: ClassVar[str] = "audit"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    installed: bool
    enabled: int = 0
    """0 off, 1 on, 2 on and locked until restart."""
    daemon_pid: int = 0
    """The process that receives the records; 0 for none."""
    rules: tuple[AuditRule, ...] = ()

    @property
    def silenced(self) -> bool:
        """A rule without conditions that keeps every process out: ``-a never,task``, shipped by some distributions."""
        return any(rule.never and not rule.path and not rule.filters and "task" in rule.text for rule in self.rules)
