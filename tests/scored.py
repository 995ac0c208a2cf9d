"""A small province and its scores, for tests of scoring."""

from __future__ import annotations

import itertools
from typing import Any

from auditor.annotate import Annotated, Change
from auditor.model import Result
from auditor.packs import RuleSet
from auditor.score import Score, Scorer, Scores
from auditor.targets import Inventory
from tests.rulesets import finding, inventory, rule, rules, server

LISTS = ("groups", "agencies", "systems", "targets", "requirements", "families", "dimensions")

GRADES = ["tot", "kha", "trung-binh", "yeu", None]
"""Best first; None is no grade at all."""

RULES = rules(
    rule("patch.a", weight=1, requirements=["REQ-1"]),
    rule("patch.b", weight=3, severity="critical", mandatory=True, requirements=["REQ-1", "REQ-2"]),
    rule("tls.c", weight=10, severity="high", mandatory=True, force="standard-required", requirements=["REQ-2"]),
    rule("tls.d", weight=0.5, severity="high", requirements=["REQ-3"]),
)
PLACE = inventory(
    server("may-1", agency="so-a", systems=("ht-1", "ht-2")),
    server("may-2", agency="so-a", systems=("ht-2",)),
    server("may-3", agency="xa-b"),
    groups=[{"id": "so"}, {"id": "xa"}],
    agencies=[{"id": "so-a", "group": "so"}, {"id": "xa-b", "group": "xa"}],
    systems=[{"id": "ht-1", "owner": "so-a"}, {"id": "ht-2", "owner": "so-a"}],
)
EDGED = inventory(
    server("may-1", agency="so-a", systems=("ht-1", "ht-2"), runs_on=("may-2",)),
    server("may-2", agency="so-a", depends_on=("may-1",), hosted_by=("may-3",)),
    server("may-3", agency="xa-b", systems=("ht-3",)),
    groups=[{"id": "so"}, {"id": "xa"}],
    agencies=[{"id": "so-a", "group": "so"}, {"id": "xa-b", "group": "xa"}],
    systems=[{"id": "ht-1", "owner": "so-a"}, {"id": "ht-2", "owner": "so-a"}, {"id": "ht-3", "owner": "xa-b"}],
)
"""The same targets, standing on one another in a ring."""
KEYS = list(itertools.product(["may-1", "may-2", "may-3"], sorted(RULES.rules)))


def noted(target: str, name: str, result: Result | str, **extra: Any) -> Annotated:
    found = finding(target, name, result)
    return Annotated(found, found.result, Change.SAME, None, 0, None, False, **extra)


def score(items: list[Annotated], table: RuleSet = RULES, place: Inventory = PLACE, **finish: Any) -> Scores:
    scorer = Scorer(table, place)
    for item in items:
        scorer.add(item)
    return scorer.finish(**finish)


def every(scores: Scores) -> dict[str, Score]:
    """All scores by list and id."""
    return {"province": scores.province} | {f"{name}/{one.id}": one for name in LISTS for one in getattr(scores, name)}


def flat(results: str, **changes: Any) -> Scores:
    """One target, one rule of weight 1 for each of the results."""
    listed = results.split()
    table = rules(*(rule(f"patch.r{number}") for number in range(len(listed))), **changes)
    items = [noted("a", f"patch.r{number}", result) for number, result in enumerate(listed)]
    return score(items, table, inventory(server("a")))
