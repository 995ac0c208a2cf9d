"""Checks what was read from a file against a pydantic type, and names each mistake where it stands.

What was expected is told from the type's JSON Schema, so that models need no messages of their own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from auditor.mistake_words import WORDS
from auditor.mistakes import Mistake, ordered
from auditor.model import Say
from auditor.strictyaml import Part, Place

T = TypeVar("T")
Path = tuple[Part, ...]
Schema = dict[str, Any]

_SECRET = re.compile(
    r"(^|_)(pass|password|passwd|passphrase|pwd|secret|token|api_?key|private_?key|community|mat_?khau)$",
    re.IGNORECASE,
)

MAX_GUESSES: Final = 100
"""Near misses are searched for so many mistakes; with more, the trouble is no typing error."""


class Located(Protocol):
    """Data that knows where each of its parts was written (a YAML tree, a table)."""

    data: Any
    broken: bool
    mistakes: list[Mistake]

    def at(self, path: Path, *, key: bool = False) -> Place: ...

    def label(self, path: Path) -> str: ...


def note(source: Located, path: Path, message: Say, expected: Say | None = None, *, key: bool = False) -> Mistake:
    """A mistake at the value (or the key) that stands at ``path``."""
    return Mistake(*source.at(path, key=key), source.label(path), message, expected)


def validate(source: Located, shape: type[T]) -> tuple[T | None, list[Mistake]]:
    """What was read, as ``shape``; or None and every mistake of both reading and shape.

    ``shape`` is anything pydantic knows: a model, or ``list[Waiver]``. Keys are the aliases of fields.
    Its flags and numbers must be strict (``fields.Flag`` …): pydantic alone takes 'no' for false, '5' for 5.
    """
    if source.broken:
        return None, list(source.mistakes)
    kept: Any = shape  # hashable, though its type does not say so
    adapter: TypeAdapter[T] = _adapter(kept)
    try:
        made = adapter.validate_python(source.data, by_alias=True, by_name=False)
    except ValidationError as exc:
        return None, list(
            ordered([*source.mistakes, *unless_known(_explain(source, exc, _schema(kept)), source.mistakes)])
        )
    return (None if source.mistakes else made), list(source.mistakes)


def unless_known(found: Iterable[Mistake], known: Iterable[Mistake]) -> list[Mistake]:
    """Leave out what stands where a mistake is known already: it follows from that one."""
    places = {(one.file, one.line, one.column) for one in known}
    return [one for one in found if (one.file, one.line, one.column) not in places]


def near(word: str, words: Iterable[str]) -> str | None:
    """The word that was probably meant."""
    return next(iter(difflib.get_close_matches(word, words, n=1, cutoff=0.7)), None)


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


@cache
def _schema(shape: Any) -> Schema:
    return _adapter(shape).json_schema()


def _explain(source: Located, exc: ValidationError, schema: Schema) -> list[Mistake]:
    """One mistake a place: of the branches of a union, the one the writer went furthest into speaks."""
    found: dict[Path, tuple[ErrorDetails, bool]] = {}
    for error in exc.errors(include_url=False):
        path, is_branch = _real_path(source.data, error)
        found.setdefault(path, (error, is_branch))
    deep = {path[:cut] for path in found for cut in range(len(path))}
    kept = [(path, error) for path, (error, is_branch) in found.items() if not (is_branch and path in deep)]
    return [
        _mistake(source, path, error, schema, guess=number < MAX_GUESSES) for number, (path, error) in enumerate(kept)
    ]


def _real_path(data: Any, error: ErrorDetails) -> tuple[Path, bool]:
    """The part of a pydantic location that is in the data: names of union branches are not."""
    path: list[Part] = []
    foreign = False
    location = error["loc"]
    for number, part in enumerate(location):
        last = number == len(location) - 1
        if isinstance(data, dict) and (part in data or (last and error["type"] == "missing")):
            data = data.get(str(part))
            path.append(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
            path.append(part)
        elif part != "[key]":
            foreign = True
    return tuple(path), foreign


def _mistake(source: Located, path: Path, error: ErrorDetails, schema: Schema, *, guess: bool) -> Mistake:
    leaf = next((part for part in reversed(path) if isinstance(part, str)), "")
    kind, value = error["type"], error["input"]
    hidden = any(isinstance(part, str) and _SECRET.search(part) for part in path)
    if hidden and _SECRET.search(leaf) and kind != "missing" and isinstance(value, str | int | float):
        return note(source, path, Say("secret"))
    if kind == "missing":
        return note(source, path, Say("missing"), _describe(schema, _find(schema, path)))
    if kind in ("extra_forbidden", "unexpected_keyword_argument") or error["loc"][-1:] == ("[key]",):
        return _unknown_key(source, path, schema, guess=guess)
    expected = _describe(schema, _find(schema, path))
    if kind in WORDS:  # a validator of ours speaks its own code
        return note(source, path, Say(kind, {"text": _text(error), **error.get("ctx", {})}), expected)
    if kind in ("value_error", "assertion_error"):
        return note(source, path, Say("value_error", {"text": _text(error)}), expected)
    if expected is None:
        return note(source, path, Say("value_error", {"text": error["msg"]}))
    if hidden:
        return note(source, path, Say("wrong-hidden"), expected)
    code = "wrong-quote" if kind == "string_type" and isinstance(value, int | float) else "wrong"
    return note(source, path, Say(code, {"found": _shown(value)}), expected)


def _text(error: ErrorDetails) -> str:
    return error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _unknown_key(source: Located, path: Path, schema: Schema, *, guess: bool) -> Mistake:
    known = sorted(_properties(schema, _find(schema, path[:-1])))
    meant = near(str(path[-1]), known) if guess else None
    message = Say("unknown-key-near", {"near": meant}) if meant else Say("unknown-key")
    return note(source, path, message, Say("expect-keys", {"keys": known}) if known else None, key=True)


def _shown(value: Any) -> str | Say:
    if isinstance(value, dict):
        return Say("found-mapping")
    if isinstance(value, (list, tuple)):
        return Say("found-list")
    if value is None or value == "":
        return Say("found-empty")
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, str) else str(value)


# --- reading a JSON Schema


def _branches(schema: Schema, node: Schema | None) -> list[Schema]:
    """A schema node with its references and alternatives opened."""
    if node is None:
        return []
    if "$ref" in node:
        return _branches(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    alternatives = node.get("anyOf") or node.get("oneOf") or node.get("allOf")
    if alternatives:
        return [opened for one in alternatives for opened in _branches(schema, one)]
    return [node]


def _find(schema: Schema, path: Path) -> Schema | None:
    """The schema of the value at a path, or None where the schema says nothing of it."""
    node: Schema | None = schema
    for part in path:
        branches = _branches(schema, node)
        if isinstance(part, int):
            steps = (one.get("items") for one in branches)
        else:
            steps = (one.get("properties", {}).get(part, one.get("additionalProperties")) for one in branches)
        node = next((step for step in steps if isinstance(step, dict)), None)
        if node is None:
            return None
    return node


def _properties(schema: Schema, node: Schema | None) -> set[str]:
    names: set[str] = set()
    for one in _branches(schema, node):
        names.update(one.get("properties", ()), one.get("propertyNames", {}).get("enum", ()))
    return names


def _describe(schema: Schema, node: Schema | None) -> Say | None:
    """What the schema wants, in words."""
    options: list[Say] = []
    for one in _branches(schema, node):
        said = _describe_one(one)
        if said is not None and said not in options:
            options.append(said)
    if len(options) > 1:
        return Say("either", {"options": options})
    return options[0] if options else None


def _describe_one(node: Schema) -> Say | None:  # noqa: PLR0911 - one return a type is the clearest form
    choices: Sequence[Any] | None = [node["const"]] if "const" in node else node.get("enum")
    if choices:
        return Say("expect-one-of", {"choices": [str(choice) for choice in choices]})
    match node.get("type"):
        case "string":
            if node.get("format") == "date":
                return Say("expect-date")
            if node.get("examples"):
                return Say("expect-example", {"example": node["examples"][0]})
            if "pattern" in node:
                return Say("expect-pattern", {"pattern": node["pattern"]})
            return Say("expect-text")
        case "integer" | "number" as kind:
            return _describe_number(Say(f"expect-{kind}"), node)
        case "boolean":
            return Say("expect-flag")
        case "array":
            return Say("expect-nonempty-list" if node.get("minItems") else "expect-list")
        case "object":
            required = [str(name) for name in node.get("required", ())]
            keys = required + sorted(name for name in node.get("properties", ()) if name not in required)
            keys = keys or list(node.get("propertyNames", {}).get("enum", ()))
            return Say("expect-keys", {"keys": keys}) if keys else Say("expect-mapping")
    return None  # null: that a key may be left empty helps nobody who filled it


def _describe_number(what: Say, node: Schema) -> Say:
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        return Say("expect-between", {"what": what, "low": low, "high": high})
    if low is not None:
        return Say("expect-at-least", {"what": what, "low": low})
    return what if high is None else Say("expect-at-most", {"what": what, "high": high})
