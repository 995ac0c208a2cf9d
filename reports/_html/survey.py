"""What is counted over all findings, and which of them the page carries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from .run import OPEN, RESULTS, SCORED, SEVERITIES, Run

MAX_INLINE = 20_000  # above this many findings the page carries only what failed or is undecided
TOP = 10
NAMED = 3  # assets that fail a requirement, told by name; the rest are counted
WORST = ("fail", "undecided", "pass", "notapplicable")  # what a requirement comes to on one asset
PART = {"fail": "fail", "pass": "pass", "informational": "notapplicable", "notapplicable": "notapplicable"}


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
        self.rules_of: dict[str, dict[str, None]] = {}  # by requirement, the rules that findings name it for
        self.assets: Counter[tuple[str, str, str]] = Counter()  # (system, requirement, what its assets come to)
        self.failing_assets: dict[tuple[str, str], list[tuple[str, str]]] = {}  # by the same, rule and target
        self._of = _systems_of(run)
        self._target = ""  # findings come target by target
        self._here: dict[tuple[str, bool], tuple[str, str]] = {}
        for finding in findings:
            self._add(finding)
        self._leave()
        self.kept.sort(key=_pressing)

    def _add(self, finding: dict[str, Any]) -> None:
        rule, result = finding["rule"], finding["result"]
        family, agency = finding["family"], finding["agency"]
        named = [("req", str(name)) for name in finding.get("requirements") or []]
        self._note(finding, [name for _, name in named])
        if finding["asked"][0] == "target":  # what is asked of a whole system is no fault of its bearer
            named.append(("target", finding["target"]))
        heading = (("all", ""), ("rule", rule), ("family", family), *named)
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

    def _note(self, finding: dict[str, Any], requirements: list[str]) -> None:
        """What one target's findings say of each requirement, the worst of them, until the next target comes."""
        if finding["target"] != self._target:
            self._leave()
            self._target = finding["target"]
        own, rule = finding["asked"][0] == "target", finding["rule"]
        part = PART.get(finding["result"], "undecided")
        for name in requirements:
            self.rules_of.setdefault(name, {})[rule] = None
            key = (name, own)
            if key not in self._here or WORST.index(part) < WORST.index(self._here[key][0]):
                self._here[key] = (part, rule)

    def _leave(self) -> None:
        own_systems = set(map(str, (self.run.targets.get(self._target) or {}).get("systems") or []))
        for (name, own), (part, rule) in self._here.items():
            for system in self._of.get(self._target, ()):
                if own:
                    self.assets[system, name, part] += 1
                    if part == "fail":
                        named = self.failing_assets.setdefault((system, name), [])
                        if len(named) < NAMED:
                            named.append((rule, self._target))
                elif system in own_systems:
                    self.assets[system, name, f"asked-{part}"] += 1
        self._here = {}

    def count(self, by: str, name: str, *results: str) -> int:
        """How many findings of these results fall under one name: a rule, a family, a target …"""
        return sum(self.counts[by, name, result] for result in results)

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
            "asked": fails[0]["asked"][0],
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


def _systems_of(run: Run) -> dict[str, list[str]]:
    """By target, the systems whose asset it is: those it serves, and those that stand on it."""
    found: dict[str, dict[str, None]] = {}
    for name, assets in run.assets_of.items():
        for target in assets:
            found.setdefault(target, {})[name] = None
    return {target: list(systems) for target, systems in found.items()}


def _pressing(finding: dict[str, Any]) -> tuple[Any, ...]:
    return (
        RESULTS.index(finding["result"]),
        bool(finding.get("waived_by")),
        not finding.get("mandatory"),
        SEVERITIES.index(finding["severity"]),
        finding["rule"],
        finding["target"],
    )
