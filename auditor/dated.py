"""Data that ages: every file under ``data/`` that carries a source, a date, and when it counts as old."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from auditor.strictyaml import load

_FOLDER = Path(__file__).parent / "data"


@cache
def _heads() -> tuple[tuple[str, str, date, int], ...]:
    found = []
    for path in sorted(_FOLDER.glob("*.yaml")):
        told = load(path).data
        if isinstance(told, dict) and {"source", "date", "stale_after_days"} <= set(told):
            found.append(
                (path.stem, str(told["source"]), date.fromisoformat(told["date"]), int(told["stale_after_days"]))
            )
    return tuple(found)


def data_dates(day: date) -> list[dict[str, Any]]:
    """Source and date of each dated file, and whether it is old on ``day``; printed in every report."""
    return [
        {"id": name, "source": source, "date": made.isoformat(), "old": (day - made).days > most}
        for name, source, made, most in _heads()
    ]
