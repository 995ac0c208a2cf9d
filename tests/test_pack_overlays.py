"""The overlays that come with the program: what they ask at each level, where they reach, and which clause won."""

from __future__ import annotations

import json
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from auditor import registry
from auditor.assess import asked_of
from auditor.check import Direction
from auditor.folder import EvidenceFolder
from auditor.inventories import from_snapshot
from auditor.judge import Judge, judge_all
from auditor.model import Result
from auditor.overlay import direction_of, same, stricter
from auditor.packlint import gaps, lint
from auditor.packparams import AttestedParams
from auditor.packs import Chosen, RuleSet, find_pack, load_pack, ruleset
from auditor.rulepack import Pack
from auditor.targets import Inventory, Target
from tests.rulesets import inventory, server

ROOT = Path(__file__).parents[1]
CAPDO = ROOT / "inventory" / "recordings" / "example-province.capdo"
NEW, OLD, QCVN, SAMPLE = "tcvn-14423-2026", "tt12-2022", "qcvn-12-2026", "quy-che-mau"
DAY = date(2026, 11, 22)
LATER = date(2027, 1, 1)
CHECKS = registry.check_table()
LEVELS = range(1, 6)
ARCHIVE = inventory(
    systems=[
        {"id": "luu-tru", "owner": "chi-cuc", "tags": ["luu-tru-dien-tu"]},
        {"id": "mot-cua", "owner": "chi-cuc"},
        {"id": "cu", "owner": "chi-cuc", "decision": {"no": "1/QĐ", "date": "2025-05-01"}},
    ],
    groups=[{"id": "so"}],
    agencies=[{"id": "chi-cuc", "group": "so"}],
)


@cache
def pack(name: str) -> Pack:
    return load_pack(find_pack(name))


def table(*names: str, day: date = DAY) -> RuleSet:
    return ruleset([pack(name) for name in names], CHECKS, day, ARCHIVE)


def targets(level: int, system: str) -> list[Target]:
    """One of each kind that rules fall on."""
    linux = {"platform": "linux", "level": level, "systems": (system,)}
    return [
        server("may", **linux),
        server("tram", kind="endpoint", **linux),
        server("trang", kind="service", level=level, systems=(system,)),
        server("duong", kind="link", level=level, systems=(system,)),
        server("chuyen-mach", kind="device", level=level, systems=(system,)),
    ]


def chosen(rules: RuleSet, level: int, system: str = "luu-tru") -> dict[str, Chosen]:
    return {one.rule.id: one for target in targets(level, system) for one in rules.of(target)}


# --- QCVN 12:2026/BCA against the fact sheet (§2.4), typed from there

ALL = dict.fromkeys
QCVN_GOLD: dict[tuple[str, str], dict[int, Any]] = {
    ("logging.retention", "days"): ALL((2, 3, 4, 5), 365),
    (f"{QCVN}/logging.retention-l1", "days"): {1: 365},
    ("logging.log-review", "interval_days"): ALL(LEVELS, 7),
    ("access.account-review", "interval_days"): {1: 92, 2: 92, 3: 92, 4: 92, 5: 31},
    ("access.admin-password-age", "max_days"): ALL(LEVELS, 60),
    ("access.password-history", "min_remembered"): ALL((3, 4, 5), 10),
    (f"{QCVN}/access.password-history-low", "min_remembered"): ALL((1, 2), 10),
    ("access.password-length", "min_length"): ALL(LEVELS, 14),
    (f"{QCVN}/access.password-length-floor", "min_length"): ALL(LEVELS, 8),
    ("access.ssh-idle-timeout", "max_minutes"): ALL(LEVELS, 5),
    ("access.shell-idle-timeout", "max_minutes"): ALL(LEVELS, 15),
    ("access.lockout", "max_attempts"): ALL(LEVELS, 5),
    ("network.diagram", "interval_days"): {1: 183, 2: 183, 3: 183, 4: 183, 5: 92},
    ("network.unknown-devices", "interval_days"): ALL(LEVELS, 31),
    ("patch.vulnerability-scan", "interval_days"): {1: 365, 2: 365, 3: 92, 4: 92, 5: 92},
    ("patch.critical-asset-scan", "interval_days"): ALL((4, 5), 31),
    (f"{QCVN}/patch.critical-asset-scan-l3", "interval_days"): {3: 31},
    ("management.alert-tuning", "interval_days"): ALL((3, 4, 5), 31),
    ("backup.restore-test", "interval_days"): ALL((4, 5), 92),
    ("backup.restore-test-yearly", "interval_days"): {1: 365, 2: 365, 3: 92},
    ("tls.protocol-versions", "minimum"): ALL(LEVELS, "TLSv1.2"),
}
QCVN_MANDATORY = {
    "access.admin-password-age": LEVELS,
    "access.password-history": (3, 4, 5),
    "access.ssh-idle-timeout": LEVELS,
    "access.shell-idle-timeout": LEVELS,
    "access.lockout": LEVELS,
    "logging.retention": (2, 3, 4, 5),
    "link.encryption": (3,),
    "link.wan-encryption": (4, 5),
    f"{QCVN}/link.encryption-low": (1, 2),
    "backup.restore-test-yearly": (3,),
    "network.management-network": (4, 5),
    f"{QCVN}/network.qcvn-net-004": (3,),
}


