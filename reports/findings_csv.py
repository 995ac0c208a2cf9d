"""Every finding as one row of a CSV file, for a spreadsheet or a ticket system.

Cells are text and nothing else: what a spreadsheet would take for a formula gets an apostrophe before it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from auditor.registry import load_parts
from auditor.rendering import RunDocument
from auditor.whole import whole_file

PARTS = Path(__file__).parent / "_html"
COLUMNS = (
    *("target", "target_name", "address", "agency", "agency_name", "systems", "level", "rule", "title", "family"),
    *("result", "severity", "mandatory", "message", "expected", "found", "where", "instances_failing", "requirements"),
    *("clauses", "reason", "cure", "mend_by", "change", "first_seen", "runs_open", "waived_by", "inherited_from"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")
MOST = 32_000
"""Characters of a cell; Excel takes 32,767."""


class FindingsCsv:
    """``findings.csv``: UTF-8 with a byte order mark, without which Excel breaks Vietnamese letters."""

    format = "csv"

    def render(self, run: RunDocument, out: Path, lang: str) -> Path:
        """Write it into ``out``, the old file staying whole until the new one is."""
        parts = load_parts(PARTS)
        words = parts.Words("en" if lang == "en" else "vi")
        read = parts.Run(run.head, words)
        path = out / "findings.csv"
        with whole_file(path, encoding="utf-8-sig", newline="") as file:
            table = csv.writer(file)
            table.writerow(COLUMNS)
            for finding in parts.read(read, run.findings()):
                table.writerow(_cell(value) for value in _row(read, words, finding))
        return path


def _row(run: Any, words: Any, finding: Mapping[str, Any]) -> Iterator[Any]:
    """The values in the order of ``COLUMNS``; words in the one language asked for."""
    target = run.targets.get(finding["target"]) or {}
    told = run.describe(finding)
    one, failed = words.one, finding["result"] == "fail"
    yield from (finding["target"], one(run.name(target, finding["target"])), target.get("address"), finding["agency"])
    yield one(run.name(run.agencies.get(finding["agency"]), finding["agency"]))
    yield from (" ".join(target.get("systems") or ()), target.get("level"))
    yield from (finding["rule"], one(run.title(finding["rule"], failed)), finding["family"])
    yield from (finding["result"], finding["severity"], "x" if finding.get("mandatory") else "")
    yield from (one(told[part]) for part in ("message", "expected", "found", "where"))
    yield " ".join(str(i.get("id")) for i in finding.get("instances") or () if i.get("result") == "fail")
    yield " ".join(map(str, finding.get("requirements") or ()))
    yield from (one(told["basis"]), one(told["reason"]), one(told["cure"]))
    yield from (finding.get(name) for name in ("mend_by", "change", "first_seen", "runs_open"))
    yield from (finding.get(name) for name in ("waived_by", "inherited_from"))


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    text = text if len(text) <= MOST else text[:MOST] + " …"
    return "'" + text if text.lstrip().startswith(FORMULA) else text
