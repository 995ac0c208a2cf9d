"""Why a rule falls on a target, or does not: from inventory and pack alone, before anything is looked at. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from auditor.packs import RuleSet
from auditor.rulepack import Rule, usual_platform
from auditor.targets import Target


class Applied(NamedTuple):
    """One rule and one target; ``code`` is a key of ``REASONS``, ``values`` fill its words."""

    rule: str
    falls: bool
    code: str
    values: dict[str, Any]

    @property
    def reason(self) -> dict[str, str]:
        """The reason in words."""
        said = REASONS[self.code]
        return {"vi": said["vi"].format(**self.values), "en": said["en"].format(**self.values)}


REASONS: Final[dict[str, dict[str, str]]] = {
    "falls": {
        "vi": "dành cho {kind}, cấp độ {level}",
        "en": "it is meant for a {kind} at level {level}",
    },
    "falls-assumed": {
        "vi": "dành cho {kind}; chưa rõ cấp độ nên xét ở cấp độ {level}",
        "en": "it is meant for a {kind}; no level is known, so it is judged at level {level}",
    },
    "falls-for": {
        "vi": "câu hỏi chung của {places}, đặt ở đây",
        "en": "a question to {places}, asked here",
    },
    "secret": {
        "vi": "máy soạn thảo bí mật nhà nước: không xét gì",
        "en": "a standalone machine for state secrets: nothing is judged",
    },
    "framework": {
        "vi": "thuộc gói {pack}; đối tượng này được xét theo {packs}",
        "en": "it belongs to pack {pack}; this target is judged by {packs}",
    },
    "kind": {"vi": "dành cho {wanted}, đây là {found}", "en": "it is meant for {wanted}, this is a {found}"},
    "level": {
        "vi": "chỉ áp dụng ở cấp độ {wanted}, đây là cấp độ {found}",
        "en": "it holds at levels {wanted} only, this is level {found}",
    },
    "platform": {"vi": "dành cho nền tảng {wanted}, đây là {found}", "en": "it is meant for {wanted}, this is {found}"},
    "role": {"vi": "dành cho vai trò {wanted}, đây là {found}", "en": "it is meant for role {wanted}, this is {found}"},
    "tags": {"vi": "dành cho nơi có nhãn {wanted}", "en": "it is meant for what is tagged {wanted}"},
    "without-tags": {"vi": "không áp dụng khi có nhãn {found}", "en": "it does not hold where tagged {found}"},
    "borne": {
        "vi": "câu hỏi chung của hệ thống hoặc cơ quan, đặt ở một đối tượng khác",
        "en": "a question to the whole system or agency, asked on another of its targets",
    },
}
"""Every reason there is, in the order in which they are looked for after the first three."""


def applicability(rules: RuleSet, target: Target) -> Iterator[Applied]:
    """Every rule of a run beside one target, by id."""
    falling = {one.rule.id for one in rules.of(target)}
    for rule in rules.rules.values():
        if rule.id in falling:
            yield _falls(rules, rule, target)
        else:
            yield _not(rules, rule, target)


def _falls(rules: RuleSet, rule: Rule, target: Target) -> Applied:
    places = rules.asked_for(rule.id, target.id) or ()
    wider = [name for kind, name in places if kind != "target"]
    if rule.scope != "target" and wider:
        return Applied(rule.id, True, "falls-for", {"places": ", ".join(wider)})
    code = "falls-assumed" if rules.level_assumed(target) else "falls"
    return Applied(rule.id, True, code, {"kind": target.kind, "level": rules.level(target)})


def _not(rules: RuleSet, rule: Rule, target: Target) -> Applied:
    packs = (*rules.framework_of(target)[0], *rules.overlays_of(target))
    found = target.platform or usual_platform(target)
    obstacles: tuple[tuple[str, Callable[[], bool], dict[str, Any]], ...] = (
        ("secret", lambda: target.handling == "secret-standalone", {}),
        (
            "framework",
            lambda: rules.pack_of(rule.id) not in packs,
            {"pack": rules.pack_of(rule.id), "packs": ", ".join(packs)},
        ),
        ("kind", lambda: target.kind not in rule.kinds, {"wanted": _or(rule.kinds), "found": target.kind}),
        (
            "level",
            lambda: rules.level(target) not in rule.levels,
            {"wanted": _or(rule.levels), "found": rules.level(target)},
        ),
        (
            "platform",
            lambda: bool(rule.platforms) and found not in rule.platforms,
            {"wanted": _or(rule.platforms), "found": found or "?"},
        ),
        (
            "role",
            lambda: bool(rule.roles) and target.role not in rule.roles,
            {"wanted": _or(rule.roles), "found": target.role or "?"},
        ),
        ("tags", lambda: bool(rule.tags) and not set(rule.tags) & set(target.tags), {"wanted": _or(rule.tags)}),
        (
            "without-tags",
            lambda: bool(set(rule.without_tags) & set(target.tags)),
            {"found": _or(tuple(sorted(set(rule.without_tags) & set(target.tags))))},
        ),
    )
    for code, stands, values in obstacles:
        if stands():
            return Applied(rule.id, False, code, values)
    return Applied(rule.id, False, "borne", {})


def _or(values: tuple[Any, ...]) -> str:
    return "/".join(map(str, values))
