"""Nothing left unmeasured ever makes anything look better: scores of runs made by chance."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auditor.annotate import UNDECIDED, Annotated, annotate
from auditor.grants import proven
from auditor.model import Result, worst
from auditor.packs import RuleSet
from auditor.score import Score
from auditor.targets import Inventory, SharedControl
from tests.rulesets import finding, inventory, rule, rules, server, waiver
from tests.scored import EDGED, GRADES, KEYS, PLACE, RULES, every, noted, score

OUTCOME = st.tuples(st.sampled_from(list(Result)), st.sampled_from(["", "", "", "waived", "covered"]))


def made(target: str, name: str, outcome: tuple[Result, str]) -> Annotated:
    """A finding as annotate would give it: only fails are waived, only what is not met inherits."""
    result, extra = outcome
    if extra == "waived" and result is Result.FAIL:
        return noted(target, name, result, waived_by=("w",))
    if extra == "covered" and (result is Result.FAIL or result in UNDECIDED):
        return noted(target, name, result, inherited_from="s")
    return noted(target, name, result)


RUN = st.lists(OUTCOME, min_size=len(KEYS), max_size=len(KEYS))
PACK = st.fixed_dictionaries(
    {
        "coverage_gate": st.sampled_from([0.0, 0.5, 0.8]),
        "waiver_cap": st.sampled_from([0.0, 0.2, 1.0]),
        "mandatory_cap": st.sampled_from(["tot", "kha", "trung-binh", "yeu"]),
    }
)


PLACES = st.sampled_from([PLACE, EDGED])


def table_of(pack: dict[str, Any]) -> RuleSet:
    return rules(*RULES.rules.values(), **pack)


def run_of(outcomes: list[tuple[Result, str]]) -> list[Annotated]:
    return [made(*key, outcome) for key, outcome in zip(KEYS, outcomes, strict=True)]


def not_better(after: Score, before: Score) -> None:
    assert after.low <= before.low, (before, after)
    assert GRADES.index(after.grade) >= GRADES.index(before.grade), (before, after)


@given(RUN, PACK, PLACES)
@settings(max_examples=200, deadline=None)
def test_bounds(outcomes: list[tuple[Result, str]], pack: dict[str, Any], place: Inventory) -> None:
    for one in every(score(run_of(outcomes), table_of(pack), place)).values():
        assert 0 <= one.low <= one.high <= 100
        assert 0 <= one.coverage <= 1
        assert one.grade is None or one.coverage >= pack["coverage_gate"]
        assert one.grade is None or one.coverage > 0
        assert all(text for cap in one.caps for text in cap.reason.values())


@given(RUN, PACK, st.sets(st.integers(0, len(KEYS) - 1), min_size=1), st.sampled_from(sorted(UNDECIDED)), PLACES)
@settings(max_examples=300, deadline=None)
def test_what_is_not_measured_never_raises_a_score_or_a_grade(
    outcomes: list[tuple[Result, str]], pack: dict[str, Any], lost: set[int], becomes: Result, place: Inventory
) -> None:
    """Whatever it was, fail included: once undecided, nobody looks better for it, at any height."""
    table = table_of(pack)
    before = every(score(run_of(outcomes), table, place))
    # A shared control covers a place whatever was found there, and still does when nothing was.
    worse = [(becomes if n in lost else result, extra) for n, (result, extra) in enumerate(outcomes)]
    after = every(score(run_of(worse), table, place))
    for name, one in after.items():
        not_better(one, before[name])


@given(RUN, PACK, st.sampled_from(["may-1", "may-2", "may-3"]), PLACES)
@settings(max_examples=150, deadline=None)
def test_a_target_that_nobody_could_reach_helps_nobody(
    outcomes: list[tuple[Result, str]], pack: dict[str, Any], dark: str, place: Inventory
) -> None:
    plain = [(result, "") for result, _ in outcomes]
    before = every(score(run_of(plain), table_of(pack), place))
    unreached = [(Result.UNKNOWN, "") if key[0] == dark else outcome for key, outcome in zip(KEYS, plain, strict=True)]
    for name, one in every(score(run_of(unreached), table_of(pack), place)).items():
        not_better(one, before[name])


# Waivers, shared controls and instances as annotate works them out: here is where hiding could pay.
INSTANCES = st.lists(st.sampled_from(["fail", "pass", "unknown", "notapplicable"]), min_size=2, max_size=2)
WAIVERS = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from([None, "c0", "c1"])), max_size=6, unique_by=lambda given: given
)
CONTROLS = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(["may-1", "may-2", "may-3"])), max_size=3)


def told(
    judged: dict[tuple[str, str], list[str]],
    waivers: list[Any],
    controls: list[Any],
    pack: dict[str, Any],
    at: Inventory,
) -> dict[str, Score]:
    """Scores of findings of two instances each, with all that people have said for them."""
    place = at.model_copy(
        update={
            "waivers": tuple(
                waiver(id=f"w{n}", rule=name, targets=[target], instance=instance)
                for n, ((target, name), instance) in enumerate(waivers)
            ),
            "shared_controls": tuple(
                SharedControl(id=f"s{n}", rule=name, provider=provider, covers=(target,))
                for n, ((target, name), provider) in enumerate(controls)
            ),
        }
    )
    findings = [
        finding(target, name, worst(map(Result, kinds)), c0=kinds[0], c1=kinds[1])
        for (target, name), kinds in sorted(judged.items())
    ]
    table, day = table_of(pack), date(2026, 11, 22)
    proof = proven(findings, place, day)
    return every(score(list(annotate(findings, [], rules=table, inventory=place, day=day, proven=proof)), table, place))


@given(st.lists(INSTANCES, min_size=len(KEYS), max_size=len(KEYS)), WAIVERS, CONTROLS, PACK, PLACES, st.data())
@settings(max_examples=300, deadline=None)
def test_hiding_a_target_a_finding_or_an_instance_never_pays(
    kinds: list[list[str]],
    waivers: list[Any],
    controls: list[Any],
    pack: dict[str, Any],
    at: Inventory,
    data: st.DataObject,
) -> None:
    judged = dict(zip(KEYS, kinds, strict=True))
    before = told(judged, waivers, controls, pack, at)
    hidden = data.draw(st.sets(st.tuples(st.sampled_from(KEYS), st.integers(0, 1)), min_size=1))
    for key, instance in hidden:
        judged[key] = ["unknown" if n == instance else kind for n, kind in enumerate(judged[key])]
    for name, one in told(judged, waivers, controls, pack, at).items():
        not_better(one, before[name])


@given(RUN, PACK, st.integers(0, len(KEYS) - 1), PLACES)
@settings(max_examples=200, deadline=None)
def test_mending_never_costs(
    outcomes: list[tuple[Result, str]], pack: dict[str, Any], at: int, place: Inventory
) -> None:
    """From fail to pass, waived or not; and from undecided to pass."""
    assume(outcomes[at][0] is Result.FAIL or outcomes[at][0] in UNDECIDED)
    mended = [*outcomes[:at], (Result.PASS, outcomes[at][1]), *outcomes[at + 1 :]]
    before = every(score(run_of(outcomes), table_of(pack), place))
    for name, one in every(score(run_of(mended), table_of(pack), place)).items():
        not_better(before[name], one)


@given(RUN, PACK, PLACES, st.randoms())
@settings(max_examples=50, deadline=None)
def test_order_makes_no_difference(
    outcomes: list[tuple[Result, str]], pack: dict[str, Any], place: Inventory, chance: Any
) -> None:
    """Neither of findings, nor of what the inventory lists."""
    items = run_of(outcomes)
    shuffled, targets, systems = list(items), list(place.targets), list(place.systems)
    for listed in (shuffled, targets, systems):
        chance.shuffle(listed)
    other = place.model_copy(update={"targets": tuple(targets), "systems": tuple(systems)})
    assert score(items, table_of(pack), place).as_dict() == score(shuffled, table_of(pack), other).as_dict()


@given(RUN, PACK, PLACES, st.data())
@settings(max_examples=200, deadline=None)
def test_the_range_holds_whatever_comes_out(
    outcomes: list[tuple[Result, str]], pack: dict[str, Any], place: Inventory, data: st.DataObject
) -> None:
    """Whichever way the undecided is decided, the score is between low and high, and no grade is lost by it."""
    ends = st.sampled_from([Result.PASS, Result.FAIL])
    decided = [
        (data.draw(ends), "") if result in UNDECIDED and extra != "covered" else (result, extra)
        for result, extra in outcomes
    ]
    after = every(score(run_of(decided), table_of(pack), place))
    for name, before in every(score(run_of(outcomes), table_of(pack), place)).items():
        assert before.low <= after[name].low <= after[name].high <= before.high
        not_better(before, after[name])


@given(st.lists(st.sampled_from([Result.NOTAPPLICABLE, Result.INFORMATIONAL]), min_size=12, max_size=12), PACK, PLACES)
@settings(max_examples=30, deadline=None)
def test_where_nothing_counts_nothing_is_green(results: list[Result], pack: dict[str, Any], place: Inventory) -> None:
    scores = score([noted(*key, result) for key, result in zip(KEYS, results, strict=True)], table_of(pack), place)
    for one in every(scores).values():
        assert (one.low, one.coverage, one.grade, one.lift) == (0, 0, None, None)
    assert not {"met", "partial"} & set(scores.status.values())


@given(RUN, PACK, PLACES)
@settings(max_examples=100, deadline=None)
def test_every_requirement_has_a_status(
    outcomes: list[tuple[Result, str]], pack: dict[str, Any], place: Inventory
) -> None:
    scores = score(run_of(outcomes), table_of(pack), place)
    assert set(scores.status) == set(RULES.requirements)
    for system, statuses in scores.status_of_systems.items():
        assets = next(one.assets for one in scores.systems if one.id == system)
        assert set(statuses) == (set(RULES.requirements) if assets else set())


@given(RUN, PACK)
@settings(max_examples=50, deadline=None)
def test_with_equal_weights_a_quarter_is_never_half(outcomes: list[tuple[Result, str]], pack: dict[str, Any]) -> None:
    """46 passes and 139 fails, whatever else is waived, covered, undecided or out of the sum."""
    table = rules(*(rule(f"patch.r{number:03d}") for number in range(46 + 139 + len(outcomes))), **pack)
    names = sorted(table.rules)
    items = [noted("a", name, "pass" if number < 46 else "fail") for number, name in enumerate(names[: 46 + 139])]
    more = [outcome for outcome in outcomes if outcome[0] is not Result.PASS and outcome[1] != "covered"]
    items += [made("a", name, outcome) for name, outcome in zip(names[46 + 139 :], more, strict=False)]
    assert score(items, table, inventory(server("a"))).province.low < 50
