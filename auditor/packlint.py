"""Finds what is wrong in rule packs without a run: unknown names, levels, forces, dates, missing words, cycles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from auditor.mistakes import Mistake, ordered
from auditor.model import Say
from auditor.overlay import clause_of
from auditor.packparams import AttestedParams, Checks, build_params, layer_values, unknown_rule
from auditor.packs import arranged
from auditor.rulepack import BINDING, Pack, Place, Requirement, Rule, Tighten, by_level

_POINT = re.compile(r"[0-9][a-zđ](?![a-zđ0-9])")


def lint(packs: Sequence[Pack], checks: Checks, *, orphans: bool = True) -> list[Mistake]:
    """Every mistake that can be seen without a run; overlays may name requirements of the packs below them.

    ``packs`` must hold the frameworks that overlays lie over. ``orphans``: tell checks that no pack uses.
    What is only worth knowing (a requirement with no rule at some of its levels) is told by ``gaps``.
    """
    found: list[Mistake] = []
    chosen = arranged(packs)
    kinds = {pack.info.id: pack for pack in chosen}
    named = _named(chosen)
    for pack in chosen:
        below = [kinds[name] for name in pack.info.over if name in kinds and name != pack.info.id]
        known = {item.id: item for one in (*below, pack) for item in one.requirements}
        found += _lint_info(pack)
        found += _lint_over(pack, kinds)
        for item in pack.requirements:
            found += _lint_requirement(pack, item)
            if (pack.info.id, item.id) not in named and item.mode != "attested":
                found.append(Mistake(*pack.place(f"requirements/{item.id}"), item.id, Say("pack-no-rule")))
        for rule in pack.rules:
            found += _lint_rule(pack, rule, known, checks)
        for layer in pack.tighten:
            found += _lint_tighten(pack, layer, below, checks)
    used = {rule.check for pack in chosen for rule in pack.rules}
    for check in sorted(set(checks) - used) if orphans else ():
        found.append(Mistake(f"checks/{check.replace('.', '/').replace('-', '_')}.py", 1, 1, check, Say("pack-orphan")))
    return list(ordered(found))


def _named(packs: Sequence[Pack]) -> dict[tuple[str, str], set[int]]:
    """The requirements, by pack and id, that some rule or tightening names, and at which levels."""
    found: dict[tuple[str, str], set[int]] = {}
    levels: dict[str, set[int]] = {}
    for pack in packs:
        for rule in pack.rules:
            levels.setdefault(rule.id, set()).update(rule.levels)
            for name in rule.requirements:
                own = any(item.id == name for item in pack.requirements)
                for holder in [pack.info.id] if own else pack.info.over:
                    found.setdefault((holder, name), set()).update(rule.levels)
    for pack in packs:
        for layer in pack.tighten:
            for name in layer.requirements:
                found.setdefault((pack.info.id, name), set()).update(levels.get(layer.rule, ()))
    return found


def gaps(packs: Sequence[Pack]) -> list[Mistake]:
    """What is not wrong, but worth knowing before a pack is relied on.

    Requirements that at some of their levels no rule stands for (they are never shown as met there), and
    requirements of one family with the very same clauses.
    """
    found: list[Mistake] = []
    named = _named(packs)
    for pack in packs:
        for item in pack.requirements:
            levels = named.get((pack.info.id, item.id), set())
            missing = sorted(set(item.levels) - levels)
            if missing and (levels or item.mode == "attested"):
                place = pack.place(f"requirements/{item.id}")
                found.append(Mistake(*place, item.id, Say("pack-no-rule-at-level", {"levels": missing})))
        found += _clauses_twice(pack)
    return list(ordered(found))


def _clauses_twice(pack: Pack) -> Iterator[Mistake]:
    """Requirements that cannot be told apart by any clause: one may be a copy of the other.

    Only where a point is named (``5.2.1b``): that requirements share a whole section is on purpose.
    """
    holders: dict[tuple[str | None, tuple[tuple[str, str], ...]], dict[str, list[int]]] = {}
    for item in pack.requirements:
        for level in item.levels:
            clauses = tuple(sorted((name, clause_of(said, level)) for name, said in item.clauses.items()))
            if any(_POINT.search(text) for _name, text in clauses):
                holders.setdefault((item.family, clauses), {}).setdefault(item.id, []).append(level)
    told: dict[tuple[str, ...], tuple[str, list[int]]] = {}
    for (_family, clauses), by_item in holders.items():
        first, *rest = by_item
        shared = (first, *(name for name in rest if set(by_item[name]) & set(by_item[first])))
        if len(shared) > 1:
            text = ", ".join(f"{name} {clause}" for name, clause in clauses if clause)
            told.setdefault(shared, (text, []))[1].extend(by_item[first])
    for shared, (text, levels) in told.items():
        values = {"clause": text, "levels": sorted(set(levels)), "requirements": list(shared)}
        place = pack.place(f"requirements/{shared[1]}")
        yield Mistake(*place, shared[1], Say("pack-clause-twice", values))


def _lint_info(pack: Pack) -> Iterator[Mistake]:
    info = pack.info
    yield from _lint_texts(pack.place("title"), "title", title=info.title)
    yield from _lint_dates(pack.place("in_force"), "in_force", info.in_force, info.until)
    if info.transition is not None:
        rule = info.transition
        place = pack.place("transition")
        yield from _lint_dates(place, "transition", rule.decided_before, rule.until)
        yield from _lint_dates(place, "transition", info.until, rule.until)
        yield from _lint_dates(place, "transition", rule.invested_before, rule.invested_decided_by)
        if rule.invested_decided_by is not None and rule.invested_before is None:
            said = Say("pack-needs", {"kind": "transition", "key": "invested_before"})
            yield Mistake(*place, "transition", said)
    if info.kind == "overlay":
        return
    bounds = [float(grade.at_least) for grade in info.grades]
    if bounds != sorted(set(bounds), reverse=True) or bounds[-1] != 0:
        yield Mistake(*pack.place("grades"), "grades", Say("pack-grades-order"))
    for grade in info.grades:
        yield from _lint_texts(pack.place("grades"), f"grades.{grade.id}", name=grade.name)
    if info.mandatory_cap not in {grade.id for grade in info.grades}:
        said = Say("pack-grade-unknown", {"grade": info.mandatory_cap})
        yield Mistake(*pack.place("mandatory_cap"), "mandatory_cap", said)


def _lint_over(pack: Pack, packs: Mapping[str, Pack]) -> Iterator[Mistake]:
    """An overlay lies over frameworks there are; over itself or another overlay there would be no bottom."""
    place = pack.place("over")
    for name in pack.info.over:
        if name in packs and packs[name].info.kind == "overlay":
            cycle = name == pack.info.id or pack.info.id in packs[name].info.over
            yield Mistake(*place, "over", Say("pack-cycle" if cycle else "pack-over-overlay", {"pack": name}))
        elif name not in packs:
            yield Mistake(*place, "over", Say("pack-over-unknown", {"pack": name}))
    for layer in pack.tighten if pack.info.kind == "framework" else ():
        yield Mistake(*pack.place(f"tighten/{layer.id}"), layer.id, Say("pack-tighten-framework"))


def _lint_requirement(pack: Pack, item: Requirement) -> Iterator[Mistake]:
    place = pack.place(f"requirements/{item.id}")
    yield from _lint_texts(place, item.id, title=item.title, meaning=item.meaning, note=item.note)
    yield from _lint_dates(place, item.id, item.from_, item.until)
    for name in ("domain", "family"):
        if getattr(item, name) is None:
            yield Mistake(*place, item.id, Say("pack-no-key", {"field": name}))
    for framework, said in item.clauses.items():
        extra = sorted(set(said) - _keys(item.levels)) if isinstance(said, dict) else ()
        if extra:
            values = {"framework": framework, "levels": extra}
            yield Mistake(*place, item.id, Say("pack-clause-level", values))
    yield from _lint_param_levels(pack, item, f"requirements/{item.id}", item.levels)


def _lint_tighten(pack: Pack, item: Tighten, below: Sequence[Pack], checks: Checks) -> Iterator[Mistake]:
    place = pack.place(f"tighten/{item.id}")
    yield from _lint_dates(place, item.id, item.from_, item.until)
    own = {one.id: one for one in pack.requirements}
    for name in item.requirements:
        if name not in own:
            yield Mistake(*place, item.id, Say("pack-unknown-requirement", {"requirement": name}))
    if item.mandatory and not {one.force for name, one in own.items() if name in item.requirements} & BINDING:
        yield Mistake(*place, item.id, Say("pack-mandatory-unfounded"))
    rules = {rule.id: rule for one in below for rule in one.rules}
    if item.rule not in rules:
        if len(below) == len(set(pack.info.over)):
            yield unknown_rule(pack, item, rules)
        return
    rule = rules[item.rule]
    asked = {level for name in item.requirements if name in own for level in own[name].levels}
    if asked and not asked & set(rule.levels):
        yield Mistake(*place, item.id, Say("pack-tighten-nowhere", {"rule": rule.id}))
    check = checks.get(rule.check) if rule.check else None
    mistakes: list[Mistake] = []
    if check is not None or rule.check is None:
        for level in rule.levels:
            layer_values(pack, item, check.params if check is not None else AttestedParams, level, mistakes)
    yield from mistakes
    yield from _lint_param_levels(pack, item, f"tighten/{item.id}", sorted(asked & set(rule.levels)))


def _keys(levels: Sequence[int]) -> set[str]:
    return {f"L{level}" for level in levels}


def _lint_param_levels(
    pack: Pack, item: Requirement | Rule | Tighten, place: str, levels: Sequence[int]
) -> Iterator[Mistake]:
    for name, value in item.params.items():
        extra = sorted(set(value) - _keys(levels)) if by_level(value) else ()
        if extra:
            said = Say("pack-param-level", {"levels": extra})
            yield Mistake(*pack.place(f"{place}/{name}"), f"{item.id}.params.{name}", said)


def _lint_rule(pack: Pack, rule: Rule, known: Mapping[str, Requirement], checks: Checks) -> Iterator[Mistake]:
    place = pack.place(f"rules/{rule.id}")
    mistakes: list[Mistake] = []
    for level in rule.levels:
        build_params(pack, rule, level, checks, mistakes)
    yield from mistakes
    if rule.check is None:
        yield from _lint_texts(place, rule.id, title=rule.title or {}, why=rule.why or {})
    yield from _lint_dates(place, rule.id, rule.from_, rule.until)
    for said in (*_rule_itself(rule), *_rule_basis(rule, known)):
        yield Mistake(*place, rule.id, said)
    yield from _lint_param_levels(pack, rule, f"rules/{rule.id}", rule.levels)


def _rule_itself(rule: Rule) -> Iterator[Say]:
    if not 0 < rule.weight <= 10:
        yield Say("pack-weight", {"weight": rule.weight})
    if rule.mandatory and rule.force not in BINDING:
        yield Say("pack-mandatory-force", {"force": rule.force})
    for name in ("title", "why"):
        if rule.check is not None and getattr(rule, name) is not None:
            yield Say("pack-title-of-check", {"field": name, "check": rule.check})


def _rule_basis(rule: Rule, known: Mapping[str, Requirement]) -> Iterator[Say]:
    """Does what the rule is based on bear it: at its levels, in its time, with its force?"""
    for name in rule.requirements:
        if name not in known:
            yield Say("pack-unknown-requirement", {"requirement": name})
        elif outside := sorted(set(rule.levels) - set(known[name].levels)):
            yield Say("pack-level-outside", {"levels": outside, "requirement": name})
        elif _never_together(rule, known[name]):
            yield Say("pack-requirement-not-listed", {"requirement": name})
    forces = {known[name].force for name in rule.requirements if name in known}
    if forces and rule.force in BINDING and not forces & BINDING:
        yield Say("pack-force-unfounded", {"force": rule.force})


def _never_together(rule: Rule, item: Requirement) -> bool:
    starts = [day for day in (rule.from_, item.from_) if day is not None]
    ends = [day for day in (rule.until, item.until) if day is not None]
    return bool(starts and ends) and max(starts) > min(ends)


def _lint_dates(place: Place, key: str, since: date | None, until: date | None) -> Iterator[Mistake]:
    if since is not None and until is not None and until < since:
        yield Mistake(*place, key, Say("pack-dates", {"since": since, "until": until}))


def _lint_texts(place: Place, key: str, **texts: Mapping[Any, str] | None) -> Iterator[Mistake]:
    for name, text in texts.items():
        for lang in ("vi", "en"):
            if text is not None and not text.get(lang, "").strip():
                yield Mistake(*place, key, Say("pack-no-text", {"field": name, "lang": Say(f"pack-{lang}")}))
