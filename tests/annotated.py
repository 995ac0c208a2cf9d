"""One finding, annotated, for tests of history and grants."""

from __future__ import annotations

from datetime import date
from typing import Any

from auditor.annotate import Annotated, Past, annotate
from auditor.model import Finding
from auditor.packs import RuleSet
from tests.rulesets import inventory, rule, rules, server

DAY = date(2026, 11, 22)
TABLE = rules(
    rule("patch.kernel"),
    rule("tls.certificates"),
    rule("backup.restore-test", check=None, params={"interval_days": 183}),
    rule("management.plan", check=None),
)


def one(
    found: Finding, before: Past | None = None, *, day: date = DAY, table: RuleSet = TABLE, **parts: Any
) -> Annotated:
    """One finding, annotated."""
    targets = parts.pop("targets", (server("a"), server("dc")))
    proved = parts.pop("proved", frozenset())
    (made,) = annotate(
        [found],
        [before] if before else [],
        rules=table,
        inventory=inventory(*targets, **parts),
        day=day,
        proven=proved,
    )
    return made
