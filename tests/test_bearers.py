"""Bearers: a question of a whole system or agency falls on exactly one target of it, and on which is no accident."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from auditor.bearers import bearers
from auditor.rulepack import Rule
from auditor.targets import Inventory, Target

SYSTEMS = ("cong", "mail", "kho")


def rule(name: str, scope: str, **more: Any) -> Rule:
    told = {
        "id": name,
        "severity": "low",
        "weight": 1,
        "force": "law",
        "levels": [1, 2, 3],
        "kinds": ["server"],
        "requirements": ["REQ-1"],
        "scope": scope,
    }
    return Rule.model_validate(told | more)


RULES = [
    rule("of-system", "system"),
    rule("of-service", "system", kinds=["service"]),
    rule("of-agency", "agency"),
    rule("of-target", "target"),
]


def province(*targets: dict[str, Any]) -> Inventory:
    return Inventory.model_validate(
        {
            "province": {"id": "tinh"},
            "groups": [{"id": "so"}],
            "agencies": [{"id": "so-a", "group": "so"}, {"id": "so-b", "group": "so"}],
            "systems": [{"id": name, "owner": "so-a", "level": 2} for name in SYSTEMS],
            "targets": [{"kind": "server", "address": "10.0.0.1", **target} for target in targets],
        }
    )


def borne(told: Inventory) -> dict[str, frozenset[str]]:
    return {name: frozenset(rules) for name, rules in bearers(told, RULES, lambda _rule, _target: True).items()}


def test_the_first_of_a_system_bears_its_questions() -> None:
    found = borne(province({"id": "b", "systems": ["cong"]}, {"id": "a", "systems": ["cong"]}))
    assert found == {"b": frozenset({"of-system", "of-agency"}), "a": frozenset()}


def test_one_that_serves_only_this_system_at_its_level_comes_first() -> None:
    found = borne(
        province(
            {"id": "shared", "systems": ["cong", "mail"], "level": 2},
            {"id": "higher", "systems": ["cong"], "level": 3},
            {"id": "own", "systems": ["cong"], "level": 2},
        )
    )
    assert {name for name, rules in found.items() if "of-system" in rules} == {"shared", "own"}  # shared: for mail


def test_an_owner_answers_for_its_system_by_a_machine_of_its_own() -> None:
    found = borne(
        province(
            {"id": "of-b", "systems": ["cong"], "agency": "so-b", "level": 2},
            {"id": "of-a", "systems": ["cong", "mail"], "agency": "so-a", "level": 3},
        )
    )
    assert "of-system" in found["of-a"]
    assert "of-system" not in found["of-b"]


def test_a_bearer_is_asked_for_those_only_that_have_nobody_else() -> None:
    told = province(
        {"id": "own", "systems": ["cong"], "level": 2}, {"id": "two", "systems": ["cong", "mail"], "level": 2}
    )
    found = bearers(told, RULES, lambda _rule, _target: True)
    assert found["own"]["of-system"] == (("system", "cong"),)
    assert found["two"]["of-system"] == (("system", "mail"),)
    assert found["own"]["of-agency"] == (("agency", "so-a"),)


def test_what_belongs_to_no_system_is_asked_of_its_agency_and_else_of_itself() -> None:
    found = borne(province({"id": "a", "agency": "so-b"}, {"id": "b", "agency": "so-b"}, {"id": "c"}))
    assert found["a"] == found["c"] == frozenset({"of-system", "of-agency"})
    assert found["b"] == frozenset()


def test_a_rule_falls_only_on_a_kind_it_is_meant_for_and_never_on_a_secret_machine() -> None:
    told = province(
        {"id": "a", "systems": ["cong"], "handling": "secret-standalone"},
        {"id": "b", "systems": ["cong"]},
        {"id": "s", "systems": ["cong"], "kind": "service", "url": "https://a.invalid"},
    )
    assert borne(told) == {
        "a": frozenset(),
        "b": frozenset({"of-system", "of-agency"}),
        "s": frozenset({"of-service"}),
    }
    nowhere = bearers(told, RULES, lambda _rule, target: target.id != "b")
    assert not nowhere["b"]


def test_each_pack_has_bearers_of_its_own_among_those_it_is_meant_for() -> None:
    told = province({"id": "a", "systems": ["cong"]}, {"id": "b", "systems": ["cong"]})
    asked = [RULES[0].model_copy(update={"id": f"{pack}/of-system"}) for pack in ("here", "there")]
    found = bearers(told, asked, lambda rule, target: rule.id.startswith("here/") or target.id == "b")
    assert {name: set(rules) for name, rules in found.items()} == {"a": {"here/of-system"}, "b": {"there/of-system"}}


def test_systems_are_named_in_order() -> None:
    found = bearers(province({"id": "a", "systems": ["mail", "cong"]}), RULES, lambda _rule, _target: True)
    assert found["a"]["of-system"] == (("system", "cong"), ("system", "mail"))


def test_an_agency_has_no_level_so_the_first_bears_whatever_its_own() -> None:
    found = borne(province({"id": "a", "agency": "so-b", "level": 2}, {"id": "b", "agency": "so-b"}))
    assert "of-agency" in found["a"]
    assert not found["b"]


TARGET = st.fixed_dictionaries(
    {
        "systems": st.lists(st.sampled_from(SYSTEMS), unique=True, max_size=3),
        "kind": st.sampled_from(["server", "service", "link"]),
        "level": st.sampled_from([None, 1, 2, 3]),
    }
)


@given(st.lists(TARGET, max_size=8))
def test_each_system_has_a_bearer_and_targets_added_at_the_end_move_nothing(
    made: list[dict[str, Any]],
) -> None:
    targets = [{"id": f"t{number}", **one} for number, one in enumerate(made)]
    found = borne(province(*targets))
    serving: dict[str, list[Target]] = {}
    for target in province(*targets).targets:
        for system in target.systems if target.kind == "server" else ():
            serving.setdefault(system, []).append(target)
    for among in serving.values():
        assert [target.id for target in among if "of-system" in found[target.id]]
    bearing = sum("of-system" in rules for rules in found.values())
    loose = sum(target.kind == "server" and not target.systems for target in province(*targets).targets)
    assert bearing <= len(serving) + loose
    again = borne(province(*targets, *[{**one, "id": f"x{one['id']}"} for one in targets]))
    assert {name: again[name] for name in found} == found
