"""The run document on disk: inline, split above a number of findings, read back, and refused when changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor import rundoc
from auditor.model import CapdoError
from auditor.rundoc import RunDocument


def document(count: int) -> RunDocument:
    def findings() -> Iterator[dict[str, Any]]:
        for number in range(count):
            yield {
                "target": f"may-{number:04d}",
                "rule": "patch.x",
                "result": "fail",
                "message": {"vi": "Hỏng", "en": "x"},
            }

    head = {"schema": rundoc.SCHEMA, "run": {"id": "r"}, "scores": {"province": {"counts": {"fail": count}}}}
    return RunDocument(head, findings)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rundoc, "INLINE", 50)
    monkeypatch.setattr(rundoc, "PER_FILE", 20)


@pytest.mark.parametrize("count", [0, 1, 50])
def test_few_findings_stand_inside(tmp_path: Path, count: int) -> None:
    path = rundoc.write(document(count), tmp_path)
    told = json.loads(path.read_text("utf-8"))
    assert len(told["findings"]) == count
    assert "findings_files" not in told
    assert list(rundoc.read(path).findings()) == list(document(count).findings())


@pytest.mark.parametrize(("count", "files"), [(51, [20, 20, 11]), (60, [20, 20, 20]), (100, [20] * 5)])
def test_many_findings_go_to_files_that_are_named_with_their_digests(
    tmp_path: Path, count: int, files: list[int]
) -> None:
    path = rundoc.write(document(count), tmp_path)
    told = json.loads(path.read_text("utf-8"))
    assert "findings" not in told
    assert [one["count"] for one in told["findings_files"]] == files
    for one in told["findings_files"]:
        body = (tmp_path / one["path"]).read_bytes()
        assert hashlib.sha256(body).hexdigest() == one["sha256"]
        assert body.count(b"\n") == one["count"]
    again = rundoc.read(path)
    assert list(again.findings()) == list(document(count).findings())
    assert list(again.findings()) == list(again.findings())


def test_a_smaller_run_leaves_no_files_of_a_larger_one(tmp_path: Path) -> None:
    rundoc.write(document(100), tmp_path)
    rundoc.write(document(60), tmp_path)
    assert len(list((tmp_path / "findings").iterdir())) == 3


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = rundoc.write(document(60), tmp_path)
    part = tmp_path / "findings" / "findings-0002.ndjson"
    part.write_bytes(part.read_bytes().replace(b"fail", b"pass"))
    with pytest.raises(CapdoError, match="findings-0002"):
        list(rundoc.read(path).findings())


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "findings/../../x"])
def test_files_outside_its_folder_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "secret").write_text("{}\n", "utf-8")
    told = {**document(0).head, "findings_files": [{"path": name, "sha256": "0" * 64, "count": 1}]}
    (tmp_path / "out" / "run.json").write_text(json.dumps(told), "utf-8")
    with pytest.raises(CapdoError):
        list(rundoc.read(tmp_path / "out" / "run.json").findings())


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"schema": "capdo.run/2"}', '{"schema": "capdo.run/1"}', "\x00", "[" * 100_000]
)
def test_what_is_no_run_document_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text, "utf-8")
    with pytest.raises(CapdoError, match="run\\.json"):
        rundoc.read(tmp_path / "run.json")
