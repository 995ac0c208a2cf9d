"""Overlays: the stricter value wins, per target and level, whichever pack it stands in and in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import registry
from auditor.check import Direction, param
from auditor.mistakes import InventoryError
from auditor.overlay import clause_at, direction_of, plain, same, stricter
from auditor.packlint import lint
from auditor.packparams import AttestedParams
from auditor.packs import RuleSet, load_pack, ruleset
from auditor.rulepack import Pack
from tests.packfiles import CHECKS, a_rule, codes, overlay, pack, raw
from tests.rulesets import inventory, requirement, server

DAY = date(2026, 11, 22)
PACKS = Path(__file__).parents[1] / "checks" / "packs"


# --- directions


@pytest.mark.parametrize(
    ("one", "other"),
    [((80,), None), (None, (80,)), ({"a": 1}, None), (None, {"a": 1}), ({"a": 1}, {"a": 2}), ({"a": 1}, {"b": 1})],
)
def test_what_asks_something_else_is_not_the_same(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert same(one, one)


def test_sets_are_told_in_order() -> None:
    assert plain(frozenset({512, 443})) == [443, 512]
    assert plain({"b": frozenset("ca")}) == {"b": ["a", "c"]}


def test_of_single_values_under_one_key_the_first_in_order_stays() -> None:
    """A mapping of single values cannot hold two of them: which stays must not depend on the order of packs."""
    for direction in ("fewer", "more"):
        for one, other in ((1, 2), (2, 1)):
            assert stricter(direction, {"a": one}, {"a": other}) == {"a": 1}


def test_every_parameter_of_a_check_says_how_it_gets_stricter_or_that_it_does_not() -> None:
    known = get_args(Direction)
    for name, (check, _path) in registry.checks().items():
        for item in fields(check.params):
            assert direction_of(check.params, item.name) in known, f"{name}: {item.name}"
    assert direction_of(AttestedParams, "interval_days") == "lower"


def test_a_default_that_could_be_changed_is_never_shared() -> None:
    @dataclass(frozen=True)
    class Params:
        ports: Mapping[str, int] = param({"ssh": 22}, stricter="fewer")
        days: int = param(7, stricter="lower")

    assert Params() == Params()
    assert Params().ports is not Params().ports
    assert [direction_of(Params, name) for name in ("ports", "days", "other")] == ["fewer", "lower", None]


@pytest.mark.parametrize("folder", sorted(PACKS.glob("*/pack.yaml")), ids=lambda path: path.parent.name)
def test_every_number_that_a_pack_sets_has_a_direction(folder: Path) -> None:
    checks = {name: check for name, (check, _path) in registry.checks().items()}
    for one in load_pack(folder.parent).rules:
        wanted = checks[one.check].params if one.check else AttestedParams
        for name in one.params:
            assert direction_of(wanted, name) is not None, f"{one.id}: {name}"


@pytest.mark.parametrize(
    ("direction", "one", "other", "wins"),
    [
        ("lower", 7, 3, 3),
        ("higher", 7, 3, 7),
        ("higher", "TLSv1.2", "TLSv1.3", "TLSv1.3"),
        ("lower", None, 30, 30),
        ("higher", 30, None, 30),
        ("true", False, True, True),
        ("false", False, True, False),
        ("fewer", ("b", "a", "c"), ("c", "b"), ("b", "c")),
        ("fewer", ("b", "a"), ("a", "b", "c"), ("b", "a")),
        ("more", (22, 443), (3389, 22), (22, 443, 3389)),
        ("fewer", {"web": (80, 443), "dns": (53,)}, {"web": (443, 8443)}, {"web": (443,)}),
        ("more", {"tcp/23": "telnet"}, {"tcp/21": "ftp"}, {"tcp/23": "telnet", "tcp/21": "ftp"}),
        ("fewer", frozenset("ab"), frozenset("bc"), frozenset("b")),
        ("none", 1, 2, 1),
    ],
)
def test_the_stricter_of_two_values(direction: Direction, one: Any, other: Any, wins: Any) -> None:
    assert stricter(direction, one, other) == wins


NUMBERS = st.none() | st.integers(0, 400)
LISTS = st.lists(st.sampled_from("abcdef"), max_size=6, unique=True).map(tuple)
TABLES = st.dictionaries(st.sampled_from("xyz"), LISTS, max_size=3)
VALUES: dict[Direction, st.SearchStrategy[Any]] = {
    "lower": NUMBERS,
    "higher": NUMBERS,
    "true": st.booleans(),
    "false": st.booleans(),
    "fewer": LISTS,
    "more": LISTS,
}
ASKS = st.sampled_from(sorted(VALUES)).flatmap(
    lambda direction: st.tuples(st.just(direction), *[VALUES[direction]] * 3)
)
TABLES_OF = st.tuples(st.sampled_from(("fewer", "more")), TABLES, TABLES, TABLES)


@given(ASKS | TABLES_OF)
def test_strictness_is_a_lattice(case: tuple[Direction, Any, Any, Any]) -> None:
    direction, one, two, three = case

    def both(a: Any, b: Any) -> Any:
        return stricter(direction, a, b)

    assert same(both(one, two), both(two, one))
    assert same(both(both(one, two), three), both(one, both(two, three)))
    assert same(both(one, one), one)
    assert same(both(both(one, two), one), both(one, two)), "never looser than either"


# --- overlays on targets

AGE = "antivirus.age"


def tighten(name: str = "T-1", **changes: Any) -> dict[str, Any]:
    return {"id": name, "rule": AGE, "requirements": ["REQ-1"], **changes}


def base(folder: Path, **params: Any) -> Pack:
    return pack(folder, a_rule(params=params or {"max_age_days": {"L1": 9, "L3": 5}}), a_rule("antivirus.plain"))


def ages(table: RuleSet, **fields: Any) -> dict[int, Any]:
    return {
        level: next(one for one in table.of(server("a", level=level, **fields)) if one.rule.id == AGE).params
        for level in range(1, 6)
    }


def test_the_stricter_value_wins_at_each_level_by_itself(tmp_path: Path) -> None:
    over = overlay(
        tmp_path / "o",
        tighten=[tighten(params={"max_age_days": {"L1": 7, "L3": 6, "L4": 2}})],
        requirements=[raw(requirement("REQ-1", levels=[1, 3, 4], clauses={"local": {"L1": "2.1", "L4": "2.4"}}))],
    )
    table = ruleset([base(tmp_path / "b"), over], CHECKS, DAY)
    got = {level: made.max_age_days for level, made in ages(table).items()}
    assert got == {1: 7, 2: 3, 3: 5, 4: 2, 5: 3}, "the looser 6 at level 3 changes nothing, and nor does silence"
    first = next(one for one in table.of(server("a", level=1)) if one.rule.id == AGE)
    (won,) = first.won
    assert won.as_dict() == {
        "param": "max_age_days",
        "value": 7,
        "other": 9,
        "pack": "lop-phu",
        "requirement": "lop-phu/REQ-1",
        "clause": "2.1",
    }
    third = next(one for one in table.of(server("a", level=3)) if one.rule.id == AGE)
    assert [(won.pack, won.value, won.other, won.requirement) for won in third.won] == [("thu-nghiem", 5, 6, "REQ-1")]
    assert first.requirements == ("REQ-1", "lop-phu/REQ-1")
    second = next(one for one in table.of(server("a", level=2)) if one.rule.id == AGE)
    assert (second.requirements, second.won) == (("REQ-1",), ()), "the overlay asks nothing at level 2"
    told = table.overlays_on(AGE)
    assert [(one["overlay"], one["pack"], one["levels"], one["value"], one["other"]) for one in told] == [
        ("lop-phu", "lop-phu", [1], 7, 9),
        ("lop-phu", "thu-nghiem", [3], 5, 6),
        ("lop-phu", "lop-phu", [4], 2, 3),
    ]
    assert told[2]["clauses"] == {"L4": "2.4"}
    assert table.overlays_on("antivirus.plain") == []


def test_mandatory_severity_and_requirements_are_tightened_too(tmp_path: Path) -> None:
    under = pack(tmp_path / "b", a_rule(force="tool-default"), a_rule("antivirus.plain"))
    asks = [tighten(severity="high"), tighten("T-2", mandatory=True, severity="low")]
    over = overlay(tmp_path / "o", tighten=asks, requirements=[raw(requirement("REQ-1", force="decree"))])
    assert lint([under, over], CHECKS) == []
    table = ruleset([under, over], CHECKS, DAY)
    (changed,) = table.overlaid(server("a")).values()
    made = changed.rule
    assert (made.mandatory, made.severity, made.force) == (True, "high", "decree")
    assert [(won.param, won.value, won.other) for won in changed.won] == [
        ("mandatory", True, False),
        ("severity", "high", "medium"),
    ], "by name, whichever was asked first"
    assert table.rules[AGE].severity == "medium", "elsewhere the rule is as it was"


@pytest.mark.parametrize(
    ("framework", "first", "second", "told"),
    [
        (5, 4, 3, ("b", 3, 4)),
        (5, 3, 4, ("a", 3, 4)),
        (5, 9, 8, ("thu-nghiem", 5, 8)),
        (5, 3, 9, ("a", 3, 5)),
        (5, 3, 3, ("a", 3, 5)),
        (5, 5, 5, None),
    ],
)
def test_what_won_is_told_beside_what_would_count_without_it(
    tmp_path: Path, framework: int, first: int, second: int, told: tuple[str, int, int] | None
) -> None:
    layers = [
        overlay(tmp_path / name, id=name, tighten=[tighten(params={"max_age_days": days})])
        for name, days in (("a", first), ("b", second))
    ]
    table = ruleset([base(tmp_path / "base", max_age_days=framework), *layers], CHECKS, DAY)
    age = next(one for one in table.of(server("x", level=3)) if one.rule.id == AGE)
    assert [(won.pack, won.value, won.other) for won in age.won] == ([told] if told else [])


REACH = {
    "systems": [
        {"id": "luu-tru", "owner": "so-1", "tags": ["luu-tru"]},
        {"id": "khac", "owner": "xa-1"},
    ],
    "groups": [{"id": "so"}, {"id": "xa"}],
    "agencies": [{"id": "so-1", "group": "so"}, {"id": "xa-1", "group": "xa"}],
}


@pytest.mark.parametrize(
    ("applies", "reached"),
    [
        ({}, "a b c d"),
        ({"system_tags": ["luu-tru"]}, "a c"),
        ({"agencies": ["xa-1"]}, "b"),
        ({"groups": ["so"]}, "a c"),
        ({"groups": ["xa"], "system_tags": ["luu-tru"]}, "a b c"),
        ({"agencies": ["so-9"]}, ""),
    ],
)
def test_an_overlay_reaches_only_where_it_applies(tmp_path: Path, applies: dict[str, Any], reached: str) -> None:
    more = {"applies": applies} if applies else {}
    extra = a_rule("antivirus.extra", check="antivirus.plain")
    over = overlay(tmp_path / "o", extra, tighten=[tighten(params={"max_age_days": 1})], **more)
    targets = [
        server("a", systems=("luu-tru",)),
        server("b", systems=("khac",)),
        server("c", systems=("khac", "luu-tru"), agency="so-1"),
        server("d"),
    ]
    known = inventory(*targets, **REACH)
    table = ruleset([base(tmp_path / "b"), over], CHECKS, DAY, known)
    for target in targets:
        rules = {one.rule.id: one for one in table.of(target)}
        hit = target.id in reached.split()
        assert rules[AGE].params.max_age_days == (1 if hit else 5), target.id
        assert ("lop-phu/antivirus.extra" in rules) is hit, target.id
        assert table.overlays_of(target) == (("lop-phu",) if hit else ())
        assert (AGE in table.overlaid(target)) is hit
        assert {one: table.pack_of(one) for one in rules}[AGE] == "thu-nghiem"


@given(
    st.permutations(range(4)),
    st.lists(st.fixed_dictionaries({"max_age_days": st.integers(0, 9), "names": LISTS}), min_size=3, max_size=3),
)
def test_the_order_of_packs_never_matters(made: Callable[..., list[Pack]], order: list[int], asks: Any) -> None:
    packs = made(asks)
    target = server("a")
    here = ruleset([packs[number] for number in order], CHECKS, DAY)
    there = ruleset([*packs, *packs], CHECKS, DAY)
    assert here.of(target) == there.of(target), "and a pack named twice counts once"
    age = next(one for one in here.of(target) if one.rule.id == AGE)
    assert age.params.max_age_days == min(5, *(ask["max_age_days"] for ask in asks))
    assert set(age.params.names) == set("abcd").intersection(*(ask["names"] for ask in asks))
    for won in age.won:
        assert not same(won.value, won.other)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Pack]]:
    under = base(tmp_path_factory.mktemp("b"), max_age_days=5, names=list("abcd"))
    folder = tmp_path_factory.mktemp("o")
    overs = [overlay(folder, id=f"lop-{number}", tighten=[tighten()]) for number in range(3)]

    def build(asks: list[dict[str, Any]]) -> list[Pack]:
        built = [under]
        for over, ask in zip(overs, asks, strict=True):
            params = {"max_age_days": ask["max_age_days"], "names": list(ask["names"])}
            layers = tuple(item.model_copy(update={"params": params}) for item in over.tighten)
            built.append(over.model_copy(update={"tighten": layers}))
        return built

    return build


# --- mistakes


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        ({"rule": "antivirus.agee"}, "pack-unknown-rule-near", 2),
        ({"rule": "zzz"}, "pack-unknown-rule", 2),
        ({"params": {"max_age": 1}}, "pack-param-near", 7),
        ({"params": {"mode": "block"}}, "pack-param-no-direction", 7),
        ({"params": {"max_age_days": "1"}}, "pack-param-wrong", 7),
        ({"params": {"max_age_days": -1}}, "pack-param-wrong", 2),
    ],
)
def test_what_an_overlay_cannot_ask_is_refused_where_it_stands(
    tmp_path: Path, change: dict[str, Any], code: str, line: int
) -> None:
    over = overlay(tmp_path / "o", tighten=[tighten(**change)])
    with pytest.raises(InventoryError) as caught:
        ruleset([base(tmp_path / "b"), over], CHECKS, DAY)
    assert set(codes(caught.value.mistakes)) == {code}
    told = caught.value.mistakes[0]
    assert (told.file, told.line) == ("o/rules/tighten.yaml", line)
    assert all(name not in told.text(lang) for lang in ("vi", "en") for name in ("{near}", "{check}", "{rule}"))
    if change.get("params") != {"max_age_days": -1}:
        assert code in codes(lint([base(tmp_path / "b"), over], CHECKS)), "the linter sees it too"


def test_an_overlay_needs_what_it_lies_over(tmp_path: Path) -> None:
    over = overlay(tmp_path / "o", over=["goi-khac"], tighten=[tighten()])
    for packs in ([over], [base(tmp_path / "b"), over]):
        with pytest.raises(InventoryError) as caught:
            ruleset(packs, CHECKS, DAY)
        assert codes(caught.value.mistakes) == ["pack-overlay-alone"]


def test_a_rule_of_a_framework_that_is_not_in_the_run_is_no_mistake(tmp_path: Path) -> None:
    over = overlay(tmp_path / "o", over=["thu-nghiem", "goi-khac"], tighten=[tighten(rule="antivirus.other")])
    under = base(tmp_path / "b")
    assert ruleset([under, over], CHECKS, DAY).overlaid(server("a")) == {}
    assert codes(lint([under, over], CHECKS)) == ["pack-over-unknown"], "the linter wants them all"


def test_dates_of_a_tightening_count(tmp_path: Path) -> None:
    asks = [tighten(params={"max_age_days": 1}, **{"from": "2026-11-23"}), tighten("T-2", until="2026-11-21")]
    over = overlay(tmp_path / "o", tighten=asks)
    tables = [ruleset([base(tmp_path / "b"), over], CHECKS, date(2026, 11, day)) for day in (22, 23)]
    assert [ages(table)[3].max_age_days for table in tables] == [5, 1]


@pytest.mark.parametrize(
    ("value", "shown"),
    [((1, "a"), [1, "a"]), (frozenset("ba"), ["a", "b"]), ({"x": (1,)}, {"x": [1]}), (DAY, "2026-11-22"), (None, None)],
)
def test_values_as_json(value: Any, shown: Any) -> None:
    assert plain(value) == shown


def test_the_clause_at_a_level() -> None:
    item = requirement("REQ-1", clauses={"a": {"L1": "3.1", "L3": "5.1"}, "law": "Điều 9"})
    assert [clause_at(item, level) for level in (1, 2, 3)] == ["3.1", "", "5.1"]
    assert clause_at(requirement("REQ-1"), 4) == "Điều 1"
