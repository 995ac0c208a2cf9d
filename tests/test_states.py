"""Packed states: the comparison of two runs says what annotating one after the other says, finding by finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from auditor.annotate import CHANGES, NOW_OF, Annotated, Change, Past, Was, was
from auditor.model import Finding, Result, Say, Verdict
from auditor.states import Comparison, Difference, Packed, compare, letter_of, letters
from tests.annotated import DAY, one

RESULTS = list(Result)
RUN = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.dictionaries(st.sampled_from(["r1", "r2", "r3"]), st.sampled_from(RESULTS), min_size=1),
    max_size=4,
)
Run = Mapping[str, Mapping[str, Result]]


def found(target: str, rule: str, result: Result) -> Finding:
    return Finding(target, rule, "patch.x", Verdict(result, Say("a")))


def follow(run: Run, before: Mapping[tuple[str, str], Past]) -> dict[tuple[str, str], Annotated]:
    """The findings of a run, each annotated with what the run before knew."""
    return {
        (target, rule): one(found(target, rule, result), before.get((target, rule)))
        for target, results in run.items()
        for rule, result in results.items()
    }


def packed(items: Mapping[tuple[str, str], Annotated]) -> list[Packed]:
    made: dict[str, dict[str, str]] = {}
    for (target, rule), item in sorted(items.items()):
        made.setdefault(target, {})[rule] = letter_of(item.past)
    return [Packed(target, tuple(states), "".join(states.values())) for target, states in made.items()]


@given(RUN, RUN, RUN)
def test_comparing_packed_states_says_what_annotating_says(first: Run, second: Run, third: Run) -> None:
    early = follow(first, {})
    middle = follow(second, {key: item.past for key, item in early.items()})
    late = follow(third, {key: item.past for key, item in middle.items()})
    told = compare(packed(middle), packed(late))
    expected = [
        Difference(*key, item.change, middle[key].result if key in middle else None, item.result)
        for key, item in sorted(late.items())
        if item.change is not Change.SAME
    ]
    assert told.differences == [one for one in expected if one.change is not Change.OPEN]
    assert told.gone == sorted(set(second) - set(third))
    assert told.added == sorted(set(third) - set(second))
    assert told.counts() == {
        change.value: sum(one.change is change for one in expected) for change in Change if change is not Change.SAME
    }


@given(RUN)
def test_a_run_compared_with_itself_has_nothing_new(run: Run) -> None:
    states = packed(follow(run, {}))
    told = compare(states, states)
    assert {one.change for one in told.differences} <= {Change.NOTMEASURED}
    assert told.open == sum(result is Result.FAIL for results in run.values() for result in results.values())
    assert compare([], states).added == sorted(run)
    assert compare(states, []) == Comparison([], 0, sorted(run), [])


def test_only_what_needs_no_word_is_passed_over() -> None:
    """The letters of a target are as they were: a fail is open, what is not measured is said again."""
    stayed = Packed("t", ("r1", "r2", "r3"), "AFC")
    assert compare([stayed], [stayed]) == Comparison([], 1, [], [])
    expected = Difference("t", "r1", Change.NOTMEASURED, Result.UNKNOWN, Result.UNKNOWN)
    for states, still_open in (("I", 0), ("IF", 1)):
        unmeasured = Packed("t", ("r1", "r2")[: len(states)], states)
        assert compare([unmeasured], [unmeasured]) == Comparison([expected], still_open, [], [])


def test_the_same_letters_of_other_rules_are_not_the_same() -> None:
    told = compare([Packed("t", ("r1",), "F")], [Packed("t", ("r2",), "F")])
    assert told == Comparison([Difference("t", "r2", Change.NEW, None, Result.FAIL)], 0, [], [])


def test_every_state_that_can_be_has_a_letter_of_its_own() -> None:
    seen = set()
    for result in Result:
        for last, ever in ((None, False), (Result.PASS, False), (Result.PASS, True), (Result.FAIL, True)):
            before = None if last is None else Past("t", "tls.certificates", last, last, ever, DAY, 1)
            item = one(found("t", "tls.certificates", result), before)
            seen.add((letter_of(item.past), result, was(item.past)))
            assert CHANGES[was(before), NOW_OF[result]] is item.change
    assert len({letter for letter, *_ in seen}) == len(seen) == 19


def test_letters_are_for_ever() -> None:
    """They stand in databases: if this fails, a stored run would be read wrongly."""
    item = one(found("t", "tls.certificates", Result.FAIL))
    assert letter_of(item.past) == "F"
    assert letter_of(replace(item, result=Result.PASS, last_decided=Result.PASS, ever_failed=False).past) == "A"
    assert letter_of(replace(item, result=Result.UNKNOWN, last_decided=None, ever_failed=False).past) == "H"
    assert was(item.past) is Was.FAILING
    mended = replace(item, result=Result.PASS, last_decided=Result.PASS)
    assert letters([item, mended]) == "FB"
