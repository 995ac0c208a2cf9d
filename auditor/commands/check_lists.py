"""What there is: checks."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from auditor import registry, texts
from auditor.check import needs
from auditor.commands import console
from auditor.i18n import _, current
from auditor.model import CapdoError
from auditor.overlay import plain


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
        "params": {item.name: plain(getattr(check.params(), item.name)) for item in fields(check.params)},
        "remediation": {key: dict(value) for key, value in known.remediation.items()},
    }


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
