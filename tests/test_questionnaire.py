"""Which questions are asked of whom, how often, and how they stand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.annotate import annotate
from auditor.model import Result
from auditor.packs import AttestedParams, RuleSet
from auditor.questionnaire import OPEN, Question, questions
from auditor.rulepack import Rule
from auditor.targets import Inventory, Target
from tests.annotated import DAY
from tests.rulesets import finding, info, inventory, requirement, rule, server
from tests.test_grants import attestation

PROVINCE: dict[str, Any] = {
    "groups": [{"id": "so"}],
    "agencies": [{"id": "so-a", "group": "so"}, {"id": "so-b", "group": "so"}],
    "systems": [
        {"id": "cong", "owner": "so-a", "level": 3},
        {"id": "thu", "owner": "so-b", "level": 2},
    ],
}
TARGETS = (
    server("m1", agency="so-a", systems=("cong",)),
    server("m2", agency="so-a", systems=("cong", "thu")),
    server("m3", agency="so-b", systems=("thu",), level=2),
    server("m4", agency="so-b", level=2),
    server("m5", level=1),
)


def table(*made: Rule, days: dict[int, int] | None = None) -> RuleSet:
    def params(one: Rule, level: int) -> Any:
        return AttestedParams((days or {}).get(level)) if one.check is None else None

    return RuleSet(info(), made, [requirement("REQ-1")], params)


def place(*targets: Target, **parts: Any) -> Inventory:
    return inventory(*(targets or TARGETS), **(PROVINCE | parts))


def asked(found: tuple[Question, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(f"{one.sheet.kind}:{one.sheet.id}", f"{one.about.kind}:{one.about.id}", one.targets) for one in found]


def test_a_system_is_asked_once_and_what_is_of_none_is_asked_itself() -> None:
    found = questions(place(), table(rule("a.b", check=None, scope="system")), DAY)
    assert asked(found) == [
        ("system:cong", "system:cong", ("m1", "m2")),
        ("system:thu", "system:thu", ("m2", "m3")),
        ("agency:so-b", "target:m4", ("m4",)),
        ("target:m5", "target:m5", ("m5",)),
    ]


def test_an_agency_is_asked_once() -> None:
    found = questions(place(), table(rule("a.b", check=None, scope="agency")), DAY)
    assert asked(found) == [
        ("agency:so-a", "agency:so-a", ("m1", "m2")),
        ("agency:so-b", "agency:so-b", ("m3", "m4")),
        ("target:m5", "target:m5", ("m5",)),
    ]


def test_a_target_is_asked_on_the_sheet_of_its_first_system() -> None:
    found = questions(place(), table(rule("a.b", check=None)), DAY)
    assert [one[:2] for one in asked(found)] == [
        ("system:cong", "target:m1"),
        ("system:cong", "target:m2"),
        ("system:thu", "target:m3"),
        ("agency:so-b", "target:m4"),
        ("target:m5", "target:m5"),
    ]


def test_a_system_of_another_level_than_the_rules_is_not_asked() -> None:
    found = questions(place(), table(rule("a.b", check=None, scope="system", levels=[3])), DAY)
    assert asked(found) == [("system:cong", "system:cong", ("m1", "m2"))], "m2 is judged at 3 because of 'cong'"


def test_only_rules_without_a_check_are_asked() -> None:
    assert questions(place(), table(rule("a.b"), rule("a.c", check=None, kinds=["device"])), DAY) == ()


def test_the_period_is_the_shortest_and_the_level_the_highest() -> None:
    (one, *_) = questions(
        place(server("x", systems=("cong",), level=4), server("y", systems=("cong",))),
        table(rule("a.b", check=None, scope="system"), days={3: 365, 4: 183}),
        DAY,
    )
    assert (one.level, one.interval_days, one.ends(date(2028, 2, 29))) == (4, 183, date(2028, 8, 30))
    assert [item.id for item in one.requirements] == ["REQ-1"]


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "valid"),
        ({"until": "2026-12-22"}, "expiring"),
        ({"until": "2026-12-23"}, "valid"),
        ({"until": "2026-11-21"}, "expired"),
        ({"on": "2026-11-23"}, "upcoming"),
        ({"systems": ["thu"]}, "open"),
        ({"systems": [], "targets": ["m1"]}, "open"),
        ({"systems": [], "targets": ["m1", "m2"]}, "valid"),
        ({"systems": [], "agencies": ["so-a"]}, "valid"),
        ({"attachment": {"file": "a", "sha256": "0" * 64, "intact": False}}, "malformed"),
    ],
)
def test_how_the_last_answer_stands(fields: dict[str, Any], state: str) -> None:
    said = attestation(**{"rule": "a.b", "targets": [], "systems": ["cong"], **fields})
    made = table(rule("a.b", check=None, scope="system", levels=[3]))
    (one,) = questions(place(attestations=[said]), made, DAY)
    assert one.state == state
    assert (one.last is None) == (state == "open")
    assert (one.state in OPEN) == (state not in ("valid", "upcoming"))


def test_a_contradicted_answer_wants_another() -> None:
    said = attestation(rule="a.b", targets=[], systems=["cong"])
    made = table(rule("a.b", check=None, scope="system", levels=[3]))
    (one,) = questions(place(attestations=[said]), made, DAY, contradicted=["t1"])
    assert one.state == "contradicted"
    assert one.state in OPEN


SCOPES = st.sampled_from(["target", "system", "agency"])


@given(scope=SCOPES, levels=st.sets(st.integers(1, 5), min_size=1), answered=st.sets(st.integers(0, 20)))
@settings(max_examples=80, deadline=None)
def test_answering_every_question_decides_every_finding(scope: str, levels: set[int], answered: set[int]) -> None:
    """The questionnaire and annotate agree: a finding is decided exactly when its questions are answered."""
    made = table(rule("a.b", check=None, scope=scope, levels=sorted(levels)))
    bare = place()
    found = questions(bare, made, DAY)
    scopes = {"system": "systems", "agency": "agencies", "target": "targets"}
    said = [
        attestation(**{"id": f"t{n}", "rule": "a.b", "targets": [], scopes[one.about.kind]: [one.about.id]})
        for n, one in enumerate(found)
        if n in answered
    ]
    full = place(attestations=said)
    on = {target.id for target in bare.targets if made.of(target)}
    assert {target for one in found for target in one.targets} == on
    open_on = {target for n, one in enumerate(found) if n not in answered for target in one.targets}
    findings = [finding(target, "a.b", "notchecked") for target in sorted(on)]
    for item in annotate(findings, [], rules=made, inventory=full, day=DAY):
        expected = Result.NOTCHECKED if item.finding.target in open_on else Result.PASS
        assert item.result is expected
    states = {one.key: one.state for one in questions(full, made, DAY)}
    assert [states[one.key] for one in found] == ["valid" if n in answered else "open" for n in range(len(found))]
