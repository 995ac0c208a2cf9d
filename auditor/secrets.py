"""Fetches secrets by reference; they live in memory only, and are known to the masker."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from auditor.model import CapdoError
from auditor.redact import remember
from auditor.targets import SecretRef


class SecretError(CapdoError):
    """A secret that is referred to and cannot be had, or is kept unsafely."""


def fetch(ref: SecretRef) -> str:
    """The secret ``ref`` points to. Raises ``SecretError`` when absent, empty, or readable by others."""
    given = [name for name in ("file", "env", "credential") if getattr(ref, name)]
    if len(given) != 1:
        raise SecretError("a secret is referred to by exactly one of: file, env, credential")
    if ref.env:
        value = os.environ.get(ref.env, "")
        where = f"environment variable {ref.env}"
    elif ref.credential:
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise SecretError(
                f"credential {ref.credential}: CREDENTIALS_DIRECTORY is not set (systemd LoadCredential=)"
            )
        value, where = _read(Path(folder) / ref.credential), f"credential {ref.credential}"
    else:
        value, where = _read(Path(str(ref.file)).expanduser()), str(ref.file)
    if not value:
        raise SecretError(f"{where}: holds no secret")
    remember(value)
    return value


def refuse_readable(path: Path) -> None:
    """Raise ``SecretError`` unless only the owner may read ``path``."""
    try:
        mode = path.stat().st_mode
    except OSError as exc:
        raise SecretError(f"{path}: {exc.strerror}") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretError(f"{path}: others may read it (mode {stat.S_IMODE(mode):04o}); do: chmod 600 {path}")


def _read(path: Path) -> str:
    refuse_readable(path)
    try:
        return path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise SecretError(f"{path}: {exc}") from None
