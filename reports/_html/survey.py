"""What is counted over all findings, and which of them the page carries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from .run import OPEN, RESULTS, SCORED, SEVERITIES, Run

MAX_INLINE = 20_000  # above this many findings the page carries only what failed or is undecided
TOP = 10


class Survey:
    """One pass over the findings, however many: every count, and those the page carries."""

    def __init__(self, run: Run, findings: Iterable[dict[str, Any]]) -> None:
        self.run = run
        self.total = 0
        self.counts: Counter[tuple[str, str, str]] = Counter()  # (by what, its id, result)
        self.changes: Counter[str] = Counter()
        self.weights: dict[str, float] = dict.fromkeys(RESULTS, 0.0)
        self.failing: dict[str, list[dict[str, Any]]] = {}  # by rule, without what is waived
        self.kept: list[dict[str, Any]] = []  # most pressing first
        for finding in findings:
            self._add(finding)
        self.kept.sort(key=_pressing)

    def _add(self, finding: dict[str, Any]) -> None:
        rule, result = finding["rule"], finding["result"]
        family, agency = finding["family"], finding["agency"]
        heading = (("all", ""), ("rule", rule), ("family", family), ("target", finding["target"]))
        for by, name in (*heading, ("agency", agency), ("cell", f"{agency}/{family}")):
            self.counts[by, name, result] += 1
            if result == "fail" and finding.get("mandatory"):
                self.counts[by, name, "mandatory"] += 1
        self.changes[str(finding.get("change") or "")] += 1
        self.weights[result] += self.run.weight(rule)
        if result == "fail" and not finding.get("waived_by"):
            self.failing.setdefault(rule, []).append(finding)
        self.total += 1
        if self.total == MAX_INLINE + 1:
            self.kept = [f for f in self.kept if f["result"] in OPEN]
        if self.total <= MAX_INLINE or result in OPEN:
            self.kept.append(finding)

    def count(self, by: str, name: str, *results: str) -> int:
        """How many findings of these results fall under one name: a rule, a family, a target …"""
        return sum(self.counts[by, name, result] for result in results)

    def rules_count(self, rules: Iterable[str], *results: str) -> int:
        return sum(self.count("rule", rule, *results) for rule in rules)

    def open(self, *results: str) -> list[dict[str, Any]]:
        return [f for f in self.kept if f["result"] in results]

    def actions(self) -> list[dict[str, Any]]:
        """What to mend first, rule by rule."""
        actions = [self._action(rule, fails) for rule, fails in self.failing.items()]
        actions.sort(
            key=lambda a: (
                not a["mandatory"],
                SEVERITIES.index(a["severity"]),
                -a["targets"],
                -self.run.weight(a["rule"]),
                a["rule"],
            )
        )
        return actions[:TOP]

    def _action(self, rule: str, fails: list[dict[str, Any]]) -> dict[str, Any]:
        mends = Counter(f.get("mend_by") for f in fails)
        return {
            "rule": rule,
            "targets": len(fails),
            "agencies": sorted({f["agency"] for f in fails}),
            "first": fails[0]["target"],
            "mandatory": any(f.get("mandatory") for f in fails),
            "severity": min((f["severity"] for f in fails), key=SEVERITIES.index),
            "mend": mends.most_common(1)[0][0],
            "gain": self._gain(self.run.weight(rule) * len(fails)),
        }

    def _gain(self, weight: float) -> float | None:
        """Points of the province's `low`; told only when plain weights reproduce that score."""
        low = self.run.score(self.run.scores.get("province"))["low"]
        scored = sum(self.weights[result] for result in SCORED)
        if not scored or low is None or abs(100 * self.weights["pass"] / scored - low) > 0.15:
            return None
        return round(100 * weight / scored, 1)


def _pressing(finding: dict[str, Any]) -> tuple[Any, ...]:
    return (
        RESULTS.index(finding["result"]),
        bool(finding.get("waived_by")),
        not finding.get("mandatory"),
        SEVERITIES.index(finding["severity"]),
        finding["rule"],
        finding["target"],
    )
