"""Small packs and rule sets made in memory, for tests of what comes after judging."""

from __future__ import annotations

from typing import Any

from auditor.model import Finding, Instance, Result, Say, Verdict
from auditor.packs import AttestedParams, RuleSet
from auditor.rulepack import PackInfo, Requirement, Rule
from auditor.targets import Inventory, Target, Waiver

INFO: dict[str, Any] = {
    "id": "thu-nghiem",
    "version": "1",
    "title": {"vi": "Gói thử", "en": "A trial pack"},
    "dated": "2026-01-01",
    "in_force": "2026-01-01",
    "grades": [
        {"id": "tot", "name": {"vi": "Tốt", "en": "Good"}, "at_least": 85},
        {"id": "kha", "name": {"vi": "Khá", "en": "Fair"}, "at_least": 70},
        {"id": "trung-binh", "name": {"vi": "Trung bình", "en": "Average"}, "at_least": 50},
        {"id": "yeu", "name": {"vi": "Yếu", "en": "Weak"}, "at_least": 0},
    ],
    "mandatory_cap": "kha",
    "coverage_gate": 0.8,
    "waiver_cap": 0.2,
}


def info(**changes: Any) -> PackInfo:
    return PackInfo.model_validate({**INFO, **changes}, by_alias=True)


def requirement(name: str, **changes: Any) -> Requirement:
    made = {
        "id": name,
        "clauses": {"law": "Điều 1"},
        "title": {"vi": "Yêu cầu", "en": "A requirement"},
        "meaning": {"vi": "Nghĩa", "en": "Its meaning"},
        "category": "server",
        "domain": "technical",
        "family": "hardening",
        "levels": [1, 2, 3, 4, 5],
        "force": "decree",
        "obligation": "mandatory",
        "mode": "automatic",
        "source": ["một nguồn"],
        "confidence": "verified-primary",
    }
    return Requirement.model_validate({**made, **changes}, by_alias=True)


def rule(name: str, **changes: Any) -> Rule:
    made = {
        "id": name,
        "check": name,
        "severity": "medium",
        "weight": 1,
        "force": "decree",
        "levels": [1, 2, 3, 4, 5],
        "kinds": ["server"],
        "requirements": ["REQ-1"],
    }
    return Rule.model_validate({**made, **changes}, by_alias=True)


def rules(*chosen: Rule, **of_pack: Any) -> RuleSet:
    """A rule set of these rules; attested ones read ``interval_days`` from their params."""
    names = sorted({name for one in chosen for name in one.requirements})

    def params(one: Rule, _level: int) -> Any:
        return AttestedParams(**one.params) if one.check is None else None

    return RuleSet(info(**of_pack), chosen, [requirement(name) for name in names], params)


def server(name: str, **fields: Any) -> Target:
    return Target(**{"id": name, "kind": "server", "level": 3, **fields})


def inventory(*targets: Target, **parts: Any) -> Inventory:
    return Inventory.model_validate(
        {"province": {"id": "binh-minh"}, "targets": targets, **parts}, by_alias=True, by_name=True
    )


def finding(target: str, rule: str, result: str | Result, **instances: str) -> Finding:
    """A finding; keywords are instances and their results."""
    made = tuple(Instance(name, Result(one)) for name, one in instances.items())
    verdict = Verdict(Result(result), Say("seen"), instances=made)
    return Finding(target, rule, rule, verdict, ("0" * 64,))


def waiver(**fields: Any) -> Waiver:
    made = {
        "id": "w1",
        "rule": "patch.kernel",
        "targets": ["a"],
        "reason_class": "accepted-risk",
        "reason": "đang chờ thay máy chủ mới",
        "requester": "Người Thứ Nhất",
        "approver": "Người Thứ Hai",
        "document": {"no": "7/QĐ", "date": "2026-01-01"},
        "from": "2026-01-01",
        "until": "2026-12-31",
    }
    return Waiver.model_validate({**made, **fields}, by_alias=True)
