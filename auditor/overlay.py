"""What an overlay asks more of a rule below it: the stricter value wins, whichever pack it stands in.

Pure. The direction of strictness of a parameter is declared once, in the check's params dataclass
(``check.param``). Merging is commutative, associative and idempotent, and nothing ever becomes looser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import Any, Final, NamedTuple, cast

from auditor.check import Direction
from auditor.model import Severity
from auditor.rulepack import Force, LevelKey, Requirement, Rule, Tighten

FORCES: Final[tuple[Force, ...]] = ("law", "decree", "standard-required", "standard-suggested", "tool-default")
"""Strongest first."""


class Won(NamedTuple):
    """One value that packs do not agree on: what counts, what it was else, and whose clause it is."""

    param: str
    """Name of a parameter, or ``mandatory`` or ``severity``."""
    value: Any
    other: Any
    pack: str
    requirement: str
    """Id as it stands in the run."""
    clause: str

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the run document."""
        return {**self._asdict(), "value": plain(self.value), "other": plain(self.other)}


@dataclass(frozen=True, slots=True)
class Layer:
    """One tightening at one level, its values made to the types of the check's parameters."""

    pack: str
    tighten: Tighten
    values: Mapping[str, Any]
    requirements: tuple[Requirement, ...]
    """Those that ask it at this level, with their ids of the run; never empty."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A rule with all layers on it, and what won."""

    rule: Rule
    params: Any
    won: tuple[Won, ...]


def direction_of(params: type, name: str) -> Direction | None:
    """How a parameter of a check gets stricter; None where its dataclass does not say."""
    known = {item.name: item.metadata.get("stricter") for item in fields(params)}
    return cast("Direction | None", known.get(name))


def stricter(direction: Direction, one: Any, other: Any) -> Any:
    """The value that asks at least what both ask. ``None`` of a number asks nothing.

    Of ``none`` the first stays. Where the values ask the same, the first stays as it is written.
    """
    if one is None or other is None:
        return other if one is None else one
    match direction:
        case "lower":
            return min(one, other)
        case "higher":
            return max(one, other)
        case "true":
            return one or other
        case "false":
            return one and other
        case "fewer":
            return _meet(one, other)
        case "more":
            return _join(one, other)
    return one


def _meet(one: Any, other: Any) -> Any:
    """What both hold; of mappings the common keys, and of each the common values."""
    if isinstance(one, Mapping):
        return {key: _meet(one[key], other[key]) for key in one if key in other}
    if isinstance(one, (tuple, frozenset)):
        return _like(one, set(one) & set(other))
    return min(one, other, key=repr)


def _join(one: Any, other: Any) -> Any:
    """What either holds; of mappings all keys, and of each all values."""
    if isinstance(one, Mapping):
        both = {key: _join(one[key], other[key]) for key in one if key in other}
        return {**one, **other, **both}
    if isinstance(one, (tuple, frozenset)):
        return _like(one, set(one) | set(other))
    return min(one, other, key=repr)


def _like(one: Any, held: set[Any]) -> Any:
    """The set in the form of ``one``: as it was written where nothing changed, else in order."""
    if set(one) == held:
        return one
    if isinstance(one, frozenset):
        return frozenset(held)
    return tuple(sorted(held, key=lambda item: (not isinstance(item, (int, float)), item)))


def same(one: Any, other: Any) -> bool:
    """Do two values ask the same? The order of a list does not matter."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return set(one) == set(other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


class _Ask(NamedTuple):
    """One pack's word on one value."""

    value: Any
    pack: str
    requirement: str
    clause: str


def merge(rule: Rule, params: Any, level: int, layers: Sequence[Layer], below: _Ask) -> Merged:
    """``rule`` at ``level`` with ``layers`` over it. ``below`` says whose the rule itself is (``ask_of``).

    Raises ``ValueError`` when the check refuses the merged parameters together.
    """
    layers = sorted(layers, key=lambda layer: (layer.pack, layer.tighten.id))
    asked: dict[str, list[_Ask]] = {}
    for layer in layers:
        told = dict(layer.values)
        if layer.tighten.mandatory:
            told["mandatory"] = True
        if layer.tighten.severity is not None:
            told["severity"] = layer.tighten.severity
        first = layer.requirements[0]
        for name, value in told.items():
            asked.setdefault(name, []).append(_Ask(value, layer.pack, first.id, clause_at(first, level)))
    changed: dict[str, Any] = {}
    won: list[Won] = []
    for name, asks in sorted(asked.items()):
        start = below._replace(value=getattr(rule if name in ("mandatory", "severity") else params, name))
        value, owner, other = _fold(name, type(params), start, asks)
        if not same(value, start.value):
            changed[name] = value
        if not same(value, other):
            won.append(Won(name, value, other, owner.pack, owner.requirement, owner.clause))
    of_rule: dict[str, Any] = {name: changed.pop(name) for name in ("mandatory", "severity") if name in changed}
    requirements = [item for layer in layers for item in layer.requirements]
    if of_rule.get("mandatory"):
        asking = [item.force for layer in layers if layer.tighten.mandatory for item in layer.requirements]
        of_rule["force"] = min((rule.force, *asking), key=FORCES.index)
    of_rule["requirements"] = tuple(dict.fromkeys((*rule.requirements, *(item.id for item in requirements))))
    return Merged(rule.model_copy(update=of_rule), replace(params, **changed) if changed else params, tuple(won))


def _fold(name: str, params: type, start: _Ask, asks: Sequence[_Ask]) -> tuple[Any, _Ask, Any]:
    """The strictest value, the pack whose word it is, and what it would be without that pack.

    Where several packs say the same strictest word, the last is what the framework alone would ask.
    """

    def both(value: Any, other: Any) -> Any:
        if name == "severity":
            return max(value, other, key=lambda one: Severity(one).rank)
        return stricter("true" if name == "mandatory" else direction_of(params, name) or "none", value, other)

    value, owner = start.value, start
    for ask in asks:
        merged = both(value, ask.value)
        if not same(merged, value):
            value, owner = merged, ask
    without = reduce(both, (one.value for one in (start, *asks) if one is not owner))
    return value, owner, start.value if same(value, without) else without


def ask_of(pack: str, requirement: Requirement | None, level: int) -> _Ask:
    """Whose word a rule of a framework is: its pack, and the first requirement it stands for."""
    if requirement is None:
        return _Ask(None, pack, "", "")
    return _Ask(None, pack, requirement.id, clause_at(requirement, level))


def clause_of(said: Mapping[LevelKey, str] | str, level: int) -> str:
    """The clause of one text at a level; empty where it has none."""
    return said if isinstance(said, str) else next((text for key, text in said.items() if key == f"L{level}"), "")


def clause_at(item: Requirement, level: int) -> str:
    """The clause of a requirement at a level, in the first of the texts it names."""
    return next((clause_of(said, level) for said in item.clauses.values()), "")


def plain(value: Any) -> Any:
    """A parameter's value as JSON holds it."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return [plain(item) for item in sorted(value, key=str)]
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
