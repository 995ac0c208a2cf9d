"""The old framework as a pack: what it asks at each level, how far its sources are trusted, and its own judging."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from auditor import registry
from auditor.assess import asked_of
from auditor.folder import EvidenceFolder
from auditor.inventories import from_snapshot
from auditor.judge import Judge, judge_all
from auditor.model import Result
from auditor.packlint import lint
from auditor.packs import default_pack, find_pack, load_pack, ruleset
from auditor.rulepack import BINDING, Pack, Requirement, params_at
from auditor.strictyaml import load
from auditor.targets import Inventory
from tests.rulesets import server

ROOT = Path(__file__).parents[1]
GOLD = ROOT / "tests" / "gold" / "levels-tt12"
CAPDO = ROOT / "inventory" / "recordings" / "example-province.capdo"
DAY = date(2026, 11, 22)
OLD, NEW = "tt12-2022", "tcvn-14423-2026"
CHECKS = registry.check_table()


@cache
def pack(name: str = OLD) -> Pack:
    return load_pack(find_pack(name))


def requirements(name: str = OLD) -> dict[str, Requirement]:
    return {item.id: item for item in pack(name).requirements}


def gold() -> dict[int, dict[str, Any]]:
    made: dict[int, dict[str, Any]] = {level: {} for level in range(1, 6)}
    for path in sorted(GOLD.glob("*.yaml")):
        for level, asked in load(path, path.name).data["levels"].items():
            assert not made[int(level[1])].keys() & asked.keys(), path.name
            made[int(level[1])] |= asked
    return made


# --- what it asks


@pytest.mark.parametrize("level", range(1, 6))
def test_each_level_asks_exactly_what_the_sources_say(level: int) -> None:
    asked = {item.id: params_at(item, level) for item in pack().requirements if level in item.levels}
    wanted = gold()[level]
    assert asked.keys() == wanted.keys()
    assert {name: value for name, value in asked.items() if value != wanted[name]} == {}


def test_levels_are_not_supersets() -> None:
    """'Log in on the device' has no clause at level 2."""
    assert [level for level in range(1, 6) if "TT-NET-025" in gold()[level]] == [1, 3, 4, 5]
    assert requirements()["TT-NET-025"].levels == (1, 3, 4, 5)


def test_clauses_carry_the_level_in_their_number() -> None:
    """Clause n + 4 of TCVN 11930:2017 and annex n of circular 12/2022 are level n."""
    annex = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V"}
    for item in pack().requirements:
        for framework, clauses in item.clauses.items():
            for key, clause in clauses.items() if isinstance(clauses, dict) else ():
                level = int(key[1])
                assert level in item.levels, item.id
                if framework == "tcvn11930_tt12":
                    assert all(part.startswith(f"{level + 4}.") for part in clause.split("; ")), (item.id, clause)
                elif "Phụ lục" in clause:
                    assert clause.startswith(f"Phụ lục {annex[level]} "), (item.id, clause)


def test_management_and_technical_halves_follow_the_clause() -> None:
    for item in pack().requirements:
        clauses = item.clauses.get("tcvn11930_tt12")
        if isinstance(clauses, dict):
            halves = {clause[2] for clause in clauses.values()}
            assert halves == {"1" if item.domain == "management" else "2"}, item.id


@pytest.mark.parametrize(
    ("rule", "name", "by_level"),
    [
        ("logging.retention", "days", {2: 30, 3: 90, 4: 180, 5: 365}),
        ("management.tt-law-002", "interval_days", {3: 365, 4: 365, 5: 183}),
        ("management.tt-law-003", "interval_days", dict.fromkeys(range(1, 6), 730)),
        ("network.tt-net-002", "interval_days", {1: 730, 2: 730, 3: 365, 4: 365, 5: 183}),
        ("antivirus.running", "on_access", dict.fromkeys(range(1, 6), False)),
        ("access.ssh-algorithms", "allow_sha1_macs", dict.fromkeys(range(1, 6), True)),
        ("tls.protocol-versions", "minimum", dict.fromkeys(range(1, 6), "TLSv1.2")),
    ],
)
def test_rules_carry_the_old_numbers(rule: str, name: str, by_level: dict[int, Any]) -> None:
    table = ruleset([pack()], CHECKS, DAY)
    kind = table.rules[rule].kinds[0]
    for level in range(1, 6):
        chosen = {one.rule.id: one for one in table.of(server("a", level=level, kind=kind, platform="linux"))}
        assert (rule in chosen) == (level in by_level), level
        if level in by_level:
            assert getattr(chosen[rule].params, name) == by_level[level]


# --- how far it is trusted


def test_what_is_only_remembered_says_so() -> None:
    for item in pack().requirements:
        remembered = any(source.startswith("from memory") for source in item.source)
        if item.confidence == "memory":
            assert remembered, item.id
            assert item.note is not None, item.id
            assert "trí nhớ" in item.note["vi"], item.id
            assert {"memory", "remembered,", "remembered."} & set(item.note["en"].split()), item.id
        elif item.confidence == "verified-primary":
            read = ("TT 12/2022", "ND 85/2016", "TT 31/2017", "TT 39/2017")
            assert any(source.startswith(read) for source in item.source) or "tt12_2022" in item.clauses, item.id


def test_no_remembered_number_is_mandatory() -> None:
    known = requirements()
    for rule in pack().rules:
        if rule.mandatory:
            assert rule.force in BINDING, rule.id
            held = {known[name].confidence for name in rule.requirements}
            assert held != {"memory"} or not rule.params, rule.id


def test_a_person_is_asked_of_systems_not_of_every_machine() -> None:
    for rule in pack().rules:
        if rule.check is None:
            assert rule.scope in ("system", "agency"), rule.id
            assert set(rule.kinds) <= {"server", "service", "device"}, rule.id


def test_it_lints_clean_and_uses_every_check() -> None:
    assert [one.text("en") for one in lint([pack()], CHECKS)] == []
    assert {rule.check for rule in pack().rules} - {None} == set(CHECKS)


def test_every_requirement_has_a_rule_at_each_of_its_levels() -> None:
    covered = Counter((name, level) for rule in pack().rules for name in rule.requirements for level in rule.levels)
    missing = [(item.id, n) for item in pack().requirements for n in item.levels if not covered[item.id, n]]
    assert missing == []


def test_ids_are_its_own() -> None:
    assert not requirements().keys() & requirements(NEW).keys()
    assert all(name.startswith("TT-") for name in requirements())


# --- when it counts


@pytest.mark.parametrize(
    ("day", "name"), [("2023-05-01", OLD), ("2026-08-18", OLD), ("2026-08-19", NEW), ("2026-11-22", NEW)]
)
def test_the_framework_of_a_day(day: str, name: str) -> None:
    assert default_pack(date.fromisoformat(day)) == name


def test_the_transition_is_that_of_the_law() -> None:
    info = pack().info
    assert info.in_force == date(2022, 10, 1)
    assert info.transition is not None
    assert info.transition.decided_before == date(2026, 7, 1)
    assert info.transition.until == info.until == date(2027, 6, 30)


# --- the same evidence under both


@pytest.fixture(scope="module")
def province() -> tuple[Inventory, EvidenceFolder, datetime, str]:
    folder = EvidenceFolder(CAPDO)
    told = folder.manifest()
    inventory = from_snapshot(json.dumps(told["inventory"]).encode())
    return inventory, folder, datetime.fromisoformat(told["finished_at"]), told["inventory_sha256"]


def results(province: tuple[Inventory, EvidenceFolder, datetime, str], name: str) -> dict[tuple[str, str], Result]:
    inventory, folder, now, digest = province
    table = ruleset([pack(name)], CHECKS, DAY, inventory)
    judge = Judge(CHECKS, registry.collectors(), {one.id: one for one in inventory.systems}, digest, now)
    asked = asked_of(table, inventory, "access.*,logging.*,antivirus.*")
    some = [target for target in inventory.targets if target.systems and target.kind == "server"][:8]
    return {
        (made.target.id, finding.rule): finding.verdict.result
        for made in judge_all(judge, some, asked, folder)
        for finding in made.findings
    }


def test_one_recording_is_judged_by_both_without_looking_again(
    province: tuple[Inventory, EvidenceFolder, datetime, str],
) -> None:
    old, new = results(province, OLD), results(province, NEW)
    assert old == results(province, OLD), "the same evidence gives the same findings"
    shared = old.keys() & new.keys()
    assert len(shared) > 100
    assert {rule for _target, rule in old} != {rule for _target, rule in new}
    # What both ask with the same numbers comes out the same.
    same = [key for key in shared if key[1] in ("logging.retention", "access.uid-zero", "access.empty-passwords")]
    assert same
    assert [key for key in same if old[key] != new[key]] == []
    # Real-time protection is asked by the new standard only: nothing that passes there fails here.
    assert not [key for key in shared if key[1] == "antivirus.running" and new[key] == "pass" and old[key] == "fail"]
