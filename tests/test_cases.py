"""Runs every recorded case under tests/cases/, and then robs each case of its evidence.

A case is real recorded output with what must come of it. Each of its observations is dropped, cut,
emptied, garbled and refused in turn: no check may then pass that did not pass before.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor import registry, texts
from auditor.check import needs, run_check
from auditor.collector import Collector
from auditor.declared import declared
from auditor.model import CollectError, Evidence, Result, Say, Unavailable, Verdict
from tests.support import NOW, reading, target

CASES = Path(__file__).parent / "cases"
FILES = sorted(CASES.glob("*/*.yaml"))


@cache
def load(path: Path) -> dict[str, Any]:
    told = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)  # noqa: TID251 (our own file; base64 and all)
    assert isinstance(told, dict), path
    unknown = set(told) - {"about", "target", "observations", "expect", "unavailable", "checks", "now", "collected_at"}
    assert not unknown, f"{path}: unknown keys {unknown}"
    assert told.get("about"), f"{path}: says nothing about where it comes from"
    return told


def observations(case: dict[str, Any]) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for key, value in case["observations"].items():
        told = dict(value) if isinstance(value, dict) else {"stdout": value}
        if "stdout_b64" in told:
            told["stdout"] = base64.b64decode(told.pop("stdout_b64"))
        made[key] = told
    return made


def parse(collector: Collector, case: dict[str, Any], outputs: dict[str, dict[str, Any]]) -> Evidence | Unavailable:
    when = {name: datetime.fromisoformat(str(case[name])) for name in ("now", "collected_at") if name in case}
    if "now" in when:
        when.setdefault("collected_at", when["now"])
    try:
        return collector.parse(reading(outputs, target(**case.get("target", {})), **when))
    except CollectError as exc:
        return Unavailable(exc.reason, exc.detail, ("0" * 64,))


def judge(check_id: str, found: Evidence | Unavailable, collector: Collector, case: dict[str, Any], params: Any) -> Any:
    check, _ = registry.checks()[check_id]
    held: dict[str, Evidence | Unavailable] = {
        "declared": declared(target(**case.get("target", {})), {}, "1" * 64, NOW),
        collector.evidence.topic: found,
    }
    return run_check(check, needs(type(check)), held, check.params(**(params or {})))


def wanted(case: dict[str, Any]) -> Iterator[tuple[str, str, str | None, dict[str, Any]]]:
    for check_id, told in case.get("checks", {}).items():
        if isinstance(told, str):
            yield check_id, told, None, {}
        else:
            yield check_id, told["result"], told.get("code"), tuples(told.get("params", {}))


def tuples(value: Any) -> Any:
    """YAML lists as the tuples that frozen parameters hold."""
    if isinstance(value, list):
        return tuple(tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return value


def plain(value: Any) -> Any:
    """Evidence as a case file writes it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value) if f.name != "seen"}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def includes(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(key in found and includes(found[key], value) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(includes, found, expected))
    return bool(found == expected or str(found) == str(expected))


def about(collector: Collector) -> list[str]:
    """The checks that ask about what a collector brings."""
    topic = collector.evidence.topic
    return [
        key for key, (check, _) in registry.checks().items() if topic in {n.evidence.topic for n in needs(type(check))}
    ]


def sayings(verdict: Verdict) -> Iterator[Any]:
    yield from (verdict.message, verdict.expected, verdict.found, verdict.where)
    for one in verdict.instances:
        yield from (one.message, one.expected, one.found, one.where)


def must_be_sayable(check_id: str, verdict: Verdict) -> None:
    """Every code has words, and every place in them is filled."""
    for told in sayings(verdict):
        if isinstance(told, Say):
            for lang, text in texts.message(check_id, told).items():
                assert text != told.code, f"{check_id}: {told.code} has no words"
                empty = set(re.findall(r"\{(\w+)\}", text)) - set(told.values)
                assert not empty, f"{check_id}: {lang}: {text}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_case(path: Path) -> None:
    case = load(path)
    collector = registry.collectors()[path.parent.name]
    found = parse(collector, case, observations(case))
    if "unavailable" in case:
        assert isinstance(found, Unavailable), f"expected unavailable, got {plain(found)}"
        assert found.reason == case["unavailable"], found
    else:
        assert not isinstance(found, Unavailable), found
        shown = plain(found)
        for name, value in case.get("expect", {}).items():
            assert includes(shown.get(name), value), f"{name}: {shown.get(name)!r}"
    for check_id in about(collector):
        must_be_sayable(check_id, judge(check_id, found, collector, case, {}).verdict)
    for check_id, result, code, params in wanted(case):
        judged = judge(check_id, found, collector, case, params)
        must_be_sayable(check_id, judged.verdict)
        assert judged.verdict.result == result, f"{check_id}: {judged}"
        if code:
            assert judged.verdict.message.code == code, f"{check_id}: {judged}"


def robbed(outputs: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """The case with one observation spoilt, in each of the ways the world spoils them."""
    for key, told in outputs.items():
        if told.get("problem"):
            continue
        raw = told.get("stdout", b"")
        body: bytes = raw.encode() if isinstance(raw, str) else raw
        without = {name: value for name, value in outputs.items() if name != key}
        yield f"{key} dropped", without
        yield f"{key} truncated", {**outputs, key: {**told, "stdout": body[: len(body) // 2], "truncated": True}}
        yield f"{key} refused", {**outputs, key: {"stdout": b"", "stderr": "Permission denied", "exit": 1}}
        yield f"{key} denied", {**outputs, key: {"stdout": b"", "exit": None, "problem": "denied"}}
        yield (
            f"{key} timed out",
            {**outputs, key: {"stdout": body[: len(body) // 2], "exit": 124, "problem": "timeout"}},
        )
        if body:
            yield f"{key} emptied", {**outputs, key: {**told, "stdout": b""}}
            yield f"{key} cut in silence", {**outputs, key: {**told, "stdout": body[: len(body) // 2]}}
            yield f"{key} garbled", {**outputs, key: {**told, "stdout": bytes(b ^ 0x5A for b in body)}}
            yield f"{key} not text", {**outputs, key: {**told, "stdout": b"\xff\xfe" + body}}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_pass_is_made_by_taking_evidence_away(path: Path) -> None:
    case = load(path)
    collector = registry.collectors()[path.parent.name]
    outputs = observations(case)
    asked: list[tuple[str, dict[str, Any]]] = [(key, {}) for key in about(collector)]
    asked += [(check_id, params) for check_id, _, _, params in wanted(case) if params]
    whole = parse(collector, case, outputs)
    before = [judge(key, whole, collector, case, params).verdict.result for key, params in asked]
    for how, spoilt in robbed(outputs):
        found = parse(collector, case, spoilt)
        for (key, params), was in zip(asked, before, strict=True):
            if was is Result.PASS:
                continue
            judged = judge(key, found, collector, case, params)
            assert judged.verdict.result is not Result.PASS, f"{key} passes with {how}: {judged}"
    nothing = parse(collector, case, {})
    for key, params in asked:
        assert judge(key, nothing, collector, case, params).verdict.result is not Result.PASS, (
            f"{key} passes on nothing"
        )
