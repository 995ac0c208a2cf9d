"""The level view: declared beside suggested, and what the next level would ask of the evidence in hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from auditor.levelview import NextLevel, answer_of, rules_next
from auditor.model import Result
from auditor.packs import RuleSet, ruleset
from auditor.rulepack import Rule
from auditor.targets import Inventory
from tests.packfiles import CHECKS, a_rule, overlay, pack, raw
from tests.rulesets import info, inventory, requirement, rule, server


@dataclass(frozen=True)
class Months:
    months: int = 1
    ports: frozenset[int] = frozenset()
    days: int | None = None


def table(*chosen: Rule, params: Any = None, extra: tuple[str, ...] = ()) -> RuleSet:
    names = sorted({name for one in chosen for name in one.requirements} | set(extra))
    return RuleSet(info(), chosen, [requirement(name) for name in names], params or (lambda _rule, _level: Months()))


def by_level(one: Rule, level: int) -> Months:
    if one.id != "logging.keep":
        return Months()
    return Months(level, frozenset({512, 443}), 7) if level == 4 else Months(level)


TABLE = table(
    rule("logging.keep", requirements=["REQ-1"]),
    rule("patch.a", requirements=["REQ-1", "REQ-2"]),
    rule("tls.new", levels=[4, 5], requirements=["REQ-3"]),
    rule("tls.old", levels=[1, 2, 3], requirements=["REQ-4"]),
    params=by_level,
    extra=("REQ-5",),
)


def place(*targets: Any, **system: Any) -> Inventory:
    return inventory(*targets, systems=[{"id": "ht", "owner": "so", "level": 3, **system}])


def views(made: Inventory, results: dict[str, dict[str, str]], rules: RuleSet = TABLE) -> dict[str, Any]:
    view = NextLevel(rules, made)
    for target in made.targets:
        said = results.get(target.id, {})
        asked = rules_next(rules, target)
        if asked:
            view.add(target.id, [(one, Result(said.get(one.chosen.rule.id, "pass"))) for one in asked])
    return dict(view.views())


def test_the_rules_of_the_next_level() -> None:
    found = rules_next(TABLE, server("a", level=3))
    assert [(one.chosen.rule.id, one.asked, one.same) for one in found] == [
        ("logging.keep", True, False),
        ("patch.a", True, True),
        ("tls.new", False, False),
    ]
    assert found[0].chosen.params == Months(4, frozenset({512, 443}), 7)


def test_what_is_asked_of_a_target_next_is_remembered() -> None:
    view = NextLevel(TABLE, place())
    for level in (1, 3, 5, None):
        target = server("a", level=level)
        assert view.asks(target) == rules_next(TABLE, target)
        assert view.asks(target) is view.asks(server("b", level=level))


def test_an_asset_that_was_not_judged_does_not_count() -> None:
    told = dict(NextLevel(TABLE, made := place(server("a", systems=("ht",)))).views())["ht"]["next"]
    assert (told["assets"], told["rules"]) == (0, {})
    assert views(made, {})["ht"]["next"]["assets"] == 1


def test_a_rule_without_parameters_has_none_that_differ() -> None:
    bare = table(rule("patch.a"), params=lambda _rule, _level: None)
    made = place(server("a", systems=("ht",)))
    told = views(made, {"a": {"patch.a": "fail"}}, bare)["ht"]["next"]
    assert told["rules"]["patch.a"]["params"] == {}


def test_above_the_highest_level_and_without_one_there_is_no_next() -> None:
    assert rules_next(TABLE, server("a", level=5)) == ()
    assert rules_next(TABLE, server("a", level=None)) == ()
    assert views(place(server("a", systems=("ht",), level=5), level=5), {})["ht"]["next"] is None
    assert views(place(server("a", systems=("ht",), level=None), level=None), {})["ht"]["next"] is None


@pytest.mark.parametrize(
    ("result", "asked", "answer"),
    [
        ("pass", False, "would-pass"),
        ("fail", False, "would-fail"),
        ("unknown", True, "undecided"),
        ("error", True, "undecided"),
        ("notchecked", False, "not-asked-now"),
        ("unknown", False, "not-asked-now"),
        ("notapplicable", True, None),
        ("informational", True, None),
    ],
)
def test_answers(result: str, asked: bool, answer: str | None) -> None:
    assert answer_of(Result(result), asked=asked) == answer


def test_what_would_be_missing() -> None:
    made = place(server("a", systems=("ht",)), server("b", systems=("ht",), runs_on=("c",)), server("c", level=4))
    results = {"a": {"logging.keep": "fail", "tls.new": "unknown"}, "b": {"patch.a": "unknown"}}
    told = views(made, results)["ht"]["next"]
    assert json.loads(json.dumps(told)) == told
    assert (told["level"], told["assets"], told["higher"]) == (4, 2, 1)
    assert told["summary"] == {"would-fail": 1, "undecided": 1, "not-asked-now": 3, "would-pass": 0}
    assert [(one["requirement"], one["answer"], one["rules"]) for one in told["missing"]] == [
        ("REQ-1", "would-fail", ["logging.keep", "patch.a"]),
        ("REQ-2", "undecided", ["patch.a"]),
        ("REQ-3", "not-asked-now", ["tls.new"]),
        ("REQ-4", "not-asked-now", []),  # no rule at this level
        ("REQ-5", "not-asked-now", []),  # no rule at all
    ]
    assert told["rules"]["logging.keep"] == {
        "answer": "would-fail",
        "counts": {"would-fail": 1, "would-pass": 1},
        "targets": ["a"],
        "params": {"months": [3, 4], "ports": [[], [443, 512]], "days": [None, 7]},
    }
    assert told["rules"]["patch.a"]["params"] == {}


@pytest.mark.parametrize(("applies", "missing"), [({"agencies": ["so-b"]}, False), ({"agencies": ["so-a"]}, True)])
def test_only_packs_that_reach_an_asset_ask_anything_of_it(
    tmp_path: Path, applies: dict[str, Any], missing: bool
) -> None:
    agencies = [{"id": "so-a", "group": "so"}, {"id": "so-b", "group": "so"}]
    made = inventory(
        server("a", systems=("ht",)),
        groups=[{"id": "so"}],
        agencies=agencies,
        systems=[{"id": "ht", "owner": "so-a", "level": 3}],
    )
    below = pack(tmp_path / "b", a_rule(), a_rule("antivirus.plain"))
    over = overlay(tmp_path / "o", requirements=[raw(requirement("REQ-7"))], applies=applies)
    asked = views(made, {}, ruleset([below, over], CHECKS, date(2026, 11, 22), made))["ht"]["next"]["missing"]
    assert ("lop-phu/REQ-7" in [one["requirement"] for one in asked]) is missing


def test_what_does_not_count_is_not_missing() -> None:
    made = place(server("a", systems=("ht",)))
    ruled_out = {"a": {"tls.new": "notapplicable"}}
    told = views(made, ruled_out)["ht"]["next"]
    assert "REQ-3" not in [one["requirement"] for one in told["missing"]]
    assert told["rules"] == {}


def test_many_targets_are_counted_and_few_named() -> None:
    made = place(*(server(f"m{n}", systems=("ht",)) for n in range(9)))
    told = views(made, {f"m{n}": {"patch.a": "fail"} for n in range(9)})["ht"]["next"]["rules"]["patch.a"]
    assert told["counts"] == {"would-fail": 9}
    assert told["targets"] == ["m0", "m1", "m2", "m3", "m4"]


@pytest.mark.parametrize(
    ("level", "said", "beside"),
    [
        (3, {"administrative_procedures": True}, "same"),
        (2, {"administrative_procedures": True}, "higher"),
        (4, {"administrative_procedures": True}, "lower"),
        (None, {"administrative_procedures": True}, "unknown"),
        (3, {"information": ["public"]}, "unknown"),
    ],
)
def test_the_suggested_level_stands_beside_the_declared_one(level: int | None, said: Any, beside: str) -> None:
    told = views(place(level=level, facts=said), {})["ht"]
    assert told["level"] == level
    assert told["level_status"] == "assumed"
    assert told["suggested"]["beside"] == beside


def test_without_facts_nothing_is_suggested() -> None:
    assert views(place(), {})["ht"]["suggested"] is None
