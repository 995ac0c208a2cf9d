"""The run document without its findings: what the run, its targets, rules and requirements are (design §8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from auditor import __version__, texts
from auditor.confirmations import Confirmation, Confirmations
from auditor.dated import data_dates
from auditor.judge import JudgedTarget
from auditor.model import Observation, Privacy
from auditor.packs import RuleSet
from auditor.rulepack import Pack, Rule
from auditor.score import Scores, family_of
from auditor.score_words import scoring
from auditor.targets import Inventory
from auditor.transition import words

EXCERPT = 1500
"""Characters of an observation that the document shows; the evidence folder has it whole."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a run knows of itself before it judges."""

    run_id: str
    started_at: datetime
    finished_at: datetime
    now: datetime
    day: date
    profile: str
    manifest_sha256: str
    verified: bool
    recorded: bool = False
    confirmations: Confirmations = field(default_factory=Confirmations)
    """Who checked which requirement against the original text."""
    partial: bool = False
    """True when --limit or --checks left something out: no grade, no rank, never ``previous``."""


@dataclass(frozen=True, slots=True)
class Before:
    """The run this one is compared with, and which of its targets are gone without an explanation, by agency."""

    id: str | None = None
    seq: int | None = None
    gone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    systems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The systems that the missing targets served."""
    back: Mapping[str, int] = field(default_factory=dict)
    """Targets that it does not hold but an older run does: they keep their history."""


def told_of_target(judged: JudgedTarget, rules: RuleSet, touches: Sequence[str] = ()) -> dict[str, Any]:
    """A target as it was found; ``touches`` are the systems that stand on it without being its own."""
    target = judged.target
    frameworks, why = rules.framework_of(target)
    return {
        "id": target.id,
        "kind": target.kind,
        "name": target.name or target.id,
        "address": target.url or (target.link.target if target.link else target.address),
        "agency": target.agency,
        "systems": list(target.systems),
        "level": target.level,
        "site": target.site,
        "platform": target.platform,
        "role": target.role,
        "tags": list(target.tags),
        "state": judged.state.state,
        "reason": judged.state.reason.value if judged.state.reason else None,
        "detail": judged.state.detail or None,
        "touches": list(touches),
        "frameworks": list(frameworks),
        "framework_reason": dict(words(why)),
        "overlays": list(rules.overlays_of(target)),
    }


def told_of_observation(seen: Observation, *, brief: bool) -> dict[str, Any]:
    return {
        "source": seen.source,
        "collected_at": seen.collected_at.isoformat(),
        "exit": seen.exit,
        "truncated": seen.truncated,
        "target": seen.target,
        "vantage": seen.vantage,
        "excerpt": None if brief else _excerpt(seen),
        "privacy": seen.privacy.value,
        "masked": seen.masked,
        "problem": seen.problem.value if seen.problem else None,
    }


def _excerpt(seen: Observation) -> str | None:
    """The first and last of what was seen; personal data stay in the evidence folder."""
    if seen.privacy is not Privacy.TECHNICAL:
        return None
    text = seen.stdout[: EXCERPT * 4].decode("utf-8", "backslashreplace")
    if not text and seen.stderr:
        text = seen.stderr
    return text if len(text) <= EXCERPT else text[:EXCERPT] + "\n…"


def head_of(
    inventory: Inventory,
    packs: Sequence[Pack],
    rules: RuleSet,
    known: Circumstances,
    scores: Scores,
    before: Before,
    digest: str,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """The run document without findings, observations and targets, which are stored as they pass."""
    base = rules.base
    return {
        "schema": "capdo.run/1",
        "run": {
            "id": known.run_id,
            "started_at": known.started_at.isoformat(),
            "finished_at": known.finished_at.isoformat(),
            "date": known.day.isoformat(),
            "state": "partial" if known.partial else "complete",
            "assessment_kind": inventory.assessment_kind,
            "assessor": inventory.assessor,
            "profile": known.profile,
            "packs": [
                {
                    "id": pack.info.id,
                    "version": pack.info.version,
                    "sha256": pack.sha256,
                    "title": pack.info.title,
                    "dated": pack.info.dated.isoformat(),
                    "old": (known.day - pack.info.dated).days > pack.info.stale_after_days,
                }
                for pack in packs
            ],
            "inventory_sha256": digest,
            "tool_version": __version__,
            "previous": before.id,
            "manifest_sha256": known.manifest_sha256,
            "verified": known.verified,
            "recorded": known.recorded,
            **scoring(base),
            "data": data_dates(known.day),
            "removed": [
                {"id": name, "agency": agency or None, "systems": list(before.systems.get(name, ()))}
                for agency, names in before.gone.items()
                for name in names
            ],
            "secret_standalone": dict(inventory.secret_standalone),
        },
        "organisation": _organisation(inventory),
        "rules": {key: {**_rule(rule), "overlaid": rules.overlays_on(key)} for key, rule in rules.rules.items()},
        "requirements": _requirements(rules, scores, known.confirmations),
        "waivers": [item.model_dump(mode="json", by_alias=True) for item in inventory.waivers],
        "attestations": [item.model_dump(mode="json", by_alias=True) for item in inventory.attestations],
        "shared_controls": [item.model_dump(mode="json", by_alias=True) for item in inventory.shared_controls],
        "scores": scores.as_dict(targets=False),
        "requirements_by_system": {key: dict(value) for key, value in scores.status_of_systems.items()},
        **more,
    }


def _organisation(inventory: Inventory) -> dict[str, Any]:
    """Who is who, without anything that reaches a host (no users, keys or paths)."""
    hidden = {"ssh", "tls", "limits"}

    def told(items: Iterable[Any]) -> list[dict[str, Any]]:
        return [
            {
                **item.model_dump(mode="json", by_alias=True, exclude=hidden),
                "name": getattr(item, "name", None) or item.id,
            }
            for item in items
        ]

    province = inventory.province
    return {
        "province": {"id": province.id, "name": province.name or province.id},
        "groups": told(inventory.groups),
        "agencies": told(inventory.agencies),
        "systems": told(inventory.systems),
        "sites": told(inventory.sites),
        "authorities": told(inventory.authorities),
    }


def _rule(rule: Rule) -> dict[str, Any]:
    if rule.check is None:
        empty = {"vi": "", "en": ""}
        title: dict[Any, str] = dict(rule.title or empty)
        failed = {"vi": f"Chưa đạt: {title['vi']}", "en": f"Not met: {title['en']}"}
        said = {"title": title, "failure_title": failed, "why": dict(rule.why or empty), "remediation": {}}
    else:
        known = texts.of_check(rule.check)
        said = known.model_dump(mode="json", include={"title", "failure_title", "why", "remediation"})
    return {
        **said,
        "check": rule.check,
        "family": family_of(rule),
        "severity": rule.severity,
        "weight": rule.weight,
        "force": rule.force,
        "mandatory": rule.mandatory,
        "mode": rule.mode,
        "scope": rule.scope,
        "mend_by": rule.mend_by,
        "requirements": list(rule.requirements),
    }


def _requirements(rules: RuleSet, scores: Scores, known: Confirmations) -> dict[str, Any]:
    by_requirement: dict[str, list[str]] = {}
    for rule in rules.rules.values():
        for name in rule.requirements:
            by_requirement.setdefault(name, []).append(rule.id)
    return {
        item.id: {
            **item.model_dump(mode="json", by_alias=True, exclude={"id"}),
            "status": scores.status.get(item.id, "undecided"),
            "confirmed": _confirmed(known.confirmed(item, rules.pack_of(item.id))),
            "rules": by_requirement.get(item.id, []),
        }
        for item in rules.requirements.values()
    }


def _confirmed(found: Confirmation | None) -> dict[str, Any] | bool:
    return found.as_dict() if found is not None else False
