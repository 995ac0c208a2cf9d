"""Questionnaires as Excel files: written, filled in, spoilt in every way, and read back."""

from __future__ import annotations

import time
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font

from auditor import attest_read, strictyaml
from auditor.asides import dump
from auditor.attachments import digest
from auditor.attest_answers import _ANSWERS, _bare, answers, entry
from auditor.attest_read import CellMistake, Filled, SheetError, read
from auditor.attest_sheet import HEADER_ROW, Origin, far, write
from auditor.attest_words import ANSWERS, COLUMNS, SYNONYMS
from auditor.model import Say
from auditor.questionnaire import About, Question, questions
from auditor.targets import Attestation, Inventory
from tests.annotated import DAY
from tests.rulesets import rule
from tests.test_grants import attestation
from tests.test_questionnaire import place, table

ORIGIN = Origin("binh-minh", "0" * 64, ("thu-nghiem 1",), DAY)
TABLE = table(
    rule("a.b", check=None, scope="system", title={"vi": "Đã diễn tập", "en": "It was rehearsed"}),
    rule("a.c", check=None, scope="agency", title={"vi": "=Có quy chế", "en": "=A regulation"}),
    days=dict.fromkeys(range(1, 6), 365),
)
COLUMN = {name: number for number, name in enumerate(COLUMNS, 1)}


def found(**parts: Any) -> tuple[Question, ...]:
    return questions(place(**parts), TABLE, DAY)


def made(path: Path, lang: str = "vi", **parts: Any) -> Path:
    write(path, found(**parts), ORIGIN, {About("system", "cong"): "Cổng dịch vụ (cong)"}, lang)
    return path


def changed(path: Path, cells: dict[str, Any], sheet: str = "cong", **more: Any) -> Path:
    """The same file with other values in some cells, named by column and row: ``answer4``."""
    book = load_workbook(path)
    ws = book[sheet]
    for where, value in cells.items():
        name = where.rstrip("0123456789")
        ws.cell(int(where[len(name) :]), COLUMN[name]).value = value
    for act in more.get("acts", ()):
        act(ws)
    book.save(path)
    return path


FULL = {"answer4": "Đạt", "who4": "Người A", "on4": DAY, "explanation4": "đã diễn tập ngày 3/9"}


def taken(path: Path, folder: Path | None = None, **parts: Any) -> tuple[list[Attestation], Filled]:
    came = read(path)
    look = (lambda file: digest(folder, file)) if folder else lambda _file: "1" * 64
    return answers(came, found(**parts), parts.get("attestations", ()), ORIGIN, look), came


def said(path: Path, **parts: Any) -> list[tuple[str, str]]:
    """Cells and codes of all mistakes."""
    new, came = taken(path, **parts)
    assert came.mistakes, new
    return [(f"{one.sheet}!{one.cell}", one.message.code) for one in SheetError(came.mistakes).mistakes]


# --- what is written


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_sheet_for_each_system_and_agency(tmp_path: Path, lang: str) -> None:
    book = load_workbook(made(tmp_path / "a.xlsx", lang))
    assert book.sheetnames == ["capdo", "cong", "thu", "so-a", "so-b", "m5"]
    assert [sheet.title for sheet in book.worksheets if sheet.sheet_state != "visible"] == ["capdo"]
    sheet = book["cong"]
    assert [cell.value for cell in sheet[HEADER_ROW]] == [label[lang == "en"] for label in COLUMNS.values()]
    assert sheet.cell(4, COLUMN["key"]).value == "a.b @ system:cong"
    assert str(sheet.cell(4, COLUMN["until"]).value) == "2027-11-22 00:00:00"
    (choices,) = sheet.data_validations.dataValidation
    assert (choices.formula1, str(choices.sqref)) == (
        '"Đạt,Chưa,Không áp dụng"' if lang == "vi" else '"Met,Not met,Not applicable"',
        "F4",
    )


def test_what_looks_like_a_formula_is_written_as_text(tmp_path: Path) -> None:
    last = attestation(rule="a.c", targets=[], agencies=["so-a"], who="+cmd|' /C calc'!A0")
    path = made(tmp_path / "a.xlsx", attestations=[last])
    for sheet in load_workbook(path):
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    cell = load_workbook(path)["so-a"].cell(4, COLUMN["question"])
    assert (cell.value, cell.quotePrefix) == ("=Có quy chế", True)
    with zipfile.ZipFile(path) as packed:
        assert all(b"<f>" not in packed.read(name) for name in packed.namelist())


