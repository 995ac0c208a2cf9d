"""The scores of a run document, made again from its findings alone: as one would with paper and the printed formula.

Shares nothing with the engine, on purpose: plain loops over the exported document.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import floor
from typing import Any

Document = dict[str, Any]
Finding = dict[str, Any]


def part_of(finding: Finding) -> str | None:
    """Where a finding's weight goes: met, failed, undecided, waived, or nowhere."""
    result, covered = finding["result"], finding["inherited_from"] is not None
    if result == "pass":
        return "met"
    if result == "fail":
        return "met" if covered else "waived" if finding["waived_by"] else "failed"
    if result in ("unknown", "error", "notchecked"):
        return None if covered else "undecided"
    return None


class Figures:
    def __init__(self, told: Document, findings: list[Finding]) -> None:
        self.findings = findings
        weights = {name: Fraction(str(rule["weight"])) for name, rule in told["rules"].items()}
        self.parts = {"met": Fraction(0), "failed": Fraction(0), "undecided": Fraction(0), "waived": Fraction(0)}
        self.counts: dict[str, int] = {}
        for one in findings:
            self.counts[one["result"]] = self.counts.get(one["result"], 0) + 1
            part = part_of(one)
            if part is not None:
                self.parts[part] += weights[one["rule"]]
        asked = self.asked = sum(self.parts.values(), Fraction(0))
        left = asked - min(self.parts["waived"], Fraction(str(told["run"]["waiver_cap"])) * asked)
        met, undecided = self.parts["met"], self.parts["undecided"]
        self.low = floor(1000 * met / left) / 10 if left else 0.0
        self.high = floor(1000 * (met + undecided) / left) / 10 if left else 0.0
        if not asked:
            self.high = 100.0
        self.coverage = floor(1000 * (asked - undecided) / asked) / 1000 if asked else 0.0


def caps(rule: Document) -> bool:
    binding = rule["force"] in ("law", "decree", "standard-required")
    return bool(rule["mandatory"] and binding and rule["severity"] in ("high", "critical"))


def band(told: Document, made: Figures) -> int:
    """0 is the best: by the number, then held down by severe mandatory rules that are not met."""
    grades = told["run"]["grades"]
    place = next((n for n, grade in enumerate(grades) if made.low >= grade["at_least"]), len(grades) - 1)
    short = [
        one for one in made.findings if part_of(one) in ("failed", "undecided") and caps(told["rules"][one["rule"]])
    ]
    cap = next(n for n, grade in enumerate(grades) if grade["id"] == told["run"]["mandatory_cap"])
    return max(place, cap) if short else place


def grade_of(told: Document, made: Figures, assets: Iterable[Figures] = (), *, held: bool = False) -> str | None:
    if told["run"]["state"] == "partial" or held or made.coverage <= 0:
        return None
    if made.coverage < told["run"]["coverage_gate"]:
        return None
    place = band(told, made)
    for asset in assets:
        rules = [told["rules"][one["rule"]] for one in asset.findings]
        mandatory = any(rule["mandatory"] and rule["force"] in ("law", "decree", "standard-required") for rule in rules)
        if mandatory and asset.asked:
            place = max(place, band(told, asset))
    grade: str = told["run"]["grades"][place]["id"]
    return grade


def again(told: Document, findings: list[Finding]) -> dict[str, dict[str, dict[str, Any]]]:
    """All scores by list and id, with low, high, coverage, grade and counts."""
    organisation = told["organisation"]
    owners = {system["id"]: system["owner"] for system in organisation["systems"]}
    agency_of: dict[str, str | None] = {}
    for target in told["targets"]:
        owning = [owners[name] for name in target["systems"] if name in owners]
        agency_of[target["id"]] = target["agency"] or (owning[0] if owning else None)
    group_of = {agency["id"]: agency["group"] for agency in organisation["agencies"]}
    held = {one["agency"] for one in told["run"].get("removed", ())}
    by_target: dict[str, list[Finding]] = {target["id"]: [] for target in told["targets"]}
    for one in findings:
        by_target[one["target"]].append(one)

    def on(names: Iterable[str]) -> Figures:
        return Figures(told, [one for name in names for one in by_target[name]])

    def alone(name: str) -> Figures:
        """What a target answers for itself."""
        return Figures(told, [one for one in by_target[name] if told["rules"][one["rule"]]["scope"] == "target"])

    def of(rules: set[str]) -> dict[str, Any]:
        return written(Figures(told, [one for one in findings if one["rule"] in rules]), None)

    def written(made: Figures, grade: str | None) -> dict[str, Any]:
        return {
            "low": made.low,
            "high": made.high,
            "coverage": made.coverage,
            "grade": grade,
            "counts": made.counts,
            "weights": {name: float(amount) for name, amount in made.parts.items()},
        }

    def graded(names: Iterable[str], *, is_held: bool = False) -> dict[str, Any]:
        made = on(names)
        return written(made, grade_of(told, made, held=is_held))

    agencies: dict[str, list[str]] = {agency["id"]: [] for agency in organisation["agencies"]}
    groups: dict[str, list[str]] = {group["id"]: [] for group in organisation["groups"]}
    for name, agency in agency_of.items():
        if agency in agencies:
            agencies[agency].append(name)
            groups[group_of[agency]].append(name)
    found: dict[str, dict[str, dict[str, Any]]] = {
        "province": {"": graded(by_target, is_held=None in held)},
        "targets": {name: written(alone(name), grade_of(told, alone(name))) for name in by_target},
        "agencies": {name: graded(names, is_held=name in held) for name, names in agencies.items()},
        "groups": {name: graded(names) for name, names in groups.items()},
        "systems": {},
    }
    for score in told["scores"]["systems"]:
        made = on(score["assets"])
        lost = any(cap["code"] == "removed" for cap in score["caps"])  # the run before is not in this document
        grade = grade_of(told, made, [alone(name) for name in score["assets"]], held=lost)
        found["systems"][score["id"]] = written(made, grade)
    rules = told["rules"]
    serving = {key: set(one["dimensions"]) for key, one in told["requirements"].items()}
    asked = {name: set(rule["requirements"]) for name, rule in rules.items()}
    families = {rule["family"] for rule in rules.values()}
    found["families"] = {name: of({key for key, rule in rules.items() if rule["family"] == name}) for name in families}
    found["requirements"] = {name: of({key for key in rules if name in asked[key]}) for name in serving}
    found["dimensions"] = {
        name: of({key for key in rules if any(name in serving.get(one, ()) for one in asked[key])})
        for name in ("confidentiality", "integrity", "availability")
    }
    return found


def compare(told: Document, findings: list[Finding]) -> int:
    """Assert that every score of the document is what its findings make it; returns how many were compared."""
    compared = 0
    for listed, scores in again(told, findings).items():
        inside = told["scores"][listed]
        written = {"": inside} if listed == "province" else {one["id"]: one for one in inside}
        assert set(written) == set(scores), listed
        for name, made in scores.items():
            for key, value in made.items():
                assert written[name][key] == value, (listed, name, key, written[name][key], value)
            compared += 1
    return compared
