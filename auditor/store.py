"""The store: runs, findings, observations and the journal, in any SQLAlchemy database.

A run is ``complete`` (or ``partial``) only after its last finding is stored. Findings are kept as codes
and values; sentences are made at export. Correctness under repeated or competing work lies in keys:
one finding for each (run, target, rule), one journal row for each (run, target, collector).
"""

from __future__ import annotations

import heapq
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from auditor.annotate import Past
from auditor.collect import Committed
from auditor.folder import EvidenceFolder
from auditor.i18n import _
from auditor.model import CapdoError, Result
from auditor.runwriter import RunWriter
from auditor.states import Packed
from auditor.tables import SCHEMA_HEAD, asked, findings, journal, observations, runs, targets

FINISHED = ("complete", "partial")
_AT_ONCE = 500
"""Databases bound the values of a question."""
_JUDGED = (findings, observations, targets, asked)


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as the store lists it."""

    seq: int
    id: str
    province: str
    state: str
    started_at: str
    finished_at: str | None
    date: str
    evidence: str | None
    request: dict[str, Any]


def state_path() -> Path:
    """Where the store and the evidence of runs live unless told otherwise; it may not be there yet."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "capdo"


def state_folder() -> Path:
    """The same folder, made with mode 0700."""
    folder = state_path()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


