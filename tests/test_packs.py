"""Rule packs: reading, choosing by target and level, parameters, and every mistake the linter knows."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from auditor import packfile
from auditor.mistakes import InventoryError
from auditor.packlint import lint
from auditor.packs import AttestedParams, RuleSet, find_pack, load_pack, ruleset
from auditor.rulepack import BINDING, Pack
from tests.packfiles import CHECKS, Age, AgeParams, Mode, a_rule, codes, overlay, pack, raw, write
from tests.rulesets import INFO, requirement, server

DAY = date(2026, 11, 22)
BUILTIN = Path(__file__).parents[1] / "checks" / "packs"


# --- reading


def test_a_pack_is_read_whole(tmp_path: Path) -> None:
    made = pack(tmp_path / "p", a_rule(), a_rule("antivirus.plain"))
    assert [one.id for one in made.rules] == ["antivirus.age", "antivirus.plain"]
    assert [one.id for one in made.requirements] == ["REQ-1"]
    assert made.info.grades[0].id == "tot"
    assert made.place("rules/antivirus.age")[0] == "p/rules/all.yaml"
    assert "places" not in made.model_dump()


def test_the_digest_covers_names_and_bytes(tmp_path: Path) -> None:
    first = pack(tmp_path / "p", a_rule())
    assert pack(tmp_path / "q", a_rule()).sha256 == first.sha256, "where it lies does not matter"
    (tmp_path / "p" / "rules" / "note.txt").write_text("not part of the pack")
    assert load_pack(tmp_path / "p").sha256 == first.sha256
    (tmp_path / "p" / "rules" / "all.yaml").rename(tmp_path / "p" / "rules" / "other.yaml")
    renamed = load_pack(tmp_path / "p").sha256
    with (tmp_path / "p" / "pack.yaml").open("a") as file:
        file.write("\n")
    assert len({first.sha256, renamed, load_pack(tmp_path / "p").sha256}) == 3


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "p",
        head={**INFO, "coverage_gate": 2},
        requirements_all=[{**raw(requirement("REQ-1")), "levels": [6]}],
        rules_all=[a_rule(weigth=3), a_rule("antivirus.plain", severity="awful")],
    )
    with pytest.raises(InventoryError) as caught:
        load_pack(folder)
    files = [one.file for one in caught.value.mistakes]
    assert files == ["p/pack.yaml", "p/requirements/all.yaml", "p/rules/all.yaml", "p/rules/all.yaml"]
    assert "weight" in caught.value.text("en"), "what was probably meant"
    assert all(one.line > 0 and one.column > 0 for one in caught.value.mistakes)


def test_an_id_taken_twice_names_both_places(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", rules_a=[a_rule()], rules_b=[a_rule()])
    with pytest.raises(InventoryError) as caught:
        load_pack(folder)
    (mistake,) = caught.value.mistakes
    assert mistake.file == "p/rules/b.yaml"
    assert "p/rules/a.yaml:2" in mistake.text("en")


def test_a_folder_without_a_pack_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(InventoryError):
        load_pack(tmp_path)


@pytest.mark.parametrize("name", ["khong-co", "../packs/tcvn-14423-2026", "", "a/b", "tcvn-14423-2026/"])
def test_a_pack_is_found_by_its_plain_id_only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packfile, "folder_of", lambda _socket: BUILTIN.parent)
    assert find_pack("tcvn-14423-2026") == BUILTIN / "tcvn-14423-2026"
    with pytest.raises(InventoryError):
        find_pack(name)


# --- choosing


def chosen(table: RuleSet, **fields: Any) -> list[str]:
    return [one.rule.id for one in table.of(server("a", **fields))]


def test_rules_fall_by_kind_platform_role_tags_and_level(tmp_path: Path) -> None:
    made = pack(
        tmp_path / "p",
        a_rule("r.all", check="antivirus.plain"),
        a_rule("r.high", check="antivirus.plain", levels=[4, 5]),
        a_rule("r.low", check="antivirus.plain", levels=[1]),
        a_rule("r.windows", check="antivirus.plain", platforms=["windows"]),
        a_rule("r.linux", check="antivirus.plain", platforms=["linux"]),
        a_rule("r.web", check="antivirus.plain", roles=["web"]),
        a_rule("r.tagged", check="antivirus.plain", tags=["dmz", "cu"]),
        a_rule("r.untagged", check="antivirus.plain", without_tags=["cu"]),
        a_rule("r.link", check="antivirus.plain", kinds=["link"], levels=[3]),
    )
    table = ruleset([made], CHECKS, DAY)
    assert chosen(table) == ["r.all", "r.linux", "r.untagged"]
    assert chosen(table, level=5) == ["r.all", "r.high", "r.linux", "r.untagged"]
    assert chosen(table, platform="windows") == ["r.all", "r.untagged", "r.windows"]
    assert chosen(table, role="web", tags=("cu",)) == ["r.all", "r.linux", "r.tagged", "r.web"]
    assert chosen(table, kind="link") == ["r.link"]
    assert chosen(table, kind="device") == []
    assert table.of(server("a")) is table.of(server("b")), "worked out once for all that are alike"


def test_without_a_level_the_lowest_of_the_kind_is_assumed(tmp_path: Path) -> None:
    made = pack(
        tmp_path / "p",
        a_rule("r.two", check="antivirus.plain", levels=[2, 3]),
        a_rule("r.four", check="antivirus.plain", levels=[4], kinds=["link"]),
    )
    table = ruleset([made], CHECKS, DAY)
    bare, link = server("a", level=None), server("b", level=None, kind="link")
    assert (table.level(bare), table.level_assumed(bare), chosen(table, level=None)) == (2, True, ["r.two"])
    assert table.level(link) == 4
    assert table.level(server("c", level=None, kind="device")) == 1
    assert (table.level(server("a")), table.level_assumed(server("a"))) == (3, False)


def test_nothing_is_asked_of_a_standalone_secret_machine(tmp_path: Path) -> None:
    table = ruleset([pack(tmp_path / "p", a_rule("antivirus.plain"))], CHECKS, DAY)
    assert chosen(table) == ["antivirus.plain"]
    assert chosen(table, handling="secret-standalone") == []


def test_parameters_by_level_keep_the_defaults_elsewhere(tmp_path: Path) -> None:
    params = {"max_age_days": {"L1": 7, "L4": 1}, "names": ["a", "b"], "mode": "watch", "ratio": 1}
    table = ruleset([pack(tmp_path / "p", a_rule(params=params))], CHECKS, DAY)
    got = {level: table.of(server("a", level=level))[0].params for level in (1, 3, 4)}
    assert [got[level].max_age_days for level in (1, 3, 4)] == [7, 3, 1]
    assert got[1] == AgeParams(7, ("a", "b"), Mode.WATCH, 1.0)
    assert isinstance(got[1].names, tuple)


def test_an_attested_rule_may_set_how_long_an_answer_counts(tmp_path: Path) -> None:
    words = {"vi": "Có", "en": "Yes"}
    one = a_rule("management.plan", title=words, why=dict(words), params={"interval_days": {"L5": 92}})
    del one["check"]
    table = ruleset([pack(tmp_path / "p", one)], CHECKS, DAY)
    assert table.of(server("a", level=5))[0].params == AttestedParams(92)
    assert table.of(server("a", level=1))[0].params == AttestedParams(None)


@pytest.mark.parametrize(
    ("changes", "code", "part"),
    [
        ({"params": {"max_age": 3}}, "pack-param-near", "max_age_days"),
        ({"params": {"xyz": 3}}, "pack-param-unknown", "max_age_days"),
        ({"params": {"max_age_days": "3"}}, "pack-param-wrong", "integer"),
        ({"params": {"max_age_days": 3.5}}, "pack-param-wrong", "integer"),
        ({"params": {"max_age_days": True}}, "pack-param-wrong", "integer"),
        ({"params": {"max_age_days": {"L1": 3, "L2": "x"}}}, "pack-param-wrong", "integer"),
        ({"params": {"max_age_days": {"L9": 3}}}, "pack-param-wrong", "integer"),
        ({"params": {"names": "a"}}, "pack-param-wrong", "array"),
        ({"params": {"mode": "sleep"}}, "pack-param-wrong", "block"),
        ({"params": {"max_age_days": -1}}, "pack-param-wrong", "negative"),
        ({"check": "antivirus.plain", "params": {"x": 1}}, "pack-param-none", "antivirus.plain"),
        ({"check": "antivirus.agee"}, "pack-unknown-check-near", "antivirus.age"),
        ({"check": "zzz"}, "pack-unknown-check", "zzz"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_where_they_stand(
    tmp_path: Path, changes: dict[str, Any], code: str, part: str
) -> None:
    made = pack(tmp_path / "p", a_rule(**changes))
    with pytest.raises(InventoryError) as caught:
        ruleset([made], CHECKS, DAY)
    assert set(codes(caught.value.mistakes)) == {code}
    assert code in codes(lint([made], CHECKS)), "the linter sees it too"
    place = made.place("rules/antivirus.age/" + next(iter(changes.get("params", {"": 0}))))
    told = caught.value.mistakes[0]
    if "negative" not in part:
        assert (told.file, told.line) == place[:2]
    for lang in ("vi", "en"):
        assert part in told.text(lang)


# --- several packs, and time


def test_a_later_pack_is_a_layer_with_ids_of_its_own(tmp_path: Path) -> None:
    base = pack(tmp_path / "a", a_rule(params={"max_age_days": 7}))
    stricter = a_rule(params={"max_age_days": 1}, requirements=["REQ-1", "REQ-2"])
    layer = overlay(tmp_path / "b", stricter, requirements=[raw(requirement("REQ-2"))])
    table = ruleset([base, layer], CHECKS, DAY)
    assert {one.rule.id: one.params.max_age_days for one in table.of(server("a"))} == {
        "antivirus.age": 7,
        "lop-phu/antivirus.age": 1,
    }
    assert table.rules["lop-phu/antivirus.age"].requirements == ("REQ-1", "lop-phu/REQ-2")
    assert sorted(table.requirements) == ["REQ-1", "lop-phu/REQ-2"]
    assert table.base.coverage_gate == 0.8, "grades and gates are the first pack's"
    assert lint([base, layer], {"antivirus.age": Age()}) == []


def test_the_rules_are_those_of_the_day(tmp_path: Path) -> None:
    old = {**raw(requirement("OLD")), "until": "2026-06-30"}
    new = {**raw(requirement("NEW")), "from": "2026-07-01"}
    made = pack(
        tmp_path / "p",
        a_rule("r.both", check="antivirus.plain", requirements=["OLD", "NEW"]),
        a_rule("r.old", check="antivirus.plain", requirements=["OLD"]),
        a_rule("r.dated", check="antivirus.plain", requirements=["NEW"], until="2026-12-31"),
        requirements=[old, new],
        until="2028-02-29",
    )
    on = {day: ruleset([made], CHECKS, date.fromisoformat(day)) for day in ("2026-06-30", "2026-12-31", "2027-01-01")}
    assert [sorted(table.rules) for table in on.values()] == [["r.both", "r.old"], ["r.both", "r.dated"], ["r.both"]]
    assert on["2026-06-30"].rules["r.both"].requirements == ("OLD",)
    assert list(on["2026-12-31"].requirements) == ["NEW"]
    assert ruleset([made], CHECKS, date(2028, 2, 29)).rules
    for outside in (date(2025, 12, 31), date(2028, 3, 1)):
        with pytest.raises(InventoryError, match="2026-01-01"):
            ruleset([made], CHECKS, outside)


def test_a_run_needs_a_pack() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ruleset([], CHECKS, DAY)


# --- the pack that comes with the program


@pytest.fixture(scope="module")
def default_pack() -> Pack:
    return load_pack(BUILTIN / "tcvn-14423-2026")


def test_the_default_pack_says_where_its_demands_come_from(default_pack: Pack) -> None:
    for item in default_pack.requirements:
        assert item.source
        assert item.clauses
        assert set(item.title) == set(item.meaning) == {"vi", "en"}
        standard = item.clauses.get("tcvn14423_2026")
        if isinstance(standard, dict):
            levels = {int(level[1]) for level in standard}
            # At further levels these stand on another text: circular 12/2022 annex I, law 116/2025 art. 40.
            fewer = item.id in {"NET-002", "SRV-026"}
            assert levels < set(item.levels) if fewer else levels == set(item.levels), item.id
            # Section = level + 2, as the standard counts.
            for level, clause in standard.items():
                assert clause.startswith(f"{int(level[1]) + 2}."), (item.id, level, clause)


def test_in_the_default_pack_nothing_unfounded_is_mandatory(default_pack: Pack) -> None:
    for one in default_pack.rules:
        assert not one.mandatory or one.force in BINDING
    suggested = {item.id for item in default_pack.requirements if item.obligation != "mandatory"}
    assert not [one.id for one in default_pack.rules if one.mandatory and set(one.requirements) <= suggested]


def test_the_attested_rules_of_the_default_pack(default_pack: Pack) -> None:
    asked = {one.id: one for one in default_pack.rules if one.check is None}
    assert {"management.regulation-in-force", "management.incident-plan", "backup.restore-test"} <= set(asked)
    assert asked["backup.restore-test"].params == {"interval_days": {"L4": 183, "L5": 92}}
    assert not asked["backup.restore-test-yearly"].mandatory, "the figure is the tool's, not the standard's"
