"""Whole runs on this very machine: the document, its schema, judging twice, tampering, history, refusals."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "docs" / "run.schema.json").read_text("utf-8"))

INVENTORY = """
province: {id: thu-nghiem, name: Tỉnh Thử Nghiệm}
groups: [{id: nhom, name: {vi: Nhóm, en: Group}}]
agencies: [{id: so-a, name: Sở A, group: nhom}, {id: so-b, name: Sở B, group: nhom}]
systems: [{id: he-thong, name: Hệ thống, owner: so-a, level: 3}]
sites: [{id: phong-may, name: Phòng máy}]
servers:
  - {id: may-nay, address: 127.0.0.1, connect: local, platform: linux, systems: [he-thong], site: phong-may}
  - {id: khong-khoa, address: 127.0.0.1, agency: so-b, ssh: {user: audit, port: 9}}
  - {id: ngoai-quyen, address: 192.0.2.7, agency: so-b, ssh: {user: audit}}
links: [{id: noi-bo, from: so-a, to: may-nay, target: 127.0.0.1, kind: loopback}]
"""


def audit(*words: str | Path, db: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "audit.py"), *map(str, words)]
    if words[0] in ("run", "judge", "report", "runs", "verify", "doctor"):
        command += ["--db", f"sqlite:///{db}"]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=180, check=False)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an inventory, collected evidence, a stored run and its document."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "inventory.yaml").write_text(INVENTORY, "utf-8")
    ended = audit("run", folder / "inventory.yaml", "--out", folder / "out", db=folder / "a.db")
    assert ended.returncode in (1, 3), ended.stderr
    ended = audit("collect", folder / "inventory.yaml", "--out", folder / "evidence", db=folder / "a.db")
    assert ended.returncode == 3, ended.stderr
    return folder


@pytest.fixture(scope="module")
def recorded(done: Path) -> Path:
    """The same inventory over the evidence already collected: runs of it ask no host."""
    (done / "recorded.yaml").write_text(
        INVENTORY.replace("connect: local", "connect: recorded, recording: may-nay").replace(
            "kind: loopback", "kind: loopback, connect: recorded, recording: noi-bo"
        )
        + "recorded: ./evidence\n",
        "utf-8",
    )
    return done / "recorded.yaml"


def document(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((path / "run.json").read_text("utf-8"))
    return told


def results(told: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(one["target"], one["rule"]): one["result"] for one in told["findings"]}


def test_the_document_fits_its_schema(done: Path) -> None:
    jsonschema.validate(document(done / "out"), SCHEMA)


def test_one_finding_for_each_target_and_rule(done: Path) -> None:
    told = document(done / "out")
    pairs = [(one["target"], one["rule"]) for one in told["findings"]]
    assert len(pairs) == len(set(pairs))
    assert pairs == sorted(pairs)
    assert {target["id"] for target in told["targets"]} == {"may-nay", "khong-khoa", "ngoai-quyen", "noi-bo"}
    counted = sum(told["scores"]["province"]["counts"].values())
    assert counted == len(pairs)


def test_targets_that_could_not_be_seen_stand_with_their_reason(done: Path) -> None:
    states = {one["id"]: (one["state"], one["reason"]) for one in document(done / "out")["targets"]}
    assert states["khong-khoa"] == ("unreachable", "unreachable")
    assert states["ngoai-quyen"] == ("unreachable", "not-authorised")
    assert states["may-nay"][0] in ("assessed", "partial")


def test_a_pass_rests_on_observations_that_are_in_the_document(done: Path) -> None:
    told = document(done / "out")
    passed = [one for one in told["findings"] if one["result"] == "pass"]
    assert passed
    for one in passed:
        assert one["observations"]
        assert set(one["observations"]) <= set(told["observations"])


def test_what_is_unknown_says_why(done: Path) -> None:
    for one in document(done / "out")["findings"]:
        assert (one["reason"] is not None) == (one["result"] == "unknown"), one
        assert (one["cure"] is not None) == (one["result"] in ("unknown", "error", "notchecked")), one


def test_personal_data_stay_out_of_the_document(done: Path) -> None:
    told = document(done / "out")
    listed = [one for one in told["observations"].values() if "/etc/passwd" in one["source"]]
    assert listed
    assert all(one["excerpt"] is None for one in listed)


def test_judging_the_same_evidence_twice_gives_the_same_bytes(done: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        ended = audit("judge", done / "evidence", "--out", tmp_path / name, db=tmp_path / f"{name}.db")
        assert ended.returncode in (1, 3), ended.stderr
    assert (tmp_path / "one" / "run.json").read_bytes() == (tmp_path / "two" / "run.json").read_bytes()
    # and once more into a store that holds it already
    audit("judge", done / "evidence", "--out", tmp_path / "three", db=tmp_path / "one.db")
    assert (tmp_path / "one" / "run.json").read_bytes() == (tmp_path / "three" / "run.json").read_bytes()


def test_evidence_collected_apart_is_judged_as_collected_together(done: Path) -> None:
    run = results(document(done / "out"))
    ended = audit("judge", done / "evidence", "--out", done / "judged", db=done / "b.db")
    assert ended.returncode in (1, 3), ended.stderr
    assert set(results(document(done / "judged"))) == set(run)


@pytest.mark.parametrize("how", ["dropped", "truncated", "emptied", "garbled"])
def test_spoilt_observations_never_make_a_pass(done: Path, tmp_path: Path, how: str) -> None:
    before = results(document(done / "out"))
    evidence = tmp_path / "evidence"
    shutil.copytree(done / "evidence", evidence)
    for path in (evidence / "observations").iterdir():
        body = path.read_bytes()
        if how == "dropped":
            path.unlink()
        else:
            path.write_bytes({"truncated": body[: len(body) // 2], "emptied": b"", "garbled": body[::-1]}[how])
    ended = audit("judge", evidence, "--out", tmp_path / "out", db=tmp_path / "a.db")
    assert ended.returncode in (1, 3), ended.stderr
    assert "manifest" in ended.stderr or "bản kê" in ended.stderr
    told = document(tmp_path / "out")
    assert told["run"]["verified"] is False
    collected = {key for key, value in results(told).items() if value == "pass" and before[key] != "pass"}
    assert not collected
    for one in told["findings"]:
        if one["result"] == "pass":  # only what the inventory itself answers is left
            assert set(one["observations"]) == {told["run"]["inventory_sha256"]}, one


def test_a_changed_envelope_is_noticed(done: Path, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    shutil.copytree(done / "evidence", evidence)
    path = evidence / "envelopes" / "may-nay" / "system.linux.json"
    path.write_text(path.read_text("utf-8").replace('"attempt": 1', '"attempt": 2'), "utf-8")
    assert audit("verify", evidence, db=tmp_path / "a.db").returncode == 3
    audit("judge", evidence, "--out", tmp_path / "out", db=tmp_path / "a.db")
    told = {(one["target"], one["rule"]): one for one in document(tmp_path / "out")["findings"]}
    assert told["may-nay", "patch.running-kernel"]["result"] == "unknown"
    assert told["may-nay", "patch.running-kernel"]["reason"] == "unparsable"


def test_old_evidence_is_stale(done: Path, tmp_path: Path) -> None:
    ended = audit("judge", done / "evidence", "--date", "2027-06-30", "--out", tmp_path, db=tmp_path / "a.db")
    assert ended.returncode in (1, 3), ended.stderr
    told = document(tmp_path)
    kernel = next(
        one for one in told["findings"] if one["rule"] == "patch.running-kernel" and one["target"] == "may-nay"
    )
    assert (kernel["result"], kernel["reason"]) == ("unknown", "stale")
    assert next(one["state"] for one in told["targets"] if one["id"] == "may-nay") == "stale"


def test_history_is_carried_from_run_to_run(recorded: Path, tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    for name in ("one", "two"):
        audit("run", recorded, "--out", tmp_path / name, db=db)
        time.sleep(1.1)  # a run is dated to the second
    first, second = document(tmp_path / "one"), document(tmp_path / "two")
    assert first["run"]["previous"] is None
    assert second["run"]["previous"] == first["run"]["id"]
    old = results(first)
    for one in second["findings"]:
        if one["result"] == "fail" and old[one["target"], one["rule"]] == "fail":
            assert (one["change"], one["runs_open"]) == ("open", 2)
            assert one["first_seen"] == first["run"]["date"]


def test_two_runs_are_compared_and_a_target_that_was_away_keeps_its_history(recorded: Path, tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    text = recorded.read_text("utf-8")
    away = recorded.with_name("away.yaml")
    away.write_text("\n".join(line for line in text.splitlines() if "id: may-nay" not in line), "utf-8")
    runs = []
    for number, path in enumerate((recorded, away, recorded)):
        ended = audit("run", path, "--out", tmp_path / str(number), db=db)
        assert ended.returncode in (1, 3), ended.stderr
        runs.append(document(tmp_path / str(number)))
        time.sleep(1.1)  # a run is dated to the second
    first, middle, last = (one["run"]["id"] for one in runs)
    fails = {pair for pair, result in results(runs[0]).items() if result == "fail"}
    there = {pair for pair in fails if pair[0] == "may-nay"}
    assert there
    for one in runs[2]["findings"]:
        if (one["target"], one["rule"]) in there:
            assert (one["change"], one["runs_open"]) == ("open", 2)
    told = json.loads(audit("runs", "diff", first, middle, "--json", db=db).stdout)
    assert (told["gone"], told["added"]) == (["may-nay"], [])
    told = json.loads(audit("runs", "diff", first, last, "--json", db=db).stdout)
    assert (told["gone"], told["added"], told["differences"]) == ([], [], [])
    assert told["counts"] == {"new": 0, "fixed": 0, "open": len(fails), "recurred": 0, "notmeasured": 0}
    said = audit("runs", "diff", middle, "--lang", "en", db=db).stdout
    assert f"new failures: {len(there)}" in said
    assert "may-nay" in said


def test_a_limited_run_is_partial_and_never_previous(recorded: Path, tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    ended = audit("run", recorded, "--limit", "may-nay", "--out", tmp_path / "one", db=db)
    assert ended.returncode in (1, 3), ended.stderr
    told = document(tmp_path / "one")
    assert told["run"]["state"] == "partial"
    assert told["scores"]["province"]["grade"] is None
    assert [target["id"] for target in told["targets"]] == ["may-nay"]
    time.sleep(1.1)
    audit("run", recorded, "--out", tmp_path / "two", db=db)
    assert document(tmp_path / "two")["run"]["previous"] is None


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("run", "INV", "--limit", "khong-co-may-nao"), "--limit"),
        (("run", "INV", "--checks", "khong.co"), ""),
        (("run", "INV", "--date", "22/11/2026"), "2026-11-22"),
        (("run", "INV", "--profile", "khong-co"), "khong-co"),
        (("run", "/khong/co.yaml"), "/khong/co.yaml"),
        (("run", "INV", "--format", "docx9"), "docx9"),
        (("judge", "/khong/co"), "/khong/co"),
        (("report", "khong-co"), "khong-co"),
        (("run", "INV", "--resume"), ""),
        (("checks", "show", "khong.co"), "khong.co"),
        (("rules", "show", "99.99.99"), "99.99.99"),
    ],
)
def test_bad_input_ends_with_2_and_no_traceback(
    done: Path, tmp_path: Path, words: tuple[str, ...], wanted: str
) -> None:
    named = [str(done / "inventory.yaml") if word == "INV" else word for word in words]
    if words[0] in ("run", "judge"):
        named += ["--out", str(tmp_path / "out")]
    ended = audit(*named, db=tmp_path / "a.db")
    assert ended.returncode == 2, (ended.stdout, ended.stderr)
    assert "Traceback" not in ended.stderr
    assert wanted in ended.stderr


def test_an_empty_inventory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("province: {id: trong}\n", "utf-8")
    assert audit("run", tmp_path / "empty.yaml", "--out", tmp_path / "out", db=tmp_path / "a.db").returncode == 2


def test_reports_are_made_again_from_the_store_and_from_the_document(done: Path, tmp_path: Path) -> None:
    ended = audit("report", "last", "--format", "html,json", "--out", tmp_path / "store", db=done / "a.db")
    assert ended.returncode == 0, ended.stderr
    assert results(document(tmp_path / "store")) == results(document(done / "out"))
    ended = audit("report", done / "out" / "run.json", "--out", tmp_path / "file", db=done / "a.db")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "file" / "index.html").is_file()


def test_nothing_the_run_writes_can_be_read_by_others(done: Path) -> None:
    for path in (done / "out").rglob("*"):
        assert not path.stat().st_mode & 0o077, path
    for path in [done / "a.db", *(done / "evidence").rglob("*")]:
        assert not path.stat().st_mode & 0o077, path


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_lists_speak_both_languages_and_json_is_only_json(tmp_path: Path, lang: str) -> None:
    for words in (("checks", "list"), ("rules", "list"), ("runs", "list")):
        ended = audit(*words, "--json", "--lang", lang, db=tmp_path / "a.db")
        assert ended.returncode == 0, ended.stderr
        assert isinstance(json.loads(ended.stdout), list)
        assert audit(*words, "--lang", lang, db=tmp_path / "a.db").returncode == 0
