"""The first tables: runs, findings, observations, journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "runs",
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
    op.create_table(
        "findings",
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
    op.create_table(
        "observations",
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("doc", sa.Text, nullable=False),
    )
    op.create_table(
        "journal",
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("target", sa.String(100), primary_key=True),
        sa.Column("collector", sa.String(100), primary_key=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(20)),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
    )


def downgrade() -> None:
    for name in ("journal", "observations", "findings", "runs"):
        op.drop_table(name)
