"""Waivers, attestations and shared controls: what people may say for a finding, and what never changes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from auditor.annotate import ANSWERS, CONTRADICTED, UNDECIDED, day_of
from auditor.grants import proofs_needed, proven, standing
from auditor.model import Result
from auditor.targets import Attestation, Inventory, SharedControl
from tests.annotated import DAY, one
from tests.rulesets import finding, inventory, server, waiver


def attestation(**fields: Any) -> Attestation:
    made = {
        "id": "t1",
        "rule": "management.plan",
        "targets": ["a"],
        "answer": "met",
        "explanation": "đã ban hành",
        "who": "Người Thứ Ba",
        "on": "2026-06-01",
        "until": "2027-06-01",
    }
    return Attestation.model_validate({**made, **fields}, by_alias=True)


def control(**fields: Any) -> SharedControl:
    made = {"id": "s1", "rule": "patch.kernel", "provider": "dc", "covers": ["a"]}
    return SharedControl.model_validate({**made, **fields}, by_alias=True)


# --- days


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2026, 12, 31, 17, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2028, 2, 28, 17, 0, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(2028, 2, 29, 17, 0, tzinfo=UTC), date(2028, 3, 1)),
    ],
)
def test_a_day_ends_at_midnight_in_vietnam(instant: datetime, day: date) -> None:
    assert day_of(instant) == day


@pytest.mark.parametrize(
    ("since", "until", "day", "expected"),
    [
        ("2026-01-01", "2026-12-31", "2026-01-01", "active"),
        ("2026-01-01", "2026-12-31", "2026-12-31", "active"),
        ("2026-01-01", "2026-12-31", "2027-01-01", "expired"),
        ("2026-01-01", "2026-12-31", "2025-12-31", "upcoming"),
        ("2028-02-29", "2028-02-29", "2028-02-29", "active"),
        ("2028-02-29", "2028-02-29", "2028-03-01", "expired"),
        ("2026-06-02", "2026-06-01", "2026-06-01", "malformed"),
    ],
)
def test_waivers_and_attestations_count_to_the_end_of_their_last_day(
    since: str, until: str, day: str, expected: str
) -> None:
    when = date.fromisoformat(day)
    given_waiver = waiver(**{"from": since, "until": until})
    assert standing(given_waiver, when) == expected
    assert standing(attestation(on=since, until=until), when) == expected
    made = one(finding("a", "patch.kernel", "fail"), day=when, waivers=[given_waiver])
    assert bool(made.waived_by) == (expected == "active")
    answered = one(
        finding("a", "management.plan", "notchecked"), day=when, attestations=[attestation(on=since, until=until)]
    )
    assert answered.result == ("pass" if expected == "active" else "notchecked")


# --- waivers


def test_a_waiver_never_changes_the_result() -> None:
    made = one(finding("a", "patch.kernel", "fail"), waivers=[waiver()])
    assert (made.result, made.finding.result, made.waived_by, made.change) == ("fail", "fail", ("w1",), "new")


@pytest.mark.parametrize("result", [result for result in Result if result is not Result.FAIL])
def test_only_a_fail_is_waived(result: Result) -> None:
    assert one(finding("a", "patch.kernel", result), waivers=[waiver()]).waived_by == ()


@pytest.mark.parametrize(
    ("scope", "holds"),
    [
        ({"targets": ["a"]}, True),
        ({"targets": ["b"]}, False),
        ({"targets": [], "groups": ["xa"]}, True),
        ({"targets": [], "groups": ["so"]}, False),
        ({"targets": [], "tags": ["cu", "khac"]}, True),
        ({"targets": [], "tags": ["khac"]}, False),
        ({"targets": ["a"], "tags": ["khac"]}, False),
        ({"targets": ["a", "b"], "groups": ["xa"], "tags": ["cu"]}, True),
        ({"targets": []}, False),
        ({"rule": "patch.*"}, False),
        ({"rule": "tls.certificates"}, False),
    ],
)
def test_all_scopes_of_a_waiver_must_hold(scope: dict[str, Any], holds: bool) -> None:
    made = one(
        finding("a", "patch.kernel", "fail"),
        targets=(server("a", agency="x1", tags=("cu",)),),
        groups=[{"id": "xa"}, {"id": "so"}],
        agencies=[{"id": "x1", "group": "xa"}],
        waivers=[waiver(**scope)],
    )
    assert bool(made.waived_by) == holds


def test_a_finding_is_waived_when_all_its_failing_instances_are() -> None:
    found = finding("a", "tls.certificates", "fail", c1="fail", c2="fail", c3="pass")
    first = waiver(id="w1", rule="tls.certificates", instance="c1")
    second = waiver(id="w2", rule="tls.certificates", instance="c2")
    other = waiver(id="w3", rule="tls.certificates", instance="c3")
    some = one(found, waivers=[first, other])
    assert (some.waived_by, some.waived_instances) == ((), (("c1", "w1"),))
    both = one(found, waivers=[second, first])
    assert (both.waived_by, both.waived_instances) == (("w1", "w2"), (("c1", "w1"), ("c2", "w2")))
    unseen = finding("a", "tls.certificates", "fail", c1="fail", c2="unknown")
    hidden = one(unseen, waivers=[first])
    assert (hidden.waived_by, hidden.waived_instances) == ((), (("c1", "w1"),)), "c2 might fail as well"
    assert one(unseen, waivers=[waiver(rule="tls.certificates")]).waived_by == ("w1",)
    bare = one(finding("a", "tls.certificates", "fail"), waivers=[first])
    assert (bare.waived_by, bare.waived_instances) == ((), ())


# --- attestations


@pytest.mark.parametrize("answer", ["met", "notmet", "notapplicable"])
def test_an_answer_decides_a_rule_without_a_check(answer: str) -> None:
    made = one(finding("a", "management.plan", "notchecked"), attestations=[attestation(answer=answer)])
    assert made.result is ANSWERS[answer]
    assert made.finding.result is Result.NOTCHECKED
    assert (made.attested_by, made.message.code) == ("t1", f"attested-{answer}")
    assert made.past.last_decided is made.result


@pytest.mark.parametrize("answer", ["met", "notmet", "notapplicable"])
@pytest.mark.parametrize("result", list(Result))
def test_an_answer_never_changes_what_was_measured(answer: str, result: Result) -> None:
    said = attestation(rule="patch.kernel", answer=answer)
    made = one(finding("a", "patch.kernel", result), attestations=[said])
    assert (made.result, made.attested_by) == (result, None)
    assert made.contradicted_by == ("t1" if CONTRADICTED[answer] is result else None)


@pytest.mark.parametrize(
    "fields",
    [{"until": "2026-11-21"}, {"on": "2026-11-23"}, {"targets": []}, {"targets": ["b"]}, {"rule": "management.other"}],
)
def test_an_answer_that_does_not_count_leaves_notchecked(fields: dict[str, Any]) -> None:
    made = one(finding("a", "management.plan", "notchecked"), attestations=[attestation(**fields)])
    assert (made.result, made.attested_by) == ("notchecked", None)


@pytest.mark.parametrize(("on", "expected"), [("2026-05-23", "pass"), ("2026-05-22", "notchecked")])
def test_an_answer_grows_old_at_the_interval_of_its_rule(on: str, expected: str) -> None:
    said = attestation(rule="backup.restore-test", on=on)
    assert one(finding("a", "backup.restore-test", "notchecked"), attestations=[said]).result == expected


def test_the_newest_answer_counts_and_of_one_day_the_worst() -> None:
    old = attestation(id="t1", answer="notmet", on="2026-05-01")
    new = attestation(id="t2", answer="met", on="2026-06-01")
    same = attestation(id="t0", answer="notmet", on="2026-06-01")
    found = finding("a", "management.plan", "notchecked")
    assert one(found, attestations=[old, new]).attested_by == "t2"
    assert one(found, attestations=[old, new, same]).attested_by == "t0"


def test_answers_reach_by_system_and_agency() -> None:
    systems = [{"id": "mot-cua", "owner": "so-a"}]
    agencies = [{"id": "so-a", "group": "so"}]
    parts: dict[str, Any] = {"systems": systems, "agencies": agencies, "groups": [{"id": "so"}]}
    target = server("a", systems=("mot-cua",))
    found = finding("a", "management.plan", "notchecked")
    for scope in ({"systems": ["mot-cua"]}, {"agencies": ["so-a"]}):
        said = attestation(targets=[], **scope)
        assert one(found, targets=(target,), attestations=[said], **parts).result == "pass"
    said = attestation(targets=[], systems=["mot-cua"], agencies=["so-b"])
    assert one(found, targets=(target,), attestations=[said], **parts).result == "notchecked"


# --- shared controls


def provided(result: str, **fields: Any) -> tuple[frozenset[str], Inventory]:
    held = inventory(server("a"), server("dc"), shared_controls=[control(**fields)])
    return proven([finding("a", "patch.kernel", "pass"), finding("dc", "patch.kernel", result)], held, DAY), held


@pytest.mark.parametrize("result", list(Result))
def test_a_shared_control_is_proven_only_by_the_providers_own_pass(result: Result) -> None:
    proved, held = provided(result)
    assert proved == (frozenset({"s1"}) if result is Result.PASS else frozenset())
    assert proofs_needed(held, DAY) == {("dc", "patch.kernel")}


def test_a_shared_control_ends() -> None:
    assert provided("pass", until="2026-11-22")[0] == {"s1"}
    assert provided("pass", until="2026-11-21")[0] == frozenset()
    assert provided("pass", covers=[])[0] == frozenset()


@pytest.mark.parametrize("result", list(Result))
def test_a_proven_control_is_inherited_by_what_is_not_met(result: Result) -> None:
    made = one(finding("a", "patch.kernel", result), shared_controls=[control()], proved=frozenset({"s1"}))
    wanting = result is Result.FAIL or result in UNDECIDED
    assert made.inherited_from == ("s1" if wanting else None)
    assert made.result is result
    unproven = one(finding("a", "patch.kernel", result), shared_controls=[control()])
    assert unproven.inherited_from is None


def test_controls_cover_agencies_but_never_their_own_provider() -> None:
    parts: dict[str, Any] = {
        "targets": (server("a", agency="xa-1"), server("dc", agency="xa-1")),
        "groups": [{"id": "xa"}],
        "agencies": [{"id": "xa-1", "group": "xa"}],
        "shared_controls": [control(covers=[], covers_agencies=["xa-1"])],
        "proved": frozenset({"s1"}),
    }
    assert one(finding("a", "patch.kernel", "fail"), **parts).inherited_from == "s1"
    assert one(finding("dc", "patch.kernel", "fail"), **parts).inherited_from is None
    assert one(finding("a", "tls.certificates", "fail"), **parts).inherited_from is None
