"""Writes one judged run into the store, in batches, inside one transaction: all of it or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from auditor.annotate import Annotated
from auditor.tables import asked, findings, observations, runs, targets

BATCH = 2000


class RunWriter:
    """Takes findings, observations and targets as they come; ``finish`` is the last word."""

    def __init__(self, connection: Connection, seq: int) -> None:
        self._connection = connection
        self._seq = seq
        self._findings: list[dict[str, Any]] = []
        self._targets: list[dict[str, Any]] = []
        self._asked: dict[tuple[str, ...], int] = {}

    def add(self, item: Annotated, doc: str, made: Mapping[str, Any] | None = None) -> None:
        """A finding; ``made`` is what an overlay made of its rule on this target, where it differs."""
        past = item.past
        notes = {
            key: value
            for key, value in (
                ("made", made),
                ("waived_by", item.waived_by),
                ("waived_instances", item.waived_instances),
                ("inherited_from", item.inherited_from),
                ("attested_by", item.attested_by),
                ("contradicted_by", item.contradicted_by),
            )
            if value
        }
        self._findings.append(
            {
                "run": self._seq,
                "target": past.target,
                "rule": past.rule,
                "check_id": item.finding.check,
                "result": item.finding.result.value,
                "final": past.result.value,
                "change": item.change.value,
                "first_seen": past.first_seen.isoformat() if past.first_seen else None,
                "runs_open": past.runs_open,
                "last_decided": past.last_decided.value if past.last_decided else None,
                "ever_failed": past.ever_failed,
                "doc": doc,
                "notes": json.dumps(notes, ensure_ascii=False) if notes else None,
            }
        )
        if len(self._findings) >= BATCH:
            self._flush(findings, self._findings)

    def observe(self, docs: Iterable[tuple[str, dict[str, Any]]]) -> None:
        rows = [{"run": self._seq, "sha256": digest, "doc": _json(doc)} for digest, doc in docs]
        self._flush(observations, rows)

    def target(self, told: Mapping[str, Any], score: Mapping[str, Any], rules: Sequence[str], states: str) -> None:
        """A target as it was found, when its last finding has been added: ``states`` are those of ``rules``."""
        self._targets.append(
            {
                "run": self._seq,
                "target": told["id"],
                "agency": told["agency"],
                "doc": _json(told),
                "score": _json(score),
                "asked": self._asked.setdefault(tuple(rules), len(self._asked)),
                "states": states,
            }
        )
        if len(self._targets) >= BATCH:
            self._flush(targets, self._targets)

    def finish(self, state: str, finished_at: datetime, head: Mapping[str, Any]) -> None:
        """The last thing written: until here the run is not finished."""
        self._flush(findings, self._findings)
        self._flush(targets, self._targets)
        lists = [{"run": self._seq, "number": n, "rules": _json(rules)} for rules, n in self._asked.items()]
        self._flush(asked, lists)
        self._connection.execute(
            runs.update()
            .where(runs.c.seq == self._seq)
            .values(state=state, finished_at=finished_at.isoformat(), head=_json(head))
        )

    def _flush(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(table.insert(), rows)
            rows.clear()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
