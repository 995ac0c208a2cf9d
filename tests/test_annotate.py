"""History: what runs before make of a finding, and the streamed join that brings them together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.annotate import (
    CHANGES,
    NOW_OF,
    UNDECIDED,
    Annotated,
    Change,
    Now,
    Past,
    Was,
    annotate,
    removed,
    was,
)
from auditor.model import Result
from tests.annotated import DAY, TABLE, one
from tests.rulesets import finding, inventory, server

# --- history


def history(*results: str) -> list[Annotated]:
    """One finding over several daily runs."""
    made: list[Annotated] = []
    for number, result in enumerate(results, start=1):
        before = made[-1].past if made else None
        made.append(one(finding("a", "patch.kernel", result), before, day=date(2026, 1, number)))
    return made


def test_the_table_answers_every_combination() -> None:
    assert set(CHANGES) == {(known, now) for known in Was for now in Now}
    assert set(NOW_OF) == set(Result)
    assert {result for result, now in NOW_OF.items() if now is Now.UNDECIDED} == UNDECIDED
    assert set(CHANGES.values()) == set(Change)


@pytest.mark.parametrize(
    ("results", "changes"),
    [
        ("pass", "same"),
        ("fail", "new"),
        ("unknown", "same"),
        ("pass pass", "same same"),
        ("pass fail", "same new"),
        ("fail fail", "new open"),
        ("fail pass", "new fixed"),
        ("fail notapplicable", "new fixed"),
        ("fail informational", "new fixed"),
        ("fail pass pass", "new fixed same"),
        ("fail pass fail", "new fixed recurred"),
        ("fail pass fail fail", "new fixed recurred open"),
        ("fail pass unknown fail", "new fixed notmeasured recurred"),
        ("fail unknown fail", "new notmeasured open"),
        ("fail unknown error notchecked fail", "new notmeasured notmeasured notmeasured open"),
        ("fail unknown pass", "new notmeasured fixed"),
        ("fail unknown pass fail", "new notmeasured fixed recurred"),
        ("pass unknown", "same notmeasured"),
        ("pass unknown pass", "same notmeasured same"),
        ("pass error fail", "same notmeasured new"),
        ("unknown unknown", "same same"),
        ("unknown fail", "same new"),
        ("unknown pass", "same same"),
    ],
)
def test_changes(results: str, changes: str) -> None:
    assert [made.change.value for made in history(*results.split())] == changes.split()


def test_a_gap_keeps_the_day_a_fail_was_first_seen() -> None:
    made = history("pass", "fail", "unknown", "error", "fail", "pass", "fail")
    assert [one.first_seen and one.first_seen.day for one in made] == [None, 2, 2, 2, 2, None, 7]
    assert [one.runs_open for one in made] == [0, 1, 1, 1, 2, 0, 1], "only runs that saw it are counted"


RESULTS = st.sampled_from(list(Result))


@given(st.lists(RESULTS, min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_history_agrees_with_looking_at_all_runs_at_once(results: list[Result]) -> None:
    """The state carried from run to run must say what the whole list of results says."""
    made = history(*(result.value for result in results))
    for number, item in enumerate(made):
        seen = [one for one in results[: number + 1] if one not in UNDECIDED]
        before = [one for one in results[:number] if one not in UNDECIDED]
        assert item.result is results[number]
        assert item.last_decided == (seen[-1] if seen else None)
        assert item.ever_failed == (Result.FAIL in seen)
        open_now = bool(seen) and seen[-1] is Result.FAIL
        assert (item.first_seen is not None) == open_now
        streak = 0
        while streak < len(seen) and seen[-1 - streak] is Result.FAIL:
            streak += 1
        assert item.runs_open == streak
        if results[number] is Result.FAIL:
            expected = (
                "open" if before and before[-1] is Result.FAIL else "recurred" if Result.FAIL in before else "new"
            )
            assert item.change == expected
        assert (item.change == "notmeasured") == (results[number] in UNDECIDED and bool(before))


def test_what_was_known_follows_from_the_last_decision() -> None:
    assert was(None) is Was.NOTHING
    assert was(Past("a", "r", Result.UNKNOWN, None, False, None, 0)) is Was.NOTHING
    assert was(Past("a", "r", Result.UNKNOWN, Result.FAIL, True, DAY, 1)) is Was.FAILING
    assert was(Past("a", "r", Result.PASS, Result.PASS, True, None, 0)) is Was.MENDED
    assert was(Past("a", "r", Result.PASS, Result.PASS, False, None, 0)) is Was.GOOD


# --- the join

KEYS = st.tuples(st.sampled_from("abAB-.1"), st.sampled_from(["patch.kernel", "tls.certificates", "other"]))


@given(st.dictionaries(KEYS, RESULTS), st.dictionaries(KEYS, RESULTS))
@settings(max_examples=150, deadline=None)
def test_the_streamed_join_is_the_naive_one(
    now: dict[tuple[str, str], Result], before: dict[tuple[str, str], Result]
) -> None:
    findings = [finding(*key, now[key]) for key in sorted(now)]
    past = {key: Past(*key, before[key], before[key], False, None, 0) for key in before}
    joined = list(
        annotate(iter(findings), (past[key] for key in sorted(past)), rules=TABLE, inventory=inventory(), day=DAY)
    )
    assert [item.finding for item in joined] == findings
    for item in joined:
        alone = one(item.finding, past.get((item.finding.target, item.finding.rule)), targets=())
        assert item == alone


@pytest.mark.parametrize("keys", [("b", "a"), ("a", "a")])
def test_unsorted_streams_are_refused(keys: Sequence[str]) -> None:
    findings = [finding(key, "patch.kernel", "pass") for key in keys]
    past = [Past(key, "patch.kernel", Result.PASS, Result.PASS, False, None, 0) for key in keys]
    with pytest.raises(ValueError, match="not sorted"):
        list(annotate(findings, [], rules=TABLE, inventory=inventory(), day=DAY))
    with pytest.raises(ValueError, match="not sorted"):
        list(annotate([], past, rules=TABLE, inventory=inventory(), day=DAY))


# --- what is gone


def test_removed_targets_are_answered_for() -> None:
    held = inventory(
        server("con"),
        groups=[{"id": "so"}],
        agencies=[{"id": "so-moi", "group": "so", "succeeds": ["so-cu"]}, {"id": "so-b", "group": "so"}],
        retired=[
            {"id": "da-thanh-ly", "on": "2026-11-22", "reason": "đã thanh lý"},
            {"id": "sap-thanh-ly", "on": "2026-11-23", "reason": "sẽ thanh lý"},
        ],
    )
    previous = {
        "con": "so-b",
        "mat": "so-b",
        "mat-2": "so-b",
        "da-thanh-ly": "so-b",
        "sap-thanh-ly": "so-b",
        "cua-so-cu": "so-cu",
        "cua-so-da-mat": "so-khong-con",
        "khong-cua-ai": None,
    }
    assert removed(previous, held, DAY) == {
        "": ("cua-so-da-mat", "khong-cua-ai"),
        "so-b": ("mat", "mat-2", "sap-thanh-ly"),
        "so-moi": ("cua-so-cu",),
    }
