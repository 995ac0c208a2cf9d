"""Scores: ranges, caps and gates; and that nothing unmeasured ever makes anything look better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditor.annotate import CHANGES, Now, Was
from auditor.model import Result
from auditor.rulepack import BINDING
from auditor.score import Score, can_cap, family_of
from auditor.score_words import CAP_REASONS, formula
from auditor.tally import FAILED, MET, OPEN, RULED_OUT, STATUSES
from tests.rulesets import info, inventory, rule, rules, server
from tests.scored import KEYS, RULES, every, flat, noted, score

# --- figures


@pytest.mark.parametrize(
    ("results", "low", "high", "coverage"),
    [
        ("pass", 100, 100, 1),
        ("fail", 0, 0, 1),
        ("unknown", 0, 100, 0),
        ("error", 0, 100, 0),
        ("notchecked", 0, 100, 0),
        ("notapplicable", 0, 100, 0),
        ("informational", 0, 100, 0),
        ("pass notapplicable informational", 100, 100, 1),
        ("pass fail unknown", 33.3, 66.6, 0.666),
        ("pass pass error notchecked", 50, 100, 0.5),
    ],
)
def test_figures(results: str, low: float, high: float, coverage: float) -> None:
    (made_score,) = flat(results).targets
    assert (made_score.low, made_score.high, made_score.coverage) == (low, high, coverage)


def test_46_passes_and_139_fails_are_never_half() -> None:
    whole = flat(" ".join(["pass"] * 46 + ["fail"] * 139)).province
    assert whole.low == whole.high == 24.8
    assert whole.grade == "yeu"
    assert whole.counts == {"pass": 46, "fail": 139}


@pytest.mark.parametrize(
    ("passes", "total", "grade"),
    [(85, 100, "tot"), (8499, 10000, "kha"), (70, 100, "kha"), (50, 100, "trung-binh"), (0, 100, "yeu")],
)
def test_a_score_is_rounded_down_to_its_grade(passes: int, total: int, grade: str) -> None:
    table = rules(rule("patch.a"))
    place = inventory(*(server(f"m{number}") for number in range(total)))
    items = [noted(f"m{number}", "patch.a", "pass" if number < passes else "fail") for number in range(total)]
    assert score(items, table, place).province.grade == grade


def test_nothing_decided_is_never_a_grade() -> None:
    for results in ("unknown", "error notchecked", "notapplicable", "informational"):
        whole = flat(results, coverage_gate=0.0).province
        assert whole.grade is None
        assert [cap.code for cap in whole.caps] == ["nothing-decided"]
    assert score([], RULES, inventory()).province.grade is None


# --- waivers and shared controls


def waived(count: int, of: int = 10) -> Score:
    table = rules(*(rule(f"patch.r{number}") for number in range(of)))
    items = [
        noted("a", f"patch.r{number}", "fail", waived_by=("w",))
        if number < count
        else noted("a", f"patch.r{number}", "pass")
        for number in range(of)
    ]
    return score(items, table, inventory(server("a"))).province


def test_waived_fails_leave_the_denominator_up_to_the_cap() -> None:
    assert (waived(1).low, waived(1).waived, waived(1).counts) == (100, 1, {"pass": 9, "fail": 1})
    assert waived(2).low == 100
    assert waived(3).low == 87.5, "one of three is beyond a fifth of the weight: 7 of 8"
    assert waived(10).low == 0
    assert waived(10).coverage == 1, "a waived fail was measured"


def test_what_is_waived_whole_is_accepted_not_met() -> None:
    items = [noted("may-1", "patch.a", "fail", waived_by=("w",))]
    whole = score(items, rules(rule("patch.a"), waiver_cap=1.0)).province
    assert (whole.low, whole.high, whole.coverage, whole.grade) == (0, 0, 1, "yeu")


def test_what_a_shared_control_covers_is_met() -> None:
    """Seen to fail and covered: met. Not seen and covered: out of the sum, so that hiding it never pays."""
    items = [
        noted("may-1", "tls.c", "fail", inherited_from="s"),
        noted("may-1", "patch.b", "unknown", inherited_from="s"),
        noted("may-1", "patch.a", "fail"),
    ]
    whole = score(items).province
    assert (whole.low, whole.high, whole.coverage, whole.inherited) == (90.9, 90.9, 1, 2)
    assert whole.grade == "tot", "a mandatory fail that is covered does not cap"
    assert whole.counts == {"fail": 2, "unknown": 1}


# --- caps and gates


@pytest.mark.parametrize("result", ["fail", "unknown", "error", "notchecked"])
def test_a_severe_mandatory_rule_not_met_caps_the_grade(result: str) -> None:
    table = rules(*(rule(f"patch.r{n}") for n in range(19)), rule("tls.c", severity="high", mandatory=True))
    items = [noted("a", f"patch.r{n}", "pass") for n in range(19)] + [noted("a", "tls.c", result)]
    whole = score(items, table, inventory(server("a"))).province
    assert (whole.low, whole.grade) == (95, "kha")
    (cap,) = whole.caps
    assert (cap.rule, cap.code) == ("tls.c", "mandatory-fail" if result == "fail" else "mandatory-undecided")
    assert "«Khá»" in cap.reason["vi"]
    assert "“Fair”" in cap.reason["en"]


@pytest.mark.parametrize(
    ("fields", "caps"),
    [
        ({"severity": "critical", "mandatory": True}, True),
        ({"severity": "medium", "mandatory": True}, False),
        ({"severity": "critical", "mandatory": False}, False),
        *(({"severity": "high", "mandatory": True, "force": force}, True) for force in sorted(BINDING)),
        ({"severity": "high", "mandatory": True, "force": "standard-suggested"}, False),
        ({"severity": "high", "mandatory": True, "force": "tool-default"}, False),
    ],
)
def test_only_severe_mandatory_binding_rules_cap(fields: dict[str, Any], caps: bool) -> None:
    assert can_cap(rule("tls.c", **fields)) == caps


def test_a_waived_mandatory_fail_does_not_cap() -> None:
    table = rules(*(rule(f"patch.r{n}") for n in range(9)), rule("tls.c", severity="high", mandatory=True))
    items = [noted("a", f"patch.r{n}", "pass") for n in range(9)]
    items.append(noted("a", "tls.c", "fail", waived_by=("w",)))
    assert score(items, table, inventory(server("a"))).province.grade == "tot"


def test_many_causes_are_counted_not_listed() -> None:
    severe = [rule(f"tls.r{n}", severity="high", mandatory=True, weight=0.1) for n in range(8)]
    table = rules(rule("patch.a", weight=10), *severe)
    items = [noted("a", "patch.a", "pass"), *(noted("a", one.id, "fail") for one in severe)]
    caps = score(items, table, inventory(server("a"))).province.caps
    assert [cap.rule for cap in caps] == [*(f"tls.r{n}" for n in range(5)), None]
    assert caps[-1].reason["en"].startswith("3 more")


def test_too_little_measured_is_no_grade() -> None:
    assert flat("pass pass pass pass unknown").province.grade == "kha"
    short = flat("pass pass pass unknown").province
    assert short.grade is None
    assert [cap.code for cap in short.caps] == ["coverage"]
    assert "75 %" in short.caps[0].reason["en"]
    assert "80 %" in short.caps[0].reason["en"]


def test_a_partial_run_has_no_grade_anywhere() -> None:
    items = [noted(target, name, "pass") for target, name in KEYS]
    assert all(one.grade for name, one in every(score(items)).items() if not name.startswith(("req", "fam")))
    for one in every(score(items, partial=True)).values():
        assert one.grade is None
    assert [cap.code for cap in score(items, partial=True).province.caps] == ["partial"]


def test_the_grade_of_an_agency_that_lost_targets_is_held() -> None:
    items = [noted(target, name, "pass") for target, name in KEYS]
    held = score(items, removed={"so-a": ("mat-1", "mat-2")})
    agencies = {one.id: one for one in held.agencies}
    assert (agencies["so-a"].grade, agencies["so-a"].low, agencies["xa-b"].grade) == (None, 100, "tot")
    (cap,) = agencies["so-a"].caps
    assert cap.code == "removed"
    assert "mat-1, mat-2" in cap.reason["vi"]
    assert held.province.grade == "tot"
    assert score(items, removed={"": ("mat",)}).province.grade is None


# --- scopes


def test_a_target_counts_in_each_of_its_systems_and_once_in_totals() -> None:
    items = [noted("may-1", "patch.a", "fail"), noted("may-2", "patch.a", "pass"), noted("may-3", "patch.a", "pass")]
    found = every(score(items))
    assert found["systems/ht-1"].counts == {"fail": 1}
    assert found["systems/ht-2"].counts == {"fail": 1, "pass": 1}
    assert found["agencies/so-a"].counts == found["groups/so"].counts == {"fail": 1, "pass": 1}
    assert found["agencies/xa-b"].counts == {"pass": 1}
    assert found["province"].counts == {"fail": 1, "pass": 2}
    assert found["families/patch"].counts == {"fail": 1, "pass": 2}
    assert found["requirements/REQ-1"].counts == {"fail": 1, "pass": 2}
    assert found["requirements/REQ-3"].counts == {}


def test_a_target_without_an_agency_belongs_to_the_owner_of_its_system() -> None:
    place = inventory(
        server("a", systems=("ht",)), groups=[{"id": "so"}], agencies=[{"id": "so-a", "group": "so"}],
        systems=[{"id": "ht", "owner": "so-a"}],
    )  # fmt: skip
    assert every(score([noted("a", "patch.a", "pass")], place=place))["agencies/so-a"].counts == {"pass": 1}


def test_every_agency_group_system_and_target_is_listed_even_when_nothing_was_asked_of_it() -> None:
    found = every(score([]))
    assert {"agencies/xa-b", "groups/xa", "systems/ht-1", "targets/may-3"} <= set(found)
    assert all((one.low, one.high, one.coverage, one.grade) == (0, 100, 0, None) for one in found.values())


def test_families() -> None:
    assert family_of(rule("tls.c")) == "tls"
    assert family_of(rule("management.plan", check=None)) == "management"
    assert family_of(rule("backup.x", check=None).model_copy(update={"id": "qcvn/backup.x"})) == "backup"


# --- requirements


def test_the_status_table_is_whole() -> None:
    assert set(STATUSES) == set(range(16))
    for bits, status in STATUSES.items():
        assert (status == "met") == (bool(bits & MET) and not bits & (FAILED | OPEN))
        if bits & FAILED:
            assert status == ("partial" if bits & MET else "notmet")
        assert (status == "notapplicable") == (bits == RULED_OUT)


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ("pass pass", "met"),
        ("pass notapplicable", "met"),
        ("pass fail", "partial"),
        ("pass fail unknown", "partial"),
        ("fail unknown", "notmet"),
        ("fail", "notmet"),
        ("pass unknown", "undecided"),
        ("pass error", "undecided"),
        ("notchecked", "undecided"),
        ("notapplicable", "notapplicable"),
        ("informational", "undecided"),
        ("", "undecided"),
    ],
)
def test_status_of_a_requirement(results: str, status: str) -> None:
    listed = results.split()
    table = rules(rule("patch.a"))
    place = inventory(*(server(f"m{n}", systems=("ht",)) for n in range(3)), systems=[{"id": "ht", "owner": "so-a"}])
    scores = score([noted(f"m{n}", "patch.a", result) for n, result in enumerate(listed)], table, place)
    assert scores.status == {"REQ-1": status}
    assert scores.status_of_systems == {"ht": {"REQ-1": status} if listed else {}}


def test_a_waived_fail_is_not_met_and_an_inherited_one_is() -> None:
    for extra, status in (({"waived_by": ("w",)}, "notmet"), ({"inherited_from": "s"}, "met")):
        scores = score([noted("may-1", "patch.a", "fail", **extra)], rules(rule("patch.a")))
        assert scores.status["REQ-1"] == status


# --- words


def test_the_formula_tells_the_packs_own_numbers() -> None:
    said = formula(info(waiver_cap=0.15, coverage_gate=0.75))
    for text in said.values():
        assert "15 %" in text
        assert "75 %" in text
        assert "{" not in text
    assert "Tốt ≥ 85, Khá ≥ 70" in said["vi"]
    assert set(said) == {"vi", "en"}


def test_reasons_have_both_languages_with_the_same_values() -> None:
    for text in CAP_REASONS.values():
        names = [{part.split("}")[0] for part in text[lang].split("{")[1:]} for lang in ("vi", "en")]
        assert names[0] == names[1]


def test_a_score_is_written_as_the_run_document_has_it() -> None:
    written = score([noted("may-1", "tls.c", "fail")]).as_dict()
    assert set(written) == {"province", "groups", "agencies", "systems", "targets", "requirements", "families"}
    assert {"id", "low", "high", "coverage", "grade", "caps", "counts"} <= set(written["province"])
    assert written["province"]["id"] == "binh-minh"


def test_attested_answers_are_scored_as_answered() -> None:
    item = noted("a", "management.plan", "notchecked", attested_by="t")
    table = rules(rule("management.plan", check=None))
    answered = replace(item, result=Result.PASS)
    assert score([answered], table, inventory(server("a"))).province.low == 100
    assert score([item], table, inventory(server("a"))).province.low == 0


def test_the_tables_are_printed_as_they_are() -> None:
    text = (Path(__file__).parents[1] / "docs" / "scoring.md").read_text("utf-8")
    for known in Was:
        assert f"| {known} | " + " | ".join(CHANGES[known, now] for now in Now) + " |" in text
    for bits, status in STATUSES.items():
        flags = " | ".join("yes" if bits & bit else "–" for bit in (MET, FAILED, OPEN, RULED_OUT))
        assert f"| {flags} | {status} |" in text
