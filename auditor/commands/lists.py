"""What there is: checks and rules."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import typer

from auditor import registry, texts
from auditor.check import needs
from auditor.commands import console
from auditor.i18n import _, current
from auditor.model import CapdoError
from auditor.packlint import lint
from auditor.packs import find_pack, load_pack
from auditor.pipeline import DEFAULT_PACK
from auditor.rulepack import Pack, Requirement


def _check(check_id: str) -> dict[str, Any]:
    check, _path = registry.checks()[check_id]
    known = texts.of_check(check_id)
    return {
        "id": check_id,
        "family": check_id.partition(".")[0],
        "title": dict(known.title),
        "failure_title": dict(known.failure_title),
        "why": dict(known.why),
        "evidence": [need.evidence.topic for need in needs(type(check))],
        "params": {item.name: _plain(getattr(check.params(), item.name)) for item in fields(check.params)},
        "remediation": {key: dict(value) for key, value in known.remediation.items()},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list, frozenset, set)):
        return [_plain(item) for item in (sorted(value, key=str) if isinstance(value, (set, frozenset)) else value)]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def checks_list(as_json: bool, checks_dir: list[Path] | None) -> None:
    registry.use_checks_folders(tuple(checks_dir or ()))
    told = [_check(check_id) for check_id in registry.checks()]
    if as_json:
        console.as_json(told)
        return
    console.table([_("id"), _("what it asks")], [[one["id"], one["title"][current()]] for one in told])


def checks_show(check_id: str, as_json: bool, checks_dir: list[Path] | None) -> None:
    registry.use_checks_folders(tuple(checks_dir or ()))
    if check_id not in registry.checks():
        raise CapdoError(_("{check}: no such check; see: audit.py checks list").format(check=check_id))
    told = _check(check_id)
    if as_json:
        console.as_json(told)
        return
    lang = current()
    console.say(f"{told['id']}\n  {told['title'][lang]}\n  ✕ {told['failure_title'][lang]}\n\n{told['why'][lang]}\n")
    console.say(_("evidence: {path}").format(path=", ".join(told["evidence"])))
    for name, value in told["params"].items():
        console.say(_("parameter: {name} = {value}").format(name=name, value=value))
    for platform, words in told["remediation"].items():
        console.say("\n" + _("how to mend ({platform}):").format(platform=platform) + "\n" + words[lang])


def _packs(profile: str | None) -> list[Pack]:
    return [load_pack(find_pack(name.strip())) for name in (profile or DEFAULT_PACK).split(",")]


def _requirement(pack: Pack, item: Requirement) -> dict[str, Any]:
    rules = [rule for rule in pack.rules if item.id in rule.requirements]
    return {
        "id": item.id,
        "clauses": item.clauses,
        "title": dict(item.title),
        "levels": list(item.levels),
        "params": {rule.id: rule.params for rule in rules if rule.params},
        "obligation": item.obligation,
        "force": item.force,
        "mode": item.mode,
        "checks": [rule.check for rule in rules if rule.check],
        "weight": sum(rule.weight for rule in rules),
        "category": item.category,
        "confidence": item.confidence,
        "pack": pack.info.id,
        "rules": [rule.model_dump(mode="json", by_alias=True, exclude_none=True) for rule in rules],
    }


def rules_list(profile: str | None, as_json: bool) -> None:
    told = [_requirement(pack, item) for pack in _packs(profile) for item in pack.requirements]
    if as_json:
        console.as_json(told)
        return
    rows = [
        [
            one["id"],
            ",".join(map(str, one["levels"])),
            one["title"][current()],
            ", ".join(r["id"] for r in one["rules"]),
        ]
        for one in told
    ]
    console.table([_("id"), _("levels"), _("requirement"), _("rules")], rows)


def rules_show(clause: str, profile: str | None, as_json: bool) -> None:
    told = []
    for pack in _packs(profile):
        for item in pack.requirements:
            numbers = {text for value in item.clauses.values() for text in _clauses(value)}
            if clause in (item.id, *numbers) or any(clause in number for number in numbers):
                told.append({**_requirement(pack, item), "meaning": dict(item.meaning), "source": list(item.source)})
    if not told:
        raise CapdoError(_("{clause}: no such requirement or clause; see: audit.py rules list").format(clause=clause))
    if as_json:
        console.as_json(told)
        return
    lang = current()
    for one in told:
        console.say(f"{one['id']}  {one['title'][lang]}\n  {one['meaning'][lang]}")
        for framework, value in one["clauses"].items():
            shown = value if isinstance(value, str) else ", ".join(f"{k}: {v}" for k, v in value.items())
            console.say(f"  {framework}: {shown}")
        console.say(
            "  " + _("force: {force} · confidence: {trust}").format(force=one["force"], trust=one["confidence"])
        )
        for rule in one["rules"]:
            console.say(f"  · {rule['id']} ({rule['severity']}, {rule['weight']:g}) {rule.get('params') or ''}")
        console.say()


def _clauses(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value.values()]


def rules_lint(profile: str | None) -> None:
    found = lint(_packs(profile), {key: check for key, (check, _path) in registry.checks().items()})
    for one in found:
        console.say(one.text(current()))
    console.tell(_("{count} mistakes").format(count=len(found)))
    raise typer.Exit(2 if found else 0)
