"""The leader's edition: grade, what to do first, who is weakest and what could not be seen, on one to three pages."""

from __future__ import annotations

from pathlib import Path

from auditor.registry import load_parts
from auditor.rendering import RunDocument
from auditor.whole import whole_file

PARTS = Path(__file__).parent / "_html"


class LeaderReport:
    """``lanh-dao.html``: one file without a script, to be read on a phone or printed."""

    format = "leader"

    def render(self, run: RunDocument, out: Path, lang: str) -> Path:
        """Write it into ``out`` and return its path."""
        text: str = load_parts(PARTS).leader(run.head, run.findings(), lang)
        path = out / "lanh-dao.html"
        with whole_file(path) as file:
            file.write(text)
        return path