def test_long_and_equal_names_make_sheets_of_their_own(tmp_path: Path) -> None:
    long = "h" * 40
    systems = [{"id": long + end, "owner": "so-a"} for end in ("1", "2")] + [{"id": "SO-A", "owner": "so-a"}]
    from tests.rulesets import inventory, server

    held: Inventory = inventory(
        server("a", systems=(long + "1",)),
        server("b", systems=(long + "2",)),
        server("c", systems=("SO-A",), agency="so-a"),
        groups=[{"id": "so"}],
        agencies=[{"id": "so-a", "group": "so"}],
        systems=systems,
    )
    write(tmp_path / "a.xlsx", questions(held, TABLE, DAY), ORIGIN, {}, "vi")
    names = load_workbook(tmp_path / "a.xlsx").sheetnames
    assert len({name.casefold() for name in names}) == len(names) == 5
    assert all(len(name) <= 31 for name in names)


# --- what is read


def test_nothing_answered_is_no_answer(tmp_path: Path) -> None:
    new, came = taken(made(tmp_path / "a.xlsx"))
    assert (new, came.mistakes) == ([], [])


def test_an_answer_is_read(tmp_path: Path) -> None:
    papers = {"document_no4": 12, "document_date4": "2026-09-04", "attachment4": "ho-so/bb.pdf"}
    (tmp_path / "ho-so").mkdir()
    (tmp_path / "ho-so" / "bb.pdf").write_bytes(b"")
    path = changed(made(tmp_path / "a.xlsx"), FULL | papers | {"answer4": "  đẠT "})
    (one,), came = taken(path, tmp_path)
    assert came.mistakes == []
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert one.model_dump(mode="json", exclude_defaults=True) == {
        "id": "a.b.cong.2026-11-22",
        "rule": "a.b",
        "systems": ["cong"],
        "answer": "met",
        "explanation": "đã diễn tập ngày 3/9",
        "who": "Người A",
        "document": {"no": "12", "date": "2026-09-04"},
        "attachment": {"file": "ho-so/bb.pdf", "sha256": empty},
        "on": "2026-11-22",
        "until": "2027-11-22",
    }


def test_rows_may_be_sorted_and_taken_out(tmp_path: Path) -> None:
    path = made(tmp_path / "a.xlsx")
    whole = {name: load_workbook(path)["thu"].cell(4, column).value for name, column in COLUMN.items()}
    cells = {f"{name}9": value for name, value in whole.items()}
    changed(path, cells | {"answer9": "chưa", "who9": "B", "on9": "2026-11-01", "explanation9": "chưa có"}, "cong")
    changed(path, {}, "thu", acts=[lambda ws: ws.delete_rows(4)])
    (one,), came = taken(path)
    assert (one.systems, one.answer, came.mistakes) == (("thu",), "notmet", [])


def test_until_left_empty_is_the_period_from_the_day_of_the_answer(tmp_path: Path) -> None:
    path = changed(made(tmp_path / "a.xlsx"), FULL | {"on4": date(2026, 3, 1), "until4": None})
    assert taken(path)[0][0].until == date(2027, 3, 1)


