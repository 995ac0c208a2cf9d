"""Who checked a requirement against the original: kept in a file, bound to the words that were checked."""

from __future__ import annotations

import json
import os
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from auditor.confirmations import Confirmation, Confirmations, add, digest, read
from auditor.mistakes import InventoryError
from auditor.model import CapdoError
from tests.rulesets import requirement

REQ = requirement("REQ-1")


def told(**changes: Any) -> Confirmation:
    made = {
        "pack": "thu-nghiem",
        "requirement": "REQ-1",
        "by": "Người Thứ Nhất",
        "document": "TCVN 14423:2026",
        "page": "12",
        "on": "2026-11-22",
        "sha256": digest(REQ),
    }
    return Confirmation.model_validate({**made, **changes})


def test_what_was_recorded_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "state" / "confirmations.yaml"
    assert read(path).confirmed(REQ, "thu-nghiem") is None, "no file is no confirmation"
    add(told(on="2026-11-20", by="Người Thứ Hai"), path)
    text = path.read_text("utf-8").replace("confirmations:\n", "# ghi chú riêng\nconfirmations:\n")
    path.write_text(text, "utf-8")
    add(told(), path)
    add(told(requirement="REQ-2", page='a "b" # c: \\ no'), path)
    kept = read(path)
    assert [one.requirement for one in kept.kept] == ["REQ-1", "REQ-1", "REQ-2"]
    found = kept.confirmed(REQ, "thu-nghiem")
    assert found is not None
    assert found.as_dict() == {
        "by": "Người Thứ Nhất",
        "document": "TCVN 14423:2026",
        "page": "12",
        "on": "2026-11-22",
    }, "the newest"
    assert kept.kept[2].page == 'a "b" # c: \\ no'
    assert path.read_text("utf-8").startswith(text.rstrip()), "what stood there stays as it was written"
    assert path.stat().st_mode & 0o077 == 0
    assert sorted(one.name for one in path.parent.iterdir()) == [".confirmations.yaml.lock", "confirmations.yaml"]


def test_a_confirmation_is_of_the_words_that_were_checked() -> None:
    kept = Confirmations((told(),))
    run_id = REQ.model_copy(update={"id": "thu-nghiem/REQ-1"})
    assert kept.confirmed(REQ, "thu-nghiem") == kept.confirmed(run_id, "thu-nghiem") == told()
    assert kept.confirmed(REQ, "goi-khac") is None
    changes: dict[str, Any] = {
        "levels": [1, 2],
        "params": {"days": 30},
        "clauses": {"law": "Điều 2"},
        "meaning": {"vi": "Khác", "en": "Other"},
        "obligation": "suggested",
    }
    for name, value in changes.items():
        changed = requirement("REQ-1", **{name: value})
        assert kept.confirmed(changed, "thu-nghiem") is None, name


def test_the_state_folder_is_the_usual_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert add(told()) == tmp_path / "capdo" / "confirmations.yaml"
    assert read().confirmed(REQ, "thu-nghiem") == told()


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("confirmations:\n  - {pack: p}\n", 2, "requirement"),
        ("confirmations:\n  - pack: p\n    on: 2026-02-30\n", 3, "2026-01-15"),
        ("confirmation: []\n", 1, "confirmations"),
        ("confirmations: [\n", 2, ""),
        ("confirmations:\n  - pack: p\n    pack: q\n", 3, "pack"),
    ],
)
def test_a_file_with_mistakes_is_named_by_line_and_never_added_to(
    tmp_path: Path, text: str, line: int, part: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, "utf-8")
    for attempt in (lambda: read(path), lambda: add(told(), path)):
        with pytest.raises(InventoryError) as caught:
            attempt()
        assert any(one.line == line and part in one.text("en") for one in caught.value.mistakes)
    assert path.read_text("utf-8") == text


@pytest.mark.parametrize("text", ["confirmations: []\n", "{}\n", "confirmations:\n- {a: 1}\n"])
def test_what_cannot_be_added_to_stays_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(CapdoError):
        add(told(), path)
    assert path.read_text("utf-8") == text


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a file")
    with pytest.raises(CapdoError, match="x"):
        add(told(), tmp_path / "x" / "c.yaml")


def test_a_break_on_the_way_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.yaml"
    add(told(), path)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CapdoError, match="No space"):
        add(told(page="13"), path)
    assert path.read_bytes() == before


def test_two_people_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    workers = [threading.Thread(target=add, args=(told(page=str(n)), path)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(int(one.page) for one in read(path).kept) == list(range(8))


def test_it_can_stand_in_a_run_document() -> None:
    assert json.loads(json.dumps(told().as_dict()))["on"] == date(2026, 11, 22).isoformat()
