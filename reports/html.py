"""The HTML report: one file that asks the network for nothing and says the essential without JavaScript.

Evidence is hostile: it is cleaned once at the door, escaped by Jinja2 or as JSON, and drawn with textContent.
"""

from __future__ import annotations

from pathlib import Path

from auditor.registry import load_parts
from auditor.rendering import RunDocument
from auditor.whole import whole_file

PARTS = Path(__file__).parent / "_html"


class HtmlReport:
    """One self-contained page: the conclusion first, then what failed, then what could not be assessed."""

    format = "html"

    def render(self, run: RunDocument, out: Path, lang: str) -> Path:
        """Write ``index.html`` into ``out`` and return its path."""
        text: str = load_parts(PARTS).page(run.head, run.findings(), lang)
        path = out / "index.html"
        with whole_file(path) as file:
            file.write(text)
        return path
