"""Adds attestations and waivers to the file that an inventory names for them: all of it, or nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from auditor.i18n import _
from auditor.inventoryfile import plain
from auditor.model import CapdoError
from auditor.shape import validate
from auditor.strictyaml import load, loads
from auditor.targets import Attestation, Waiver

Section = Literal["attestations", "waivers"]
_ITEMS: Final[dict[Section, Any]] = {"attestations": list[Attestation], "waivers": list[Waiver]}
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "off", "y", "n"})
"""What some reader of YAML takes for something else than text; ``no`` and ``on`` are names of keys here."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Where a section of an inventory is kept."""

    path: Path
    line: str | None
    """What the inventory must say to name the file; None when it does."""
    inline: tuple[Any, ...] = ()
    """What stands in the inventory itself; it moves into the file."""


def aside(inventory: Path, section: Section) -> Aside:
    """The file for a section. Raises ``CapdoError`` when the inventory can name none."""
    if inventory.suffix.lower() not in (".yaml", ".yml"):
        text = _("{path}: only a YAML inventory can name a file of {section}")
        raise CapdoError(text.format(path=inventory, section=section))
    data = load(inventory).data
    said = data.get(section) if isinstance(data, dict) else None
    if isinstance(said, str):
        return Aside(inventory.parent / Path(said).expanduser(), None)
    path = inventory.parent / f"{section}.yaml"
    line = f"{section}: ./{path.name}"
    if path.exists():
        text = _("{path}: exists already, but {inventory} does not name it; write there first: {line}")
        raise CapdoError(text.format(path=path, inventory=inventory, line=line))
    return Aside(path, line, tuple(said) if isinstance(said, list) else ())


def add(place: Aside, section: Section, entries: Sequence[Mapping[str, Any]]) -> None:
    """Add ``entries`` to the file. What is written is read back before it takes the old file's place.

    Comments and order of what was there are kept. Raises ``CapdoError`` when it could not be written, or would
    not be read as it was meant; the old file is then as it was.
    """
    old, had = "", list(place.inline)
    if place.path.exists():
        tree = load(place.path)
        if tree.broken or tree.mistakes or not isinstance(tree.data, (list, type(None))):
            text = _("{path}: cannot be added to: {problem}")
            problem = tree.mistakes[0] if tree.mistakes else _("it holds no list")
            raise CapdoError(text.format(path=place.path, problem=problem))
        old, had = place.path.read_text("utf-8-sig"), list(tree.data or [])
    wanted = [*had, *(plain(one) for one in entries)]
    text = dump(entries) if not place.inline else dump(wanted)
    joined = old + ("" if not old or old.endswith("\n") else "\n") + text
    if loads(joined).data != wanted:  # such as a list in brackets, or one further in
        joined = dump(wanted)
    if loads(joined).data != wanted:
        raise CapdoError(_("{path}: what was to be written cannot be read back").format(path=place.path))
    _write(place.path, joined, section)


def _write(path: Path, text: str, section: Section) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        with part.open("w", encoding="utf-8") as file:
            part.chmod(mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _made, mistakes = validate(load(part, str(path)), _ITEMS[section])
        if mistakes:
            raise CapdoError("\n".join(str(one) for one in mistakes[:20]))
        part.replace(path)
    except OSError as exc:
        raise CapdoError(_("{path}: cannot be written: {why}").format(path=path, why=exc.strerror or exc)) from None
    finally:
        part.unlink(missing_ok=True)


def dump(entries: Sequence[Mapping[str, Any]]) -> str:
    """Entries as YAML that ``strictyaml`` reads back as they are."""
    if not entries:
        return ""
    return yaml.dump(plain(entries), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10**6)


class _Dumper(yaml.SafeDumper):
    """Text in quotes unless it is plainly a word or a day; no anchors."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as in its base class
        char: [(tag, words) for tag, words in known if tag.rpartition(":")[2] in ("int", "float", "null")]
        for char, known in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    bare = (_PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS) or _is_day(value)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if bare else '"')


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


_Dumper.add_representer(str, _text)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))
