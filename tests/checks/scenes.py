"""Whole hosts put together from recorded cases of several collectors, for checks that need more than one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from auditor import registry
from auditor.check import Judged, needs, run_check
from auditor.model import Evidence, Result, Unavailable
from tests.test_cases import CASES, load, observations, parse, robbed

Held = dict[str, Evidence | Unavailable]


def held(cases: tuple[str, ...], **when: str) -> Held:
    """Evidence by topic from cases named ``collector-id/case``; ``when`` may give now and collected_at."""
    return {topic: found for topic, found, _ in _each(cases, when)}


def _each(cases: tuple[str, ...], when: Mapping[str, str]) -> Iterator[tuple[str, Evidence | Unavailable, Any]]:
    for name in cases:
        collector_id, _, case_name = name.partition("/")
        collector = registry.collectors()[collector_id]
        case = {**load(CASES / collector_id / f"{case_name}.yaml"), **when}
        yield collector.evidence.topic, parse(collector, case, observations(case)), (collector, case)


def judge(check_id: str, found: Held, **params: Any) -> Judged:
    check, _ = registry.checks()[check_id]
    return run_check(check, needs(type(check)), found, check.params(**params))


def passes_made_by_robbing(cases: tuple[str, ...], checks: Mapping[str, dict[str, Any]], **when: str) -> list[str]:
    """Spoils every observation of every case in turn; names the checks that then pass and did not before."""
    whole = held(cases, **when)
    before = {check_id: judge(check_id, whole, **params).verdict.result for check_id, params in checks.items()}
    made = []
    for topic, _, (collector, case) in _each(cases, when):
        for how, spoilt in (*robbed(observations(case)), ("nothing collected", {})):
            found = {**whole, topic: parse(collector, case, spoilt)}
            for check_id, params in checks.items():
                if (
                    before[check_id] is not Result.PASS
                    and judge(check_id, found, **params).verdict.result is Result.PASS
                ):
                    made.append(f"{check_id} passes with {collector.id} {how}")
    return made
