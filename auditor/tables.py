"""The tables of the store. A change here needs a migration of its own; a test holds the two equal."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_HEAD = "0002"
metadata = sa.MetaData()

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("province", sa.String(100), nullable=False, index=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("started_at", sa.String(40), nullable=False),
    sa.Column("finished_at", sa.String(40)),
    sa.Column("date", sa.String(10), nullable=False),
    sa.Column("evidence", sa.Text),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("head", sa.Text),
)
findings = sa.Table(
    "findings",
    metadata,
    sa.Column("run", sa.Integer, primary_key=True),
    sa.Column("target", sa.String(100), primary_key=True),
    sa.Column("rule", sa.String(200), primary_key=True),
    sa.Column("check_id", sa.String(100), nullable=False),
    sa.Column("result", sa.String(16), nullable=False),
    sa.Column("final", sa.String(16), nullable=False),
    sa.Column("change", sa.String(16), nullable=False),
    sa.Column("first_seen", sa.String(10)),
    sa.Column("runs_open", sa.Integer, nullable=False),
    sa.Column("last_decided", sa.String(16)),
    sa.Column("ever_failed", sa.Boolean, nullable=False),
    sa.Column("doc", sa.Text, nullable=False),
    sa.Column("notes", sa.Text),
)
observations = sa.Table(
    "observations",
    metadata,
    sa.Column("run", sa.Integer, primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("doc", sa.Text, nullable=False),
)
targets = sa.Table(
    "targets",
    metadata,
    sa.Column("run", sa.Integer, primary_key=True),
    sa.Column("target", sa.String(100), primary_key=True),
    sa.Column("agency", sa.String(100)),
    sa.Column("doc", sa.Text, nullable=False),
    sa.Column("score", sa.Text, nullable=False),
    sa.Column("asked", sa.Integer, nullable=False),
    sa.Column("states", sa.Text, nullable=False),
)
"""A target as it was found, its score, and the states of its findings packed one letter each (``states.py``)."""
asked = sa.Table(
    "asked",
    metadata,
    sa.Column("run", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("rules", sa.Text, nullable=False),
)
"""The lists of rules that targets were asked; thousands of targets share a few."""
journal = sa.Table(
    "journal",
    metadata,
    sa.Column("run", sa.Integer, primary_key=True),
    sa.Column("target", sa.String(100), primary_key=True),
    sa.Column("collector", sa.String(100), primary_key=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("reason", sa.String(20)),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
)
