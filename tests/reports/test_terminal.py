"""What the terminal says at the end of a run of questions and papers."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from auditor import i18n
from auditor.commands.audit import _asking, _people
from auditor.pipeline import Wish


def lines(notchecked: int, *states: str) -> list[str]:
    i18n.use("en")
    try:
        papers = [{"state": state} for state in states]
        head: dict[str, Any] = {"scores": {"province": {"counts": {"notchecked": notchecked}}}, "papers": papers}
        return list(_people(head, "INVENTORY"))
    finally:
        i18n.use("vi")


def test_questions_and_papers_have_one_line_each_and_none_when_all_is_well() -> None:
    assert lines(0, "active", "upcoming", "unused") == []
    assert lines(7) == ["7 questions await an answer: audit.py attest INVENTORY --list"]
    assert lines(0, "expiring", "expired", "expired", "contradicted", "malformed") == [
        "waivers and attestations: 1 contradicted, 1 malformed, 2 expired, 1 expiring: audit.py waive INVENTORY"
    ]


def test_a_document_without_papers_is_fine() -> None:
    assert list(_people({"scores": {"province": {"counts": {}}}}, "x")) == []


def test_the_command_named_asks_of_the_same_inventory_packs_and_day() -> None:
    assert _asking(None, Wish()) == "INVENTORY"
    assert _asking(Path("my province.yaml"), Wish(profile="a,b", day=date(2026, 11, 22))) == (
        "'my province.yaml' --profile a,b --date 2026-11-22"
    )
