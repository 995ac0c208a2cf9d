"""Scores: ranges, caps and gates; and that nothing unmeasured ever makes anything look better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.annotate import CHANGES, Now, Was
from auditor.model import Result
from auditor.packs import Chosen, RuleSet
from auditor.rulepack import BINDING
from auditor.score import Score, can_cap, family_of, removed_of_systems
from auditor.score_words import CAP_REASONS, formula, scoring
from auditor.tally import FAILED, KINDS, MET, OPEN, PLACES, RULED_OUT, STATUSES, BitCount, Weights, up
from auditor.targets import Target
from tests.rulesets import info, inventory, requirement, rule, rules, server
from tests.scored import EDGED, KEYS, LISTS, RULES, every, flat, noted, score

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


def test_causes_are_named_by_fails_severity_weight_and_what_is_not_measured() -> None:
    severe = [
        rule("tls.faint", severity="high", mandatory=True, weight=1),
        rule("tls.heavy", severity="high", mandatory=True, weight=2),
        rule("tls.worst", severity="critical", mandatory=True, weight=1),
        rule("tls.once", severity="critical", mandatory=True, weight=9),
        rule("tls.twice", severity="critical", mandatory=True, weight=9),
    ]
    table = rules(rule("patch.a", weight=999), *severe)
    results = {"patch.a": "pass", "tls.once": "unknown", "tls.twice": "unknown"}
    items = [noted("a", name, results.get(name, "fail")) for name in table.rules] + [noted("b", "tls.twice", "unknown")]
    caps = score(items, table, inventory(server("a"), server("b"))).province.caps
    assert [cap.rule for cap in caps] == ["tls.worst", "tls.heavy", "tls.faint", "tls.twice", "tls.once"]
    assert all(f"on {count} targets" in cap.reason["en"] for cap, count in zip(caps, (1, 1, 1, 2, 1), strict=True))


def test_a_figure_below_the_last_band_is_of_the_last_band() -> None:
    """Such a pack is refused when it is read; were it not, a score would have no band."""
    grades = [{"id": "tot", "name": {"vi": "Tốt"}, "at_least": 85}, {"id": "yeu", "name": {"vi": "Yếu"}, "at_least": 1}]
    assert flat("fail", grades=grades, mandatory_cap="yeu").province.grade == "yeu"


def test_a_thousandth_measured_is_enough_where_the_pack_has_no_gate() -> None:
    table = rules(rule("patch.a", weight=0.01), rule("patch.b", weight=9.99), coverage_gate=0.0)
    items = [noted("a", "patch.a", "pass"), noted("a", "patch.b", "unknown")]
    whole = score(items, table, inventory(server("a"))).province
    assert (whole.coverage, whole.grade) == (0.001, "yeu")


def test_too_little_measured_is_no_grade() -> None:
    assert flat("pass pass pass pass unknown").province.grade == "kha"
    short = flat("pass pass pass unknown").province
    assert short.grade is None
    assert [cap.code for cap in short.caps] == ["coverage"]
    assert "75 %" in short.caps[0].reason["en"]
    assert "80 %" in short.caps[0].reason["en"]


def test_a_partial_run_has_no_grade_anywhere() -> None:
    items = [noted(target, name, "pass") for target, name in KEYS]
    assert all(one.grade for name, one in every(score(items)).items() if not name.startswith(("req", "fam", "dim")))
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
    five = tuple(f"mat-{n}" for n in range(5))
    for gone, rest in ((five, ""), ((*five, "mat-9"), " …")):
        (cap,) = score(items, removed={"": gone}).province.caps
        assert f"{', '.join(five)}{rest}" == cap.reason["en"].rpartition(": ")[2]


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


def test_a_system_is_its_targets_and_what_they_stand_on() -> None:
    """One fault under three systems: shown to each, and once in each total."""
    items = [noted("may-3", "patch.a", "fail"), noted("may-1", "patch.a", "pass")]
    found = every(score(items, place=EDGED))
    assert found["systems/ht-1"].counts == found["systems/ht-2"].counts == {"fail": 1, "pass": 1}
    assert found["systems/ht-3"].counts == {"fail": 1}
    assert found["province"].counts == {"fail": 1, "pass": 1}
    assert found["agencies/so-a"].counts == {"pass": 1}
    written = found["systems/ht-1"].as_dict()
    assert written["assets"] == ["may-1", "may-2", "may-3"]
    assert written["stands_on"] == [
        {"id": "may-2", "edge": "runs_on", "of": "may-1"},
        {"id": "may-3", "edge": "hosted_by", "of": "may-2"},
    ]
    assert score(items, place=EDGED).status_of_systems["ht-1"]["REQ-1"] == "partial"


def weighed(weak: str, **fields: Any) -> Score:
    """A system of nine good servers and one that is not."""
    table = rules(rule("patch.a", mandatory=True), rule("patch.b", **fields))
    place = inventory(*(server(f"m{n}", systems=("ht",)) for n in range(10)), systems=[{"id": "ht", "owner": "so"}])
    items = [noted(f"m{n}", name, weak if n == 7 else "pass") for n in range(10) for name in ("patch.a", "patch.b")]
    (system,) = score(items, table, place).systems
    return system


@pytest.mark.parametrize("result", ["fail", "unknown"])
def test_a_system_is_judged_by_its_weakest_mandatory_asset(result: str) -> None:
    system = weighed(result)
    assert (system.low, system.grade) == (90, "yeu")
    assert system.weakest is not None
    assert system.weakest.target == "m7"
    (cap,) = system.caps
    assert (cap.code, cap.target, cap.rule) == ("weakest-asset", "m7", None)
    assert "«m7» mới đạt 0 điểm" in cap.reason["vi"]
    assert "“m7” stands at 0 points" in cap.reason["en"]


def test_an_asset_no_mandatory_rule_falls_on_does_not_weigh() -> None:
    table = rules(rule("patch.a"))
    place = inventory(*(server(f"m{n}", systems=("ht",)) for n in range(10)), systems=[{"id": "ht", "owner": "so"}])
    (system,) = score([noted(f"m{n}", "patch.a", "pass" if n else "fail") for n in range(10)], table, place).systems
    assert (system.low, system.grade, system.weakest) == (90, "tot", None)


def test_a_rule_that_binds_nobody_makes_no_asset_weigh() -> None:
    table = rules(rule("patch.a", mandatory=True, force="tool-default"))
    place = inventory(server("m", systems=("ht",)), systems=[{"id": "ht", "owner": "so"}])
    (system,) = score([noted("m", "patch.a", "fail")], table, place).systems
    assert (system.weakest, system.caps) == (None, ())


def test_what_the_weakest_asset_reaches_is_told_with_what_was_measured_of_it() -> None:
    table = rules(rule("patch.a", mandatory=True, weight=6), rule("patch.b", weight=1), rule("patch.c", weight=3))
    place = inventory(*(server(f"m{n}", systems=("ht",)) for n in range(9)), systems=[{"id": "ht", "owner": "so"}])
    weak = {"patch.b": "fail", "patch.c": "unknown"}
    items = [noted(f"m{n}", name, "pass" if n else weak.get(name, "pass")) for n in range(9) for name in table.rules]
    (system,) = score(items, table, place).systems
    (cap,) = system.caps
    assert "“m0” stands at 60 points" in cap.reason["en"]
    assert "70 %" in cap.reason["en"]


def test_several_weak_assets_are_counted() -> None:
    table = rules(rule("patch.a", mandatory=True))
    place = inventory(*(server(f"m{n}", systems=("ht",)) for n in range(10)), systems=[{"id": "ht", "owner": "so"}])
    (system,) = score([noted(f"m{n}", "patch.a", "pass" if n > 1 else "fail") for n in range(10)], table, place).systems
    assert [cap.code for cap in system.caps] == ["weakest-assets"]
    assert "1 more assets" in system.caps[0].reason["en"]


def test_of_several_weak_assets_the_worst_is_named() -> None:
    table = rules(rule("patch.a", mandatory=True), rule("patch.b"))
    place = inventory(*(server(f"m{n}", systems=("ht",)) for n in range(20)), systems=[{"id": "ht", "owner": "so"}])
    bad = [("m3", "patch.a"), ("m5", "patch.a"), ("m5", "patch.b"), ("m7", "patch.b")]
    items = [
        noted(f"m{n}", name, "fail" if (f"m{n}", name) in bad else "pass") for n in range(20) for name in table.rules
    ]
    (system,) = score(items, table, place).systems
    assert (system.low, system.grade) == (90, "yeu")
    assert [(cap.code, cap.target) for cap in system.caps] == [("weakest-assets", "m5")]


def test_a_cap_never_raises_a_grade() -> None:
    table = rules(rule("patch.a", weight=9), rule("tls.c", severity="high", mandatory=True))
    items = [noted("a", "patch.a", "fail"), noted("a", "tls.c", "fail")]
    whole = score(items, table, inventory(server("a"))).province
    assert (whole.grade, whole.caps) == ("yeu", ())


def test_the_grade_of_a_system_that_lost_targets_is_held() -> None:
    gone = removed_of_systems([("mat-1", ["ht-1", "ht-2"]), ("mat-2", []), ("may-1", ["ht-1"])], {"so-a": ("mat-1",)})
    assert gone == {"ht-1": ("mat-1",), "ht-2": ("mat-1",)}
    items = [noted(target, name, "pass") for target, name in KEYS]
    found = every(score(items, removed={"so-a": ("mat-1",)}, removed_of_systems={"ht-1": ("mat-1",)}))
    assert found["systems/ht-1"].grade is None
    assert found["systems/ht-1"].caps[0].code == "removed"
    assert found["systems/ht-2"].grade == "tot"


def test_missing_targets_are_named_in_order_whatever_the_order_they_were_told_in() -> None:
    before = [("mat-2", ["ht-2", "ht-1"]), ("mat-1", ["ht-2"])]
    gone = removed_of_systems(before, {"": ("mat-1", "mat-2")})
    assert list(gone.items()) == [("ht-1", ("mat-2",)), ("ht-2", ("mat-1", "mat-2"))]


def test_what_inventory_and_pack_do_not_list_is_counted_as_it_is() -> None:
    """A finding of a target that is not in the inventory; a rule for a requirement that is not in its pack."""
    chosen = [rule("patch.a", requirements=["REQ-2"]), rule("patch.b", requirements=["REQ-9", "REQ-1"])]
    listed = [requirement("REQ-2"), requirement("REQ-1")]
    place = inventory(server("a", systems=("ht",)), systems=[{"id": "ht", "owner": "so"}])
    items = [noted("a", "patch.a", "fail"), noted("a", "patch.b", "pass"), noted("la", "patch.b", "pass")]
    scores = score(items, RuleSet(info(), chosen, listed, lambda _rule, _level: None), place)
    found = every(scores)
    assert found["requirements/REQ-9"].counts == {"pass": 2}
    assert found["targets/la"].counts == {"pass": 1}
    assert list(scores.status_of_systems["ht"].items()) == [("REQ-1", "met"), ("REQ-2", "notmet"), ("REQ-9", "met")]


def test_the_same_findings_have_the_same_scores() -> None:
    items = [noted("may-1", "tls.c", "fail")]
    assert score(items) == score(items)


def test_dimensions() -> None:
    table = rules(rule("patch.a", requirements=["REQ-1"]), rule("patch.b", requirements=["REQ-2"], weight=3))
    table.requirements["REQ-1"] = table.requirements["REQ-1"].model_copy(update={"dimensions": ("integrity",)})
    both = ("integrity", "availability")
    table.requirements["REQ-2"] = table.requirements["REQ-2"].model_copy(update={"dimensions": both})
    items = [noted("a", "patch.a", "fail"), noted("a", "patch.b", "pass")]
    found = every(score(items, table, inventory(server("a"))))
    assert found["dimensions/integrity"].low == 75
    assert found["dimensions/availability"].low == 100
    assert found["dimensions/confidentiality"].counts == {}


def test_targets_are_scored_one_by_one_and_not_kept() -> None:
    scores = score([noted("may-1", "patch.a", "pass")])
    assert len(scores.targets) == 3
    assert scores.targets["may-1"] == next(iter(scores.targets))
    assert scores.targets["may-1"] is not scores.targets["may-1"]
    assert "targets" not in scores.as_dict(targets=False)


def test_a_rule_an_overlay_made_mandatory_counts_so_where_the_overlay_reaches() -> None:
    """On other targets, the same rule stays what it was."""
    table = rules(rule("patch.a", severity="high"), rule("patch.b", weight=9))
    plain, strict = server("a"), server("b", tags=("luu-tru",))
    firm = table.rules["patch.a"].model_copy(update={"mandatory": True})

    class Overlaid(RuleSet):
        def overlaid(self, target: Target) -> dict[str, Chosen]:
            return {"patch.a": Chosen(firm, None)} if target.tags else {}

    layered = Overlaid(table.base, table.rules.values(), table.requirements.values(), lambda _rule, _level: None)
    items = [noted(one, name, "fail" if name == "patch.a" else "pass") for one in "ab" for name in table.rules]
    found = every(score(items, layered, inventory(plain, strict)))
    assert (found["targets/a"].low, found["targets/a"].grade) == (90, "tot")
    assert (found["targets/b"].low, found["targets/b"].grade) == (90, "kha")
    assert found["requirements/REQ-1"].counts == {"fail": 2, "pass": 2}


# --- the arithmetic


def test_every_result_is_a_kind_and_only_fails_are_waived() -> None:
    assert set(PLACES) == set(Result)
    for result, places in PLACES.items():
        assert [KINDS[place].result for place in places] == [result] * 3
        assert (KINDS[places[1]].how == "waived") == (result is Result.FAIL)
        undecided = result in (Result.UNKNOWN, Result.ERROR, Result.NOTCHECKED)
        assert (KINDS[places[2]].how == "covered") == (result is Result.FAIL or undecided)


@given(st.lists(st.integers(0, 2**20 - 1), max_size=40))
def test_counts_of_bits(numbers: list[int]) -> None:
    count = BitCount()
    for number in numbers:
        count.add(number)
    assert [count.of(bit) for bit in range(20)] == [sum(one >> bit & 1 for one in numbers) for bit in range(20)]
    assert count.total(0b1011) == sum((one & 0b1011).bit_count() for one in numbers)


def test_weights_are_exact() -> None:
    weights = Weights([0.1] * 3 + [0.25, 7])
    assert weights.plain(weights.of(0b00111)) == 0.3, "as people add them"
    assert weights.plain(weights.of(0b11000)) == 7.25
    assert (up(84.95, 10), up(0.57, 1000), up(85, 10)) == (850, 570, 850)


@given(st.lists(st.integers(1, 99), max_size=20), st.integers(0, 2**20 - 1))
def test_weights_of_sets_are_sums(each: list[int], bits: int) -> None:
    weights = Weights(each)
    chosen = bits & (1 << len(each)) - 1
    assert weights.of(chosen) == sum(weight for bit, weight in enumerate(each) if chosen >> bit & 1)
    count = BitCount()
    count.add(chosen)
    count.add(chosen)
    assert count.weight(weights, 0b1011) == 2 * weights.of(chosen & 0b1011)


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


def test_all_numbers_of_the_pack_are_told() -> None:
    told = scoring(info(waiver_cap=0.15))
    assert (told["waiver_cap"], told["mandatory_cap"], told["coverage_gate"]) == (0.15, "kha", 0.8)
    assert [grade["id"] for grade in told["grades"]] == ["tot", "kha", "trung-binh", "yeu"]


def test_reasons_have_both_languages_with_the_same_values() -> None:
    for text in CAP_REASONS.values():
        names = [{part.split("}")[0] for part in text[lang].split("{")[1:]} for lang in ("vi", "en")]
        assert names[0] == names[1]


def test_a_score_is_written_as_the_run_document_has_it() -> None:
    written = score([noted("may-1", "tls.c", "fail")]).as_dict()
    assert set(written) == {"province", *LISTS}
    words = {"id", "low", "high", "coverage", "grade", "caps", "counts", "waived", "inherited", "weights", "lift"}
    assert set(written["province"]) == words
    assert set(written["systems"][0]) == words | {"assets", "stands_on", "weakest"}
    assert weighed("fail").as_dict()["weakest"] == "m7"
    assert written["province"]["id"] == "binh-minh"
    capped = flat("unknown").province
    (cap,) = capped.as_dict()["caps"]
    assert cap == {"code": "nothing-decided", "reason": capped.caps[0].reason, "rule": None, "target": None}


def test_attested_answers_are_scored_as_answered() -> None:
    item = noted("a", "management.plan", "notchecked", attested_by="t")
    table = rules(rule("management.plan", check=None))
    answered = replace(item, result=Result.PASS)
    assert score([answered], table, inventory(server("a"))).province.low == 100
    assert score([item], table, inventory(server("a"))).province.low == 0


@pytest.mark.parametrize("name", ["scoring.md", "scoring.vi.md"])
def test_the_tables_are_printed_as_they_are(name: str) -> None:
    text = (Path(__file__).parents[1] / "docs" / name).read_text("utf-8")
    for known in Was:
        assert f"| {known} | " + " | ".join(CHANGES[known, now] for now in Now) + " |" in text
    for bits, status in STATUSES.items():
        flags = " | ".join("yes" if bits & bit else "–" for bit in (MET, FAILED, OPEN, RULED_OUT))
        assert f"| {flags} | {status} |" in text
