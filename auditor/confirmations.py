"""Who checked which requirement against the original text of the law: a YAML file people may read and sign.

A confirmation is of the words it was made of: it carries a digest of the requirement, and counts no
longer once the requirement says something else.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import Field

from auditor.fields import Who
from auditor.i18n import _
from auditor.mistakes import InventoryError
from auditor.model import CapdoError
from auditor.rulepack import Bilingual, Requirement
from auditor.shape import validate
from auditor.store import state_path
from auditor.strictyaml import load, loads
from auditor.targets import Day, Id, Line, Record

NOT_CHECKED: Final[Bilingual] = {"vi": "chưa đối chiếu bản gốc", "en": "not checked against the original"}
_HEAD: Final = """\
# Ai đã đối chiếu yêu cầu nào với bản gốc; viết bởi: audit.py rules confirm
# Who checked which requirement against the original; written by: audit.py rules confirm
confirmations:
"""


class Confirmation(Record):
    """One requirement, checked by one person against a page of a document on a day."""

    pack: Id
    requirement: Id
    by: Who
    document: Line
    page: Line
    on: Day
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Digest of what the requirement said then (``digest``)."""

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the run document."""
        return self.model_dump(mode="json", include={"by", "document", "page", "on"})


class _File(Record):
    confirmations: tuple[Confirmation, ...] = ()


class Confirmations:
    """All confirmations of a file, ready to be asked requirement by requirement."""

    def __init__(self, kept: tuple[Confirmation, ...] = ()) -> None:
        self.kept = kept
        self._newest: dict[tuple[str, str, str], Confirmation] = {}
        for one in sorted(kept, key=lambda one: one.on):
            self._newest[one.pack, one.requirement, one.sha256] = one

    def confirmed(self, item: Requirement, pack: str) -> Confirmation | None:
        """The newest confirmation of a requirement of ``pack`` as it reads now; None where nobody checked it."""
        return self._newest.get((pack, item.id.rpartition("/")[2], digest(item)))


def digest(item: Requirement) -> str:
    """Of everything a requirement says, but for the id that a run gives it."""
    said = item.model_dump(mode="json", by_alias=True, exclude={"id"}, exclude_defaults=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def usual_file() -> Path:
    """Where confirmations are kept unless told otherwise."""
    return state_path() / "confirmations.yaml"


def read(path: Path | None = None) -> Confirmations:
    """The confirmations of a file; none when there is no file. Raises ``InventoryError`` with every mistake of it."""
    path = path or usual_file()
    if not path.exists():
        return Confirmations()
    made, mistakes = validate(load(path), _File)
    if mistakes or made is None:
        raise InventoryError(mistakes)
    return Confirmations(made.confirmations)


def add(told: Confirmation, path: Path | None = None) -> Path:
    """Add one at the end of the file, whole or not at all; what stands there stays as it is written.

    Raises ``InventoryError`` when the file is not in order, ``CapdoError`` when it cannot be written.
    """
    path = path or usual_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(path):
            read(path)
            before = path.read_text("utf-8") if path.exists() else _HEAD
            entry = [told.model_dump(mode="json")]
            lines = yaml.safe_dump(entry, allow_unicode=True, sort_keys=False, width=1000)
            after = before.rstrip("\n") + "\n" + "".join(f"  {line}\n" for line in lines.splitlines())
            # Whatever shape the file had before: what is written must read back, with the new one last.
            made, mistakes = validate(loads(after), _File)
            if mistakes or made is None or made.confirmations[-1] != told:
                raise CapdoError(_("{path}: nothing can be added to it as it is written").format(path=path))
            partial = path.with_name(f".{path.name}.part")
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(after)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
    except OSError as exc:
        raise CapdoError(_("{path}: the confirmation cannot be written: {why}").format(path=path, why=exc)) from None
    return path


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else adds to the file meanwhile; where the system has no such locks, the last one wins."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
