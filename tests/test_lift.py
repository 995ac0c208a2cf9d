"""What would lift a scope by one band: enough, no more than needed, and proven where it says so."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auditor.annotate import UNDECIDED, Annotated
from auditor.cover import TRIED, Cover, Need, smallest
from auditor.lift import BY_FINDING, Lift
from auditor.model import Result
from auditor.packs import RuleSet
from auditor.score import Score
from auditor.targets import Inventory
from tests.rulesets import inventory, rule, rules, server
from tests.scored import GRADES, every, flat, noted, score
from tests.test_score_hiding import PACK, PLACES, RUN, run_of, table_of

# --- the smallest cover


def covers(some: set[int], needs: list[Need]) -> bool:
    return all(
        sum(need.gives.get(one, 0) for one in some) >= min(need.amount, sum(need.gives.values())) for need in needs
    )


def fewest(count: int, needs: list[Need]) -> int:
    sizes = (
        size
        for size in range(count + 1)
        for some in itertools.combinations(range(count), size)
        if covers(set(some), needs)
    )
    return next(sizes)


COUNT = 8
GIVES = st.dictionaries(st.integers(0, COUNT - 1), st.integers(1, 9))
NEED = st.builds(Need, st.integers(-3, 30), GIVES)


@given(NEED, st.lists(NEED, max_size=2), st.lists(NEED, max_size=2))
@settings(max_examples=300, deadline=None)
def test_few_things_are_covered_exactly(whole: Need, beside: list[Need], inner: list[Need]) -> None:
    needs = [whole, *beside, *inner]
    found = smallest(COUNT, whole, beside, inner)
    assert covers(set(found.chosen), needs)
    assert found.exact
    assert len(found.chosen) == fewest(COUNT, needs)


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=9), st.lists(st.integers(0, 3), min_size=9, max_size=9), st.data()
)
@settings(max_examples=200, deadline=None)
def test_nested_needs_are_covered_exactly(weights: list[int], parts: list[int], data: st.DataObject) -> None:
    """Each thing counts for the whole and, the same, for at most one part; here the largest are the fewest."""
    whole = Need(data.draw(st.integers(0, 40)), dict(enumerate(weights)))
    inner = [
        Need(data.draw(st.integers(0, 12)), {one: weight for one, weight in enumerate(weights) if parts[one] == part})
        for part in (1, 2, 3)
    ]
    found = smallest(len(weights), whole, (), inner)
    assert found.exact
    assert len(found.chosen) == fewest(len(weights), [whole, *inner])


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=13, max_size=15), st.data())
@settings(max_examples=40, deadline=None)
def test_many_things_are_covered_and_the_bound_holds(things: list[tuple[int, int]], data: st.DataObject) -> None:
    one, two = zip(*things, strict=True)
    whole = Need(data.draw(st.integers(0, sum(one))), dict(enumerate(one)))
    other = Need(data.draw(st.integers(0, sum(two))), {n: amount for n, amount in enumerate(two) if amount})
    found = smallest(len(things), whole, [other])
    best = fewest(len(things), [whole, other])
    assert covers(set(found.chosen), [whole, other])
    assert found.least <= best <= len(found.chosen)
    assert not found.exact or len(found.chosen) == best


def test_what_two_needs_pull_apart_is_tried_whole() -> None:
    """The largest for the whole (0) and for the other (1) would be two; thing 2 does both."""
    found = smallest(3, Need(5, {0: 9, 2: 5}), [Need(5, {1: 9, 2: 5})])
    assert (found.chosen, found.exact) == ((2,), True)


def test_among_many_the_need_that_asks_most_proves_what_was_found() -> None:
    every_one = dict.fromkeys(range(TRIED + 3), 1)
    found = smallest(len(every_one), Need(1, every_one), [Need(3, {0: 1, 1: 1, 2: 1})])
    assert (found.chosen, found.exact) == ((0, 1, 2), True)


def test_among_many_nested_needs_are_proven_too() -> None:
    """Neither need alone asks more than two; the inner one takes two that bring little to the whole."""
    weights = {0: 5, 1: 5} | dict.fromkeys(range(2, TRIED + 3), 1)
    found = smallest(len(weights), Need(10, weights), (), [Need(2, {2: 1, 3: 1})])
    assert (found.chosen, found.exact) == ((0, 1, 2, 3), True)


# --- what lifts


def lifted(results: str, **changes: Any) -> Lift:
    found = flat(results, **changes).province.lift
    assert found is not None
    return found


def test_the_best_grade_and_a_partial_run_have_no_lift() -> None:
    assert flat("pass").province.lift is None
    assert flat("notapplicable").province.lift is None
    items = [noted("a", "patch.a", "fail")]
    table, place = rules(rule("patch.a")), inventory(server("a"))
    assert score(items, table, place, partial=True).province.lift is None
    assert score(items, table, place).requirements[0].lift is None
    assert score(items, table, place).targets["a"].lift is None


def test_fixes_are_told_with_their_gain() -> None:
    found = lifted("pass pass pass pass fail fail fail fail fail fail")
    assert (found.to, found.low, found.exact, found.at_least) == ("trung-binh", 50, True, 1)
    (fix,) = found.fixes
    assert (fix.rule, fix.target, fix.targets, fix.action, fix.gain) == ("patch.r4", None, 1, "mend", 10)


def test_the_heaviest_are_the_fewest() -> None:
    table = rules(rule("patch.a", weight=1), rule("patch.b", weight=5), rule("patch.c", weight=4))
    items = [noted("a", name, "fail") for name in table.rules]
    found = score(items, table, inventory(server("a"))).province.lift
    assert found is not None
    assert [(fix.rule, fix.gain) for fix in found.fixes] == [("patch.b", 50)]


def test_a_cap_is_taken_away_whatever_it_weighs() -> None:
    table = rules(rule("patch.a", weight=9), rule("tls.c", weight=0.1, severity="high", mandatory=True))
    items = [noted("a", "patch.a", "pass"), noted("a", "tls.c", "unknown")]
    found = score(items, table, inventory(server("a"))).province.lift
    assert found is not None
    (fix,) = found.fixes
    assert (found.to, fix.rule, fix.action, fix.caps, fix.gain) == ("tot", "tls.c", "measure", True, 1.09)


def test_no_grade_for_want_of_measuring_asks_to_measure() -> None:
    found = lifted("pass fail unknown unknown unknown")
    assert (found.to, found.coverage) == ("trung-binh", 0.8)  # the band it comes out at, not the lowest
    assert [fix.action for fix in found.fixes] == ["measure", "measure"]


@pytest.mark.parametrize(
    ("open_weight", "beside", "to"),
    [
        (3, {}, "tot"),
        (3, {"severity": "high", "mandatory": True}, "tot"),
        (2.5, {"severity": "high", "mandatory": True}, "kha"),
    ],
)
def test_a_rule_that_caps_holds_what_measuring_brings_only_while_it_is_left(
    open_weight: float, beside: dict[str, Any], to: str
) -> None:
    """Measuring the heavy rule is enough for a grade; the third case leaves a light one that fails and caps."""
    left = open_weight < 3
    heavy = rule("tls.open", weight=open_weight, **({} if left else beside))
    chosen = [rule("patch.a", weight=7), heavy, *([rule("tls.left", weight=0.5, **beside)] if left else [])]
    items = [noted("a", "patch.a", "pass"), noted("a", "tls.open", "unknown")]
    items += [noted("a", "tls.left", "fail")] if left else []
    found = score(items, rules(*chosen), inventory(server("a"))).province.lift
    assert found is not None
    assert ([fix.rule for fix in found.fixes], found.to) == (["tls.open"], to)


def test_what_takes_a_cap_away_is_told_first_however_light() -> None:
    cap = rule("tls.c", weight=0.1, severity="high", mandatory=True)
    table = rules(rule("patch.a", weight=2), rule("patch.b", weight=8), cap)
    items = [noted("a", name, "pass" if name == "patch.b" else "fail") for name in table.rules]
    found = score(items, table, inventory(server("a"))).province.lift
    assert found is not None
    assert [(fix.rule, fix.caps) for fix in found.fixes] == [("tls.c", True), ("patch.a", False)]


def test_where_only_missing_targets_hold_the_grade_nothing_is_mended_even_with_all_waived() -> None:
    items = [noted("a", "patch.a", "fail", waived_by=("w",))]
    table = rules(rule("patch.a"), waiver_cap=1.0)
    found = score(items, table, inventory(server("a")), removed={"": ("mat-1",)}).province.lift
    assert found is not None
    assert (found.to, found.fixes, found.explain) == ("yeu", (), ("mat-1",))


def test_a_set_that_is_not_proven_smallest_is_not_told_as_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.lift.smallest", lambda count, *_needs: Cover(tuple(range(count)), count - 1))
    found = lifted("pass fail fail fail")
    assert (len(found.fixes), found.exact, found.at_least) == (3, False, 2)


def test_an_attested_rule_is_attested() -> None:
    table = rules(rule("management.plan", check=None))
    found = score([noted("a", "management.plan", "notchecked")], table, inventory(server("a"))).province.lift
    assert found is not None
    assert found.fixes[0].action == "attest"


def test_missing_targets_are_to_be_explained() -> None:
    items = [noted("a", "patch.a", "pass")]
    whole = score(items, rules(rule("patch.a")), inventory(server("a")), removed={"": ("mat-1",)}).province
    assert whole.lift is not None
    assert (whole.lift.fixes, whole.lift.explain, whole.lift.exact) == ((), ("mat-1",), True)


def test_what_is_waived_is_mended_only_when_nothing_else_does() -> None:
    table = rules(*(rule(f"patch.r{n}") for n in range(4)), waiver_cap=0.0)
    items = [noted("a", f"patch.r{n}", "fail", waived_by=("w",)) for n in range(3)] + [noted("a", "patch.r3", "fail")]
    found = score(items, table, inventory(server("a"))).province.lift
    assert found is not None
    assert [fix.rule for fix in found.fixes] == ["patch.r3", "patch.r0"]
    assert not found.exact
    assert found.low == 50


def test_all_waived_is_lifted_by_mending() -> None:
    table = rules(rule("patch.a"), rule("patch.b"), waiver_cap=1.0)
    items = [noted("a", name, "fail", waived_by=("w",)) for name in table.rules]
    found = score(items, table, inventory(server("a"))).province.lift
    assert found is not None
    assert found.low == 100, "what is still waived is out of the sum"
    assert len(found.fixes) == 1


def province(count: int) -> tuple[RuleSet, Inventory, list[Annotated]]:
    table = rules(rule("patch.a", weight=3, mandatory=True), rule("patch.b"), rule("patch.c"))
    place = inventory(
        *(server(f"m{n:03d}", systems=("ht",), agency="so-a") for n in range(count)),
        groups=[{"id": "so"}],
        agencies=[{"id": "so-a", "group": "so"}],
        systems=[{"id": "ht", "owner": "so-a"}],
    )
    items = [
        noted(target.id, name, "fail" if name != "patch.c" else "pass")
        for target in place.targets
        for name in table.rules
    ]
    return table, place, items


def test_a_small_system_is_told_by_finding_and_a_large_one_by_rule() -> None:
    """Each asset must reach the band by itself: 3 of 5 of the weight, on every one of them."""
    for count in (3, BY_FINDING):
        table, place, items = province(count)
        found = every(score(items, table, place))["systems/ht"].lift
        assert found is not None
        by_rule = count > 3
        assert [fix.target for fix in found.fixes] == ([None] if by_rule else ["m000", "m001", "m002"])
        assert {fix.rule for fix in found.fixes} == {"patch.a"}
        assert sum(fix.targets for fix in found.fixes) == count
        assert found.exact


def test_agencies_groups_and_the_province_are_told_by_rule() -> None:
    table, place, items = province(3)
    found = every(score(items, table, place))
    for name in ("province", "agencies/so-a", "groups/so"):
        told = found[name].lift
        assert told is not None
        (fix,) = told.fixes
        assert (fix.rule, fix.target, fix.targets, fix.gain) == ("patch.a", None, 3, 60)
        assert found[name].as_dict()["lift"]["fixes"][0]["targets"] == 3


# --- by chance


def after(items: list[Annotated], found: Lift, where: Any) -> list[Annotated]:
    """The findings when all fixes are done: each passes, and needs no waiver any more."""
    done = {(fix.rule, fix.target, fix.waived, fix.action == "mend") for fix in found.fixes}

    def mended(item: Annotated) -> Annotated:
        rule, target = item.finding.rule, item.finding.target
        open_now = item.result is Result.FAIL or item.result in UNDECIDED
        waived = bool(item.waived_by)
        fails = item.result is Result.FAIL
        told = {(rule, target, waived, fails), (rule, None, waived, fails)} & done
        if where(target) and open_now and item.inherited_from is None and told:
            return replace(item, result=Result.PASS, waived_by=())
        return item

    return [mended(item) for item in items]


def better(one: Score, other: Score) -> bool:
    return GRADES.index(one.grade) < GRADES.index(other.grade)


@given(RUN, PACK, PLACES, st.sampled_from(["province", "agencies/so-a", "systems/ht-1", "systems/ht-2"]))
@settings(max_examples=300, deadline=None)
def test_doing_all_that_is_told_lifts_by_a_band(
    outcomes: list[Any], pack: dict[str, Any], place: Inventory, scope: str
) -> None:
    items, table = run_of(outcomes), table_of(pack)
    scores = every(score(items, table, place))
    before, found = scores[scope], scores[scope].lift
    if found is None:
        assert before.grade == "tot" or not sum(before.weights.values())
        return
    targets = {
        "province": [target.id for target in place.targets],
        "agencies/so-a": ["may-1", "may-2"],
    }.get(scope) or [asset.id for asset in before.assets or ()]
    done = every(score(after(items, found, lambda name: name in targets), table, place))[scope]
    assert better(done, before)
    assert GRADES.index(done.grade) <= GRADES.index(found.to)
    assert (done.low, done.coverage) == (found.low, found.coverage)
    gains = sum(fix.gain for fix in found.fixes)
    assert abs(gains - (done.low - before.low)) < 0.11 + 0.01 * len(found.fixes)
    assert found.at_least <= len(found.fixes)
    assert found.exact <= (found.at_least == len(found.fixes))


@given(RUN, PACK, PLACES)
@settings(max_examples=60, deadline=None)
def test_no_smaller_set_lifts_where_it_says_exact(outcomes: list[Any], pack: dict[str, Any], place: Inventory) -> None:
    """By trying all smaller sets of findings of a system."""
    items, table = run_of(outcomes), table_of(pack)
    before = every(score(items, table, place))["systems/ht-1"]
    found = before.lift
    assume(found is not None and found.exact and 1 < len(found.fixes) <= 4)
    assert found is not None
    held = {asset.id for asset in before.assets or ()}
    open_now = [
        n
        for n, item in enumerate(items)
        if item.finding.target in held
        and (item.result is Result.FAIL or item.result in UNDECIDED)
        and item.inherited_from is None
        and not item.waived_by
    ]
    for some in itertools.combinations(open_now, len(found.fixes) - 1):
        tried = [replace(item, result=Result.PASS) if n in some else item for n, item in enumerate(items)]
        done = every(score(tried, table, place))["systems/ht-1"]
        assert not better(done, before)


@pytest.mark.parametrize("action", ["mend", "measure", "attest"])
def test_actions_are_told_as_the_document_has_them(action: str) -> None:
    check = None if action == "attest" else "patch.a"
    result = {"mend": "fail", "measure": "unknown", "attest": "notchecked"}[action]
    table = rules(rule("patch.a", check=check))
    told = score([noted("a", "patch.a", result)], table, inventory(server("a"))).province.as_dict()["lift"]
    assert set(told) == {"to", "low", "coverage", "exact", "at_least", "fixes", "explain"}
    assert told["fixes"][0]["action"] == action
