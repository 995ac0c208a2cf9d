"""Scores: ranges, caps and gates; and that nothing unmeasured ever makes anything look better."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auditor.annotate import CHANGES, UNDECIDED, Annotated, Change, Now, Was, annotate
from auditor.grants import proven
from auditor.model import Result, worst
from auditor.packs import RuleSet
from auditor.rulepack import BINDING
from auditor.score import Score, Scorer, Scores, can_cap, family_of
from auditor.score_words import CAP_REASONS, formula
from auditor.tally import FAILED, MET, OPEN, RULED_OUT, STATUSES
from auditor.targets import Inventory, SharedControl
from tests.rulesets import finding, info, inventory, rule, rules, server, waiver

GRADES = ["tot", "kha", "trung-binh", "yeu", None]
"""Best first; None is no grade at all."""

RULES = rules(
    rule("patch.a", weight=1, requirements=["REQ-1"]),
    rule("patch.b", weight=3, severity="critical", mandatory=True, requirements=["REQ-1", "REQ-2"]),
    rule("tls.c", weight=10, severity="high", mandatory=True, force="standard-required", requirements=["REQ-2"]),
    rule("tls.d", weight=0.5, severity="high", requirements=["REQ-3"]),
)
PLACE = inventory(
    server("may-1", agency="so-a", systems=("ht-1", "ht-2")),
    server("may-2", agency="so-a", systems=("ht-2",)),
    server("may-3", agency="xa-b"),
    groups=[{"id": "so"}, {"id": "xa"}],
    agencies=[{"id": "so-a", "group": "so"}, {"id": "xa-b", "group": "xa"}],
    systems=[{"id": "ht-1", "owner": "so-a"}, {"id": "ht-2", "owner": "so-a"}],
)
KEYS = list(itertools.product(["may-1", "may-2", "may-3"], sorted(RULES.rules)))


def noted(target: str, name: str, result: Result | str, **extra: Any) -> Annotated:
    found = finding(target, name, result)
    return Annotated(found, found.result, Change.SAME, None, 0, None, False, **extra)


def score(items: list[Annotated], table: RuleSet = RULES, place: Inventory = PLACE, **finish: Any) -> Scores:
    scorer = Scorer(table, place)
    for item in items:
        scorer.add(item)
    return scorer.finish(**finish)


def every(scores: Scores) -> dict[str, Score]:
    """All scores by list and id."""
    lists = ("groups", "agencies", "systems", "targets", "requirements", "families")
    return {"province": scores.province} | {f"{name}/{one.id}": one for name in lists for one in getattr(scores, name)}


def flat(results: str, **changes: Any) -> Scores:
    """One target, one rule of weight 1 for each of the results."""
    listed = results.split()
    table = rules(*(rule(f"patch.r{number}") for number in range(len(listed))), **changes)
    items = [noted("a", f"patch.r{number}", result) for number, result in enumerate(listed)]
    return score(items, table, inventory(server("a")))


# --- a run made by chance

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


def table_of(pack: dict[str, Any]) -> RuleSet:
    return rules(*RULES.rules.values(), **pack)


def run_of(outcomes: list[tuple[Result, str]]) -> list[Annotated]:
    return [made(*key, outcome) for key, outcome in zip(KEYS, outcomes, strict=True)]


def not_better(after: Score, before: Score) -> None:
    assert after.low <= before.low, (before, after)
    assert GRADES.index(after.grade) >= GRADES.index(before.grade), (before, after)


@given(RUN, PACK)
@settings(max_examples=200, deadline=None)
def test_bounds(outcomes: list[tuple[Result, str]], pack: dict[str, Any]) -> None:
    for one in every(score(run_of(outcomes), table_of(pack))).values():
        assert 0 <= one.low <= one.high <= 100
        assert 0 <= one.coverage <= 1
        assert one.grade is None or one.coverage >= pack["coverage_gate"]
        assert one.grade is None or one.coverage > 0
        assert all(text for cap in one.caps for text in cap.reason.values())


@given(RUN, PACK, st.sets(st.integers(0, len(KEYS) - 1), min_size=1), st.sampled_from(sorted(UNDECIDED)))
@settings(max_examples=300, deadline=None)
def test_what_is_not_measured_never_raises_a_score_or_a_grade(
    outcomes: list[tuple[Result, str]], pack: dict[str, Any], lost: set[int], becomes: Result
) -> None:
    """Whatever it was, fail included: once undecided, nobody looks better for it, at any height."""
    table = table_of(pack)
    before = every(score(run_of(outcomes), table))
    # A shared control covers a place whatever was found there, and still does when nothing was.
    worse = [(becomes if n in lost else result, extra) for n, (result, extra) in enumerate(outcomes)]
    after = every(score(run_of(worse), table))
    for name, one in after.items():
        not_better(one, before[name])


@given(RUN, PACK, st.sampled_from(["may-1", "may-2", "may-3"]))
@settings(max_examples=150, deadline=None)
def test_a_target_that_nobody_could_reach_helps_nobody(
    outcomes: list[tuple[Result, str]], pack: dict[str, Any], dark: str
) -> None:
    plain = [(result, "") for result, _ in outcomes]
    before = every(score(run_of(plain), table_of(pack)))
    unreached = [(Result.UNKNOWN, "") if key[0] == dark else outcome for key, outcome in zip(KEYS, plain, strict=True)]
    for name, one in every(score(run_of(unreached), table_of(pack))).items():
        not_better(one, before[name])


# Waivers, shared controls and instances as annotate works them out: here is where hiding could pay.
INSTANCES = st.lists(st.sampled_from(["fail", "pass", "unknown", "notapplicable"]), min_size=2, max_size=2)
WAIVERS = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from([None, "c0", "c1"])), max_size=6, unique_by=lambda given: given
)
CONTROLS = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(["may-1", "may-2", "may-3"])), max_size=3)


def told(
    judged: dict[tuple[str, str], list[str]], waivers: list[Any], controls: list[Any], pack: dict[str, Any]
) -> dict[str, Score]:
    """Scores of findings of two instances each, with all that people have said for them."""
    place = PLACE.model_copy(
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


@given(st.lists(INSTANCES, min_size=len(KEYS), max_size=len(KEYS)), WAIVERS, CONTROLS, PACK, st.data())
@settings(max_examples=300, deadline=None)
def test_hiding_a_target_a_finding_or_an_instance_never_pays(
    kinds: list[list[str]], waivers: list[Any], controls: list[Any], pack: dict[str, Any], data: st.DataObject
) -> None:
    judged = dict(zip(KEYS, kinds, strict=True))
    before = told(judged, waivers, controls, pack)
    hidden = data.draw(st.sets(st.tuples(st.sampled_from(KEYS), st.integers(0, 1)), min_size=1))
    for key, instance in hidden:
        judged[key] = ["unknown" if n == instance else kind for n, kind in enumerate(judged[key])]
    for name, one in told(judged, waivers, controls, pack).items():
        not_better(one, before[name])


@given(RUN, PACK, st.integers(0, len(KEYS) - 1))
@settings(max_examples=200, deadline=None)
def test_mending_never_costs(outcomes: list[tuple[Result, str]], pack: dict[str, Any], at: int) -> None:
    """From fail to pass, waived or not; and from undecided to pass."""
    assume(outcomes[at][0] is Result.FAIL or outcomes[at][0] in UNDECIDED)
    mended = [*outcomes[:at], (Result.PASS, outcomes[at][1]), *outcomes[at + 1 :]]
    before = every(score(run_of(outcomes), table_of(pack)))
    for name, one in every(score(run_of(mended), table_of(pack))).items():
        not_better(before[name], one)


@given(RUN, PACK, st.randoms())
@settings(max_examples=50, deadline=None)
def test_order_makes_no_difference(outcomes: list[tuple[Result, str]], pack: dict[str, Any], chance: Any) -> None:
    items = run_of(outcomes)
    shuffled = list(items)
    chance.shuffle(shuffled)
    assert score(items, table_of(pack)) == score(shuffled, table_of(pack))


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
