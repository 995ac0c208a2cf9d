"""Files that bear answers out: are they there, and still what was looked at?"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from auditor.model import Say

MAX_BYTES: Final = 64 * 1024 * 1024


def digest(folder: Path, file: str) -> str | Say:
    """The sha256 of an attachment, or what is wrong with it. ``file`` is relative to ``folder`` and stays below it."""
    values = {"file": file}
    try:
        path = (folder / file).resolve()
        if not path.is_relative_to(folder.resolve()):  # a link that leads out
            return Say("attachment-outside", values)
        if not path.is_file():
            return Say("attachment-missing", values)
        if path.stat().st_size > MAX_BYTES:
            return Say("attachment-unreadable", values | {"problem": f"> {MAX_BYTES // 2**20} MiB"})
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except (OSError, ValueError, RuntimeError) as exc:  # RuntimeError: links in a circle
        return Say("attachment-unreadable", values | {"problem": getattr(exc, "strerror", None) or str(exc)})


def trouble(folder: Path, file: str, sha256: str) -> Say | None:
    """What keeps an attachment from bearing anything out; None when it is as it was."""
    found = digest(folder, file)
    if isinstance(found, Say):
        return found
    return None if found == sha256 else Say("attachment-changed", {"file": file})
