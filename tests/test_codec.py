"""Findings go into the store and come back as they were."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from auditor import codec
from auditor.model import Finding, Instance, Reason, Result, Say, Verdict

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
days = st.dates(date(1990, 1, 1), date(2100, 1, 1)) | st.datetimes(timezones=st.just(UTC))
values = st.recursive(scalars | days, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5)
says = st.builds(Say, st.text(min_size=1), st.dictionaries(st.text(min_size=1), values, max_size=3))
instances = st.builds(Instance, st.text(), st.sampled_from(Result), st.none() | says, values, values | says, values)
verdicts = st.builds(
    Verdict, st.sampled_from(Result), says, values | says, values, values, st.lists(instances, max_size=3).map(tuple)
)
findings = st.builds(
    Finding,
    st.text(min_size=1),
    st.text(min_size=1),
    st.text(),
    verdicts,
    st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), max_size=3).map(tuple),
)


@given(findings)
def test_round_trip(finding: Finding) -> None:
    text = codec.dump(finding)
    again = codec.load(finding.target, finding.rule, finding.check, finding.result.value, text)
    assert again == finding
    assert codec.dump(again) == text


def test_reasons_and_times_survive() -> None:
    at = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
    verdict = Verdict(Result.UNKNOWN, Say("unavailable-denied", {"at": at, "on": at.date()}))
    finding = Finding("a", "r", "c", verdict, ("0" * 64,), Reason.DENIED, "sudo")
    assert codec.load("a", "r", "c", "unknown", codec.dump(finding)) == finding


def test_sets_are_kept_in_order() -> None:
    made: Any = frozenset({"b", "a", "c"})
    one = codec.dump(Finding("a", "r", "c", Verdict(Result.FAIL, Say("x", {"v": made}))))
    assert '["a","b","c"]' in one
