"""What changes between packs, dates and overlays, and which verdicts on stored evidence change with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from auditor.check import Check, param
from auditor.evidence.declared import DeclaredTarget
from auditor.judge import Judge
from auditor.model import Verdict, failed, passed
from auditor.packdiff import Side, Turn, changes, paired, turns
from auditor.packs import ruleset
from auditor.rulepack import Pack
from tests.packfiles import CHECKS, a_rule, overlay, pack, raw
from tests.rulesets import inventory, requirement, server

DAY = date(2026, 11, 22)


def side(*packs: Pack, day: date = DAY, checks: Mapping[str, Any] = CHECKS) -> Side:
    return Side("+".join(one.info.id for one in packs), day, ruleset(packs, checks, day))


def told(old: Side, new: Side) -> dict[str, Any]:
    return {f"{one.change} {one.id}": {name: (was, now) for name, was, now in one.fields} for one in changes(old, new)}


def test_the_same_rules_do_not_differ(tmp_path: Path) -> None:
    here = side(pack(tmp_path / "p", a_rule(), a_rule("antivirus.plain")))
    assert changes(here, here) == []


def test_every_difference_has_its_old_and_new_value_by_level(tmp_path: Path) -> None:
    old = pack(
        tmp_path / "a",
        a_rule(params={"max_age_days": {"L1": 7, "L2": 7}}, weight=2),
        a_rule("r.gone", check="antivirus.plain"),
        requirements=[raw(requirement("TT-REQ-1", params={"days": {"L2": 30, "L3": 90}})), raw(requirement("REQ-8"))],
        id="cu",
    )
    old = old.model_copy(update={"rules": tuple(_asks(one, "TT-REQ-1") for one in old.rules)})
    new = pack(
        tmp_path / "b",
        a_rule(params={"max_age_days": {"L1": 7, "L2": 5}}, weight=2, severity="high", levels=[1, 2, 3, 4]),
        a_rule("r.new", check="antivirus.plain", requirements=["REQ-9"]),
        requirements=[
            raw(requirement("REQ-1", params={"days": {"L2": 60, "L3": 90}}, obligation="suggested")),
            raw(requirement("REQ-9")),
        ],
        id="moi",
    )
    found = told(side(old), side(new))
    assert found["changed REQ-1"] == {
        "obligation": ("mandatory", "suggested"),
        "params.days": ({"L2": 30}, {"L2": 60}),
    }
    assert found["changed antivirus.age"] == {
        "levels": ([1, 2, 3, 4, 5], [1, 2, 3, 4]),
        "severity": ("medium", "high"),
        "requirements": (["TT-REQ-1"], ["REQ-1"]),
        "params.max_age_days": ({"L2": 7, "L5": 3}, {"L2": 5, "L5": None}),
        "params.names": ({"L5": []}, {"L5": None}),
        "params.mode": ({"L5": "block"}, {"L5": None}),
        "params.ratio": ({"L5": 0.5}, {"L5": None}),
    }
    assert {"removed REQ-8", "added REQ-9", "removed r.gone", "added r.new"} <= set(found)
    assert found["removed r.gone"]["check"] == ("antivirus.plain", None)
    assert found["added r.new"]["severity"] == (None, "medium")
    (changed,) = [one for one in changes(side(old), side(new)) if one.id == "REQ-1"]
    assert changed.was == "TT-REQ-1"
    assert json.loads(json.dumps([one.as_dict() for one in changes(side(old), side(new))]))


def _asks(rule: Any, name: str) -> Any:
    return rule.model_copy(update={"requirements": (name,)})


def test_one_pack_at_two_dates(tmp_path: Path) -> None:
    made = pack(
        tmp_path / "p",
        a_rule(),
        a_rule("r.later", check="antivirus.plain", requirements=["REQ-2"]),
        requirements=[raw(requirement("REQ-1")), {**raw(requirement("REQ-2")), "from": "2026-07-01"}],
    )
    found = told(side(made, day=date(2026, 6, 30)), side(made, day=date(2026, 7, 1)))
    assert sorted(found) == ["added REQ-2", "added r.later"]
    assert not told(side(made, day=date(2026, 7, 1)), side(made, day=DAY))


def test_what_an_overlay_makes_of_a_rule_is_seen(tmp_path: Path) -> None:
    base = pack(tmp_path / "b", a_rule())
    ask = {"id": "T-1", "rule": "antivirus.age", "requirements": ["REQ-1"], "params": {"max_age_days": {"L4": 1}}}
    over = overlay(tmp_path / "o", tighten=[{**ask, "severity": "critical"}])
    found = told(side(base), side(base, over))
    assert found["changed antivirus.age"] == {
        "params.max_age_days": ({"L4": 3}, {"L4": 1}),
        "severity.overlaid": (None, {f"L{level}": "critical" for level in range(1, 6)}),
    }
    assert list(found) == ["added lop-phu/REQ-1", "changed antivirus.age"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (["a"], ["a"], [("a", "a")]),
        (["a"], ["p/a"], [("a", "p/a")]),
        (["TT-SRV-001"], ["SRV-001"], [("TT-SRV-001", "SRV-001")]),
        (["a", "p/a"], ["a"], [("a", "a"), ("p/a", None)]),
        (["X-1", "TT-X-1"], ["Y-X-1"], [("TT-X-1", None), ("X-1", None), (None, "Y-X-1")]),
        ([], ["b", "a"], [(None, "a"), (None, "b")]),
    ],
)
def test_ids_are_paired(old: list[str], new: list[str], expected: list[Any]) -> None:
    assert sorted(paired(old, new), key=str) == sorted(expected, key=str)


# --- verdicts


@dataclass(frozen=True)
class LevelParams:
    at_least: int = param(1, stricter="higher")


class Declared(Check[DeclaredTarget, LevelParams]):
    id: ClassVar[str] = "antivirus.age"
    evidence: ClassVar[type] = DeclaredTarget
    params: ClassVar[type] = LevelParams

    def judge(self, evidence: DeclaredTarget, params: LevelParams) -> Verdict:
        return passed("fine") if params.at_least <= 2 else failed("bad")


class Nothing:
    """Evidence of a run that collected nothing."""

    def collected(self, _target: str) -> list[str]:
        return []

    def envelope(self, target: str, collector: str) -> Any:
        raise AssertionError

    def observation(self, key: str, digest: str) -> Any:
        raise AssertionError


def test_stored_evidence_is_judged_under_both(tmp_path: Path) -> None:
    checks = {"antivirus.age": Declared()}
    soft = pack(tmp_path / "a", a_rule(params={"at_least": 1}), a_rule("r.gone", check="antivirus.age"))
    hard = pack(tmp_path / "b", a_rule(params={"at_least": {"L3": 3}}), id="chat")
    here = inventory(server("a"), server("b", level=2), server("c", handling="secret-standalone"))
    now = datetime(2026, 11, 22, tzinfo=UTC)
    judge = Judge(checks, {}, {}, "0" * 64, now)
    found = list(turns(side(soft, checks=checks), side(hard, checks=checks), judge, here, Nothing()))
    assert found == [
        Turn("a", "antivirus.age", "pass", "fail"),
        Turn("a", "r.gone", "pass", None),
        Turn("b", "r.gone", "pass", None),
    ]
    assert found[0].as_dict() == {"target": "a", "rule": "antivirus.age", "old": "pass", "new": "fail"}
