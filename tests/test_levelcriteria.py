"""The level that decree 331/2026 suggests: the highest criterion that holds, and what is still open."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from auditor.levelcriteria import CRITERIA, LevelFacts, suggest


def facts(**said: Any) -> LevelFacts:
    return LevelFacts.model_validate(said)


def codes(**said: Any) -> tuple[int | None, list[str]]:
    found = suggest(facts(**said))
    assert found is not None
    return found.level, [one.code for one in found.reasons]


@pytest.mark.parametrize(
    ("said", "level", "reasons"),
    [
        ({"information": ["public"], "online_service": "none"}, 1, ["internal-public"]),
        ({"information": ["public"]}, None, []),
        ({"information": ["public"], "online_service": "ordinary"}, 2, ["ordinary-service"]),
        ({"information": ["public", "personal"], "online_service": "none"}, 2, ["private"]),
        ({"information": ["private"]}, 2, ["private"]),
        ({"subjects_basic": 1}, 2, ["subjects"]),
        ({"subjects_basic": 0}, None, []),
        ({"subjects_basic": 99_999}, 2, ["subjects"]),
        ({"subjects_basic": 100_000}, 3, ["many-subjects"]),
        ({"subjects_basic": 5, "subjects_sensitive": 9_999}, 2, ["subjects"]),
        ({"subjects_basic": 5, "subjects_sensitive": 10_000}, 3, ["many-subjects"]),
        ({"infrastructure": "agency"}, 2, ["agency-infrastructure"]),
        ({"infrastructure": "province"}, 3, ["wide-infrastructure"]),
        ({"infrastructure": "national"}, 3, ["wide-infrastructure"]),
        ({"infrastructure": "national", "around_the_clock": True}, 4, ["national-infrastructure"]),
        ({"infrastructure": "province", "around_the_clock": True}, 3, ["wide-infrastructure"]),
        ({"infrastructure": "international"}, 5, ["international"]),
        ({"online_service": "conditional"}, 3, ["conditional-service"]),
        ({"administrative_procedures": True}, 3, ["administrative-procedures"]),
        ({"administrative_procedures": False}, None, []),
        ({"information": ["state-secret", "personal"]}, 3, ["state-secret"]),
        *(({"control_works": f"class-{n}"}, 3, ["control-works"]) for n in (2, 3, 4)),
        ({"control_works": "class-1"}, 4, ["control-first-class"]),
        ({"harm": "harm"}, 3, ["harm"]),
        ({"harm": "serious"}, 4, ["serious-harm"]),
        ({"harm": "especially-serious"}, 5, ["especially-serious-harm"]),
        ({"special_national_data": True}, 5, ["special-data"]),
        ({"national_security_list": True}, 5, ["national-security"]),
        ({"information": ["personal"], "risk_level": 3}, 3, ["risk"]),
        ({"administrative_procedures": True, "risk_level": 2}, 3, ["administrative-procedures"]),
        ({"administrative_procedures": True, "online_service": "conditional"}, 3,
         ["conditional-service", "administrative-procedures"]),
    ],
)  # fmt: skip
def test_criteria(said: dict[str, Any], level: int | None, reasons: list[str]) -> None:
    assert codes(**said) == (level, reasons)


def test_every_criterion_has_its_clause_and_words() -> None:
    for one in CRITERIA:
        assert one.clause == f"NĐ 331/2026 Đ{10 + one.level}"
        assert set(one.text) == {"vi", "en"}
        assert one.facts
        assert set(one.facts) <= set(LevelFacts.model_fields)
    assert {one.level for one in CRITERIA} == {1, 2, 3, 4, 5}
    assert len({one.code for one in CRITERIA}) == len(CRITERIA)


def test_every_fact_is_read() -> None:
    read = {name for one in CRITERIA for name in one.facts} | {"risk_level"}
    assert read == set(LevelFacts.model_fields)


def test_no_facts_no_suggestion() -> None:
    assert suggest(None) is None
    assert suggest(LevelFacts()) is None


def test_what_was_not_said_stays_open() -> None:
    found = suggest(facts(information=["public"], online_service="none"))
    assert found is not None
    assert "harm" in found.open
    assert "information" not in found.open
    highest = suggest(facts(harm="especially-serious"))
    assert highest is not None
    assert highest.open == ()
    told = found.as_dict()
    assert told["reasons"][0]["clause"] == "NĐ 331/2026 Đ11"
    assert set(told) == {"level", "reasons", "open"}


@pytest.mark.parametrize(
    "said", [{"information": ["secret"]}, {"subjects_basic": -1}, {"harms": "none"}, {"risk_level": 6}]
)
def test_what_is_no_fact_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        facts(**said)


def values(name: str) -> st.SearchStrategy[Any]:
    if name == "information":
        return st.lists(st.sampled_from(["public", "private", "personal", "state-secret"]), unique=True)
    if name.startswith("subjects"):
        return st.integers(0, 200_000)
    if name == "risk_level":
        return st.integers(1, 5)
    hint = next(one for one in get_args(get_type_hints(LevelFacts)[name]) if one is not type(None))
    return st.sampled_from(get_args(hint)) if getattr(hint, "__origin__", None) is Literal else st.booleans()


SAID = st.fixed_dictionaries({}, optional={name: values(name) for name in LevelFacts.model_fields})


@given(SAID, st.data())
def test_to_say_more_never_lowers_a_level_but_for_what_is_internal(said: dict[str, Any], data: st.DataObject) -> None:
    """The highest criterion wins: leaving facts out can hide a level, never raise one."""
    fewer = {name: value for name, value in said.items() if data.draw(st.booleans())}
    all_said, some = suggest(facts(**said)), suggest(facts(**fewer))
    if some is not None and some.level is not None:
        assert all_said is not None
        assert all_said.level is not None
        assert all_said.level >= some.level
        more = {name for name in said if name not in fewer}
        assert all_said.level == some.level or more & ({*some.open, "risk_level"})


@pytest.mark.parametrize("name", ["scoring.md", "scoring.vi.md"])
def test_every_fact_is_documented(name: str) -> None:
    text = (Path(__file__).parents[1] / "docs" / name).read_text("utf-8")
    assert not [fact for fact in LevelFacts.model_fields if f"`{fact}`" not in text]