class Store:
    """One database. Use as a context manager, or call ``close``."""

    def __init__(self, url: str | None = None) -> None:
        """Open ``url``, or ``CAPDO_DB``, or SQLite in the state folder; make or migrate its tables.

        Raises ``CapdoError`` when the database cannot be opened or is of a newer version.
        """
        chosen = url or os.environ.get("CAPDO_DB") or f"sqlite:///{state_folder() / 'capdo.db'}"
        try:
            parsed = sa.make_url(chosen)
            self.evidence_root = _evidence_root(parsed)
            self._engine = _engine(parsed)
            with self._engine.begin() as connection:
                _migrate(connection)
        except (SQLAlchemyError, OSError, ImportError) as exc:
            raise CapdoError(f"{chosen}: cannot be used as a store: {str(exc).splitlines()[0]}") from None

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._engine.dispose()

    # -- runs

    def begin(self, run_id: str, province: str, started_at: datetime, day: date, request: Mapping[str, Any]) -> int:
        """Enter a run in state ``collecting``; returns its number. The id must be new."""
        with self._engine.begin() as connection:
            made = connection.execute(
                runs.insert().values(
                    id=run_id,
                    province=province,
                    state="collecting",
                    started_at=started_at.isoformat(),
                    date=day.isoformat(),
                    request=json.dumps(dict(request), ensure_ascii=False, sort_keys=True),
                )
            )
            return int(made.inserted_primary_key[0])  # type: ignore[index]  # an insert of one row has one

    def set_evidence(self, seq: int, folder: Path) -> None:
        with self._engine.begin() as connection:
            connection.execute(runs.update().where(runs.c.seq == seq).values(evidence=str(folder)))

    def forget(self, run_id: str) -> None:
        """Remove a run that is about to be stored anew from the same input."""
        with self._engine.begin() as connection:
            seq = connection.scalar(sa.select(runs.c.seq).where(runs.c.id == run_id))
            if seq is not None:
                for table in (*_JUDGED, journal):
                    connection.execute(table.delete().where(table.c.run == seq))
                connection.execute(runs.delete().where(runs.c.seq == seq))

    def list(self, province: str | None = None) -> list[RunRow]:
        """All runs, oldest first."""
        query = sa.select(runs).order_by(runs.c.seq)
        if province is not None:
            query = query.where(runs.c.province == province)
        with self._engine.connect() as connection:
            return [_row(row) for row in connection.execute(query).mappings()]

    def find(self, run_id: str) -> RunRow:
        """The run with this id, or with the only id that begins so; ``last`` is the newest finished one.

        Raises ``CapdoError`` when there is none, or more than one.
        """
        rows = self.list()
        if run_id == "last":
            rows = [row for row in rows if row.state in FINISHED][-1:]
        else:
            rows = [row for row in rows if row.id == run_id] or [row for row in rows if row.id.startswith(run_id)]
        if len(rows) != 1:
            text = (
                _("{run}: {count} runs begin so; see: audit.py runs list")
                if rows
                else _("{run}: no such run; see: audit.py runs list")
            )
            raise CapdoError(text.format(run=run_id, count=len(rows)))
        return rows[0]

    def previous(self, province: str, started_at: str, run_id: str) -> RunRow | None:
        """The newest complete run whose evidence is older; partial runs never count.

        Evidence judged anew is not a new measurement, so it is compared with what came before it.
        """
        rows = [row for row in self.list(province) if row.state == "complete" and row.id != run_id]
        older = [row for row in rows if row.started_at < started_at]
        return max(older, key=lambda row: (row.started_at, row.seq), default=None)

    def unfinished(self, province: str) -> RunRow | None:
        rows = [row for row in self.list(province) if row.state not in FINISHED]
        return rows[-1] if rows else None

    def head(self, seq: int) -> dict[str, Any]:
        """The run document without findings, observations and targets, as it was stored."""
        with self._engine.connect() as connection:
            text = connection.scalar(sa.select(runs.c.head).where(runs.c.seq == seq))
        if not text:
            raise CapdoError(_("this run was not finished; complete it with: audit.py run INVENTORY --resume"))
        told: dict[str, Any] = json.loads(text)
        return told

    # -- findings

    @contextmanager
    def writing(self, seq: int) -> Iterator[RunWriter]:
        """A transaction in which all findings and the run's end are written: all or nothing."""
        with self._engine.begin() as connection:
            for table in _JUDGED:
                connection.execute(table.delete().where(table.c.run == seq))
            yield RunWriter(connection, seq)

    def findings(self, seq: int, target: str | None = None) -> Iterator[sa.RowMapping]:
        """Rows of a run's findings, or of one target's, sorted by target, then rule; streamed."""
        query = sa.select(findings).where(findings.c.run == seq).order_by(findings.c.target, findings.c.rule)
        if target is not None:
            query = query.where(findings.c.target == target)
        with self._engine.connect().execution_options(yield_per=2000) as connection:
            yield from connection.execute(query).mappings()

    def pasts(self, seq: int, elsewhere: Mapping[str, int] | None = None) -> Iterator[Past]:
        """What annotate carries from a run to the next, sorted by target, then rule.

        ``elsewhere`` names, by target, an older run that holds what this one does not.
        """
        older = (row for target in sorted(elsewhere or {}) for row in self.findings((elsewhere or {})[target], target))
        for row in heapq.merge(self.findings(seq), older, key=lambda row: (row["target"], row["rule"])):
            yield Past(
                target=row["target"],
                rule=row["rule"],
                result=Result(row["final"]),
                last_decided=Result(row["last_decided"]) if row["last_decided"] else None,
                ever_failed=bool(row["ever_failed"]),
                first_seen=date.fromisoformat(row["first_seen"]) if row["first_seen"] else None,
                runs_open=row["runs_open"],
            )

    # -- targets

    def targets(self, seq: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Each target of a run as it was found, and its score; by id, streamed."""
        query = sa.select(targets.c.doc, targets.c.score).where(targets.c.run == seq).order_by(targets.c.target)
        with self._engine.connect().execution_options(yield_per=500) as connection:
            for doc, score in connection.execute(query):
                yield json.loads(doc), json.loads(score)

    def listed(self, seq: int) -> dict[str, str | None]:
        """The targets of a run, each with the agency that answers for it."""
        query = sa.select(targets.c.target, targets.c.agency).where(targets.c.run == seq)
        with self._engine.connect() as connection:
            return {row.target: row.agency for row in connection.execute(query)}

    def told(self, seq: int, wanted: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Some targets of a run as they were found."""
        names = sorted(wanted)
        with self._engine.connect() as connection:
            for start in range(0, len(names), _AT_ONCE):
                chosen = targets.c.target.in_(names[start : start + _AT_ONCE])
                rows = connection.execute(sa.select(targets.c.doc).where((targets.c.run == seq) & chosen))
                yield from (json.loads(row.doc) for row in rows)

    def last_seen(self, wanted: Iterable[str], province: str, started_at: str) -> dict[str, int]:
        """By target, the newest complete run of a province with older evidence that holds it."""
        found: dict[str, int] = {}
        rows = sa.select(targets.c.target, targets.c.run).join(runs, runs.c.seq == targets.c.run)
        rows = rows.where((runs.c.province == province) & (runs.c.state == "complete"))
        rows = rows.where(runs.c.started_at < started_at).order_by(runs.c.started_at, runs.c.seq)
        names = sorted(wanted)
        with self._engine.connect() as connection:
            for start in range(0, len(names), _AT_ONCE):
                chosen = rows.where(targets.c.target.in_(names[start : start + _AT_ONCE]))
                found.update({row.target: row.run for row in connection.execute(chosen)})
        return found

    def packed(self, seq: int) -> Iterator[Packed]:
        """The states of all findings of a run, packed by target; by id, streamed."""
        query = sa.select(targets.c.target, targets.c.asked, targets.c.states).where(targets.c.run == seq)
        with self._engine.connect().execution_options(yield_per=5000) as connection:
            lists = connection.execute(sa.select(asked.c.number, asked.c.rules).where(asked.c.run == seq))
            rules = {number: tuple(json.loads(text)) for number, text in lists}
            for target, number, states in connection.execute(query.order_by(targets.c.target)):
                yield Packed(target, rules[number], states)

    def observations(self, seq: int) -> Iterator[tuple[str, dict[str, Any]]]:
        query = sa.select(observations).where(observations.c.run == seq).order_by(observations.c.sha256)
        with self._engine.connect().execution_options(yield_per=2000) as connection:
            for row in connection.execute(query).mappings():
                yield row["sha256"], json.loads(row["doc"])

    # -- journal

    def record(self, seq: int, committed: Sequence[Committed]) -> None:
        """Enter (target, collector) pairs as done; a newer attempt replaces an older one, never the reverse."""
        at = datetime.now(UTC).isoformat()
        with self._engine.begin() as connection:
            for item in committed:
                key = (
                    (journal.c.run == seq) & (journal.c.target == item.target) & (journal.c.collector == item.collector)
                )
                values = {"attempt": item.attempt, "reason": item.reason, "sha256": item.sha256, "at": at}
                known = connection.scalar(sa.select(journal.c.attempt).where(key))
                if known is None:
                    row = {"run": seq, "target": item.target, "collector": item.collector, **values}
                    connection.execute(journal.insert().values(**row))
                elif known <= item.attempt:
                    connection.execute(journal.update().where(key).values(**values))

    def journalled(self, seq: int) -> dict[tuple[str, str], tuple[int, str, str | None]]:
        """Attempt, envelope digest and reason by (target, collector)."""
        query = sa.select(journal).where(journal.c.run == seq)
        with self._engine.connect() as connection:
            return {
                (row["target"], row["collector"]): (row["attempt"], row["sha256"], row["reason"])
                for row in connection.execute(query).mappings()
            }

    def evidence(self, row: RunRow) -> EvidenceFolder:
        if not row.evidence:
            raise CapdoError(f"run {row.id} keeps no evidence")
        return EvidenceFolder(Path(row.evidence))


def _row(row: sa.RowMapping) -> RunRow:
    told = {
        key: row[key] for key in ("seq", "id", "province", "state", "started_at", "finished_at", "date", "evidence")
    }
    return RunRow(**told, request=json.loads(row["request"]))


def _evidence_root(url: sa.URL) -> Path:
    """Evidence of runs lies beside an SQLite file, else in the state folder."""
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        file = Path(url.database)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return file.parent / "evidence"
    return state_folder() / "evidence"


def _engine(url: sa.URL) -> Engine:
    engine = sa.create_engine(url)
    if url.get_backend_name() == "sqlite":
        if url.database and url.database != ":memory:":
            # The store holds a map of weaknesses: nobody else may read it.
            os.close(os.open(url.database, os.O_CREAT | os.O_RDWR, 0o600))
            Path(url.database).chmod(0o600)

        @sa.event.listens_for(engine, "connect")
        def _pragmas(connection: Any, _record: object) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA busy_timeout=10000")
            cursor.close()

    return engine


def _migrate(connection: Connection) -> None:
    """Bring the tables to ``SCHEMA_HEAD``. alembic is imported only when there is something to do."""
    known = None
    if sa.inspect(connection).has_table("alembic_version"):
        known = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    if known == SCHEMA_HEAD:
        return
    if known is not None and str(known) > SCHEMA_HEAD:
        raise CapdoError(f"the store is of version {known}, this tool knows {SCHEMA_HEAD}: use a newer release")
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