def test_what_was_taken_before_is_passed_over(tmp_path: Path) -> None:
    path = changed(made(tmp_path / "a.xlsx"), FULL)
    (one,), _came = taken(path)
    new, came = taken(path, attestations=[one])
    assert (new, came.mistakes) == ([], [])
    changed(path, {"answer4": "Chưa"})
    assert said(path, attestations=[one]) == [("cong!H4", "sheet-same-day")]
    again = changed(path, {"on4": date(2026, 11, 21)})
    (other,), _came = taken(again, attestations=[one.model_copy(update={"id": "A.B.CONG.2026-11-21"})])
    assert other.id == "a.b.cong.2026-11-21-2"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"answer4": None}, [("cong!F4", "sheet-no-answer")]),
        ({"answer4": "rồi"}, [("cong!F4", "sheet-answer")]),
        ({"answer4": True}, [("cong!F4", "sheet-answer")]),
        ({"who4": None}, [("cong!G4", "sheet-no-who")]),
        ({"who4": "   "}, [("cong!G4", "sheet-no-who")]),
        ({"who4": "A\nB"}, [("cong!G4", "sheet-line-break"), ("cong!G4", "sheet-no-who")]),
        ({"who4": "A\u202eB"}, [("cong!G4", "bad-character"), ("cong!G4", "sheet-no-who")]),
        ({"who4": "x" * 301}, [("cong!G4", "sheet-too-long-text"), ("cong!G4", "sheet-no-who")]),
        ({"on4": None}, [("cong!H4", "sheet-no-date")]),
        ({"on4": DAY + timedelta(days=1)}, [("cong!H4", "sheet-future")]),
        ({"on4": "22/11/2026"}, [("cong!H4", "sheet-date")]),
        ({"on4": "2026-02-30"}, [("cong!H4", "sheet-date")]),
        ({"on4": datetime.fromisoformat("2026-11-02T10:30:00")}, [("cong!H4", "sheet-date")]),
        ({"document_no4": "5/BB"}, [("cong!J4", "sheet-half-document")]),
        ({"document_date4": DAY}, [("cong!I4", "sheet-half-document")]),
        ({"document_no4": DAY, "document_date4": DAY}, [("cong!I4", "sheet-date-for-text")]),
        ({"document_no4": "5", "document_date4": "2027-01-01"}, [("cong!J4", "sheet-future")]),
        ({"explanation4": " -- "}, [("cong!K4", "sheet-explanation")]),
        ({"explanation4": None}, [("cong!K4", "sheet-explanation")]),
        ({"attachment4": "../a.pdf"}, [("cong!L4", "path-dots")]),
        ({"attachment4": "/etc/hostname"}, [("cong!L4", "attachment-outside")]),
        ({"attachment4": "C:\\a.pdf"}, [("cong!L4", "attachment-outside")]),
        ({"until4": "2026-11-21"}, [("cong!M4", "sheet-until")]),
        ({"until4": "mai"}, [("cong!M4", "sheet-date")]),
        ({"answer4": "=1+1"}, [("cong!F4", "sheet-formula"), ("cong!F4", "sheet-no-answer")]),
        ({"question4": "Đã làm khác"}, [("cong!C4", "sheet-question-changed")]),
        ({"key4": "a.b @ system:khac"}, [("cong!A4", "sheet-unknown-question")]),
        ({"key4": None}, [("cong!A4", "sheet-no-key")]),
        ({"key9": "a.b @ system:cong"}, [("cong!A9", "sheet-same-question")]),
        ({"answer3": "Kết quả"}, [("cong!F3", "sheet-header")]),
        ({"question3": None, "why3": "x"}, [("cong!C3", "sheet-header"), ("cong!E3", "sheet-header")]),
    ],
)
def test_each_bad_cell_is_named(tmp_path: Path, cells: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    path = changed(made(tmp_path / "a.xlsx"), FULL | cells)
    assert said(path) == expected


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Đạt", "met"),
        ("ĐẠT", "met"),
        ("dat", "met"),
        ("\u0110a\u0323t", "met"),
        ("Met", "met"),
        ("Chưa", "notmet"),
        ("chua dat", "notmet"),
        ("Không đạt", "notmet"),
        ("KHÔNG  ĐẠT.", "notmet"),
        ("Khong dat", "notmet"),
        ("not met", "notmet"),
        ("NotMet", "notmet"),
        ("not-met", "notmet"),
        ("Không áp dụng", "notapplicable"),
        ("khong ap dung", "notapplicable"),
        ("N/A", "notapplicable"),
        ("n.a.", "notapplicable"),
        ("Not Applicable", "notapplicable"),
    ],
)
def test_usual_words_for_an_answer_are_understood(tmp_path: Path, text: str, answer: str) -> None:
    (one,), came = taken(changed(made(tmp_path / "a.xlsx"), FULL | {"answer4": text}))
    assert (one.answer, came.mistakes) == (answer, [])


