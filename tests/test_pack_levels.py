"""The default pack, level by level, against tables read off its sources and not off itself.

``gold/levels/*.yaml`` list the requirements of each level with the numbers they ask there;
``gold/level-numbers.yaml`` is the table of intervals and thresholds that people look up first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.packs import find_pack, load_pack
from auditor.rulepack import Pack

GOLD = Path(__file__).parent / "gold"
LEVELS = (1, 2, 3, 4, 5)
DAYS = {"year": 365, "half-year": 183, "quarter": 92, "month": 31}
TABLES = sorted(path.name for path in (GOLD / "levels").glob("*.yaml"))
Table = dict[str, dict[str, Any]]


def read(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)  # noqa: TID251 (our own file; levels are numbers)


def at(params: dict[str, Any], level: int) -> dict[str, Any]:
    """What parameters say at one level, worked out here anew: the pack's own reading is what is on trial."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, dict) and value.keys() <= {"L1", "L2", "L3", "L4", "L5"}:
            if f"L{level}" in value:
                found[name] = value[f"L{level}"]
        else:
            found[name] = value
    return found


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(find_pack("tcvn-14423-2026"))


@pytest.fixture(scope="module")
def asked(pack: Pack) -> dict[int, Table]:
    return {
        level: {item.id: at(item.params, level) for item in pack.requirements if level in item.levels}
        for level in LEVELS
    }


def expected(level: int) -> Table:
    found: Table = {}
    for name in TABLES:
        table = read(GOLD / "levels" / name)["levels"].get(level, {})
        assert not found.keys() & table.keys(), f"{name} repeats what another table lists"
        found |= table
    return found


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_asked_that_the_tables_do_not_list(level: int, asked: dict[int, Table]) -> None:
    assert sorted(asked[level].keys() - expected(level).keys()) == []


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", TABLES)
def test_every_requirement_of_the_table_is_asked_with_its_numbers(
    name: str, level: int, asked: dict[int, Table]
) -> None:
    table: Table = read(GOLD / "levels" / name)["levels"].get(level, {})
    assert {one: asked[level].get(one, "missing") for one in table} == table


@pytest.mark.parametrize("row", read(GOLD / "level-numbers.yaml")["numbers"], ids=lambda row: str(row["what"]))
def test_the_numbers_are_those_of_the_standard(row: dict[str, Any], pack: Pack) -> None:
    """And the rules put them to work at the same levels; where the standard says nothing a rule may have a default."""
    if "months" in row:
        values = [30 * one if isinstance(one, int) and one < 12 else 365 if one == 12 else one for one in row["months"]]
    else:
        values = [DAYS.get(one, one) for one in row["is"]]
    wanted = {level: value for level, value in zip(LEVELS, values, strict=True) if value != "-"}
    requirement, _, name = row["asks"].partition("/")
    (item,) = (item for item in pack.requirements if item.id == requirement)
    said = {level: at(item.params, level).get(name) for level in item.levels}
    assert {level: value for level, value in said.items() if value is not None} == wanted
    for place in row.get("rules", ()):
        one, _, name = place.partition("/")
        (rule,) = (rule for rule in pack.rules if rule.id == one)
        assert requirement in rule.requirements
        assert {level: at(rule.params, level).get(name) for level in wanted} == wanted, place


@pytest.mark.parametrize("row", read(GOLD / "level-numbers.yaml")["from_level"], ids=lambda row: str(row["what"]))
def test_what_has_no_number_is_asked_at_its_levels(row: dict[str, Any], pack: Pack) -> None:
    (item,) = (item for item in pack.requirements if item.id == row["asks"])
    if "rules" not in row:
        assert list(item.levels) == row["levels"]
    for name in row.get("rules", ()):
        (rule,) = (rule for rule in pack.rules if rule.id == name)
        assert list(rule.levels) == row["levels"]
        assert item.id in rule.requirements


def test_every_requirement_has_a_rule_at_each_of_its_levels(pack: Pack) -> None:
    bare = {
        item.id: missing
        for item in pack.requirements
        if (
            missing := set(item.levels)
            - {level for rule in pack.rules if item.id in rule.requirements for level in rule.levels}
        )
    }
    assert bare == {}


def test_who_decides_a_requirement_is_what_its_rules_say(pack: Pack) -> None:
    """``automatic``: checks alone; ``attested``: people alone; ``mixed``: both."""
    wrong = {}
    for item in pack.requirements:
        modes = {rule.mode for rule in pack.rules if item.id in rule.requirements}
        told = "mixed" if len(modes) == 2 else modes.pop() if modes else "none"
        if told != item.mode:
            wrong[item.id] = f"says {item.mode}, its rules say {told}"
    assert wrong == {}


def test_every_requirement_is_told_in_full(pack: Pack) -> None:
    for item in pack.requirements:
        assert item.domain is not None, item.id
        assert item.family is not None, item.id
        assert item.dimensions or item.domain == "management", item.id
        # What rests on older texts alone was in force before this pack was.
        assert item.from_ is not None or "tcvn14423_2026" not in item.clauses, item.id


ONCE = {
    "hardening.app-pentest-before-golive",
    "management.acceptance",
    "management.approval-authority",
    "management.regulation-content",
}
"""Facts of one day: nobody need say again every year that the system was accepted."""


def test_every_question_says_how_long_its_answer_counts(pack: Pack) -> None:
    asked = {rule.id for rule in pack.rules if rule.check is None}
    assert asked >= ONCE
    for rule in pack.rules:
        if rule.id in ONCE:
            assert "interval_days" not in rule.params, rule.id
        elif rule.check is None:
            days = {level: at(rule.params, level).get("interval_days") for level in rule.levels}
            assert all(isinstance(one, int) and 0 < one <= 731 for one in days.values()), (rule.id, days)
