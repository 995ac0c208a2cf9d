"""A rendered page as a browser without JavaScript sees it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from auditor.registry import load_module, load_parts

REPORTS = Path(__file__).parents[2] / "reports"
TEMPLATES = REPORTS / "templates"
PLUGIN: Any = load_module(REPORTS / "html.py", "auditor._sockets.reports.html")
PARTS: Any = load_parts(PLUGIN.PARTS)


class Page(HTMLParser):
    """Its tags, attributes and texts."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.data = ""
        self._inside = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.texts.append(data)
        elif self.tags[-1][1].get("id") == "data":
            self.data += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def ids(self, start: str = "") -> list[str]:
        return [a["id"] for _, a in self.tags if "id" in a and a["id"].startswith(start)]


def render(run: Any, out: Path, lang: str = "vi") -> str:
    path: Path = PLUGIN.HtmlReport().render(run, out, lang)
    assert path == out / "index.html"
    return path.read_text("utf-8")
