"""What the law demands: lists, a linter, what changes from pack to pack, and who checked the originals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from auditor import confirmations, pipeline, registry
from auditor.annotate import day_of
from auditor.applicability import applicability
from auditor.catalogue import catalogue
from auditor.commands import console
from auditor.commands.options import as_day
from auditor.confirmations import NOT_CHECKED, Confirmation
from auditor.folder import EvidenceFolder
from auditor.i18n import _, current
from auditor.inventories import from_snapshot, load_inventory
from auditor.inventories import sha256 as inventory_digest
from auditor.judge import Judge
from auditor.mistakes import Mistake
from auditor.model import CapdoError
from auditor.packdiff import Change, Side, Turn, changes, turns
from auditor.packfile import all_packs, default_pack, named_packs
from auditor.packlint import gaps, lint
from auditor.packs import arranged, ruleset
from auditor.rulepack import Pack, Requirement
from auditor.store import Store
from auditor.sweep import address_texts
from auditor.targets import Inventory
from auditor.transition import words


def _today() -> date:
    return day_of(datetime.now(UTC))


def _packs(profile: str | None) -> list[Pack]:
    return named_packs(profile or default_pack(_today()))


def _catalogue(profile: str | None, file: Path | None = None) -> tuple[list[Pack], list[dict[str, Any]]]:
    """The packs asked for and what they demand; what overlays tighten is looked up in the packs below them."""
    packs = _packs(profile)
    names = {pack.info.id for pack in packs}
    told = catalogue([*packs, *_below(packs)], confirmations.read(file))
    return packs, [one for one in told if one["pack"] in names]


def _below(packs: Sequence[Pack]) -> list[Pack]:
    """The frameworks that overlays lie over and that are not among ``packs`` themselves, as far as there are any."""
    known = {pack.info.id for pack in packs}
    wanted = sorted({name for pack in packs for name in pack.info.over} - known)
    return [pack for pack in all_packs() if pack.info.id in wanted] if wanted else []


def rules_list(profile: str | None, as_json: bool) -> None:
    _packs_asked, told = _catalogue(profile)
    if as_json:
        console.as_json(told)
        return
    rows = [
        [one["id"], ",".join(map(str, one["levels"])), one["title"][current()], _standing(one), _checked(one)]
        for one in told
    ]
    console.table([_("id"), _("levels"), _("requirement"), _("rules"), _("original")], rows)


def _standing(one: dict[str, Any]) -> str:
    return ", ".join(rule["id"] for rule in one["rules"])


def _checked(one: dict[str, Any]) -> str:
    """Who checked a requirement against the original, or that nobody did."""
    record = one["confirmed"]
    if record is None:
        return NOT_CHECKED["vi" if current() == "vi" else "en"]
    return _("checked by {by}, {document}, page {page}, {on}").format(**record)


def rules_show(clause: str, profile: str | None, as_json: bool, file: Path | None = None) -> None:
    found = [one for one in _catalogue(profile, file)[1] if _named(clause, one, loose=True)]
    if not found:
        raise CapdoError(_("{clause}: no such requirement or clause; see: audit.py rules list").format(clause=clause))
    if as_json:
        console.as_json(found)
        return
    lang = current()
    for one in found:
        console.say(f"{one['id']}  {one['title'][lang]}\n  {one['meaning'][lang]}")
        for framework, value in one["clauses"].items():
            shown = value if isinstance(value, str) else ", ".join(f"{k}: {v}" for k, v in value.items())
            console.say(f"  {framework}: {shown}")
        console.say(
            "  " + _("force: {force} · confidence: {trust}").format(force=one["force"], trust=one["confidence"])
        )
        console.say(f"  {_checked(one)}")
        for name, value in one["params"].items():
            console.say(f"  {name}: " + ", ".join(f"{level} {shown_value(said)}" for level, said in value.items()))
        for rule in one["rules"]:
            console.say(f"  · {rule['id']} ({rule['severity']}, {rule['weight']:g})")
        for layer in one["overlaid"]:
            asked = ", ".join(f"{name} {shown_value(value)}" for name, value in layer["asks"].items())
            console.say(f"  ↑ {layer['pack']}: {layer['rule']}: {asked} ({', '.join(layer['requirements'])})")
        console.say()


def shown_value(value: Any) -> str:
    """A parameter's value on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _named(clause: str, one: dict[str, Any], *, loose: bool = False) -> bool:
    numbers = {
        text
        for value in one["clauses"].values()
        for text in ([value] if isinstance(value, str) else map(str, value.values()))
    }
    return clause in (one["id"], *numbers) or (loose and any(clause in number for number in numbers))


