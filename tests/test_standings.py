"""How grants stand in a run: what expires, what is malformed, contradicted, unproven or of no use."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import i18n
from auditor.annotate import annotate
from auditor.commands import audit
from auditor.grants import Key, proven
from auditor.model import Finding
from auditor.packs import AttestedParams, RuleSet
from auditor.standings import EXPIRING_DAYS, LOUD, Uses, as_run_found, standing_of_all
from auditor.targets import Inventory
from tests.annotated import DAY, TABLE
from tests.rulesets import finding, info, inventory, rule, rules, server, waiver
from tests.test_grants import attestation, control


def held(**parts: Any) -> Inventory:
    return inventory(server("a"), server("dc"), **parts)


def told(place: Inventory, findings: list[Finding] | None = None, day: date = DAY) -> dict[str, dict[str, Any]]:
    """Every standing by id, after a run of these findings or without one."""
    uses: Uses | None = None
    proof: frozenset[Key] = frozenset()
    if findings is not None:
        uses, proof = Uses(), proven(findings, place, day)
        for item in annotate(findings, [], rules=TABLE, inventory=place, day=day, proven=proof):
            uses.add(item)
    return {one["id"]: one for one in standing_of_all(place, TABLE, day, uses, proof)}


@pytest.mark.parametrize(
    ("until", "state", "left"),
    [
        ("2026-11-21", "expired", -1),
        ("2026-11-22", "expiring", 0),
        ("2026-12-22", "expiring", EXPIRING_DAYS),
        ("2026-12-23", "active", EXPIRING_DAYS + 1),
    ],
)
def test_days_left(until: str, state: str, left: int) -> None:
    place = held(
        waivers=[waiver(until=until)],
        attestations=[attestation(until=until)],
        shared_controls=[control(until=until)],
    )
    for one in told(place).values():
        assert (one["state"], one["days_left"], one["until"]) == (state, left, until)


def test_the_period_of_the_rule_ends_an_answer_early() -> None:
    place = held(attestations=[attestation(rule="backup.restore-test", on="2026-05-01", until="2030-01-01")])
    assert told(place)["t1"] | {"days_left": 0} == told(place)["t1"] | {
        "state": "expired",
        "why": "period",
        "until": "2026-10-31",
        "days_left": 0,
    }


def test_an_answer_may_end_on_some_targets_only() -> None:
    plan = rule("management.plan", check=None)
    days = {3: 100, 4: 10}
    table = RuleSet(info(), [plan], [], lambda _rule, level: AttestedParams(days[level]) if level in days else None)
    said = attestation(targets=["a", "b"], on="2026-11-01")
    place = inventory(server("a"), server("b", level=4), attestations=[said])
    (one,) = standing_of_all(place, table, date(2026, 11, 12))
    assert (one["state"], one["why"]) == ("expiring", "expired-in-part")
    assert (one["until_first"], one["until"]) == ("2026-11-11", "2027-02-09")


def test_malformed_ones_say_why() -> None:
    place = held(
        waivers=[waiver(id="w1", reason_class="compensating-control"), waiver(id="w2", approver="nguoi thu nhat")],
        attestations=[attestation(attachment={"file": "a", "sha256": "0" * 64, "intact": False})],
    )
    found = told(place)
    assert {name: (one["state"], one["why"]) for name, one in found.items()} == {
        "w1": ("malformed", "compensating-missing"),
        "w2": ("malformed", "own-approval"),
        "t1": ("malformed", "attachment-changed"),
    }


def test_a_contradiction_is_told_with_its_finding() -> None:
    place = held(attestations=[attestation(rule="patch.kernel", targets=["a", "dc"])])
    found = [finding("a", "patch.kernel", "fail"), finding("dc", "patch.kernel", "pass")]
    one = told(place, found)["t1"]
    assert (one["state"], one["contradictions"], one["contradicted"]) == ("contradicted", 1, [["a", "patch.kernel"]])


def test_what_is_of_no_use_says_why() -> None:
    place = held(
        waivers=[waiver(id="w1"), waiver(id="w2", rule="no.such")],
        attestations=[
            attestation(id="t1", on="2026-05-01"),
            attestation(id="t2"),
            attestation(id="t3", rule="no.such"),
            attestation(id="t4", rule="tls.certificates"),
        ],
    )
    keys = ["management.plan", "patch.kernel", "tls.certificates"]
    found = [finding("a", name, result) for name, result in zip(keys, ["notchecked", "pass", "pass"], strict=True)]
    whys = {name: one["why"] for name, one in told(place, found).items() if one["state"] == "unused"}
    assert whys == {
        "w1": "no-such-fail",
        "w2": "unknown-rule",
        "t3": "unknown-rule",
        "t4": "measured",
    }
    assert told(place, found)["t2"]["findings"] == 1
    bare = {name for name, one in told(place).items() if one["state"] == "unused"}
    assert bare == {"w2", "t3"}, "without a run only what can never be of use is said to be of none"


def test_a_bare_name_is_known_when_any_framework_has_the_rule() -> None:
    older = rule("patch.old").model_copy(update={"id": "khung-cu/patch.old"})
    names = ["patch.old", "khung-cu/patch.old", "khung-khac/patch.old"]
    place = held(waivers=[waiver(id=f"w{number}", rule=name) for number, name in enumerate(names)])
    table = RuleSet(info(), [rule("patch.kernel"), older], [], lambda _rule, _level: None)
    whys = {one["id"]: one["why"] for one in standing_of_all(place, table, DAY)}
    assert whys == {"w0": None, "w1": None, "w2": "unknown-rule"}


@pytest.mark.parametrize(("result", "state"), [("pass", "active"), ("fail", "unproven"), ("unknown", "unproven")])
def test_proofs_that_do_not_pass_are_told(result: str, state: str) -> None:
    measure = {"reason_class": "compensating-control", "compensating": {"rule": "patch.kernel", "target": "dc"}}
    place = held(waivers=[waiver(rule="tls.certificates", **measure)], shared_controls=[control(covers=["a"])])
    found = [
        finding("a", "patch.kernel", "fail"),
        finding("a", "tls.certificates", "fail"),
        finding("dc", "patch.kernel", result),
    ]
    made = told(place, found)
    assert made["w1"]["state"] == ("expiring" if state == "active" and made["w1"]["days_left"] <= 30 else state)
    assert made["s1"]["state"] == state


def test_findings_are_counted_and_what_wants_attention_comes_first() -> None:
    place = held(
        waivers=[waiver(id="w1", targets=["dc"], rule="tls.certificates", until="2027-03-01"), waiver(id="w2")],
        attestations=[
            attestation(id="t1", until="2027-02-01"),
            attestation(id="t2", until="2026-11-30", targets=["dc"]),
        ],
        shared_controls=[control(rule="tls.certificates", covers=["a"])],
    )
    found = [
        finding("a", "management.plan", "notchecked"),
        finding("a", "patch.kernel", "fail"),
        finding("a", "tls.certificates", "fail"),
        finding("dc", "management.plan", "notchecked"),
        finding("dc", "tls.certificates", "pass"),
    ]
    made = list(told(place, found).values())
    assert [(one["id"], one["state"], one["findings"]) for one in made] == [
        ("t2", "expiring", 1),
        ("w1", "unused", 0),
        ("s1", "active", 1),
        ("w2", "active", 1),
        ("t1", "active", 1),
    ]


SYSTEMS: dict[str, Any] = {
    "systems": [{"id": "cong", "owner": "so-a", "level": 3}, {"id": "thu", "owner": "so-a", "level": 3}]
}


@pytest.mark.parametrize(("scope", "older"), [("system", "expired"), ("target", "superseded")])
def test_an_answer_for_one_system_supersedes_none_for_another(scope: str, older: str) -> None:
    """Of a question of systems; a question of the target itself has one newest answer."""
    table = rules(rule("management.plan", check=None, scope=scope))
    said = [
        attestation(id="t1", targets=[], systems=["cong"], on="2026-05-01", until="2026-06-30"),
        attestation(id="t2", targets=[], systems=["thu"]),
    ]
    place = inventory(server("a", systems=("cong", "thu")), attestations=said, **SYSTEMS)
    found = {one["id"]: one["state"] for one in standing_of_all(place, table, DAY)}
    assert found == {"t1": older, "t2": "active"}


def test_an_answer_for_a_target_leads_in_all_its_systems() -> None:
    table = rules(rule("management.plan", check=None, scope="system"))
    place = inventory(server("a", systems=("cong",)), attestations=[attestation(until="2026-06-30")], **SYSTEMS)
    (one,) = standing_of_all(place, table, DAY)
    assert (one["state"], one["why"]) == ("expired", None)


def test_a_long_waiver_is_told_of() -> None:
    place = held(waivers=[waiver(id="w1", until="2027-01-02"), waiver(id="w2", until="2027-01-03")])
    assert {name: one["long"] for name, one in told(place).items()} == {"w1": False, "w2": True}


@given(st.integers(-400, 400), st.integers(0, 800), st.dates(date(2027, 12, 1), date(2028, 3, 31)))
@settings(max_examples=80, deadline=None)
def test_every_grant_has_one_state_and_it_agrees_with_what_counts(start: int, length: int, day: date) -> None:
    since = day + timedelta(days=start)
    span = {"from": since.isoformat(), "until": (since + timedelta(days=length)).isoformat()}
    place = held(waivers=[waiver(**span)])
    findings = [finding("a", "patch.kernel", "fail")]
    (made,) = annotate(findings, [], rules=TABLE, inventory=place, day=day)
    one = told(place, findings, day)["w1"]
    assert bool(made.waived_by) == (one["state"] in ("active", "expiring"))
    assert (one["state"] == "expiring") == (bool(made.waived_by) and 0 <= one["days_left"] <= EXPIRING_DAYS)
    assert (one["state"] == "expired") == (one["days_left"] < 0)


def test_history_is_not_cried_over() -> None:
    """Last year's answer has expired, this year's stands: that is as it should be."""
    place = held(
        attestations=[
            attestation(id="t1", on="2024-06-01", until="2025-06-01"),
            attestation(id="t2"),
            attestation(id="t3", rule="backup.restore-test", on="2024-06-01", until="2025-06-01"),
        ]
    )
    assert {name: one["state"] for name, one in told(place).items()} == {
        "t1": "superseded",
        "t2": "active",
        "t3": "expired",
    }
    found = [finding("a", "backup.restore-test", "notchecked"), finding("a", "management.plan", "notchecked")]
    assert told(place, found)["t1"]["state"] == "superseded"


def test_what_is_superseded_for_some_only_still_leads_elsewhere() -> None:
    wide = attestation(id="t1", targets=["a", "dc"], on="2026-05-01", until="2026-11-01")
    place = held(attestations=[wide, attestation(id="t2", targets=["a"])])
    assert {name: one["state"] for name, one in told(place).items()} == {"t1": "expired", "t2": "active"}


# --- with what a run found


def paper(one: dict[str, Any], **found: Any) -> dict[str, Any]:
    return {**one, "findings": 0, "contradicted": [], "contradictions": 0, **found}


@pytest.mark.parametrize(
    ("until", "found", "state"),
    [
        ("2027-06-01", {"state": "active"}, "active"),
        ("2027-06-01", {"state": "unproven", "why": "proof-does-not-pass"}, "unproven"),
        ("2026-12-01", {"state": "unproven", "why": "proof-does-not-pass"}, "unproven"),
        ("2026-11-01", {"state": "unproven", "why": "proof-does-not-pass"}, "expired"),
        ("2027-06-01", {"state": "unused", "why": "no-such-fail"}, "unused"),
        ("2027-06-01", {"state": "unused", "why": "unknown-rule"}, "active"),
        ("2027-06-01", {"state": "nonsense"}, "active"),
    ],
)
def test_a_waiver_stands_as_the_run_found_it(until: str, found: dict[str, Any], state: str) -> None:
    (plain,) = told(held(waivers=[waiver(until=until)])).values()
    (one,) = as_run_found([plain], [paper(plain, **found), "nonsense", {}])
    assert (one["state"], one["tested"]) == (state, found["state"] != "nonsense")
    assert as_run_found([plain], []) == [{**plain, "tested": False}]


def test_a_contradicted_answer_stays_so_until_a_newer_one() -> None:
    old = attestation(id="t1", until="2026-11-01")
    known = told(held(attestations=[old]))["t1"]
    assert known["state"] == "expired"
    run = [paper(known, state="contradicted", contradicted=[["a", "management.plan"]], contradictions=1)]
    (one,) = as_run_found([known], run)
    assert (one["state"], one["contradictions"]) == ("contradicted", 1)
    newer = told(held(attestations=[old, attestation(id="t2", on="2026-11-20")]))
    states = {one["id"]: (one["state"], one["tested"]) for one in as_run_found(newer.values(), run)}
    assert states == {"t1": ("superseded", True), "t2": ("active", False)}


def test_another_paper_of_the_same_name_was_not_tested() -> None:
    (plain,) = told(held(waivers=[waiver()])).values()
    for change in ({"rule": "no.such"}, {"from": "2020-01-01"}, {"kind": "attestation"}):
        (one,) = as_run_found([plain], [paper(plain, state="unproven", why="proof-does-not-pass") | change])
        assert (one["state"], one["tested"]) == (plain["state"], False)


def test_the_hint_after_a_run_names_all_that_wants_attention() -> None:
    assert tuple(audit.LOUD) == LOUD
    head = {"scores": {"province": {"counts": {}}}, "papers": [{"state": state} for state in (*LOUD, "active")]}
    (line,) = audit._people(head, "a.yaml")
    for words in audit.LOUD.values():
        assert i18n._(words).format(count=1) in line