@pytest.mark.parametrize(
    "text", ["Đạt?", "Không", "Chưa đủ dữ liệu", "Đạt một phần", "Đạt / Không đạt", "đ̶ạ̶t̶", "0", "x", "-", "Có", "Yes"]
)
def test_what_is_no_answer_is_told_what_is_one(tmp_path: Path, text: str) -> None:
    _new, came = taken(changed(made(tmp_path / "a.xlsx"), FULL | {"answer4": text}))
    (wrong,) = came.mistakes
    assert "Đạt; Chưa, Chưa đạt, Không đạt; Không áp dụng, N/A" in wrong.text("vi")
    assert "Met; Not met; Not applicable, N/A" in wrong.text("en")
    assert text in wrong.text("vi")


def test_no_word_means_two_answers() -> None:
    words = [word for key, labels in ANSWERS.items() for word in {_bare(one) for one in (*labels, *SYNONYMS[key])}]
    assert len(set(words)) == len(words)
    assert all(_ANSWERS[_bare(one)] == key for key, labels in ANSWERS.items() for one in (key, *labels))


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_excel_asks_and_does_not_refuse_another_word(tmp_path: Path, lang: str) -> None:
    (listed,) = load_workbook(made(tmp_path / "a.xlsx", lang))["cong"].data_validations.dataValidation
    assert (listed.errorStyle, "N/A" in listed.error) == ("warning", True)
    assert len(listed.error) <= 225, "what Excel shows"


# --- what the head of a sheet says for all its rows

TWO = table(
    *(rule(f"a.r{number}", check=None, scope="system", title={"vi": "Đã diễn tập", "en": "x"}) for number in range(9)),
    days=dict.fromkeys(range(1, 6), 365),
)
HEAD = {"who1": "Người A", "on1": "2026-11-02", "document_no1": "7/QĐ", "document_date1": date(2026, 11, 1)}


def many(path: Path, cells: dict[str, Any], rows: range = range(4, 13)) -> tuple[list[Attestation], Filled]:
    """Nine questions of one system, answered in these rows with a word and an explanation only."""
    asked = questions(place(), TWO, DAY)
    write(path, asked, ORIGIN, {}, "vi")
    filled = {f"answer{row}": "Đạt" for row in rows} | {f"explanation{row}": "đã diễn tập" for row in rows}
    came = read(changed(path, filled | cells))
    return answers(came, asked, (), ORIGIN, lambda _file: "1" * 64), came


def test_the_head_fills_the_empty_cells_of_answered_rows(tmp_path: Path) -> None:
    own = {"who5": "Người B", "on6": "2026-11-03", "document_no7": "9/TB", "document_date7": "2026-10-01"}
    new, came = many(tmp_path / "a.xlsx", HEAD | own, range(4, 9))
    assert came.mistakes == []
    told = [(one.who, one.on.day, one.document and one.document.no) for one in new]
    assert told == [
        ("Người A", 2, "7/QĐ"),
        ("Người B", 2, "7/QĐ"),
        ("Người A", 3, "7/QĐ"),
        ("Người A", 2, "9/TB"),
        ("Người A", 2, "7/QĐ"),
    ], "four rows have no answer and stay so"
    assert {one.until for one in new} == {date(2027, 11, 22)}


