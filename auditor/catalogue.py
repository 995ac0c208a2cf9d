"""What packs demand, requirement by requirement, with the rules and checks that stand for it: for lists and docs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from auditor.confirmations import Confirmations
from auditor.overlay import plain
from auditor.packs import arranged
from auditor.rulepack import Pack, Requirement, Rule, Tighten, params_at


def catalogue(packs: Sequence[Pack], confirmed: Confirmations | None = None) -> list[dict[str, Any]]:
    """Every requirement of the packs, in their order; ids are those of the packs, never prefixed."""
    chosen = arranged(packs)
    return [_told(pack, item, chosen, confirmed or Confirmations()) for pack in chosen for item in pack.requirements]


def _told(pack: Pack, item: Requirement, packs: Sequence[Pack], confirmed: Confirmations) -> dict[str, Any]:
    rules = list(_rules(pack, item, packs))
    layers = [layer for layer in pack.tighten if item.id in layer.requirements]
    below = [rule for layer in layers for one in packs for rule in one.rules if _under(pack, one, layer, rule)]
    standing = list({rule.id: rule for rule in (*rules, *below)}.values())
    record = confirmed.confirmed(item, pack.info.id)
    return {
        "id": item.id,
        "clauses": item.clauses,
        "title": dict(item.title),
        "levels": list(item.levels),
        "params": _params(item, layers, standing),
        "obligation": item.obligation,
        "force": item.force,
        "mode": item.mode,
        "checks": sorted({rule.check for rule in standing if rule.check}),
        "weight": sum(rule.weight for rule in standing),
        "pack": pack.info.id,
        "category": item.category,
        "domain": item.domain,
        "family": item.family,
        "dimensions": list(item.dimensions),
        "meaning": dict(item.meaning),
        "note": dict(item.note) if item.note else None,
        "from": plain(item.from_),
        "until": plain(item.until),
        "source": list(item.source),
        "confidence": item.confidence,
        "confirmed": record.as_dict() if record else None,
        "rules": [rule.model_dump(mode="json", by_alias=True, exclude_none=True) for rule in standing],
        "tighten": [layer.model_dump(mode="json", by_alias=True, exclude_none=True) for layer in layers],
        "overlaid": list(_overlaid(pack, {rule.id for rule in rules}, packs)),
    }


def _rules(pack: Pack, item: Requirement, packs: Iterable[Pack]) -> Iterator[Rule]:
    """The rules that name a requirement: of its own pack, and of overlays whose own requirements it does not hide."""
    for one in packs:
        own = one is pack or (pack.info.id in one.info.over and all(item.id != mine.id for mine in one.requirements))
        yield from (rule for rule in one.rules if own and item.id in rule.requirements)


def _under(pack: Pack, one: Pack, layer: Tighten, rule: Rule) -> bool:
    return one.info.id in pack.info.over and rule.id == layer.rule


def _overlaid(pack: Pack, rules: set[str], packs: Iterable[Pack]) -> Iterator[dict[str, Any]]:
    """What overlays ask more of the rules of a framework's requirement."""
    for one in packs:
        for layer in one.tighten if pack.info.id in one.info.over else ():
            if layer.rule in rules:
                asks = layer.model_dump(mode="json", include={"mandatory", "severity"}, exclude_none=True)
                told = {"pack": one.info.id, "id": layer.id, "rule": layer.rule}
                yield {**told, "asks": {**layer.params, **asks}, "requirements": list(layer.requirements)}


def _params(item: Requirement, layers: Sequence[Tighten], rules: Sequence[Rule]) -> dict[str, dict[str, Any]]:
    """``{name: {L1: …}}``: the requirement's own numbers first, then those of what stands for it.

    Where two rules give one name different values, the later one's stands under ``<rule>.<name>``.
    """
    found: dict[str, dict[str, Any]] = {}
    sources: list[Requirement | Tighten | Rule] = [item, *layers, *rules]
    for source in sources:
        levels = [level for level in item.levels if not isinstance(source, Rule) or level in source.levels]
        values: dict[str, dict[str, Any]] = {}
        for level in levels:
            for name, value in params_at(source, level).items():
                values.setdefault(name, {})[f"L{level}"] = plain(value)
        for name, told in values.items():
            held = found.get(name, {})
            clash = any(held.get(key, value) != value for key, value in told.items())
            if clash and name not in item.params and isinstance(source, Rule):
                found[f"{source.id}.{name}"] = told
            else:
                found[name] = {**told, **held}
    return {name: dict(sorted(told.items())) for name, told in found.items()}
