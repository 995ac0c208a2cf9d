"""The store: migrations, all-or-nothing runs, the journal, refusals, and that nobody else may read it."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from auditor.annotate import Annotated, Change
from auditor.collect import Committed
from auditor.model import CapdoError, Finding, Reason, Result, Say, Verdict
from auditor.states import Packed
from auditor.store import Store
from auditor.tables import metadata

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'a.db'}")


def begin(store: Store, run_id: str, at: datetime = NOW) -> int:
    return store.begin(run_id, "tinh", at, at.date(), {"profile": None})


def annotated(target: str, rule: str) -> Annotated:
    finding = Finding(target, rule, "patch.x", Verdict(Result.FAIL, Say("a")))
    return Annotated(finding, Result.FAIL, Change.NEW, date(2026, 11, 22), 1, Result.FAIL, True)


def test_tables_made_by_migrations_are_those_the_code_uses(store: Store, tmp_path: Path) -> None:
    made = sa.MetaData()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    made.reflect(engine)
    for name, table in metadata.tables.items():
        assert {c.name for c in made.tables[name].columns} == {c.name for c in table.columns}
        assert {c.name for c in made.tables[name].primary_key} == {c.name for c in table.primary_key}
    engine.dispose()
    store.close()


def test_a_store_of_a_newer_version_is_refused(store: Store, tmp_path: Path) -> None:
    store.close()
    with sqlite3.connect(tmp_path / "a.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()
    with pytest.raises(CapdoError, match="9999"):
        Store(f"sqlite:///{tmp_path / 'a.db'}")


@pytest.mark.parametrize("url", ["sqlite:////dev/null/x.db", "khong-phai-url", "mysql://nobody@127.0.0.1/x"])
def test_what_cannot_be_a_store_is_said_so(url: str) -> None:
    with pytest.raises(CapdoError):
        Store(url)


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"not a database, but somebody's letter " * 40)
    with pytest.raises(CapdoError):
        Store(f"sqlite:///{tmp_path / 'a.db'}")
    assert b"somebody's letter" in (tmp_path / "a.db").read_bytes()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        with Store(f"sqlite:///{tmp_path / 'a.db'}") as store:
            begin(store, "r1")
    finally:
        os.umask(old)
    assert (tmp_path / "a.db").stat().st_mode & 0o077 == 0


def test_a_run_is_finished_only_with_its_last_finding(store: Store) -> None:
    seq = begin(store, "r1")
    with pytest.raises(RuntimeError, match="power"), store.writing(seq) as writer:  # noqa: PT012
        for number in range(5000):
            writer.add(annotated("may", f"rule-{number:05d}"), "{}")
        raise RuntimeError("power")
    assert list(store.findings(seq)) == []
    assert store.find("r1").state == "collecting"
    with pytest.raises(CapdoError, match="resume"):
        store.head(seq)
    with store.writing(seq) as writer:
        for number in range(5000):
            writer.add(annotated("may", f"rule-{number:05d}"), "{}")
        writer.finish("complete", NOW, {"schema": "x"})
    assert len(list(store.findings(seq))) == 5000
    assert store.find("r1").state == "complete"
    store.close()


def test_one_finding_for_each_target_and_rule_is_held_by_a_key(store: Store) -> None:
    seq = begin(store, "r1")
    with pytest.raises(sa.exc.IntegrityError), store.writing(seq) as writer:  # noqa: PT012
        writer.add(annotated("may", "rule"), "{}")
        writer.add(annotated("may", "rule"), "{}")
        writer.finish("complete", NOW, {})
    store.close()


def test_the_journal_keeps_the_newest_attempt_whatever_the_order(store: Store) -> None:
    seq = begin(store, "r1")
    store.record(seq, [Committed("may", "a.b", 2, "2" * 64, None)])
    store.record(
        seq, [Committed("may", "a.b", 1, "1" * 64, Reason.TIMEOUT), Committed("may", "c.d", 1, "3" * 64, None)]
    )
    assert store.journalled(seq) == {("may", "a.b"): (2, "2" * 64, None), ("may", "c.d"): (1, "3" * 64, None)}
    store.close()


def test_runs_are_found_by_beginning_and_not_by_guess(store: Store) -> None:
    for name in ("20261122-aa", "20261122-ab", "20261123-aa"):
        begin(store, name)
    assert store.find("20261123").id == "20261123-aa"
    for wrong in ("20261122", "x", "last"):
        with pytest.raises(CapdoError, match="runs list"):
            store.find(wrong)
    store.close()


def test_previous_is_the_newest_complete_run_with_older_evidence(store: Store) -> None:
    for number, (name, state) in enumerate([("a", "complete"), ("b", "complete"), ("c", "partial"), ("d", "")]):
        seq = begin(store, name, NOW + timedelta(hours=number))
        if state:
            with store.writing(seq) as writer:
                writer.finish(state, NOW, {"x": 1})
    later = (NOW + timedelta(days=1)).isoformat()
    found = store.previous("tinh", later, "e")
    assert found is not None
    assert found.id == "b"
    same = store.previous("tinh", (NOW + timedelta(hours=1)).isoformat(), "j-b")
    assert same is not None
    assert same.id == "a"  # evidence judged anew is compared with what came before it
    assert store.previous("tinh-khac", later, "e") is None
    store.close()


def test_targets_stream_with_their_scores_and_packed_states(store: Store) -> None:
    seq = begin(store, "r1")
    with store.writing(seq) as writer:
        writer.target({"id": "b", "agency": None}, {"low": 1.0}, ["x", "y"], "AF")
        writer.target({"id": "a", "agency": "so-a"}, {"low": 2.0}, ["x", "y"], "AA")
        writer.target({"id": "c", "agency": None}, {"low": 3.0}, [], "")
        writer.finish("complete", NOW, {})
    assert [told["id"] for told, _score in store.targets(seq)] == ["a", "b", "c"]
    assert [score["low"] for _told, score in store.targets(seq)] == [2.0, 1.0, 3.0]
    assert store.listed(seq) == {"a": "so-a", "b": None, "c": None}
    assert list(store.packed(seq)) == [
        Packed("a", ("x", "y"), "AA"),
        Packed("b", ("x", "y"), "AF"),
        Packed("c", (), ""),
    ]
    store.forget("r1")
    assert list(store.packed(seq)) == []
    store.close()


def test_a_store_of_the_first_version_keeps_its_runs(tmp_path: Path) -> None:
    """Targets and scores move from the head of each run into a table, findings into packed states."""
    file = tmp_path / "a.db"
    with sqlite3.connect(file) as db:
        db.executescript((Path(__file__).parent / "gold" / "store-0001.sql").read_text("utf-8"))
    db.close()
    with Store(f"sqlite:///{file}") as store:
        seq = store.find("r1").seq
        assert store.head(seq) == {"schema": "capdo.run/1", "scores": {"province": {"low": 5.0}}}
        assert [(told["id"], score["low"]) for told, score in store.targets(seq)] == [("a", 50.0), ("b", 0.0)]
        assert list(store.packed(seq)) == [Packed("a", ("r1", "r2", "r3"), "AFJ"), Packed("b", ("r1",), "P")]
        assert store.find("r0").state == "collecting"


def test_a_target_that_was_away_is_found_in_the_run_that_held_it(store: Store) -> None:
    seqs = []
    for number, (name, names) in enumerate([("a", "xy"), ("b", "y"), ("c", "z")]):
        seqs.append(begin(store, name, NOW + timedelta(hours=number)))
        with store.writing(seqs[-1]) as writer:
            for target in names:
                writer.add(annotated(target, "rule"), "{}")
                writer.target({"id": target, "agency": None}, {}, ["rule"], "F")
            writer.finish("partial" if name == "c" else "complete", NOW, {})
    later = (NOW + timedelta(days=1)).isoformat()
    assert store.last_seen(["x", "y", "z", "w"], "tinh", later) == {"x": seqs[0], "y": seqs[1]}
    assert store.last_seen(["x", "y"], "tinh", (NOW + timedelta(minutes=30)).isoformat()) == dict.fromkeys(
        "xy", seqs[0]
    )
    assert store.last_seen(["x"], "tinh-khac", later) == {}
    assert [past.target for past in store.pasts(seqs[1], {"x": seqs[0]})] == ["x", "y"]
    store.close()
