"""Reads rule packs from their folders, and knows which of those that come with the program is in force."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from auditor import mistake_words
from auditor.i18n import _
from auditor.mistakes import InventoryError, Mistake
from auditor.model import CapdoError, Say
from auditor.pack_words import PACK_WORDS
from auditor.registry import folder_of
from auditor.rulepack import FOREIGN, NEEDED, Pack, PackFile, PackInfo, Place
from auditor.shape import validate
from auditor.strictyaml import Tree, load

mistake_words.WORDS.update(PACK_WORDS)

M = TypeVar("M", bound=BaseModel)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def find_pack(pack: str) -> Path:
    """The folder of a pack that comes with the program. Raises ``InventoryError`` when there is none."""
    folder = folder_of("checks") / "packs"
    if _ID.fullmatch(pack) and (folder / pack / "pack.yaml").is_file():
        return folder / pack
    raise InventoryError([Mistake(f"packs/{pack}", 1, 1, "", Say("pack-no-folder"))])


def named_packs(profile: str) -> list[Pack]:
    """The packs that ``profile`` names, comma separated. Raises as ``find_pack`` and ``load_pack`` do."""
    return [load_pack(find_pack(name.strip())) for name in profile.split(",")]


def all_packs() -> list[Pack]:
    """Every pack that comes with the program. Raises ``InventoryError`` with every mistake of all of them."""
    found: list[Pack] = []
    mistakes: list[Mistake] = []
    for path in sorted((folder_of("checks") / "packs").glob("*/pack.yaml")):
        try:
            found.append(load_pack(path.parent))
        except InventoryError as exc:
            mistakes += exc.mistakes
    if mistakes:
        raise InventoryError(mistakes)
    return found


def default_pack(day: date) -> str:
    """The framework that comes with the program and is in force on ``day``; of several the newest.

    Raises ``CapdoError`` when there is none, and ``InventoryError`` for a pack whose head cannot be read.
    """
    mistakes: list[Mistake] = []
    heads = [
        _read(path.parent, path, PackInfo, {}, mistakes)
        for path in sorted((folder_of("checks") / "packs").glob("*/pack.yaml"))
    ]
    if mistakes:
        raise InventoryError(mistakes)
    known = [info for info in heads if info is not None and info.kind == "framework"]
    live = [info for info in known if info.in_force <= day and (info.until is None or day <= info.until)]
    if not live:
        raise CapdoError(_("no rule pack was in force on {day}; name one with --profile").format(day=day))
    return max(live, key=lambda info: info.in_force).id


def load_pack(folder: Path) -> Pack:
    """Read a pack whole. Raises ``InventoryError`` with every mistake of all its files."""
    mistakes: list[Mistake] = []
    places: dict[str, Place] = {}
    info = _read(folder, folder / "pack.yaml", PackInfo, places, mistakes)
    files = [*sorted((folder / "requirements").glob("*.yaml")), *sorted((folder / "rules").glob("*.yaml"))]
    parts = [part for path in files if (part := _read(folder, path, PackFile, places, mistakes)) is not None]
    if mistakes or info is None:
        raise InventoryError(mistakes)
    return Pack(
        info=info,
        requirements=tuple(item for part in parts for item in part.requirements),
        rules=tuple(item for part in parts for item in part.rules),
        tighten=tuple(item for part in parts for item in part.tighten),
        sha256=_digest(folder, [folder / "pack.yaml", *files]),
        places=places,
    )


def _read(folder: Path, path: Path, model: type[M], places: dict[str, Place], mistakes: list[Mistake]) -> M | None:
    tree = load(path, path.relative_to(folder.parent).as_posix())
    made, found = validate(tree, model)
    mistakes.extend(found)
    if isinstance(made, PackInfo):
        mistakes.extend(_of_its_kind(made, tree))
        places.update({"pack": tree.at(()), **{key: tree.at((key,), key=True) for key in tree.data}})
    elif made is not None:
        mistakes.extend(_note_places(tree, places))
    return made


def _of_its_kind(info: PackInfo, tree: Tree) -> Iterator[Mistake]:
    """A framework says how it grades; an overlay what it lies over, and never how to grade."""
    for key in NEEDED[info.kind]:
        if key not in tree.data or tree.data[key] in ([], "", None):
            said = Say("pack-needs", {"kind": info.kind, "key": key})
            yield Mistake(*tree.at((key if key in tree.data else "id",), key=True), key, said)
    for key in FOREIGN[info.kind]:
        if key in tree.data:
            yield Mistake(*tree.at((key,), key=True), key, Say("pack-foreign", {"kind": info.kind, "key": key}))


def _note_places(tree: Tree, places: dict[str, Place]) -> Iterator[Mistake]:
    """Remember where each rule, parameter and requirement stands, for what is found out later."""
    for kind in ("requirements", "rules", "tighten"):
        for number, item in enumerate(tree.data.get(kind) or ()):
            place = tree.at((kind, number, "id"))
            known = places.setdefault(f"{kind}/{item['id']}", place)
            if known != place:
                said = Say("duplicate-id", {"id": item["id"], "line": f"{known[0]}:{known[1]}"})
                yield Mistake(*place, f"{kind}[{number}].id", said)
            for name in item.get("params") or ():
                places[f"{kind}/{item['id']}/{name}"] = tree.at((kind, number, "params", name), key=True)


def _digest(folder: Path, files: Iterable[Path]) -> str:
    """One sha256 over names and bytes, each with its length, so that no two packs can be taken for one another."""
    total = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.relative_to(folder).as_posix()):
        for part in (path.relative_to(folder).as_posix().encode(), path.read_bytes()):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()
