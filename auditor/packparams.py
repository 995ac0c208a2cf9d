"""Makes the parameters that packs write into those that checks take, and names what does not fit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from auditor.check import Check, param
from auditor.mistakes import Mistake
from auditor.model import Say
from auditor.overlay import direction_of
from auditor.rulepack import Pack, Rule, Tighten, params_at
from auditor.shape import near

Checks = Mapping[str, Check[Any, Any]]


@dataclass(frozen=True, slots=True)
class AttestedParams:
    """What a pack may say of a rule that only a person can answer.

    ``interval_days``: an answer older than this no longer counts, whatever its own end.
    """

    interval_days: int | None = param(None, stricter="lower")


def unknown_rule(pack: Pack, item: Tighten, ids: Iterable[str]) -> Mistake:
    """The mistake of a tightening whose rule no framework below has."""
    guess = near(item.rule, ids)
    said = Say("pack-unknown-rule-near" if guess else "pack-unknown-rule", {"rule": item.rule, "near": guess})
    return Mistake(*pack.place(f"tighten/{item.id}"), f"{item.id}.rule", said)


def layer_values(pack: Pack, item: Tighten, wanted: type, level: int, mistakes: list[Mistake]) -> dict[str, Any]:
    """The values of a tightening at one level; one that has no direction is a mistake."""
    values = _values(pack, item, f"tighten/{item.id}", wanted, level, mistakes)
    for name in list(values):
        if direction_of(wanted, name) in (None, "none"):
            del values[name]
            said = Say("pack-param-no-direction", {"param": name})
            mistakes.append(Mistake(*pack.place(f"tighten/{item.id}/{name}"), f"{item.id}.params.{name}", said))
    return values


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
    values = _values(pack, rule, f"rules/{rule.id}", wanted, level, mistakes)
    try:
        return wanted(**values)
    except (ValueError, TypeError) as exc:
        said = Say("pack-param-wrong", {"found": json.dumps(values, default=str), "text": str(exc)})
        mistakes.append(Mistake(*pack.place(f"rules/{rule.id}"), rule.id, said))
        return None


def _values(
    pack: Pack, item: Rule | Tighten, place: str, wanted: type, level: int, mistakes: list[Mistake]
) -> dict[str, Any]:
    """The parameters said of a rule or tightening at one level, each made to its type; mistakes noted."""
    adapters = _adapters(wanted)
    values: dict[str, Any] = {}
    for name, value in params_at(item, level).items():
        where, key = pack.place(f"{place}/{name}"), f"{item.id}.params.{name}"
        if name not in adapters:
            guess = near(name, adapters)
            code = "pack-param-near" if guess else "pack-param-unknown" if adapters else "pack-param-none"
            check = (item.check if isinstance(item, Rule) else item.rule) or item.id
            said = Say(code, {"check": check, "near": guess, "known": sorted(adapters)})
            mistakes.append(Mistake(*where, key, said))
            continue
        try:
            # As JSON, strictly: a list may stand for a tuple, but never text for a number.
            values[name] = adapters[name].validate_json(json.dumps(value), strict=True)
        except (ValidationError, TypeError) as exc:
            text = exc.errors()[0]["msg"] if isinstance(exc, ValidationError) else str(exc)
            said = Say("pack-param-wrong", {"found": json.dumps(value, default=str), "text": text})
            mistakes.append(Mistake(*where, key, said))
    return values


@cache
def _adapters(params: type) -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(params)
    return {field.name: TypeAdapter(hints[field.name]) for field in fields(params)}