def test_the_head_never_answers_and_never_mixes_documents(tmp_path: Path) -> None:
    new, came = many(tmp_path / "a.xlsx", HEAD, range(0))
    assert (new, came.mistakes) == ([], [])
    _new, came = many(tmp_path / "b.xlsx", HEAD | {"explanation4": "đã rà soát"}, range(0))
    assert [one.message.code for one in came.mistakes if one.cell == "F4"] == ["sheet-no-answer"]
    _new, came = many(tmp_path / "c.xlsx", HEAD | {"document_no4": "9/TB"})
    assert [(one.cell, one.message.code) for one in came.mistakes] == [("J4", "sheet-half-document")]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"on1": "2026-11-23"}, [("H1", "sheet-future")]),
        ({"on1": "02/11/2026"}, [("H1", "sheet-date")]),
        ({"who1": "A\nB"}, [("G1", "sheet-line-break"), ("G1", "sheet-no-who")]),
        ({"document_date1": None}, [("J1", "sheet-half-document")]),
        ({"document_no1": None}, [("I1", "sheet-half-document")]),
    ],
)
def test_a_mistake_in_the_head_is_told_once(
    tmp_path: Path, cells: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    new, came = many(tmp_path / "a.xlsx", HEAD | cells)
    assert [(one.cell, one.message.code) for one in came.mistakes] == expected
    assert new == []


def test_a_formula_in_the_head_is_refused(tmp_path: Path) -> None:
    _new, came = many(tmp_path / "a.xlsx", HEAD | {"who1": "=A1"})
    assert ("G1", "sheet-formula") in [(one.cell, one.message.code) for one in came.mistakes]


# --- one mistake of many cells


def test_a_mistake_of_many_rows_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    gaps: dict[str, Any] = {f"explanation{row}": None for row in (4, 5, 6, 8, 10, 11)}
    _new, came = many(path, HEAD | gaps)
    wrong = SheetError(came.mistakes)
    assert len(wrong.mistakes) == 6
    vi, en = wrong.text("vi"), wrong.text("en")
    assert vi == f"{path}: cong!K4:K6, K8, K10:K11 (6 ô): giải trình quá ngắn, chưa nói được điều gì"
    assert en == f"{path}: cong!K4:K6, K8, K10:K11 (6 cells): the explanation is too short to say anything"
    _new, came = many(path, HEAD | gaps | {"explanation11": "đã diễn tập"})
    assert SheetError(came.mistakes).text("en").count("\n") == 4, "five are told one by one"


def test_mistakes_with_values_of_their_own_show_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    _new, came = many(path, HEAD | {f"on{row}": f"{row}/11/2026" for row in range(4, 13)} | {"who12": "x" * 301})
    first, *others = SheetError(came.mistakes).text("en").splitlines()
    assert first.startswith(f"{path}: cong!H4:H12 (9 cells, each with a value of its own; the first): '4/11/2026' is")
    assert [line.split(": ")[1] for line in others] == ["cong!G12", "cong!G12"]


@given(st.sets(st.integers(4, 400), min_size=attest_read.REPEATS + 1), st.sampled_from(["K", "AA"]))
def test_every_cell_of_a_group_is_named(rows: set[int], column: str) -> None:
    found = [CellMistake("f", Say("sheet-no-who", {}), "s", f"{column}{row}") for row in rows]
    (line,) = SheetError(found).text("en").splitlines()
    cells = line.removeprefix("f: s!").partition(" (")[0]
    named: list[int] = []
    for span in cells.split(", "):
        start, _colon, end = span.replace(column, "").partition(":")
        named += range(int(start), int(end or start) + 1)
    assert named == sorted(rows)
    assert f"({len(rows)} cells)" in line


# --- until when, where the rule has no period


@pytest.mark.parametrize(
    ("on", "expected"),
    [(DAY, date(2031, 11, 22)), (date(2028, 2, 29), date(2033, 2, 28)), (date(9998, 5, 1), date(9999, 5, 1))],
)
def test_an_answer_to_a_fact_of_one_day_is_proposed_to_count_for_years(on: date, expected: date) -> None:
    assert far(on) == expected


def test_a_rule_without_a_period_keeps_what_the_answer_says(tmp_path: Path) -> None:
    once = table(rule("a.b", check=None, scope="system", title={"vi": "Đã nghiệm thu", "en": "Accepted"}))
    asked = questions(place(), once, DAY)
    path = tmp_path / "a.xlsx"
    write(path, asked, ORIGIN, {}, "vi")
    assert load_workbook(path)["cong"].cell(4, COLUMN["until"]).value == datetime(2031, 11, 22)  # noqa: DTZ001
    for until, expected in ((None, date(2031, 11, 22)), (date(2040, 1, 1), date(2040, 1, 1))):
        came = read(changed(path, FULL | {"until4": until}))
        (one,) = answers(came, asked, (), ORIGIN, lambda _file: "1" * 64)
        assert (one.until, came.mistakes) == (expected, [])


def test_a_missing_attachment_is_named(tmp_path: Path) -> None:
    path = changed(made(tmp_path / "a.xlsx"), FULL | {"attachment4": "khong-co.pdf"})
    _new, came = taken(path, tmp_path)
    assert came.mistakes[0].text("en") == f"{path}: cong!L4: there is no attachment 'khong-co.pdf' beside the inventory"
    (tmp_path / "khong-co.pdf").symlink_to("/etc/hostname")
    assert taken(path, tmp_path)[1].mistakes[0].message == Say("attachment-outside", {"file": "khong-co.pdf"})


def test_all_mistakes_are_named_at_once_in_their_order(tmp_path: Path) -> None:
    path = changed(made(tmp_path / "a.xlsx"), FULL | {"who4": None, "on4": "x"})
    changed(path, {"answer4": "x", "explanation4": "y"}, "so-a")
    assert [place for place, _code in said(path)] == ["cong!G4", "cong!H4", "so-a!F4", "so-a!G4", "so-a!H4", "so-a!K4"]


def test_shifted_and_merged_sheets(tmp_path: Path) -> None:
    path = changed(made(tmp_path / "a.xlsx"), FULL, acts=[lambda ws: ws.insert_rows(1)])
    assert said(path) == [("cong!A3", "sheet-no-header")]
    path = changed(made(tmp_path / "b.xlsx"), FULL, acts=[lambda ws: ws.merge_cells("F4:F5")])
    assert ("cong!F4:F5", "sheet-merged") in said(path)
    path = changed(made(tmp_path / "c.xlsx"), FULL, acts=[lambda ws: ws.cell(3, len(COLUMN) + 1, "Ghi chú")])
    assert said(path) == [("cong!P3", "sheet-extra-column")]


@pytest.mark.parametrize(
    ("row", "value", "code", "cell"),
    [
        (1, "capdo.attest/9", "sheet-schema", "B1"),
        (2, "tinh-khac", "sheet-province", "B2"),
        (4, "goi-khac 1", "sheet-packs", "B4"),
    ],
)
def test_a_sheet_of_another_inventory_or_pack_is_refused(
    tmp_path: Path, row: int, value: str, code: str, cell: str
) -> None:
    path = changed(made(tmp_path / "a.xlsx"), FULL)
    book = load_workbook(path)
    book["capdo"].cell(row, 2).value = value
    book.save(path)
    assert said(path) == [(f"capdo!{cell}", code)]


def test_a_newer_version_of_the_pack_is_taken_while_it_asks_the_same(tmp_path: Path) -> None:
    came = read(changed(made(tmp_path / "a.xlsx"), FULL))
    newer = ORIGIN._replace(packs=("thu-nghiem 2",), inventory_sha256="f" * 64)
    assert len(answers(came, found(), (), newer, lambda _file: "1" * 64)) == 1
    assert not came.mistakes


# --- files that are none


def test_files_that_are_no_questionnaire(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    assert said(path) == [("!", "no-file")]
    path.write_bytes(b"not a zip")
    assert said(path) == [("!", "sheet-not-excel")]
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600)
    assert said(path) == [("!", "sheet-encrypted")]
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.txt", "x")
    assert said(path) == [("!", "sheet-not-excel")]
    Workbook().save(path)
    assert said(path) == [("!", "sheet-not-ours")]


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = made(tmp_path / "a.xlsx")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/media/bomb.bin", b"\0" * (attest_read.MAX_UNPACKED + 1))
    assert path.stat().st_size < 2**20
    before = time.monotonic()
    assert said(path) == [("!", "sheet-too-big")]
    assert time.monotonic() - before < 1


def test_declared_entities_are_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "a.xlsx")
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    name = "xl/worksheets/sheet2.xml"
    parts[name] = b'<!DOCTYPE x [<!ENTITY a "b">]>' + parts[name]
    with zipfile.ZipFile(path, "w") as packed:
        for one, raw in parts.items():
            packed.writestr(one, raw)
    assert said(path) == [("!", "sheet-broken")]


