"""What is made from the packs is current, complete, and true to them; and what ``rules`` says on the command line."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from auditor import packdocs, packfile, registry
from auditor.catalogue import catalogue
from auditor.check import FAMILIES
from auditor.commands import rules as command
from auditor.commands.rules import Asked, Paper
from auditor.i18n import use
from auditor.model import CapdoError
from auditor.packlint import lint
from auditor.rulepack import Family
from auditor.strictyaml import load
from tests.packfiles import CHECKS, a_rule, overlay, pack, raw
from tests.rulesets import requirement

DOCS = Path(__file__).parents[1] / "docs"


def test_what_is_generated_is_current() -> None:
    """When this fails: ``make docs``."""
    made = packdocs.pages()
    old = [name for name, text in made.items() if (DOCS / name).read_text("utf-8") != text]
    assert old == []
    assert {f"rules/{path.name}" for path in (DOCS / "rules").iterdir()} | {"pack.schema.json"} == set(made)


def test_the_families_of_checks_are_families_of_requirements() -> None:
    assert set(FAMILIES) < set(get_args(Family))


BY_LEVEL = {"L1": "3.1", "L3": "5.1"}


def test_a_page_shows_every_requirement_at_each_of_its_levels(tmp_path: Path) -> None:
    needs = [
        raw(
            requirement(
                "REQ-1", levels=[1, 3], params={"days": {"L3": 90}}, clauses={"law": {"L1": "3.1", "L3": "5.1"}}
            )
        ),
        raw(requirement("REQ-2", levels=[3], domain="management", family="people", mode="attested")),
    ]
    words = {"vi": "Có | không", "en": "Yes | no"}
    asked = a_rule("management.people", title=words, why=dict(words), requirements=["REQ-2"], levels=[3])
    del asked["check"]
    made = pack(tmp_path / "p", a_rule(levels=[3], params={"names": ["b"]}), asked, requirements=needs)
    text = packdocs.page(made, [made], "en")
    first, third = text.split("## Level 1")[1].split("## Level 3")
    assert "REQ-1" in first
    assert "law: 3.1" in first
    assert "REQ-2" not in first
    assert "days = 90<br>names = b" in third
    assert "`antivirus.age`" in third
    assert "management.people (a person answers)" in third
    assert text.index("### Technical (1)") < text.index("### Management (1)")
    assert "2 requirements; 1 have automatic checks, 1 need" in text
    assert "Cấp 3" in packdocs.page(made, [made], "vi")


def test_the_schema_takes_every_file_of_every_pack() -> None:
    schema = json.loads(packdocs.schema())
    keys = {name: set(part.get("properties", ())) for name, part in schema["$defs"].items()}
    required = {name: set(part.get("required", ())) for name, part in schema["$defs"].items()}
    for path in sorted((DOCS.parent / "checks" / "packs").rglob("*.yaml")):
        data = load(path).data
        shape = "PackInfo" if path.name == "pack.yaml" else "PackFile"
        assert required[shape] <= set(data) <= keys[shape], path
        for kind, model in (("requirements", "Requirement"), ("rules", "Rule"), ("tighten", "Tighten")):
            for item in data.get(kind) or ():
                assert required[model] <= set(item) <= keys[model], (path, item["id"])


# --- the catalogue


def test_the_catalogue_tells_rules_numbers_and_overlays(tmp_path: Path) -> None:
    needs = [raw(requirement("REQ-1", levels=[1, 2], params={"max_age_days": {"L1": 9}, "years": 1}))]
    base = pack(
        tmp_path / "p",
        a_rule(params={"max_age_days": {"L1": 7, "L2": 5}, "ratio": 1}, weight=2),
        a_rule("r.two", check="antivirus.age", params={"ratio": 0.5}, weight=3),
        requirements=needs,
    )
    ask = {"id": "T-1", "rule": "r.two", "requirements": ["REQ-7"], "params": {"max_age_days": 1}}
    over = overlay(tmp_path / "o", tighten=[ask], requirements=[raw(requirement("REQ-7", levels=[2]))])
    one, two = catalogue([over, base])
    wanted = {"id", "clauses", "title", "levels", "params", "obligation", "force", "mode", "checks", "weight"}
    assert wanted <= set(one)
    assert (one["id"], one["checks"], one["weight"]) == ("REQ-1", ["antivirus.age"], 5)
    assert one["params"] == {
        "max_age_days": {"L1": 9, "L2": 5},
        "years": {"L1": 1, "L2": 1},
        "ratio": {"L1": 1, "L2": 1},
        "r.two.ratio": {"L1": 0.5, "L2": 0.5},
    }
    assert (two["id"], two["pack"], two["checks"], two["weight"]) == ("REQ-7", "lop-phu", ["antivirus.age"], 3)
    assert two["params"]["max_age_days"] == {"L2": 1}
    assert one["overlaid"] == [
        {"pack": "lop-phu", "id": "T-1", "rule": "r.two", "asks": {"max_age_days": 1}, "requirements": ["REQ-7"]}
    ]
    assert json.loads(json.dumps([one, two]))


# --- the command line


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packs as if they came with the program, and a state folder of their own."""
    folder = tmp_path / "checks" / "packs"
    pack(folder / "cu", a_rule(params={"max_age_days": 7}), id="cu", in_force="2022-01-01", until="2026-08-18")
    pack(folder / "moi", a_rule(params={"max_age_days": 5}), a_rule("antivirus.plain"), id="moi", in_force="2026-08-19")
    monkeypatch.setattr(packfile, "folder_of", lambda _socket: tmp_path / "checks")
    monkeypatch.setattr(registry, "check_table", lambda: CHECKS)
    monkeypatch.setattr(command, "_today", lambda: date(2026, 11, 22))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    use("en")
    return folder


