"""Writing files that are seen whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from auditor.i18n import _
from auditor.model import CapdoError


@contextmanager
def whole_file(path: Path, *, encoding: str = "utf-8", newline: str = "\n") -> Iterator[TextIO]:
    """Write ``path`` under another name and put it in place at the end; until then the old file stays as it is.

    Makes the folder. Raises ``CapdoError`` when the folder or the disk does not take it.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding=encoding, newline=newline) as file:
            yield file
        fresh.replace(path)
    except OSError as exc:
        raise CapdoError(_("{path}: cannot be written: {why}").format(path=path, why=exc.strerror or exc)) from None
    finally:
        fresh.unlink(missing_ok=True)
