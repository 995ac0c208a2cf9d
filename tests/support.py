"""What tests share: a target, a reading made from recorded output, and the instant they happen at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from auditor.collector import Reading
from auditor.model import Observation, Reason, Seen
from auditor.targets import Target

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def target(**fields: Any) -> Target:
    """A Linux server, unless said otherwise."""
    return Target(
        **{"id": "may-01", "kind": "server", "platform": "linux", "level": 3, "address": "127.0.0.1", **fields}
    )


def seen(*, now: datetime = NOW, collected_at: datetime = NOW) -> Seen:
    return Seen(collected_at=collected_at, now=now, target_clock=collected_at, observations=("0" * 64,))


def reading(
    outputs: Mapping[str, str | bytes | Mapping[str, Any]], on: Target | None = None, **when: datetime
) -> Reading:
    """A reading from recorded output: text, or {stdout, stderr, exit, truncated, problem, privilege}."""
    on = on or target()
    made = {}
    for key, value in outputs.items():
        told: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"stdout": value}
        stdout = told.pop("stdout", b"")
        problem = told.pop("problem", None)
        made[key] = Observation(
            key=key,
            source=f"recorded: {key}",
            target=on.id,
            vantage="auditor",
            collected_at=NOW,
            stdout=stdout.encode() if isinstance(stdout, str) else stdout,
            problem=Reason(problem) if problem else None,
            **told,
        )
    return Reading(on, seen(**when), made)
