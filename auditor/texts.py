"""The words of checks and engine in Vietnamese and English, and how a ``Say`` becomes both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field

from auditor import registry
from auditor.model import VIETNAM, CapdoError, Say
from auditor.shape import validate
from auditor.strictyaml import load
from auditor.targets import Record

LANGUAGES = ("vi", "en")
T = TypeVar("T", bound=Record)
Words = dict[Literal["vi", "en"], str]


class CheckTexts(Record):
    """All that is said of one check, from the ``.yaml`` beside it."""

    title: Words
    failure_title: Words
    why: Words
    messages: dict[str, Words] = Field(min_length=1)
    remediation: dict[str, Words] = Field(min_length=1)


class EngineTexts(Record):
    """What the engine says by itself, and the cure of each reason."""

    messages: dict[str, Words]
    cures: dict[str, dict[Literal["name", "cure"], Words]]


@cache
def of_check(check_id: str) -> CheckTexts:
    """The texts of a check. Raises ``CapdoError`` naming the file when they are missing or wrong."""
    known = registry.checks().get(check_id)
    if known is None:
        raise CapdoError(f"{check_id}: no such check")
    return _read(known[1].with_suffix(".yaml"), CheckTexts)


@cache
def engine() -> EngineTexts:
    return _read(Path(str(resources.files("auditor") / "data" / "messages.yaml")), EngineTexts)


def _read(path: Path, shape: type[T]) -> T:
    if not path.is_file():
        raise CapdoError(f"{path}: there is no such file; a check's texts lie beside it")
    tree = load(path)
    found, mistakes = validate(tree, shape)
    if found is None or mistakes:
        raise CapdoError("\n".join(str(item) for item in (tree.mistakes + mistakes)))
    return found


def message(check_id: str, said: Say) -> dict[str, str]:
    """``said`` in both languages. A code nobody wrote comes back as itself, never as an exception."""
    words = engine().messages.get(said.code)
    if words is None and check_id:
        words = of_check(check_id).messages.get(said.code)
    if words is None:
        return dict.fromkeys(LANGUAGES, said.code)
    return {lang: words[lang].format_map(_Values(check_id, said.values, lang)) for lang in LANGUAGES}  # type: ignore[index]


def value(check_id: str, told: Any) -> Any:
    """An expected/found/where for the run document: raw data as it is, words as {vi, en}."""
    if isinstance(told, Say):
        return message(check_id, told)
    if isinstance(told, (tuple, list)):
        return [value(check_id, item) for item in told]
    if isinstance(told, (datetime, date)):
        return told.isoformat()
    return told if told is None or isinstance(told, (str, int, float, bool)) else str(told)


class _Values(dict[str, str]):
    """Named values of a message, made into words of one language when they are asked for."""

    def __init__(self, check_id: str, values: Mapping[str, Any], lang: str) -> None:
        super().__init__()
        self._check = check_id
        self._told = values
        self._lang = lang

    def __missing__(self, name: str) -> str:
        return words(self._check, self._told.get(name, f"{{{name}}}"), self._lang)


def words(check_id: str, told: Any, lang: str) -> str:
    """One value as text: numbers and dates in the language's way, lists with commas."""
    if isinstance(told, Say):
        return message(check_id, told)[lang]
    if isinstance(told, Mapping) and set(told) >= set(LANGUAGES):
        return str(told[lang])
    if isinstance(told, bool) or told is None:
        return {True: {"vi": "có", "en": "yes"}, False: {"vi": "không", "en": "no"}}.get(told, {}).get(lang, "–")  # type: ignore[arg-type]
    if isinstance(told, float):
        text = f"{told:.1f}".removesuffix(".0")
        return text.replace(".", ",") if lang == "vi" else text
    if isinstance(told, datetime):
        local = told.astimezone(VIETNAM)
        return local.strftime("%d/%m/%Y %H:%M") if lang == "vi" else local.strftime("%Y-%m-%d %H:%M +07:00")
    if isinstance(told, date):
        return told.strftime("%d/%m/%Y") if lang == "vi" else told.isoformat()
    if isinstance(told, (tuple, list, set, frozenset)):
        items = sorted(told, key=str) if isinstance(told, (set, frozenset)) else told
        return ", ".join(words(check_id, item, lang) for item in items)
    return str(told)