def output(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_confirming_is_shown_wherever_the_requirement_is(capsys: pytest.CaptureFixture[str]) -> None:
    command.rules_show("REQ-1", None, False)
    assert "not checked against the original" in output(capsys)
    command.rules_confirm("Điều 1", Paper(" Người Thứ Nhất ", "331/2026/NĐ-CP", "12", None), None, None)
    assert "REQ-1" in output(capsys)
    command.rules_show("Điều 1", None, False)
    assert "checked by Người Thứ Nhất, 331/2026/NĐ-CP, page 12, 2026-11-22" in output(capsys)
    command.rules_list(None, True)
    (told,) = json.loads(output(capsys))
    assert told["confirmed"] == {
        "by": "Người Thứ Nhất", "document": "331/2026/NĐ-CP", "page": "12", "on": "2026-11-22"
    }  # fmt: skip
    command.rules_list(None, False)
    assert "Người Thứ Nhất" in " ".join(output(capsys).split())
    command.rules_list("cu", True)
    assert json.loads(output(capsys))[0]["confirmed"] is None, "of that pack only"


def test_an_overlay_is_listed_with_the_checks_below_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask = {"id": "T-1", "rule": "antivirus.age", "requirements": ["REQ-1"], "params": {"max_age_days": {"L4": 1}}}
    overlay(here / "phu", id="phu", over=["moi"], tighten=[ask])
    command.rules_list("phu", True)
    (told,) = json.loads(output(capsys))
    assert (told["pack"], told["checks"]) == ("phu", ["antivirus.age"])
    command.rules_show("REQ-1", "moi,phu", False)
    assert '↑ phu: antivirus.age: max_age_days {"L4": 1} (REQ-1)' in output(capsys)
    with pytest.raises(typer.Exit) as caught:
        command.rules_lint("phu")
    assert (caught.value.exit_code, output(capsys)) == (0, "")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("clause", "paper", "part"),
    [
        ("REQ-9", Paper("a", "b", "c", None), "REQ-9"),
        ("REQ-1", Paper(" ", "b", "c", None), "--by"),
        ("REQ-1", Paper("a", "", "", None), "--document, --page"),
        ("REQ-1", Paper("a", "b", "c", "22/11/2026"), "--on"),
        ("REQ-1", Paper("a", "b", "c", "2026-02-29"), "--on"),
        ("REQ-1", Paper("a", "b", "c", "2026-11-23"), "day to come"),
    ],
)
def test_what_cannot_be_confirmed_is_told(clause: str, paper: Paper, part: str) -> None:
    with pytest.raises(CapdoError, match=part):
        command.rules_confirm(clause, paper, None, None)


