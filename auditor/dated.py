"""Data that ages: every file under ``data/`` that carries a source, a date, and when it counts as old."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from auditor.model import CapdoError
from auditor.strictyaml import load, loads

T = TypeVar("T")
_FOLDER = Path(__file__).parent / "data"


def text_of(name: str) -> str:
    """The text of a data file that came with this program."""
    return (_FOLDER / name).read_text("utf-8")


def made_of(name: str, text: str, make: Callable[[Any], T]) -> T:
    """What ``make`` makes of YAML text; ``CapdoError`` names the file when it is damaged or of another shape."""
    tree = loads(text)
    if tree.mistakes or tree.broken:
        raise CapdoError(f"{name}: {'; '.join(map(str, tree.mistakes)) or 'cannot be read'}")
    try:
        return make(tree.data)
    except (KeyError, TypeError, ValueError, AttributeError, re.error) as exc:
        raise CapdoError(f"{name}: {type(exc).__name__}: {exc}") from None


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
