"""Applicability: every rule says why it falls on a target or does not, and says so truly."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import registry
from auditor.applicability import REASONS, applicability
from auditor.packs import RuleSet, find_pack, load_pack, ruleset
from auditor.targets import Inventory
from tests.annotated import DAY

CHECKS = registry.check_table()


def table(*targets: dict[str, Any], packs: tuple[str, ...] = ("tcvn-14423-2026",)) -> tuple[RuleSet, Inventory]:
    told = Inventory.model_validate(
        {
            "province": {"id": "tinh"},
            "groups": [{"id": "so"}],
            "agencies": [{"id": "so-a", "group": "so"}],
            "systems": [{"id": "cong", "owner": "so-a", "level": 3}, {"id": "kho", "owner": "so-a", "level": 2}],
            "targets": [{"kind": "server", "address": "10.0.0.1", "level": 3, **target} for target in targets],
        }
    )
    return ruleset([load_pack(find_pack(name)) for name in packs], CHECKS, DAY, told), told


def test_words_are_complete_in_both_languages() -> None:
    for said in REASONS.values():
        fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in said.values()]
        assert fields[0] == fields[1]
        assert all(said.values())


@pytest.mark.parametrize(
    ("target", "rule", "code"),
    [
        ({}, "patch.security-updates", "falls"),
        ({"level": None}, "patch.security-updates", "falls-assumed"),
        ({"systems": ["cong"]}, "management.incident-plan", "falls-for"),
        ({"kind": "link"}, "patch.security-updates", "kind"),
        ({"platform": "windows"}, "patch.security-updates", "platform"),
        ({"level": 2}, "access.ssh-strict-algorithms", "level"),
        ({"handling": "secret-standalone"}, "patch.security-updates", "secret"),
    ],
)
def test_each_rule_says_why(target: dict[str, Any], rule: str, code: str) -> None:
    rules, told = table({"id": "a", **target})
    name = rule if rule in rules.rules else next(n for n in rules.rules if rules.rules[n].scope == "system")
    found = {one.rule: one for one in applicability(rules, told.targets[0])}
    assert found[name].code == code
    assert all(text and "{" not in text for text in found[name].reason.values())


def test_a_question_borne_elsewhere_and_a_pack_that_does_not_reach() -> None:
    rules, told = table(
        {"id": "a", "systems": ["cong"]}, {"id": "b", "systems": ["cong"]}, packs=("tcvn-14423-2026", "qcvn-12-2026")
    )
    found = {one.rule: one.code for one in applicability(rules, told.targets[1])}
    assert "borne" in found.values()
    assert {code for rule, code in found.items() if rule.startswith("qcvn-12-2026/")} == {"framework"}


@given(
    st.sampled_from(["server", "service", "device", "link", "endpoint"]),
    st.sampled_from([None, 1, 2, 3, 4, 5]),
    st.sampled_from([None, "linux", "windows", "fortios"]),
    st.sampled_from([None, "web", "mail"]),
    st.lists(st.sampled_from(["cong", "kho"]), unique=True),
)
def test_what_it_says_is_what_falls(
    kind: str, level: int | None, platform: str | None, role: str | None, systems: list[str]
) -> None:
    made = {"kind": kind, "level": level, "platform": platform, "role": role, "systems": systems}
    rules, told = table({"id": "a", **made})
    found = list(applicability(rules, told.targets[0]))
    assert [one.rule for one in found] == sorted(rules.rules)
    assert {one.rule for one in found if one.falls} == {one.rule.id for one in rules.of(told.targets[0])}
    assert "borne" not in {one.code for one in found if not systems and kind == "server"}
