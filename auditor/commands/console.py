"""What is printed: results on stdout, progress and trouble on stderr, and nothing that steers a terminal."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from auditor.i18n import _
from auditor.printable import one_line, printable

if TYPE_CHECKING:
    from auditor.pipeline import Progress
    from auditor.plan import Task


def say(text: object = "") -> None:
    """A line of the result."""
    print(printable(text))


def tell(text: object) -> None:
    """A line beside the result: progress, warnings."""
    print(printable(text), file=sys.stderr, flush=True)


def as_json(told: Any) -> None:
    print(json.dumps(told, ensure_ascii=False, indent=1))


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar with counts and time left on a terminal, plain lines in a log."""
    if sys.stderr.isatty():
        with _bar() as told:
            yield told
    else:
        yield _Lines().told


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(_("collecting"), markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[last]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task("", total=None, last="")

        def told(total: int, task: Task | None) -> None:
            if task is None:
                bar.update(line, total=total)
            else:
                bar.update(line, advance=1, last=one_line(", ".join(task.targets), 40))

        yield told


class _Lines:
    """One line at most every ten seconds, and the last."""

    def __init__(self) -> None:
        self._total = 0
        self._done = 0
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def told(self, total: int, task: Task | None) -> None:
        with self._lock:
            if task is None:
                self._total = total
                tell(_("collecting: {total} tasks").format(total=total))
                return
            self._done += 1
            if self._done == self._total or time.monotonic() - self._at >= 10:
                self._at = time.monotonic()
                tell(_("collecting: {done} of {total}").format(done=self._done, total=self._total))


def table(headers: list[str], rows: list[list[Any]]) -> None:
    """A plain table that fits the terminal; cells are shown as they are, whatever they hold."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE, header_style="bold")
    for header in headers:
        made.add_column(Text(header), overflow="fold")
    for row in rows:
        made.add_row(*(Text(one_line(cell if cell is not None else "–", 500)) for cell in row))
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = max(console.width, 160)
    console.print(made)
