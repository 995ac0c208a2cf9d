"""Waivers, attestations and shared controls: what people may say for a finding, and what never changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditor.annotate import ANSWERS, UNDECIDED, annotate, day_of
from auditor.grants import Spot, attestation_holds, ends, flaw, proofs_needed, proven, standing, waiver_holds
from auditor.model import VIETNAM, Result
from auditor.papers import same_person
from auditor.targets import Attestation, Inventory, SharedControl
from tests.annotated import DAY, TABLE, one
from tests.rulesets import finding, inventory, rule, rules, server, waiver


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


def test_waivers_are_named_by_id_however_they_reach_a_target() -> None:
    made = one(
        finding("a", "patch.kernel", "fail"),
        targets=(server("a", tags=("cu",)),),
        waivers=[waiver(id="w2"), waiver(id="w1", targets=[], tags=["cu"])],
    )
    assert made.waived_by == ("w1", "w2")


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


@pytest.mark.parametrize(
    ("answer", "result"), [("met", "pass"), ("notmet", "fail"), ("notapplicable", "notapplicable")]
)
def test_an_answer_decides_a_rule_without_a_check(answer: str, result: str) -> None:
    made = one(finding("a", "management.plan", "notchecked"), attestations=[attestation(answer=answer)])
    assert made.result == result
    assert made.finding.result is Result.NOTCHECKED
    assert (made.attested_by, made.message.code) == ("t1", f"attested-{answer}")
    assert made.past.last_decided is made.result


@pytest.mark.parametrize(("answer", "lie"), [("met", "fail"), ("notmet", "pass"), ("notapplicable", "fail")])
@pytest.mark.parametrize("result", list(Result))
def test_an_answer_never_changes_what_was_measured(answer: str, lie: str, result: Result) -> None:
    said = attestation(rule="patch.kernel", answer=answer)
    made = one(finding("a", "patch.kernel", result), attestations=[said])
    assert (made.result, made.attested_by) == (result, None)
    assert made.contradicted_by == ("t1" if result == lie else None)


@pytest.mark.parametrize(
    "fields",
    [{"until": "2026-11-21"}, {"on": "2026-11-23"}, {"targets": []}, {"targets": ["b"]}, {"rule": "management.other"}],
)
def test_an_answer_that_does_not_count_leaves_notchecked(fields: dict[str, Any]) -> None:
    made = one(finding("a", "management.plan", "notchecked"), attestations=[attestation(**fields)])
    assert (made.result, made.attested_by) == ("notchecked", None)


def test_an_answer_to_a_rule_that_no_pack_has_decides_nothing() -> None:
    made = one(finding("a", "management.gone", "notchecked"), attestations=[attestation(rule="management.gone")])
    assert (made.result, made.attested_by, made.contradicted_by) == ("notchecked", None, None)


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


def provided(result: str, **fields: Any) -> tuple[frozenset[tuple[str, str]], Inventory]:
    held = inventory(server("a"), server("dc"), shared_controls=[control(**fields)])
    return proven([finding("a", "patch.kernel", "pass"), finding("dc", "patch.kernel", result)], held, DAY), held


@pytest.mark.parametrize("result", list(Result))
def test_a_shared_control_is_proven_only_by_the_providers_own_pass(result: Result) -> None:
    proved, held = provided(result)
    assert proved == (frozenset({("dc", "patch.kernel")}) if result is Result.PASS else frozenset())
    assert proofs_needed(held, DAY) == {("dc", "patch.kernel")}


def test_a_shared_control_ends() -> None:
    assert provided("pass", until="2026-11-22")[0] == {("dc", "patch.kernel")}
    assert provided("pass", until="2026-11-21")[0] == frozenset()
    assert provided("pass", covers=[])[0] == frozenset()


@pytest.mark.parametrize("result", list(Result))
def test_a_proven_control_is_inherited_by_what_is_not_met(result: Result) -> None:
    made = one(
        finding("a", "patch.kernel", result), shared_controls=[control()], proved=frozenset({("dc", "patch.kernel")})
    )
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
        "proved": frozenset({("dc", "patch.kernel")}),
    }
    assert one(finding("a", "patch.kernel", "fail"), **parts).inherited_from == "s1"
    assert one(finding("dc", "patch.kernel", "fail"), **parts).inherited_from is None
    assert one(finding("a", "tls.certificates", "fail"), **parts).inherited_from is None


# --- what makes a grant malformed


@pytest.mark.parametrize(
    ("one_name", "other", "same"),
    [
        ("Lê Thị Hoà", "LE  THI hòa", True),
        ("Đỗ Văn A", "do van a.", True),
        ("Người\u200bMột", "NgườiMột", True),
        ("Người Thứ Nhất", "Người Thứ Hai", False),
        ("Lê A", "Lê AB", False),
    ],
)
def test_who_is_one_person(one_name: str, other: str, *, same: bool) -> None:
    assert same_person(one_name, other) is same
    assert same_person(other, one_name) is same
    assert (flaw(waiver(requester=one_name, approver=other)) == "own-approval") is same


def test_flaws_are_named() -> None:
    digest = {"file": "a.pdf", "sha256": "0" * 64}
    assert flaw(waiver()) is None
    assert flaw(waiver(targets=[])) == "no-scope"
    assert flaw(waiver(until="2025-12-31")) == "until-before-from"
    assert flaw(waiver(reason_class="compensating-control")) == "compensating-missing"
    assert flaw(attestation(attachment=digest)) is None
    assert flaw(attestation(attachment={**digest, "intact": False})) == "attachment-changed"


def test_an_answer_whose_attachment_changed_does_not_count() -> None:
    changed = attestation(attachment={"file": "a.pdf", "sha256": "0" * 64, "intact": False})
    assert standing(changed, DAY) == "malformed"
    assert one(finding("a", "management.plan", "notchecked"), attestations=[changed]).result == "notchecked"


# --- compensating controls


def compensated(**fields: Any) -> dict[str, Any]:
    made = {"id": "w1", "reason_class": "compensating-control", "compensating": {"rule": "tls.certificates"}}
    return {"waivers": [waiver(**{**made, **fields})]}


@pytest.mark.parametrize("result", list(Result))
@pytest.mark.parametrize("where", [None, "dc"])
def test_a_compensating_control_counts_only_where_its_proof_passes(result: Result, where: str | None) -> None:
    at = {"compensating": {"rule": "tls.certificates", **({"target": where} if where else {})}}
    parts = compensated(**at)
    held = inventory(server("a"), server("dc"), **parts)
    assert proofs_needed(held, DAY) == {(where or "a", "tls.certificates")}
    proof = proven([finding(where or "a", "tls.certificates", result)], held, DAY)
    assert proof == ({(where or "a", "tls.certificates")} if result is Result.PASS else frozenset())
    made = one(finding("a", "patch.kernel", "fail"), proved=proof, **parts)
    assert made.waived_by == (("w1",) if result is Result.PASS else ())
    assert made.result is Result.FAIL


def test_only_a_live_compensating_control_asks_for_a_proof() -> None:
    assert proofs_needed(inventory(server("a"), **compensated(until="2026-11-21")), DAY) == frozenset()
    parts = compensated(reason_class="accepted-risk")
    assert proofs_needed(inventory(server("a"), **parts), DAY) == frozenset()
    assert one(finding("a", "patch.kernel", "fail"), **parts).waived_by == ("w1",), "whatever it names beside"


def test_the_proof_of_one_target_does_not_serve_another() -> None:
    parts = compensated(targets=["a", "dc"])
    proof = frozenset({("dc", "tls.certificates")})
    assert one(finding("a", "patch.kernel", "fail"), proved=proof, **parts).waived_by == ()
    assert one(finding("dc", "patch.kernel", "fail"), proved=proof, **parts).waived_by == ("w1",)


def test_an_answer_proves_no_compensating_control() -> None:
    parts = compensated(compensating={"rule": "management.plan"}) | {"attestations": [attestation()]}
    held = inventory(server("a"), **parts)
    unanswered = finding("a", "management.plan", "notchecked")
    assert one(unanswered, attestations=[attestation()]).result is Result.PASS
    assert proven([unanswered], held, DAY) == frozenset()


# --- the newest answer supersedes


def test_an_expired_answer_still_supersedes_what_was_said_before() -> None:
    old = attestation(id="t1", answer="met", on="2026-05-01", until="2027-05-01")
    new = attestation(id="t2", answer="notmet", on="2026-06-01", until="2026-06-30")
    found = finding("a", "management.plan", "notchecked")
    assert one(found, attestations=[old, new], day=date(2026, 6, 30)).result is Result.FAIL
    assert one(found, attestations=[old, new], day=date(2026, 7, 1)).result is Result.NOTCHECKED
    assert one(found, attestations=[old, new], day=date(2026, 5, 31)).result is Result.PASS


def test_scopes_hold_by_themselves_and_not_only_as_the_index_finds_them() -> None:
    assert attestation_holds(attestation(), Spot("a"))
    assert not attestation_holds(attestation(), Spot("b"))
    assert not attestation_holds(attestation(agencies=["so-a"]), Spot("a", agency="so-b"))
    assert waiver_holds(waiver(), Spot("a"))
    assert not waiver_holds(waiver(), Spot("b"))
    assert not waiver_holds(waiver(tags=["cu"]), Spot("a")), "a target that is not in the inventory has no tags"


# --- questions of systems

SYSTEMS: dict[str, Any] = {
    "groups": [{"id": "so"}],
    "agencies": [{"id": "so-a", "group": "so"}],
    "systems": [
        {"id": "cong", "owner": "so-a", "level": 3},
        {"id": "thu", "owner": "so-a", "level": 3},
        {"id": "nho", "owner": "so-a", "level": 1},
    ],
}
OF_SYSTEM = rules(rule("management.plan", check=None, scope="system", levels=[2, 3]))


@pytest.mark.parametrize(
    ("cong", "thu", "expected"),
    [
        ("met", "met", "pass"),
        ("met", None, "notchecked"),
        (None, None, "notchecked"),
        ("met", "notmet", "fail"),
        (None, "notmet", "fail"),
        ("met", "notapplicable", "pass"),
        ("notapplicable", "notapplicable", "notapplicable"),
    ],
)
def test_a_question_of_systems_is_answered_when_it_is_for_each(
    cong: str | None, thu: str | None, expected: str
) -> None:
    said = [
        attestation(id=f"t-{system}", targets=[], systems=[system], answer=answer)
        for system, answer in (("cong", cong), ("thu", thu))
        if answer is not None
    ]
    target = server("a", systems=("cong", "thu", "nho"))
    found = finding("a", "management.plan", "notchecked")
    made = one(found, table=OF_SYSTEM, targets=(target,), attestations=said, **SYSTEMS)
    assert made.result == expected, "and 'nho', of a level the rule is not for, is not asked"


def test_answers_for_systems_that_have_all_expired_answer_nothing() -> None:
    said = attestation(targets=[], systems=["cong"], until="2026-06-30")
    target = server("a", systems=("cong", "thu"))
    found = finding("a", "management.plan", "notchecked")
    assert one(found, table=OF_SYSTEM, targets=(target,), attestations=[said], **SYSTEMS).result is Result.NOTCHECKED


def test_a_question_of_systems_may_be_answered_for_a_target_or_an_agency() -> None:
    target = server("a", systems=("cong", "thu"))
    found = finding("a", "management.plan", "notchecked")
    for scope in (
        {"targets": ["a"]},
        {"targets": [], "agencies": ["so-a"]},
        {"targets": [], "systems": ["cong", "thu"]},
    ):
        made = one(found, table=OF_SYSTEM, targets=(target,), attestations=[attestation(**scope)], **SYSTEMS)
        assert made.result is Result.PASS


# --- properties

DAYS = st.one_of(
    st.dates(date(2023, 12, 25), date(2029, 1, 10)),
    st.sampled_from([date(2028, 2, 29), date(2024, 2, 29), date(2026, 12, 31), date(2027, 1, 1), date(2026, 4, 30)]),
)


@given(on=DAYS, length=st.integers(0, 800), interval=st.none() | st.integers(0, 800), day=DAYS)
@example(on=date(2028, 2, 29), length=366, interval=365, day=date(2029, 2, 28))
@example(on=date(2027, 2, 28), length=800, interval=365, day=date(2028, 2, 28))
@settings(max_examples=150, deadline=None)
def test_an_answer_counts_from_its_day_to_the_end_of_the_sooner_last_day(
    on: date, length: int, interval: int | None, day: date
) -> None:
    said = attestation(on=on.isoformat(), until=(on + timedelta(days=length)).isoformat())
    table = rules(rule("management.plan", check=None, params={} if interval is None else {"interval_days": interval}))
    made = one(finding("a", "management.plan", "notchecked"), table=table, day=day, attestations=[said])
    last = on + timedelta(days=length if interval is None else min(length, interval))
    assert ends(said, interval) == last
    assert (made.result is Result.PASS) == (on <= day <= last)
    if made.said is not None:
        assert made.said.values["until"] == last.isoformat()


@given(last=DAYS, seconds=st.integers(0, 86_399))
@settings(max_examples=60, deadline=None)
def test_the_whole_last_day_counts_in_vietnam_and_not_a_second_more(last: date, seconds: int) -> None:
    midnight = datetime(last.year, last.month, last.day, tzinfo=VIETNAM)
    given_waiver = waiver(**{"from": "2023-01-01", "until": last.isoformat()})
    for instant, expected in (
        (midnight + timedelta(seconds=seconds), "active"),
        (midnight + timedelta(days=1), "expired"),
        (midnight + timedelta(seconds=86_399), "active"),
    ):
        assert standing(given_waiver, day_of(instant.astimezone(UTC))) == expected


SCOPES = st.fixed_dictionaries(
    {
        "targets": st.lists(st.sampled_from(["a", "dc"]), max_size=2),
        "systems": st.lists(st.sampled_from(["cong", "thu"]), max_size=2),
        "agencies": st.lists(st.sampled_from(["so-a", "so-b"]), max_size=2),
    }
)
RULES = ("backup.restore-test", "management.plan", "patch.kernel", "tls.certificates")


@st.composite
def grants(draw: st.DrawFn) -> dict[str, Any]:
    """Any waivers, attestations and shared controls, sensible or not."""
    parts: dict[str, Any] = {"waivers": [], "attestations": [], "shared_controls": []}
    for number in range(draw(st.integers(0, 3))):
        span = {"from": "2026-01-01", "until": draw(st.sampled_from(["2025-01-01", "2026-12-31"]))}
        measure = draw(
            st.none() | st.sampled_from([{"rule": "tls.certificates"}, {"rule": "patch.kernel", "target": "dc"}])
        )
        parts["waivers"].append(
            waiver(
                id=f"w{number}",
                rule=draw(st.sampled_from(RULES)),
                targets=draw(st.lists(st.sampled_from(["a", "dc"]), max_size=2)),
                instance=draw(st.none() | st.just("i1")),
                reason_class="compensating-control" if measure else "accepted-risk",
                compensating=measure,
                approver=draw(st.sampled_from(["Người Thứ Hai", "nguoi thu nhat"])),
                **span,
            )
        )
    for number in range(draw(st.integers(0, 3))):
        parts["attestations"].append(
            attestation(
                id=f"t{number}",
                rule=draw(st.sampled_from(RULES)),
                answer=draw(st.sampled_from(sorted(ANSWERS))),
                on=draw(DAYS).isoformat(),
                until=draw(DAYS).isoformat(),
                **draw(SCOPES),
            )
        )
    if draw(st.booleans()):
        parts["shared_controls"].append(control(rule=draw(st.sampled_from(RULES))))
    return parts


@given(parts=grants(), results=st.lists(st.sampled_from(list(Result)), min_size=8, max_size=8))
@settings(max_examples=200, deadline=None)
def test_no_paper_ever_changes_a_measurement(parts: dict[str, Any], results: list[Result]) -> None:
    targets = (server("a", agency="so-a", systems=("cong",)), server("dc", agency="so-a", systems=("cong", "thu")))
    held = inventory(*targets, **(SYSTEMS | parts))
    keys = [(target, name) for target in ("a", "dc") for name in RULES]
    findings = [
        finding(target, name, result, i1=result.value) for (target, name), result in zip(keys, results, strict=True)
    ]
    proof = proven(findings, held, DAY)
    for made in annotate(findings, [], rules=TABLE, inventory=held, day=DAY, proven=proof):
        asked = TABLE.rules[made.finding.rule].check is None and made.finding.result is Result.NOTCHECKED
        if not asked:
            assert made.result is made.finding.result
            assert made.attested_by is None
        if made.waived_by:
            assert made.result is Result.FAIL
        for name in (*made.waived_by, *(name for _, name in made.waived_instances)):
            used = next(item for item in held.waivers if item.id == name)
            assert standing(used, DAY) == "active"
            if used.compensating is not None:
                pair = (used.compensating.target or made.finding.target, used.compensating.rule)
                assert pair in {(item.target, item.rule) for item in findings if item.result is Result.PASS}


@given(parts=grants(), extra=SCOPES)
@settings(max_examples=100, deadline=None)
def test_naming_more_scopes_never_reaches_further(parts: dict[str, Any], extra: dict[str, Any]) -> None:
    target = server("a", agency="so-a", systems=("cong",))
    found = finding("a", "management.plan", "notchecked")
    for said in parts["attestations"]:
        fields = {name: getattr(said, name) or tuple(extra[name]) for name in ("targets", "systems", "agencies")}
        if not any(getattr(said, name) for name in fields):
            continue
        wide = one(found, targets=(target,), attestations=[said], **SYSTEMS)
        narrow = one(found, targets=(target,), attestations=[said.model_copy(update=fields)], **SYSTEMS)
        assert narrow.attested_by in (None, wide.attested_by)


# --- several frameworks in a run


NEW = (rule("patch.kernel"), rule("management.plan", check=None))
BOTH = rules(*NEW, *(one.model_copy(update={"id": f"old/{one.id}"}) for one in NEW))


@pytest.mark.parametrize(
    ("named", "falls"),
    [("patch.kernel", {"patch.kernel", "old/patch.kernel"}), ("old/patch.kernel", {"old/patch.kernel"})],
)
def test_a_bare_name_means_the_rule_in_every_framework(named: str, falls: set[str]) -> None:
    for name in ("patch.kernel", "old/patch.kernel"):
        waived = one(finding("a", name, Result.FAIL), table=BOTH, waivers=[waiver(rule=named)])
        assert bool(waived.waived_by) == (name in falls)
        covered = one(
            finding("a", name, Result.FAIL), table=BOTH, shared_controls=[control(rule=named)], proved={("dc", named)}
        )
        assert (covered.inherited_from == "s1") == (name in falls)
    for name in ("management.plan", "old/management.plan"):
        answered = one(finding("a", name, Result.NOTCHECKED), table=BOTH, attestations=[attestation()])
        assert answered.result is Result.PASS


def test_a_bare_proof_must_pass_in_every_framework() -> None:
    told = inventory(server("a"), server("dc"), shared_controls=[control()])
    for old, expected in ((Result.PASS, {("dc", "patch.kernel")}), (Result.FAIL, set()), (Result.UNKNOWN, set())):
        found = [finding("dc", "patch.kernel", Result.PASS), finding("dc", "old/patch.kernel", old)]
        assert proven(found, told, DAY) == expected
        assert proven(reversed(found), told, DAY) == expected
