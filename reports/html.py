"""The HTML report: one file that asks the network for nothing and says the essential without JavaScript.

Evidence is hostile: it is cleaned once at the door, escaped by Jinja2 or as JSON, and drawn with textContent.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

PARTS = Path(__file__).parent / "_html"


class RunDocument(Protocol):
    """What the report asks of a run; a large one streams its findings."""

    @property
    def head(self) -> Mapping[str, Any]: ...

    def findings(self) -> Iterator[dict[str, Any]]: ...


class HtmlReport:
    """One self-contained page: the conclusion first, then what failed, then what could not be assessed."""

    format = "html"

    def render(self, run: RunDocument, out: Path, lang: str) -> Path:
        """Write ``index.html`` into ``out`` and return its path."""
        text: str = _parts().page(run.head, run.findings(), lang)
        out.mkdir(parents=True, exist_ok=True)
        path = out / "index.html"
        path.write_text(text, "utf-8", newline="\n")
        return path


def _parts() -> ModuleType:
    """The report's own parts, loaded by path as this file is, so that no stranger's package stands in."""
    name = f"{__name__}_parts"
    if name not in sys.modules:
        spec = spec_from_file_location(name, PARTS / "__init__.py", submodule_search_locations=[str(PARTS)])
        if spec is None or spec.loader is None:
            raise ImportError(f"{PARTS}: not a package")
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