@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_broken_bytes_never_raise(tmp_path: Path, data: st.DataObject) -> None:
    good = changed(made(tmp_path / "good.xlsx"), FULL)
    with zipfile.ZipFile(good) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    name = data.draw(st.sampled_from(sorted(parts)))
    at = data.draw(st.integers(0, len(parts[name])))
    parts[name] = (
        parts[name][:at] + data.draw(st.binary(max_size=8)) + parts[name][at + data.draw(st.integers(0, 40)) :]
    )
    spoilt = tmp_path / "spoilt.xlsx"
    with zipfile.ZipFile(spoilt, "w") as packed:
        for one, raw in parts.items():
            packed.writestr(one, raw)
    new, came = taken(spoilt)
    assert came.mistakes or len(new) <= 1
    for wrong in came.mistakes:
        assert wrong.text("vi").startswith(str(spoilt))


def test_a_hundred_thousand_empty_rows_cost_little(tmp_path: Path) -> None:
    bold = Font(bold=True)

    def drag(ws: Any) -> None:
        for row in range(5, 100_001):
            ws.cell(row, 7).font = bold

    path = changed(made(tmp_path / "a.xlsx"), FULL, acts=[drag])
    before = time.process_time()
    (one,), came = taken(path)
    assert time.process_time() - before < 2
    assert (one.systems, came.mistakes) == (("cong",), [])


