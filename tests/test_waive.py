"""``waive``: accepting a fail for a time, and seeing what was accepted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from auditor import i18n
from auditor.commands import waive
from auditor.commands.attest import Asking
from auditor.inventories import from_snapshot, load_inventory, snapshot
from auditor.mistakes import InventoryError
from auditor.model import CapdoError
from auditor.standings import State
from auditor.store import RunRow, Store
from tests.inventory.support import mistakes
from tests.test_attest import DAY, PROVINCE, province

GIVEN: dict[str, Any] = {
    "rule": "firewall.default-deny",
    "targets": ["m1"],
    "groups": None,
    "tags": None,
    "instance": None,
    "reason_class": "accepted-risk",
    "reason": "đang chờ thay tường lửa mới",
    "compensating": None,
    "requester": "Người Thứ Nhất",
    "approver": "Người Thứ Hai",
    "document": {"no": "7/QĐ", "date": "2026-11-01"},
    "from": "2026-11-01",
    "until": "2027-02-28",
}
PROOF = {"reason_class": "compensating-control", "compensating": {"rule": "tls.protocol-versions", "target": "m2"}}


@pytest.fixture(autouse=True)
def _english() -> Any:
    i18n.use("en")
    yield
    i18n.use("vi")


def held(folder: Path) -> Asking:
    (folder / "waivers.yaml").write_text("# chấp nhận\n", "utf-8")
    return province(folder, "waivers: ./waivers.yaml")


def test_a_waiver_is_written_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asking = held(tmp_path)
    waive.waive(asking.inventory, GIVEN, dry_run=True)
    assert (tmp_path / "waivers.yaml").read_text("utf-8") == "# chấp nhận\n"
    waive.waive(asking.inventory, GIVEN, dry_run=False)
    waive.waive(asking.inventory, {**GIVEN, **PROOF}, dry_run=False)
    assert (tmp_path / "waivers.yaml").read_text("utf-8").startswith("# chấp nhận\n- id: ")
    first, second = load_inventory(asking.inventory).waivers
    assert (first.id, second.id) == ("firewall.default-deny.2026-11-01", "firewall.default-deny.2026-11-01-2")
    assert second.compensating is not None
    assert (second.compensating.rule, second.compensating.target) == ("tls.protocol-versions", "m2")
    capsys.readouterr()
    store = f"sqlite:///{tmp_path / 'runs.db'}"
    waive.waivers(Asking(asking.inventory, day=date(2027, 2, 28), db=store), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert [(one["state"], one["days_left"]) for one in told] == [("expiring", 0)] * 2
    waive.waivers(Asking(asking.inventory, day=date(2027, 3, 1), db=store), as_json=False)
    assert "EXPIRED" in capsys.readouterr().out


def document(path: Path, papers: list[dict[str, Any]], **more: Any) -> Path:
    """A run document with these papers and nothing else."""
    run = {"id": "r-1", "date": "2026-11-20", "state": "complete"} | more
    place = {"province": {"id": "binh-minh"}}
    told = {"schema": "capdo.run/1", "run": run, "organisation": place, "papers": papers, "findings": []}
    path.write_text(json.dumps(told), "utf-8")
    return path


def two(folder: Path) -> Asking:
    """One waiver on its own, one that rests on a proof; nothing was run."""
    asking = held(folder)
    waive.waive(asking.inventory, GIVEN, dry_run=False)
    waive.waive(asking.inventory, {**GIVEN, **PROOF}, dry_run=False)
    return Asking(asking.inventory, day=DAY, db=f"sqlite:///{folder / 'runs.db'}")


def test_without_a_run_it_says_that_none_tested_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asking = two(tmp_path)
    capsys.readouterr()
    waive.waivers(asking, as_json=False)
    told = capsys.readouterr().out
    assert "firewall.default-deny" not in told, "what is fine is counted"
    assert "not listed: 2 active (--all lists them)" in told
    assert "no run has tested them" in told
    waive.waivers(asking, as_json=False, everything=True)
    assert capsys.readouterr().out.count("firewall.default-deny.2026-11-01") == 2
    waive.waivers(asking, as_json=True)
    one, _two = json.loads(capsys.readouterr().out)
    assert (one["state"], one["tested"], one["run"], one["run_date"]) == ("active", False, None, None)


def test_what_the_run_found_is_listed_with_its_name_and_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asking = two(tmp_path)
    capsys.readouterr()
    waive.waivers(asking, as_json=True)
    plain = json.loads(capsys.readouterr().out)
    found = {**plain[1], "state": "unproven", "why": "proof-does-not-pass"}
    run = document(tmp_path / "run.json", [found])
    waive.waivers(replace(asking, run=str(run)), as_json=False)
    told = capsys.readouterr().out
    assert "UNPROVEN, the rule it rests on does not pass" in told
    assert "as found by run r-1 of 2026-11-20\n" in told
    assert "1 of those in force were not tested by that run" in told
    waive.waivers(replace(asking, run=str(run)), as_json=True)
    made = [(one["state"], one["tested"], one["run"]) for one in json.loads(capsys.readouterr().out)]
    assert made == [("unproven", True, "r-1"), ("active", False, "r-1")]
    document(run, [found], state="partial")
    waive.waivers(replace(asking, run=str(run)), as_json=False)
    assert "which was partial" in capsys.readouterr().out


def test_the_newest_complete_run_of_the_province_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = two(tmp_path)
    rows = [
        RunRow(1, "r-new", "binh-minh", "complete", "2026-11-21T00:00:00+00:00", None, "2026-11-21", None, {}),
        RunRow(2, "r-old-judged-anew", "binh-minh", "complete", "2026-11-01T00:00:00+00:00", None, "", None, {}),
        RunRow(3, "r-partial", "binh-minh", "partial", "2026-11-22T00:00:00+00:00", None, "2026-11-22", None, {}),
        RunRow(4, "r-broken-off", "binh-minh", "collecting", "2026-11-22T01:00:00+00:00", None, "", None, {}),
    ]

    def head(_store: Store, seq: int) -> dict[str, Any]:
        row = rows[seq - 1]
        run = {"id": row.id, "date": row.date, "state": row.state}
        return {"run": run, "organisation": {"province": {"id": "binh-minh"}}, "papers": []}

    monkeypatch.setattr(Store, "list", lambda _store, province: [row for row in rows if row.province == province])
    monkeypatch.setattr(Store, "head", head)
    capsys.readouterr()
    waive.waivers(asking, as_json=False)
    assert "as found by run r-new of 2026-11-21" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"organisation": {"province": {"id": "khac"}}}, "a run of 'khac', not of 'binh-minh'"),
        ({"papers": None}, "says nothing of waivers"),
        ({"run": []}, "says nothing of waivers"),
        ({"organisation": None}, "says nothing of waivers"),
    ],
)
def test_a_run_that_is_of_no_use_is_refused(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    asking, run = two(tmp_path), document(tmp_path / "run.json", [])
    run.write_text(json.dumps(json.loads(run.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(CapdoError, match=told):
        waive.waivers(replace(asking, run=str(run)), as_json=False)


def test_a_store_that_cannot_be_used_leaves_the_dates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = two(tmp_path)
    monkeypatch.setenv("CAPDO_DB", f"sqlite:///{tmp_path / 'no' / 'such' / 'folder' / 'a.db'}")
    (tmp_path / "no").write_text("", "utf-8")
    waive.waivers(replace(asking, db=None), as_json=False)
    told = capsys.readouterr()
    assert "no run has tested them" in told.out
    assert "cannot be used as a store" in told.err
    with pytest.raises(CapdoError):
        waive.waivers(replace(asking, db=None, run="last"), as_json=False)


def test_every_state_has_words() -> None:
    assert set(waive.WORDS) == set(get_args(State))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"targets": None}, "this does not say what it applies to"),
        ({"targets": ["m9"]}, "'m9' is not declared"),
        ({"approver": "nguoi  THU nhat"}, "approver: the approver must not be the requester"),
        ({"approver": None}, "approver: this required key is missing"),
        ({"reason": "          "}, "reason: too short to say anything"),
        ({"reason_class": "khac"}, "reason_class: 'khac' is not valid here"),
        ({"reason_class": "compensating-control"}, "must name the rule that proves"),
        ({"compensating": {"rule": "a.b"}}, "belongs to reason_class compensating-control"),
        ({**PROOF, "compensating": {"rule": "a.b", "target": "m9"}}, "compensating.target: 'm9' is not declared"),
        ({"document": None}, "document: this required key is missing"),
        ({"document": {"no": "7"}}, "date"),
        ({"until": "28/02/2027"}, "until: this is not a date"),
        ({"until": "2027-02-29"}, "until: this is not a date"),
        ({"until": "2026-10-31"}, "'until' (2026-10-31) is before 'from'"),
        ({"from": None}, "from: this required key is missing"),
    ],
)
def test_a_bad_waiver_is_refused_with_all_its_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fields: dict[str, Any], told: str
) -> None:
    asking = held(tmp_path)
    with pytest.raises(typer.Exit) as left:
        waive.waive(asking.inventory, {**GIVEN, **fields}, dry_run=False)
    assert left.value.exit_code == 2
    assert told in capsys.readouterr().out
    assert (tmp_path / "waivers.yaml").read_text("utf-8") == "# chấp nhận\n"


def test_a_long_waiver_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waive.waive(held(tmp_path).inventory, {**GIVEN, "until": "2028-11-01"}, dry_run=False)
    assert "longer than 366 days" in capsys.readouterr().err


# --- waivers in files


FILE = (
    "waivers: [{{id: w, rule: r, targets: [m1], reason: đang chờ thay máy mới, requester: A, approver: B, {more}}}]\n"
)
DATES = 'document: {no: "1", date: 2026-01-01}, from: 2026-01-01, until: 2026-12-31'


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (f"{DATES}, reason_class: compensating-control, compensating: chỉ mở cổng 443", "compensating-text"),
        (f"{DATES}, reason_class: compensating-control", "compensating-missing"),
        (f"{DATES}, reason_class: not-relevant, compensating: {{rule: a.b}}", "compensating-alone"),
        (
            DATES.replace("2026-12-31", "2026-02-29") + ", reason_class: accepted-risk",
            "not-a-date",
        ),
        (
            DATES.replace("from: 2026-01-01", "from: 2026-1-1") + ", reason_class: accepted-risk",
            "not-a-date",
        ),
        (
            DATES.replace("from: 2026-01-01", "from: 2026-01-01T00:00") + ", reason_class: accepted-risk",
            "not-a-date",
        ),
    ],
)
def test_bad_waivers_are_named_where_they_stand(tmp_path: Path, more: str, code: str) -> None:
    (one,) = mistakes(tmp_path, PROVINCE + FILE.format(more=more))
    assert one.message.code == code
    assert one.line == PROVINCE.count("\n") + 1
    assert one.column > 1


def test_an_old_snapshot_told_of_its_measures_in_words(tmp_path: Path) -> None:
    good = PROVINCE + FILE.format(more=f"{DATES}, reason_class: accepted-risk")
    (tmp_path / "a.yaml").write_text(good, "utf-8")
    kept = json.loads(snapshot(load_inventory(tmp_path / "a.yaml")))
    kept["waivers"][0]["compensating"] = "chỉ mở cổng 443"
    (one,) = from_snapshot(json.dumps(kept).encode()).waivers
    assert (one.compensating, one.reason) == (None, "đang chờ thay máy mới chỉ mở cổng 443")


def test_a_broken_inventory_is_told_of_first(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(PROVINCE + "servres: []\n", "utf-8")
    with pytest.raises(InventoryError):
        waive.waive(path, GIVEN, dry_run=False)
