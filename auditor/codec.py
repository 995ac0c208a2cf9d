"""Findings to JSON and back, as the store keeps them: codes and values, no sentences."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from auditor.model import Finding, Instance, Reason, Result, Say, Verdict


def dump(finding: Finding) -> str:
    """A finding as compact JSON; equal findings give equal text."""
    verdict = finding.verdict
    told: dict[str, Any] = {"m": _plain(verdict.message)}
    for key, item in (("e", verdict.expected), ("f", verdict.found), ("w", verdict.where)):
        if item is not None:
            told[key] = _plain(item)
    if verdict.instances:
        told["i"] = [
            [one.id, one.result.value, *(_plain(v) for v in (one.message, one.expected, one.found, one.where))]
            for one in verdict.instances
        ]
    if finding.observations:
        told["o"] = finding.observations
    if finding.reason is not None:
        told["r"] = finding.reason.value
        told["d"] = finding.detail
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def load(target: str, rule: str, check: str, result: str, text: str) -> Finding:
    """The finding whose parts and ``dump`` are given."""
    told = json.loads(text)
    verdict = Verdict(
        Result(result),
        _say(told["m"]),
        _back(told.get("e")),
        _back(told.get("f")),
        _back(told.get("w")),
        tuple(
            Instance(one[0], Result(one[1]), _back(one[2]), _back(one[3]), _back(one[4]), _back(one[5]))
            for one in told.get("i", ())
        ),
    )
    reason = Reason(told["r"]) if "r" in told else None
    return Finding(target, rule, check, verdict, tuple(told.get("o", ())), reason, told.get("d", ""))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Say):
        return {"$": value.code, "v": {name: _plain(item) for name, item in value.values.items()}}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item) for item in value), key=str)
    if isinstance(value, datetime):
        return {"$t": value.isoformat()}
    if isinstance(value, date):
        return {"$d": value.isoformat()}
    return str(value)


def _back(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_back(item) for item in value)
    if isinstance(value, dict):
        if "$t" in value:
            return datetime.fromisoformat(value["$t"])
        if "$d" in value:
            return date.fromisoformat(value["$d"])
        return _say(value)
    return value


def _say(told: dict[str, Any]) -> Say:
    return Say(told["$"], {name: _back(item) for name, item in told["v"].items()})