def rules_lint(profile: str | None) -> None:
    """Without a profile all packs are looked at, and checks that none of them uses are told too."""
    packs = _packs(profile) if profile else all_packs()
    below = _below(packs)
    named = {pack.info.id for pack in packs}
    found = lint([*packs, *below], registry.check_table(), orphans=profile is None)
    worth = gaps([*packs, *below])
    if profile is not None:
        found, worth = _of(found, named), _of(worth, named)
    for one in found:
        console.say(one.text(current()))
    for one in worth:
        console.tell(_("warning: {text}").format(text=one.text(current())))
    console.tell(_("{count} mistakes, {warnings} warnings").format(count=len(found), warnings=len(worth)))
    raise typer.Exit(2 if found else 0)


def _of(found: Sequence[Mistake], packs: set[str]) -> list[Mistake]:
    return [one for one in found if one.file.partition("/")[0] in packs]


# --- confirming


@dataclass(frozen=True, slots=True)
class Paper:
    """What somebody says of a check against the original, as it was typed."""

    by: str
    document: str
    page: str
    on: str | None


def rules_confirm(clause: str, paper: Paper, profile: str | None, file: Path | None) -> None:
    packs, known = _catalogue(profile, file)
    told = [one for one in known if _named(clause, one)]
    exact = [one for one in told if one["id"] == clause] or told
    if not exact:
        raise CapdoError(_("{clause}: no such requirement or clause; see: audit.py rules list").format(clause=clause))
    if len(exact) > 1:
        names = ", ".join(one["id"] for one in exact)
        raise CapdoError(
            _("{clause} stands for several requirements, name one: {names}").format(clause=clause, names=names)
        )
    pack, item = _requirement(packs, exact[0])
    day = paper.on or _today().isoformat()
    try:
        made = Confirmation.model_validate(
            {
                "pack": pack.info.id,
                "requirement": item.id,
                "by": paper.by.strip(),
                "document": paper.document.strip(),
                "page": paper.page.strip(),
                "on": day,
                "sha256": confirmations.digest(item),
            }
        )
    except ValidationError as exc:
        names = ", ".join(sorted({f"--{one['loc'][0]}" for one in exc.errors()}))
        raise CapdoError(_("{names}: cannot be used; a date is like 2026-11-22").format(names=names)) from None
    if made.on > _today():
        raise CapdoError(_("--on {day}: nothing can have been checked on a day to come").format(day=day))
    path = confirmations.add(made, file)
    console.say(_("{id} is recorded as checked in {path}").format(id=item.id, path=path))


def _requirement(packs: Sequence[Pack], told: dict[str, Any]) -> tuple[Pack, Requirement]:
    pack = next(pack for pack in packs if pack.info.id == told["pack"])
    return pack, next(item for item in pack.requirements if item.id == told["id"])


# --- what changes


@dataclass(frozen=True, slots=True)
class Asked:
    """What to compare, as it was typed: packs with or without ``@date``, two dates, and evidence."""

    old: str | None
    new: str | None
    days: tuple[str, str] | None
    evidence: Path | None
    run: str | None


def rules_diff(asked: Asked, as_json: bool, db: str | None) -> None:
    held = _evidence(asked, db)
    inventory = from_snapshot(json.dumps(held.manifest()["inventory"]).encode()) if held else None
    old, new = (_side(text, inventory) for text in _sides(asked))
    differ = changes(old, new)
    turned: list[Turn] | None = None
    if held is not None and inventory is not None:
        now = datetime.fromisoformat(held.manifest()["finished_at"])
        systems = {system.id: system for system in inventory.systems}
        known = address_texts(inventory)
        judge = Judge(registry.check_table(), registry.collectors(), systems, inventory_digest(inventory), now, known)
        turned = list(turns(old, new, judge, inventory, held))
    if as_json:
        sides = [{"label": side.label, "date": side.day.isoformat()} for side in (old, new)]
        verdicts = None if turned is None else [one.as_dict() for one in turned]
        told = {"old": sides[0], "new": sides[1], "changes": [one.as_dict() for one in differ], "verdicts": verdicts}
        console.as_json(told)
        return
    console.say(f"{old.label} ({old.day}) → {new.label} ({new.day})")
    for one in differ:
        _say_change(one)
    console.tell(_("{count} requirements and rules differ").format(count=len(differ)))
    if turned is not None:
        _say_turns(turned)


