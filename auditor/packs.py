"""Loads rule packs, finds their mistakes, and says which rules with which parameters fall on a target."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from auditor import mistake_words
from auditor.check import Check
from auditor.mistakes import InventoryError, Mistake
from auditor.model import Say
from auditor.pack_words import PACK_WORDS
from auditor.registry import folder_of
from auditor.rulepack import (
    Pack,
    PackFile,
    PackInfo,
    Place,
    Requirement,
    Rule,
    applies,
    in_force,
    params_at,
)
from auditor.shape import near, validate
from auditor.strictyaml import Tree, load
from auditor.targets import Kind, Target

mistake_words.WORDS.update(PACK_WORDS)

Checks = Mapping[str, Check[Any, Any]]
M = TypeVar("M", bound=BaseModel)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class AttestedParams:
    """What a pack may say of a rule that only a person can answer.

    ``interval_days``: an answer older than this no longer counts, whatever its own end.
    """

    interval_days: int | None = None


class Chosen(NamedTuple):
    """A rule on a target, with the check's parameters for the target's level."""

    rule: Rule
    params: Any


# --- reading


def find_pack(pack: str) -> Path:
    """The folder of a pack that comes with the program. Raises ``InventoryError`` when there is none."""
    folder = folder_of("checks") / "packs"
    if _ID.fullmatch(pack) and (folder / pack / "pack.yaml").is_file():
        return folder / pack
    raise InventoryError([Mistake(f"packs/{pack}", 1, 1, "", Say("pack-no-folder"))])


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
        sha256=_digest(folder, [folder / "pack.yaml", *files]),
        places=places,
    )


def _read(folder: Path, path: Path, model: type[M], places: dict[str, Place], mistakes: list[Mistake]) -> M | None:
    tree = load(path, path.relative_to(folder.parent).as_posix())
    made, found = validate(tree, model)
    mistakes.extend(found)
    if isinstance(made, PackInfo):
        places.update({"pack": tree.at(()), **{key: tree.at((key,), key=True) for key in tree.data}})
    elif made is not None:
        mistakes.extend(_note_places(tree, places))
    return made


def _note_places(tree: Tree, places: dict[str, Place]) -> Iterator[Mistake]:
    """Remember where each rule, parameter and requirement stands, for what is found out later."""
    for kind in ("requirements", "rules"):
        for number, item in enumerate(tree.data.get(kind) or ()):
            place = tree.at((kind, number, "id"))
            known = places.setdefault(f"{kind}/{item['id']}", place)
            if known != place:
                said = Say("duplicate-id", {"id": item["id"], "line": f"{known[0]}:{known[1]}"})
                yield Mistake(*place, f"{kind}[{number}].id", said)
            for name in item.get("params") or ():
                places[f"rules/{item['id']}/{name}"] = tree.at((kind, number, "params", name), key=True)


def _digest(folder: Path, files: Iterable[Path]) -> str:
    """One sha256 over names and bytes, each with its length, so that no two packs can be taken for one another."""
    total = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.relative_to(folder).as_posix()):
        for part in (path.relative_to(folder).as_posix().encode(), path.read_bytes()):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


# --- choosing


class RuleSet:
    """All rules in force on the day of a run, and which of them fall on a target.

    Made by ``ruleset``. ``base`` is the first pack: its grades, gates and caps are those of the run.
    """

    def __init__(
        self,
        base: PackInfo,
        rules: Iterable[Rule],
        requirements: Iterable[Requirement],
        params: Callable[[Rule, int], Any],
    ) -> None:
        self.base = base
        self.rules: dict[str, Rule] = {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}
        self.requirements: dict[str, Requirement] = {item.id: item for item in requirements}
        self._params = params
        self._memo: dict[tuple[Any, ...], tuple[Chosen, ...]] = {}
        self._lowest: dict[Kind, int] = {}
        for rule in self.rules.values():
            for kind in rule.kinds:
                self._lowest[kind] = min((self._lowest.get(kind, 5), *rule.levels))

    def level(self, target: Target) -> int:
        """The level a target is judged at: its own, else (``level_assumed``) the lowest its kind has rules for."""
        return self._lowest.get(target.kind, 1) if target.level is None else target.level

    def level_assumed(self, target: Target) -> bool:
        """True when no system of the target says a level."""
        return target.level is None

    def of(self, target: Target) -> tuple[Chosen, ...]:
        """The rules of a target, by id; none for a standalone machine for state secrets."""
        if target.handling == "secret-standalone":
            return ()
        level = self.level(target)
        key = (target.kind, target.platform, target.role, level, target.tags)
        found = self._memo.get(key)
        if found is None:
            found = tuple(
                Chosen(rule, self._params(rule, level)) for rule in self.rules.values() if applies(rule, target, level)
            )
            self._memo[key] = found
        return found


def ruleset(packs: Sequence[Pack], checks: Checks, day: date) -> RuleSet:
    """The rules of one or more packs on ``day``; later packs are layers over the first.

    Ids of rules and requirements stay bare in the first pack and read ``<pack>/<id>`` in later ones,
    whose rules may also name requirements of packs before them. A rule none of whose requirements
    is in force falls away with them. Raises ``InventoryError`` for a pack not in force, an unknown
    check, or parameters that do not fit the check.
    """
    if not packs:
        raise ValueError("a run needs at least one pack")
    mistakes: list[Mistake] = []
    known: dict[str, str] = {}
    rules: list[Rule] = []
    requirements: list[Requirement] = []
    made: dict[tuple[str, int], Any] = {}
    for number, pack in enumerate(packs):
        info = pack.info
        if day < info.in_force or (info.until is not None and day > info.until):
            ends = info.until or Say("pack-no-date")
            values = {"pack": info.id, "day": day, "since": info.in_force, "until": ends}
            mistakes.append(Mistake(*pack.place("in_force"), "in_force", Say("pack-not-in-force", values)))
        prefix = f"{info.id}/" if number else ""
        for item in in_force(pack.requirements, day):
            known[item.id] = prefix + item.id
            requirements.append(item.model_copy(update={"id": prefix + item.id}))
        for rule in in_force(pack.rules, day):
            named = tuple(dict.fromkeys(known[item] for item in rule.requirements if item in known))
            if not named:
                continue
            kept = rule.model_copy(update={"id": prefix + rule.id, "requirements": named})
            rules.append(kept)
            for level in rule.levels:
                made[kept.id, level] = build_params(pack, rule, level, checks, mistakes)
    if mistakes:
        raise InventoryError(mistakes)
    return RuleSet(packs[0].info, rules, requirements, lambda rule, level: made[rule.id, level])


def build_params(pack: Pack, rule: Rule, level: int, checks: Checks, mistakes: list[Mistake]) -> Any:
    """The check's parameters at one level, or None and a mistake noted."""
    if rule.check is None:
        wanted: type = AttestedParams
    elif rule.check in checks:
        wanted = checks[rule.check].params
    else:
        guess = near(rule.check, checks)
        said = Say("pack-unknown-check-near" if guess else "pack-unknown-check", {"check": rule.check, "near": guess})
        mistakes.append(Mistake(*pack.place(f"rules/{rule.id}"), rule.id, said))
        return None
    adapters = _adapters(wanted)
    values: dict[str, Any] = {}
    for name, value in params_at(rule, level).items():
        where, key = pack.place(f"rules/{rule.id}/{name}"), f"{rule.id}.params.{name}"
        if name not in adapters:
            code = "pack-param-unknown" if adapters else "pack-param-none"
            said = Say(code, {"check": rule.check or rule.id, "known": sorted(adapters)})
            mistakes.append(Mistake(*where, key, said))
            continue
        try:
            # As JSON, strictly: a list may stand for a tuple, but never text for a number.
            values[name] = adapters[name].validate_json(json.dumps(value), strict=True)
        except (ValidationError, TypeError) as exc:
            text = exc.errors()[0]["msg"] if isinstance(exc, ValidationError) else str(exc)
            said = Say("pack-param-wrong", {"found": json.dumps(value, default=str), "text": text})
            mistakes.append(Mistake(*where, key, said))
    try:
        return wanted(**values)
    except (ValueError, TypeError) as exc:
        said = Say("pack-param-wrong", {"found": json.dumps(values, default=str), "text": str(exc)})
        mistakes.append(Mistake(*pack.place(f"rules/{rule.id}"), rule.id, said))
        return None


@cache
def _adapters(params: type) -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(params)
    return {field.name: TypeAdapter(hints[field.name]) for field in fields(params)}