def test_rows_far_below_are_not_overlooked(tmp_path: Path) -> None:
    path = changed(made(tmp_path / "a.xlsx"), FULL | {f"who{attest_read.MAX_ROWS + 1}": "A"})
    assert said(path) == [(f"cong!A{attest_read.MAX_ROWS + 1}", "sheet-too-long")]
    path = changed(made(tmp_path / "b.xlsx"), FULL | {"who9000": "A"})
    assert said(path) == [("cong!A9000", "sheet-no-key")]


# --- there and back

LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp", "Co", "Cn"))
LINES = st.text(LETTERS, min_size=1, max_size=30).map(str.strip).filter(lambda text: sum(map(str.isalnum, text)) >= 4)
TEXTS = st.one_of(LINES, st.tuples(LINES, LINES).map("\n".join), LINES.map(lambda text: "=" + text))
PAST = st.dates(date(2000, 1, 1), DAY)
GIVEN = st.fixed_dictionaries(
    {
        "answer": st.sampled_from(sorted(ANSWERS)),
        "who": LINES,
        "on": PAST,
        "explanation": TEXTS,
        "document": st.none() | st.tuples(LINES, PAST),
        "attachment": st.booleans(),
        "days": st.integers(0, 2000),
    }
)


@given(given_=st.lists(GIVEN, min_size=1, max_size=6), lang=st.sampled_from(["vi", "en"]), iso=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_filled_in_comes_back_whole(
    tmp_path: Path, given_: list[dict[str, Any]], lang: str, *, iso: bool
) -> None:
    """Sheet → answers → YAML → data again: nothing is lost or made otherwise."""
    path = made(tmp_path / "there.xlsx", lang)
    asked = list(found())[: len(given_)]
    book = load_workbook(path)
    for question, one in zip(asked, given_, strict=False):
        ws = book[question.sheet.id]
        row = next(cell.row for cell in ws["A"] if cell.value == question.key)
        told = {
            "answer": ANSWERS[one["answer"]][lang == "en"],
            "who": one["who"],
            "on": one["on"].isoformat() if iso else one["on"],
            "explanation": one["explanation"],
            "document_no": one["document"][0] if one["document"] else None,
            "document_date": one["document"][1] if one["document"] else None,
            "attachment": "a.pdf" if one["attachment"] else None,
            "until": one["on"] + timedelta(days=one["days"]),
        }
        for name, value in told.items():
            cell = ws.cell(row, COLUMN[name])
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"
    book.save(path)
    new, came = taken(path)
    assert came.mistakes == []
    assert len(new) == len(asked)
    for question, one, got in zip(asked, given_, new, strict=False):
        assert (got.rule, got.answer, got.who, got.on) == (question.rule.id, one["answer"], one["who"], one["on"])
        assert got.explanation == one["explanation"]
        assert got.until == one["on"] + timedelta(days=one["days"])
        assert (got.document and (got.document.no, got.document.date)) == one["document"]
        assert bool(got.attachment) == one["attachment"]
        assert (*got.systems, *got.agencies, *got.targets) == (question.about.id,)
    tree = strictyaml.loads(dump([entry(one) for one in new]))
    assert tree.mistakes == []
    assert [Attestation.model_validate(one) for one in tree.data] == new
    again, came = taken(path, attestations=new)
    assert (again, came.mistakes) == ([], [])