def _say_turns(turned: Sequence[Turn]) -> None:
    """Verdicts one by one; what only a person can answer, on either side, as a number."""
    measured = [turn for turn in turned if {turn.old, turn.new} - {None, "notchecked"}]
    for turn in measured:
        was, now = (_("not asked") if result is None else _(result) for result in (turn.old, turn.new))
        console.say(f"  {turn.target}: {turn.rule}: {was} → {now}")
    targets = len({turn.target for turn in measured})
    console.tell(_("{count} verdicts differ on {targets} targets").format(count=len(measured), targets=targets))
    asked = sum(turn.old is None for turn in turned) - sum(turn.old is None for turn in measured)
    dropped = len(turned) - len(measured) - asked
    if asked or dropped:
        text = _("questions to people: {asked} more, {dropped} fewer")
        console.tell(text.format(asked=asked, dropped=dropped))


def _say_change(one: Change) -> None:
    mark = {"added": "+", "removed": "-", "changed": "~"}[one.change]
    title = (one.title or {}).get(current(), "")
    console.say(f"{mark} {one.id}" + (f" ({one.was})" if one.was else "") + (f"  {title}" if title else ""))
    for name, old, new in one.fields if one.change == "changed" else ():
        levels = [None] if not (isinstance(old, dict) and isinstance(new, dict)) else sorted({*old, *new})
        for level in levels if name != "title" else [current()] if current() in levels else []:
            was, now = (old, new) if level is None else (old.get(level), new.get(level))
            console.say(f"    {name}{f' {level}' if level else ''}: {_or_none(was)} → {_or_none(now)}")


def _or_none(value: Any) -> str:
    return "–" if value is None else shown_value(value)


def _evidence(asked: Asked, db: str | None) -> EvidenceFolder | None:
    if asked.evidence is not None:
        return EvidenceFolder(asked.evidence)
    if asked.run is None:
        return None
    with Store(db) as store:
        return store.evidence(store.find(asked.run))


def _sides(asked: Asked) -> tuple[tuple[str | None, str | None], tuple[str | None, str | None]]:
    """Packs and day of both sides, as they were typed."""
    sides = []
    for number, text in enumerate((asked.old, asked.new)):
        name, _at, day = (text or "").partition("@")
        sides.append((name or None, day or (asked.days[number] if asked.days else None)))
    if sides[1][0] is None:
        sides[1] = (sides[0][0], sides[1][1])
    if sides[0] == sides[1]:
        raise CapdoError(_("name two packs, or a pack at two dates: A B, A@2026-07-01 A, or --date D1 D2"))
    return sides[0], sides[1]


def _side(typed: tuple[str | None, str | None], inventory: Inventory | None) -> Side:
    name, text = typed
    day = as_day(text) or _today()
    name = name or default_pack(day)
    packs = named_packs(name)
    if text is None:
        # A pack that is over, or not yet in force, is compared as it is on its nearest day.
        info = arranged(packs)[0].info
        last = max((end for end in (info.until, info.transition and info.transition.until) if end), default=day)
        day = max(info.in_force, min(day, last))
    return Side(name, day, ruleset(packs, registry.check_table(), day, inventory))


def rules_on(inventory: Path, target: str, profile: str | None, day: str | None, as_json: bool) -> None:
    """Which rules fall on a target and which do not, each with its reason."""
    loaded = load_inventory(inventory)
    found = next((one for one in loaded.targets if one.id == target), None)
    if found is None:
        raise CapdoError(_("{target}: the inventory has no such target").format(target=target))
    rules = pipeline.law(loaded, profile, as_day(day) or _today())[2]
    why: Mapping[Any, str] = words(rules.framework_of(found)[1])
    applied = list(applicability(rules, found))
    if as_json:
        told = [{"rule": one.rule, "falls": one.falls, "code": one.code, "reason": one.reason} for one in applied]
        console.as_json({"target": target, "level": rules.level(found), "framework": why, "rules": told})
        return
    console.say(f"{target} · {_('level')} {rules.level(found)} · {why[current()]}")
    for one in sorted(applied, key=lambda one: (not one.falls, one.rule)):
        console.say(f"{'✓' if one.falls else '–'} {one.rule}  {one.reason[current()]}")