@pytest.mark.parametrize(("asked", "by_level"), QCVN_GOLD.items())
def test_an_archive_gets_the_numbers_of_the_regulation(asked: tuple[str, str], by_level: dict[int, Any]) -> None:
    rule, name = asked
    found = {level: chosen(table(NEW, QCVN), level).get(rule) for level in LEVELS}
    assert {level: getattr(one.params, name) for level, one in found.items() if one is not None} == by_level


@pytest.mark.parametrize(("rule", "levels"), QCVN_MANDATORY.items())
def test_it_makes_mandatory_what_the_standard_suggests(rule: str, levels: Any) -> None:
    for level in LEVELS:
        one = chosen(table(NEW, QCVN), level).get(rule)
        assert (one is not None and one.rule.mandatory) == (level in levels), level
        assert one is None or not one.rule.mandatory or one.rule.force in ("law", "decree", "standard-required")


def test_the_clause_that_won_is_told() -> None:
    one = chosen(table(NEW, QCVN), 3)["logging.retention"]
    (won,) = one.won
    assert (won.param, won.value, won.other) == ("days", 365, 90)
    assert (won.pack, won.requirement, won.clause) == (QCVN, f"{QCVN}/QCVN-LOG-001", "3.9.2.1.9")
    assert one.requirements == ("SRV-033", f"{QCVN}/QCVN-LOG-001")
    # Where the framework's own word is the stricter one, that is told as well.
    (kept,) = chosen(table(NEW, QCVN), 3)["access.password-length"].won
    assert (kept.pack, kept.value, kept.other) == (NEW, 14, 8)
    assert kept.clause.startswith("5.6.2.2")


def test_it_reaches_archives_only() -> None:
    rules, alone = table(NEW, QCVN), table(NEW)
    for level in LEVELS:
        assert chosen(rules, level, "mot-cua") == chosen(alone, level, "mot-cua")
        assert any(name.startswith(f"{QCVN}/") for name in chosen(rules, level, "luu-tru"))
    assert rules.overlays_of(server("a", systems=("luu-tru",))) == (QCVN,)
    assert rules.overlays_of(server("a", systems=("mot-cua",))) == ()


def test_a_machine_shared_with_an_archive_is_judged_as_one() -> None:
    shared = server("a", platform="linux", systems=("mot-cua", "luu-tru"))
    found = {one.rule.id: one.params for one in table(NEW, QCVN).of(shared)}
    assert found["access.lockout"].max_attempts == 5


# --- every tightening of every overlay: stricter, or told to be no stricter

