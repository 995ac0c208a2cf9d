"""Findings as a table and the outcome as a message: whole, in step with the run, and inert."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from auditor import registry
from tests.reports.sample_run import HOSTILE, Sample, sample

CSV, MARKDOWN = registry.reports()["csv"], registry.reports()["markdown"]


def rows(run: Sample, folder: Path, lang: str = "vi") -> list[dict[str, str]]:
    path = CSV.render(run, folder, lang)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_finding_is_one_row(tmp_path: Path) -> None:
    run = sample()
    told = list(run.findings())
    made = rows(run, tmp_path)
    assert [(row["target"], row["rule"]) for row in made] == [(one["target"], one["rule"]) for one in told]
    known = ("fail", "error", "unknown", "notchecked", "pass", "informational", "notapplicable")
    assert all(row["result"] == one["result"] for row, one in zip(made, told, strict=True) if one["result"] in known)
    assert {row["mandatory"] for row in made} == {"x", ""}


def test_both_languages_are_there(tmp_path: Path) -> None:
    vi, en = (rows(sample(), tmp_path / lang, lang) for lang in ("vi", "en"))
    assert vi[0]["target_name"] == en[0]["target_name"]
    assert [row["title"] for row in vi] != [row["title"] for row in en]


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    run = sample()
    found = [dict(one) for one in run.findings()]
    for number, bad in enumerate(("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", " =HYPERLINK(1)", "\r=1")):
        found[number]["found"] = bad
    run.stored = found
    cells = [cell for row in rows(run, tmp_path) for cell in row.values()]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "|", "%"))]
    assert sum("'" in cell for cell in cells) >= 7


def test_hostile_text_breaks_neither_rows_nor_a_spreadsheet(tmp_path: Path) -> None:
    made = rows(sample(), tmp_path)
    text = "".join(cell for row in made for cell in row.values())
    assert any(bad.split("\n")[0][:20] in text for bad in HOSTILE[:2])
    sheet = Workbook().active
    assert sheet is not None
    for row in made:
        sheet.append(list(row.values()))  # raises for a character that a spreadsheet cannot hold


def test_a_report_that_cannot_be_written_leaves_the_old_one_whole(tmp_path: Path) -> None:
    run = sample()
    for plugin in (CSV, MARKDOWN):
        before = plugin.render(run, tmp_path, "vi").read_bytes()
        broken = sample()
        broken.stored = [*list(broken.findings())[:3], 7]  # type: ignore[list-item]
        with pytest.raises((AttributeError, TypeError, ValueError)):
            plugin.render(broken, tmp_path, "vi")
        assert plugin.render(run, tmp_path / "again", "vi").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "findings.csv", "summary.md"]


def test_the_message_agrees_with_the_run_and_fits_a_chat(tmp_path: Path) -> None:
    run = sample()
    text = MARKDOWN.render(run, tmp_path, "en").read_text("utf-8")
    found = list(run.findings())
    fails = sum(one["result"] == "fail" for one in found)
    assert f"{fails} failed" in text
    assert len(text) <= 4_000
    assert "1. " in text
    assert "self-check" in text


def test_a_run_with_thousands_of_unseen_targets_still_fits(tmp_path: Path) -> None:
    run = sample()
    run.head["targets"] = [
        {"id": f"may-{n}", "name": "x" * 300, "state": "unreachable", "kind": "server"} for n in range(3_000)
    ]
    assert len(MARKDOWN.render(run, tmp_path, "vi").read_text("utf-8")) <= 4_000


@given(st.text(min_size=1, max_size=40))
def test_no_name_becomes_markup(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    run = sample()
    run.head["organisation"]["province"]["name"] = name
    text = MARKDOWN.render(run, tmp_path_factory.mktemp("md"), "vi").read_text("utf-8")
    first = text.split("\n")[0]
    inner = first.removeprefix("**").split("** · ")[0]
    bare = inner.replace("\\\\", "")
    for at, letter in enumerate(bare):
        if letter in "`*_[]()<>#|~@":
            assert bare[at - 1] == "\\", first