def test_a_clause_of_several_requirements_must_be_named_by_id(here: Path, tmp_path: Path) -> None:
    pack(here / "moi", a_rule(), requirements=[raw(requirement("REQ-1")), raw(requirement("REQ-2"))], id="moi")
    with pytest.raises(CapdoError, match="REQ-1, REQ-2"):
        command.rules_confirm("Điều 1", Paper("a", "b", "c", None), "moi", tmp_path / "c.yaml")
    assert not (tmp_path / "c.yaml").exists()


def test_lint_tells_mistakes_with_2_and_warnings_with_0(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        command.rules_lint(None)
    assert (caught.value.exit_code, output(capsys)) == (0, "")
    pack(here / "moi", a_rule(params={"max_age_dayz": 1}), id="moi")
    with pytest.raises(typer.Exit) as caught:
        command.rules_lint(None)
    told = output(capsys)
    assert caught.value.exit_code == 2
    assert "moi/rules/all.yaml:" in told
    assert "did you mean 'max_age_days'" in told
    assert "antivirus/plain.py" in told
    with pytest.raises(typer.Exit) as caught:
        command.rules_lint("cu")
    assert (caught.value.exit_code, output(capsys)) == (0, ""), "of the packs asked for only"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("asked", "first"),
    [
        (Asked("cu", "moi", None, None, None), "cu (2026-08-18) → moi (2026-11-22)"),
        (Asked("cu@2022-01-01", "moi", None, None, None), "cu (2022-01-01) → moi (2026-11-22)"),
        (Asked(None, None, ("2026-08-18", "2026-08-19"), None, None), "cu (2026-08-18) → moi (2026-08-19)"),
        (Asked("moi", None, ("2026-09-01", "2026-10-01"), None, None), "moi (2026-09-01) → moi (2026-10-01)"),
    ],
)
def test_diff_takes_packs_and_dates(asked: Asked, first: str, capsys: pytest.CaptureFixture[str]) -> None:
    command.rules_diff(asked, False, None)
    told = output(capsys).splitlines()
    assert told[0] == first
    if "moi (2026-10" not in first:
        assert "    params.max_age_days L1: 7 → 5" in told
        assert "+ antivirus.plain" in told
    command.rules_diff(asked, True, None)
    made = json.loads(output(capsys))
    assert (made["verdicts"], bool(made["changes"])) == (None, "moi (2026-10" not in first)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "asked",
    [
        Asked(None, None, None, None, None),
        Asked("moi", "moi", None, None, None),
        Asked("moi", None, None, None, None),
        Asked("moi@2026-13-01", "cu", None, None, None),
        Asked("moi@20260901", "cu", None, None, None),
        Asked("moi@2020-01-01", "cu", None, None, None),
        Asked("khong-co", "cu", None, None, None),
        Asked(None, None, ("2026-08-18", "2000-01-01"), None, None),
        Asked("moi", "cu", None, Path("/khong/co"), None),
    ],
)
def test_diff_of_what_is_not_there_is_refused(asked: Asked) -> None:
    with pytest.raises(CapdoError):
        command.rules_diff(asked, False, None)


def test_the_packs_that_come_with_the_program_have_no_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    packs: list[Any] = packfile.all_packs()
    assert [one.text("en") for one in lint(packs, registry.check_table())] == []