Asked = tuple[str, str, str]
NOT_STRICTER: dict[Asked, set[int]] = {
    # The standard is stricter there (and so stays).
    (QCVN, "password-length", NEW): {1, 2, 3, 4, 5},
    (QCVN, "account-review", NEW): {4, 5},
    (QCVN, "diagram", NEW): {4, 5},
    # The same in both: laid over so that both clauses stand with the finding.
    (QCVN, "log-retention", NEW): {5},
    (QCVN, "unknown-devices", NEW): {5},
    (QCVN, "vulnerability-scan", NEW): {5},
    (QCVN, "critical-asset-scan", NEW): {5},
    (QCVN, "alert-tuning", NEW): {5},
    (QCVN, "restore-test", NEW): {5},
    (QCVN, "wan-encryption", NEW): {4, 5},
    (QCVN, "tls-versions", NEW): {1, 2, 3, 4, 5},
    (QCVN, "vpn-mfa", NEW): {1, 2, 3, 4, 5},
    (QCVN, "intrusion-prevention", NEW): {3, 4, 5},
    (QCVN, "switch-ports", NEW): {3, 4, 5},
    (QCVN, "access-control", NEW): {3, 4, 5},
    (QCVN, "management-network", NEW): {4, 5},
    (QCVN, "central-aaa", NEW): {5},
    (QCVN, "immutable-logs", NEW): {4, 5},
    (QCVN, "change-alerts", NEW): {4, 5},
    (QCVN, "system-file-alerts", NEW): {4, 5},
    (QCVN, "monitoring-around-the-clock", NEW): {4, 5},
    (QCVN, "three-copies", NEW): {3, 4, 5},
    (SAMPLE, "weekly-scan", NEW): {3, 4, 5},
    (SAMPLE, "weekly-scan", OLD): {3, 4, 5},
}
"""Overlay, tightening, framework → the levels at which it asks nothing more than the framework."""


def asks_more(overlay: str, framework: str) -> dict[str, dict[int, bool]]:
    """Of each tightening and level: does anything of it win?"""
    rules = table(framework, overlay, day=LATER)
    asked = {item.id: item.levels for item in pack(overlay).requirements}
    made: dict[str, dict[int, bool]] = {}
    for layer in pack(overlay).tighten:
        levels = {level for name in layer.requirements for level in asked[name]}
        for level in sorted(levels):
            one = chosen(rules, level).get(layer.rule)
            if one is not None:
                made.setdefault(layer.id, {})[level] = any(won.pack == overlay for won in one.won)
    return made


@pytest.mark.parametrize(("overlay", "framework"), [(QCVN, NEW), (SAMPLE, NEW), (SAMPLE, OLD)])
def test_each_tightening_asks_more_or_is_known_not_to(overlay: str, framework: str) -> None:
    found = asks_more(overlay, framework)
    assert found.keys() == {layer.id for layer in pack(overlay).tighten}, "each falls on some target"
    idle = {
        (overlay, name, framework): {level for level, more in by_level.items() if not more}
        for name, by_level in found.items()
        if not all(by_level.values())
    }
    assert idle == {key: levels for key, levels in NOT_STRICTER.items() if key[::2] == (overlay, framework)}


@pytest.mark.parametrize(("overlay", "framework"), [(QCVN, NEW), (SAMPLE, NEW), (SAMPLE, OLD)])
def test_nothing_becomes_looser(overlay: str, framework: str) -> None:
    rules, alone = table(framework, overlay, day=LATER), table(framework, day=LATER)
    for level in LEVELS:
        before, after = chosen(alone, level), chosen(rules, level)
        assert before.keys() <= after.keys()
        for name, one in before.items():
            wanted = CHECKS[one.rule.check].params if one.rule.check else AttestedParams
            for field in one.params.__dataclass_fields__:
                direction: Direction = direction_of(wanted, field) or "none"
                old, new = getattr(one.params, field), getattr(after[name].params, field)
                assert same(stricter(direction, old, new), new), (name, level, field)
            assert after[name].rule.mandatory >= one.rule.mandatory
            assert after[name].rule.weight == one.rule.weight


@pytest.mark.parametrize("names", [(NEW, QCVN), (NEW, OLD, SAMPLE), (NEW, OLD, QCVN, SAMPLE)])
def test_they_lint_clean(names: tuple[str, ...]) -> None:
    packs = [pack(name) for name in names]
    overlays = {name for name in names if name in (QCVN, SAMPLE)}
    assert [one.text("en") for one in lint(packs, CHECKS) if one.file.partition("/")[0] in overlays] == []
    assert [one.text("en") for one in gaps(packs) if one.file.partition("/")[0] in overlays] == []


