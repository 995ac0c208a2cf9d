"""Finds what is wrong in rule packs without a run: unknown names, levels, forces, dates, missing words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from auditor.mistakes import Mistake, ordered
from auditor.model import Say
from auditor.packs import Checks, build_params
from auditor.rulepack import BINDING, LEVEL_KEYS, Pack, Place, Requirement, Rule


def lint(packs: Sequence[Pack], checks: Checks) -> list[Mistake]:
    """Every mistake that can be seen without a run; later packs may name requirements of earlier ones.

    What is only worth knowing (a requirement with no rule at some of its levels) is told by ``gaps``.
    """
    found: list[Mistake] = []
    known: dict[str, Requirement] = {}
    used: set[str | None] = set()
    for pack in packs:
        known |= {item.id: item for item in pack.requirements}
        found += _lint_info(pack)
        for item in pack.requirements:
            place = pack.place(f"requirements/{item.id}")
            found += _lint_texts(place, item.id, title=item.title, meaning=item.meaning, note=item.note)
            found += _lint_dates(place, item.id, item.from_, item.until)
        for rule in pack.rules:
            used.add(rule.check)
            found += _lint_rule(pack, rule, known, checks)
    named = {name for pack in packs for rule in pack.rules for name in rule.requirements}
    for pack in packs:
        for item in pack.requirements:
            if item.id not in named and item.mode != "attested":
                place = pack.place(f"requirements/{item.id}")
                found.append(Mistake(*place, item.id, Say("pack-no-rule")))
    for check in sorted(set(checks) - used):
        found.append(Mistake(f"checks/{check.replace('.', '/').replace('-', '_')}.py", 1, 1, check, Say("pack-orphan")))
    return list(ordered(found))


def gaps(packs: Sequence[Pack]) -> list[Mistake]:
    """Requirements that at some of their levels no rule stands for. Not wrong, but never shown as met there."""
    found: list[Mistake] = []
    for pack in packs:
        for item in pack.requirements:
            rules = [rule for each in packs for rule in each.rules if item.id in rule.requirements]
            missing = sorted(set(item.levels) - {level for rule in rules for level in rule.levels})
            if rules and missing:
                place = pack.place(f"requirements/{item.id}")
                found.append(Mistake(*place, item.id, Say("pack-no-rule-at-level", {"levels": missing})))
    return found


def _lint_info(pack: Pack) -> Iterator[Mistake]:
    info = pack.info
    yield from _lint_texts(pack.place("title"), "title", title=info.title)
    yield from _lint_dates(pack.place("in_force"), "in_force", info.in_force, info.until)
    bounds = [float(grade.at_least) for grade in info.grades]
    if bounds != sorted(set(bounds), reverse=True) or bounds[-1] != 0:
        yield Mistake(*pack.place("grades"), "grades", Say("pack-grades-order"))
    for grade in info.grades:
        yield from _lint_texts(pack.place("grades"), f"grades.{grade.id}", name=grade.name)
    if info.mandatory_cap not in {grade.id for grade in info.grades}:
        said = Say("pack-grade-unknown", {"grade": info.mandatory_cap})
        yield Mistake(*pack.place("mandatory_cap"), "mandatory_cap", said)


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
    for name, value in rule.params.items():
        if isinstance(value, dict) and value and set(value) <= LEVEL_KEYS:
            extra = sorted(set(value) - {f"L{level}" for level in rule.levels})
            if extra:
                where = pack.place(f"rules/{rule.id}/{name}")
                yield Mistake(*where, f"{rule.id}.params.{name}", Say("pack-param-level", {"levels": extra}))


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
