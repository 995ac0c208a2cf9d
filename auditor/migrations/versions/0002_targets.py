"""Targets, their scores and the packed states of their findings in tables of their own, out of the run's head."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    made = op.create_table(
        "targets",
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("target", sa.String(100), primary_key=True),
        sa.Column("agency", sa.String(100)),
        sa.Column("doc", sa.Text, nullable=False),
        sa.Column("score", sa.Text, nullable=False),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("states", sa.Text, nullable=False),
    )
    asked = op.create_table(
        "asked",
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("rules", sa.Text, nullable=False),
    )
    connection = op.get_bind()
    heads = connection.execute(sa.text("SELECT seq, head FROM runs WHERE head IS NOT NULL")).all()
    for seq, text in heads:
        head = json.loads(text)
        lists: dict[tuple[str, ...], int] = {}
        rows = list(_rows(connection, seq, head, lists))
        if rows:
            connection.execute(made.insert(), rows)
            numbered = [{"run": seq, "number": n, "rules": json.dumps(rules)} for rules, n in lists.items()]
            connection.execute(asked.insert(), numbered)
        kept = json.dumps(head, ensure_ascii=False)
        connection.execute(sa.text("UPDATE runs SET head = :head WHERE seq = :seq"), {"head": kept, "seq": seq})


def _rows(
    connection: sa.Connection, seq: int, head: dict[str, Any], lists: dict[tuple[str, ...], int]
) -> Iterator[dict[str, Any]]:
    """The targets of one run, taken out of its head; ``lists`` gathers what they were asked."""
    scores = {score["id"]: score for score in head["scores"].pop("targets", [])}
    query = sa.text(
        "SELECT rule, final, last_decided, ever_failed FROM findings"
        " WHERE run = :run AND target = :target ORDER BY rule"
    )
    for told in head.pop("targets", []):
        found = connection.execute(query, {"run": seq, "target": told["id"]}).all()
        rules = tuple(row.rule for row in found)
        yield {
            "run": seq,
            "target": told["id"],
            "agency": told.get("agency"),
            "doc": json.dumps(told, ensure_ascii=False),
            "score": json.dumps(scores.get(told["id"], {}), ensure_ascii=False),
            "asked": lists.setdefault(rules, len(lists)),
            "states": "".join(_letter(row.final, row.last_decided, bool(row.ever_failed)) for row in found),
        }


def _letter(final: str, last_decided: str | None, ever_failed: bool) -> str:
    """As ``auditor.states`` had it when this was written."""
    known = "F" if last_decided == "fail" else "M" if ever_failed else "G"
    if last_decided is None:
        known = "N"
    return {
        ("pass", "G"): "A",
        ("pass", "M"): "B",
        ("notapplicable", "G"): "C",
        ("notapplicable", "M"): "D",
        ("informational", "G"): "E",
        ("fail", "F"): "F",
        ("informational", "M"): "G",
        **{("unknown", was): letter for was, letter in zip("NGMF", "HIJK", strict=True)},
        **{("error", was): letter for was, letter in zip("NGMF", "LMNO", strict=True)},
        **{("notchecked", was): letter for was, letter in zip("NGMF", "PQRS", strict=True)},
    }[final, known]


def downgrade() -> None:
    """Heads are not put together again: an older tool cannot read what a newer one has stored."""
    for name in ("asked", "targets"):
        op.drop_table(name)
