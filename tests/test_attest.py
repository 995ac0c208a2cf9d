"""``attest`` as people use it: asked, answered, written down whole or not at all, and counted in the next run."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from auditor import i18n, strictyaml
from auditor.asides import Aside, add, aside, dump
from auditor.attest_words import COLUMNS
from auditor.commands import attest
from auditor.commands.attest import Asking
from auditor.commands.prepare import inventory_check
from auditor.inventories import load_inventory
from auditor.inventoryfile import plain
from auditor.model import CapdoError

DAY = date(2026, 11, 22)
COLUMN = {name: number for number, name in enumerate(COLUMNS, 1)}
PROVINCE = """\
# một tỉnh giả
province: {id: binh-minh, name: Tỉnh Bình Minh}
groups: [{id: so}]
agencies: [{id: so-a, name: {vi: Sở A, en: Department A}, group: so}, {id: so-b, group: so}]
systems: [{id: cong, owner: so-a, level: 3}, {id: thu, owner: so-b, level: 2}]
servers:
  - {id: m1, address: 10.0.0.1, systems: [cong]}
  - {id: m2, address: 10.0.0.2, systems: [thu]}
"""


@pytest.fixture(autouse=True)
def _english() -> Any:
    i18n.use("en")
    yield
    i18n.use("vi")


def province(folder: Path, *more: str) -> Asking:
    path = folder / "tinh.yaml"
    path.write_text(PROVINCE + "\n".join(more) + "\n", "utf-8")
    return Asking(path, day=DAY)


def fill(path: Path, sheet: str = "cong", row: int = 4, **cells: Any) -> Path:
    book = load_workbook(path)
    told: dict[str, Any] = {"answer": "Met", "who": "Người A", "on": DAY, "explanation": "đã rà soát tháng 10"} | cells
    for name, value in told.items():
        book[sheet].cell(row, COLUMN[name]).value = value
    book.save(path)
    return path


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    told = capsys.readouterr()
    return told.out + told.err


def test_from_question_to_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asking = province(tmp_path, "attestations: ./xac-nhan.yaml")
    (tmp_path / "xac-nhan.yaml").write_text("# do văn phòng giữ\n", "utf-8")
    attest.sheet(asking, tmp_path / "phieu.xlsx")
    assert "want an answer" in printed(capsys)
    fill(tmp_path / "phieu.xlsx")
    attest.take(asking, tmp_path / "phieu.xlsx", dry_run=True)
    assert (tmp_path / "xac-nhan.yaml").read_text("utf-8") == "# do văn phòng giữ\n"
    attest.take(asking, tmp_path / "phieu.xlsx", dry_run=False)
    text = (tmp_path / "xac-nhan.yaml").read_text("utf-8")
    assert text.startswith("# do văn phòng giữ\n- id: ")
    (one,) = load_inventory(asking.inventory).attestations
    assert (one.systems or one.targets or one.agencies, one.answer, one.who) == (one.systems, "met", "Người A")
    capsys.readouterr()
    attest.listed(asking, as_json=True)
    told = {item["key"]: item for item in json.loads(capsys.readouterr().out)}
    answered = [item for item in told.values() if item["last"]]
    assert [(item["state"], item["open"], item["last"]["id"]) for item in answered] == [("valid", False, one.id)]
    with pytest.raises(CapdoError, match="no new answer"):
        attest.take(asking, tmp_path / "phieu.xlsx", dry_run=False)
    assert (tmp_path / "xac-nhan.yaml").read_text("utf-8") == text


def test_one_bad_cell_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asking = province(tmp_path)
    sheet = tmp_path / "p.xlsx"
    attest.sheet(asking, sheet)
    fill(sheet)
    fill(sheet, row=5, on="22/11/2026")
    capsys.readouterr()
    with pytest.raises(typer.Exit) as left:
        attest.take(asking, sheet, dry_run=False)
    assert left.value.exit_code == 2
    assert capsys.readouterr().out == f"{sheet}: cong!H5: '22/11/2026' is no date; write it like 2026-11-22\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.xlsx", "tinh.yaml"]


def test_an_inventory_that_names_no_file_is_told_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asking = province(tmp_path)
    attest.sheet(asking, tmp_path / "p.xlsx")
    attest.take(asking, fill(tmp_path / "p.xlsx"), dry_run=False)
    assert "add this line, or the file is not read: attestations: ./attestations.yaml" in printed(capsys)
    with pytest.raises(CapdoError, match="does not name it"):
        attest.take(asking, tmp_path / "p.xlsx", dry_run=False)
    province(tmp_path, "attestations: ./attestations.yaml")
    assert len(load_inventory(asking.inventory).attestations) == 1


def test_answers_in_the_inventory_itself_move_into_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = (
        "{id: cu, rule: x.y, targets: [m1], answer: met, explanation: đã có, who: A, on: 2026-01-01, until: 2027-01-01}"
    )
    asking = province(tmp_path, f"attestations: [{old}]")
    attest.sheet(asking, tmp_path / "p.xlsx")
    attest.take(asking, fill(tmp_path / "p.xlsx"), dry_run=False)
    assert "in place of its section 'attestations'" in printed(capsys)
    province(tmp_path, "attestations: ./attestations.yaml")
    first, _second = load_inventory(asking.inventory).attestations
    assert first.id == "cu"


def test_sheets_of_one_system_or_agency(tmp_path: Path) -> None:
    asking = province(tmp_path)
    for number, (name, expected) in enumerate(
        (("cong", {"cong"}), ("thu", {"thu"}), ("so-a", {"cong", "so-a"}), ("so-b", {"thu", "so-b"}))
    ):
        systems, agencies = ([], [name]) if name.startswith("so") else ([name], [])
        path = tmp_path / f"{number}.xlsx"
        attest.sheet(Asking(asking.inventory, systems, agencies, day=DAY), path)
        assert set(load_workbook(path).sheetnames) - {"capdo"} <= expected
    with pytest.raises(CapdoError, match="no such system"):
        attest.sheet(Asking(asking.inventory, ["khac"], day=DAY), tmp_path / "x.xlsx")


def test_a_questionnaire_is_never_overwritten(tmp_path: Path) -> None:
    asking = province(tmp_path)
    attest.sheet(asking, tmp_path / "p.xlsx")
    with pytest.raises(CapdoError, match="may hold answers"):
        attest.sheet(asking, tmp_path / "p.xlsx")
    with pytest.raises(CapdoError, match=r"\.xlsx file"):
        attest.sheet(asking, tmp_path / "p.ods")


def test_a_contradicted_answer_is_asked_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asking = province(tmp_path)
    attest.sheet(asking, tmp_path / "p.xlsx")
    attest.take(asking, fill(tmp_path / "p.xlsx"), dry_run=False)
    province(tmp_path, "attestations: ./attestations.yaml")
    (one,) = load_inventory(asking.inventory).attestations
    run = tmp_path / "run.json"
    run.write_text(json.dumps({"schema": "capdo.run/1", "findings": [{"contradicted_by": one.id}, {}]}), "utf-8")
    capsys.readouterr()
    attest.listed(Asking(asking.inventory, day=DAY, run=str(run)), as_json=True)
    states = {item["state"] for item in json.loads(capsys.readouterr().out) if item["last"]}
    assert states == {"contradicted"}


def test_a_changed_attachment_is_named_by_inventory_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asking = province(tmp_path, "attestations: ./attestations.yaml")
    (tmp_path / "attestations.yaml").write_text("[]\n", "utf-8")
    (tmp_path / "bb.pdf").write_text("biên bản", "utf-8")
    attest.sheet(asking, tmp_path / "p.xlsx")
    attest.take(asking, fill(tmp_path / "p.xlsx", attachment="bb.pdf"), dry_run=False)
    inventory_check(asking.inventory)
    (given_,) = load_inventory(asking.inventory).attestations
    assert given_.attachment is not None
    assert given_.attachment.intact
    (tmp_path / "bb.pdf").write_text("biên bản khác", "utf-8")
    capsys.readouterr()
    with pytest.raises(typer.Exit):
        inventory_check(asking.inventory)
    line = next(
        n for n, text in enumerate((tmp_path / "attestations.yaml").read_text().splitlines(), 1) if "bb.pdf" in text
    )
    told = capsys.readouterr().out
    assert told.startswith(f"{tmp_path / 'attestations.yaml'}:{line}:11: attestations[0].attachment.file: ")
    assert "no longer what its hash says" in told
    (given_,) = load_inventory(asking.inventory).attestations
    assert given_.attachment is not None
    assert not given_.attachment.intact, "it is malformed, but a run is not refused for it"


# --- the file


def test_a_file_that_cannot_be_added_to_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    for text in ("a: b\n", "- [\n", "x\n"):
        path.write_text(text, "utf-8")
        with pytest.raises(CapdoError):
            add(Aside(path, None), "attestations", [{"id": "x"}])
        assert path.read_text("utf-8") == text
    path.write_text("[]\n", "utf-8")
    with pytest.raises(CapdoError, match="missing"):
        add(Aside(path, None), "attestations", [{"id": "x"}])
    assert path.read_text("utf-8") == "[]\n"
    assert [one.name for one in tmp_path.iterdir()] == ["a.yaml"]


def test_only_a_yaml_inventory_names_a_file(tmp_path: Path) -> None:
    with pytest.raises(CapdoError, match="YAML"):
        aside(tmp_path / "a.csv", "waivers")


SAFE = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp", "Co", "Cn")), max_size=40)
TRAPS = st.sampled_from(
    [
        "no",
        "on",
        "true",
        "null",
        "~",
        "0123",
        "1e5",
        "22:22",
        ".5",
        "- a",
        "a: b",
        "#",
        "'",
        '"',
        "2026-13-45",
        "=1",
        "a\nb",
        " ",
    ]
)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["id", "no", "on", "who", "x"]), SAFE | TRAPS | st.dates() | st.lists(SAFE)),
        max_size=4,
    )
)
@settings(max_examples=200, deadline=None)
def test_what_is_dumped_is_read_back(entries: list[dict[str, Any]]) -> None:
    tree = strictyaml.loads(dump(entries))
    assert tree.mistakes == []
    assert (tree.data or []) == plain(entries)