# --- the sample regulation


def test_the_sample_says_that_it_is_one() -> None:
    info = pack(SAMPLE).info
    assert info.title["vi"].startswith("MẪU")
    assert info.title["en"].startswith("SAMPLE")
    for path in find_pack(SAMPLE).rglob("*.yaml"):
        assert "SAMPLE" in path.read_text("utf-8").partition("\n")[0], path.name


def test_the_sample_is_of_the_size_people_copy() -> None:
    made = pack(SAMPLE)
    own = [item for item in made.requirements if item.mode == "attested"]
    assert 5 <= len(made.tighten) <= 10
    assert len(own) == len(made.rules) == 2


def test_an_article_counts_from_its_own_day() -> None:
    for day, keys in ((DAY, True), (LATER, False)):
        found = chosen(table(NEW, SAMPLE, day=day), 3)
        assert found["access.ssh-root-login"].params.allow_keys is keys


def test_the_strictest_of_several_overlays_wins_whatever_their_order() -> None:
    one, other = table(NEW, QCVN, SAMPLE), table(SAMPLE, QCVN, NEW)
    for level in LEVELS:
        assert chosen(one, level) == chosen(other, level)
    days = {level: chosen(one, level)["logging.retention"].params.days for level in (2, 3, 4, 5)}
    assert days == dict.fromkeys((2, 3, 4, 5), 365), "the regulation asks more than the province's half year"
    plain = {level: chosen(one, level, "mot-cua")["logging.retention"].params.days for level in (2, 3, 4, 5)}
    assert plain == {2: 180, 3: 180, 4: 180, 5: 365}


def test_in_the_transition_the_province_asks_it_of_old_and_new_alike() -> None:
    rules = table(NEW, OLD, SAMPLE)
    old = {one.rule.id: one for one in rules.of(server("a", platform="linux", systems=("cu",)))}
    new = {one.rule.id: one for one in rules.of(server("b", platform="linux", systems=("mot-cua",)))}
    assert rules.framework_of(server("a", systems=("cu",)))[0] == (OLD,)
    assert rules.framework_of(server("b", systems=("mot-cua",)))[0] == (NEW,)
    assert old[f"{OLD}/access.inactive-accounts"].params.max_days == 30
    assert new["access.inactive-accounts"].params.max_days == 30
    assert f"{SAMPLE}/management.contact-confirmed" in old.keys() & new.keys()
    assert not [name for name in new if name.startswith(f"{OLD}/")]
    assert all(name.startswith((f"{OLD}/", f"{SAMPLE}/")) for name in old)


# --- the same evidence under more and more packs


@pytest.fixture(scope="module")
def province() -> tuple[Inventory, EvidenceFolder, datetime, str]:
    folder = EvidenceFolder(CAPDO)
    told = folder.manifest()
    made = from_snapshot(json.dumps(told["inventory"]).encode())
    return made, folder, datetime.fromisoformat(told["finished_at"]), told["inventory_sha256"]


def results(province: tuple[Inventory, EvidenceFolder, datetime, str], *names: str) -> dict[tuple[str, str], Result]:
    told, folder, now, digest = province
    rules = ruleset([pack(name) for name in names], CHECKS, DAY, told)
    judge = Judge(CHECKS, registry.collectors(), {one.id: one for one in told.systems}, digest, now)
    asked = asked_of(rules, told, "access.lockout,access.inactive-accounts,logging.retention,patch.list-age")
    some = [target for target in told.targets if target.kind == "server"]
    return {
        (made.target.id, finding.rule): finding.verdict.result
        for made in judge_all(judge, some, asked, folder)
        for finding in made.findings
    }


def test_stricter_values_can_only_turn_a_pass_into_a_fail(
    province: tuple[Inventory, EvidenceFolder, datetime, str],
) -> None:
    before, after = results(province, NEW), results(province, NEW, SAMPLE)
    assert before.keys() == after.keys()
    changed = {(before[key], after[key]) for key in before if before[key] != after[key]}
    assert changed == {(Result.PASS, Result.FAIL)}, "and some do"
