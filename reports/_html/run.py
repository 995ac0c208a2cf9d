"""A run document as the report reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .text import Text, Words, clean

RESULTS = ("fail", "error", "unknown", "notchecked", "pass", "informational", "notapplicable")
OPEN, UNDECIDED, SCORED = RESULTS[:4], RESULTS[1:4], RESULTS[:5]
SEVERITIES = ("critical", "high", "medium", "low", "info")
PARTS = (  # what a finding says, in the order report.js reads it: the commonest first
    *("message", "expected", "found", "where"),
    *("basis", "mend", "first", "age", "reason", "cure", "waived", "inherited", "cut"),
    *("attested", "contradicted", "overlaid"),
)
MAX_EXCERPT, MAX_INSTANCES = 1_000, 50
UNFOLDED = 2  # pieces of evidence of one finding; the rest is folded on a screen and open on paper


Asked = tuple[str, tuple[str, ...]]
"""Whom a question is asked of: a kind (system, agency, target) and ids."""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


class Run:
    """A run document read with tolerance: what is absent is empty, what has no name keeps its id."""

    def __init__(self, head: Mapping[str, Any], words: Words) -> None:
        self.head, self.words = clean(head), words
        self.run = self.part("run")
        organisation = self.part("organisation")
        self.organisation: dict[str, list[Any]] = {
            k: [v for v in values if isinstance(v, dict)]
            for k, values in organisation.items()
            if isinstance(values, list)
        }
        self.province: dict[str, Any] = organisation.get("province") or {}
        self.rules, self.requirements = self.part("rules"), self.part("requirements")
        self.observations, self.scores = self.part("observations"), self.part("scores")
        self.agencies, self.systems = self.by_id("agencies"), self.by_id("systems")
        self.targets = {t["id"]: t for t in self.rows("targets") if "id" in t}
        self.packs = {p["id"]: p for p in self.run.get("packs") or [] if isinstance(p, dict) and "id" in p}
        self.attestations = {a["id"]: a for a in self.rows("attestations") if "id" in a}
        self.assets_of = self._assets()
        grades = (g for g in self.run.get("grades") or [] if isinstance(g, dict))
        self.grades = sorted(
            ({**g, "at_least": number(g.get("at_least")) or 0.0} for g in grades), key=lambda g: g["at_least"]
        )
        self._basis: dict[tuple[Any, ...], Text] = {}

    def part(self, name: str) -> dict[str, Any]:
        return self.head.get(name) or {}

    def rows(self, name: str) -> list[dict[str, Any]]:
        rows = self.head.get(name)
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def by_id(self, name: str) -> dict[str, dict[str, Any]]:
        return {item["id"]: item for item in self.organisation.get(name, []) if "id" in item}

    def name(self, item: Mapping[str, Any] | None, fallback: Any = "") -> Text:
        known = item or {}
        return self.words.say(known.get("name")) or self.words.say(known.get("id")) or str(fallback)

    def rule(self, rule_id: str) -> dict[str, Any]:
        return self.rules.get(rule_id) or {}

    def title(self, rule_id: str, failed: bool = False) -> Text:
        rule = self.rule(rule_id)
        return self.words.say((failed and rule.get("failure_title")) or rule.get("title")) or rule_id

    def weight(self, rule_id: str) -> float:
        return number(self.rule(rule_id).get("weight")) or 0.0

    def heading(self) -> Text:
        return self.words.join(" · ", [self.words.t("page.title"), self.name(self.province)])

    def place(self, target_id: str) -> Text:
        """Where a target stands: its address, what it serves, who owns it."""
        target = self.targets.get(target_id) or {}
        level, agency = target.get("level"), target.get("agency") or ""
        return self.words.join(
            " · ",
            [
                str(target.get("address") or ""),
                *(self.name(self.systems.get(s), s) for s in target.get("systems") or []),
                self.words.t("count.level", n=level) if level else "",
                self.name(self.agencies.get(agency), agency),
            ],
        )

    def clauses(self, requirement_id: str, level: Any = None) -> Text:
        """The clauses of a requirement; of those numbered by level only this level's, or those in use."""
        found: list[Text] = []
        for framework, clause in ((self.requirements.get(requirement_id) or {}).get("clauses") or {}).items():
            if isinstance(clause, dict):
                used = [f"L{level}"] if level else [f"L{t.get('level')}" for t in self.targets.values()]
                numbers = {k: str(v) for k, v in sorted(clause.items()) if k in used} or clause
                clause = ", ".join(dict.fromkeys(map(str, numbers.values())))  # noqa: PLW2901
            found.append(self.words.join(" ", [self._framework(framework), self.words.say(clause)]))
        return self.words.join("; ", found) or requirement_id

    def _framework(self, framework: str) -> Text:
        """Before a clause: the standard's number, or the id of the pack that a clause is numbered by."""
        if framework in self.words.catalog["framework"]:
            return self.words.label("framework", framework) if framework != "law" else ""
        return next((pack for pack in self.packs if pack.replace("-", "_") == framework), "")

    def clause(self, requirement_id: str, level: Any) -> Text:
        """The one clause of a requirement that its own pack counts by, at a level."""
        known = (self.requirements.get(requirement_id) or {}).get("clauses") or {}
        usable = {k: v for k, v in known.items() if not isinstance(v, dict) or f"L{level}" in v}
        if not usable:
            return requirement_id
        framework, clause = next(iter(usable.items()))
        if isinstance(clause, dict):
            clause = clause[f"L{level}"]
        return self.words.join(" ", [self._framework(framework), self.words.say(clause)])

    def asked(self, finding: Mapping[str, Any]) -> Asked:
        """Whom a finding is about. A question of a whole system or agency stands on one target, its bearer only."""
        target = self.targets.get(finding["target"]) or {}
        scope, systems = self.rule(finding["rule"]).get("scope"), _texts(target.get("systems"))
        if scope == "system" and systems:
            return "system", systems
        if scope in ("system", "agency"):
            agency = target.get("agency") or self._owner(systems)
            if agency:
                return "agency", (str(agency),)
        return "target", (finding["target"],)

    def _owner(self, systems: tuple[str, ...]) -> Any:
        return next((o for s in systems if (o := (self.systems.get(s) or {}).get("owner"))), None)

    def name_of(self, asked: Asked) -> Text:
        """The name of a system, an agency or a target, said as what it is."""
        kind, ids = asked
        known = {"system": self.systems, "agency": self.agencies}.get(kind, self.targets)
        name = self.words.join(", ", [self.name(known.get(one), one) for one in ids])
        return name if kind == "target" else self.words.t(f"asked.{kind}", name=name)

    def place_of(self, finding: Mapping[str, Any]) -> Text:
        """Where what a finding is about stands."""
        kind, ids = finding["asked"]
        if kind == "target":
            return self.place(finding["target"])
        bearer = self.words.t("asked.bearer", name=self.name(self.targets.get(finding["target"]), finding["target"]))
        owner = self._owner(ids) if kind == "system" else None
        return self.words.join(" · ", [self.name(self.agencies.get(owner), owner) if owner else "", bearer])

    def plain(self, value: Any) -> Text:
        """A parameter's value on one line."""
        if isinstance(value, list):
            return self.words.join(", ", [self.words.say(one) for one in value])
        return self.words.label("severity", value) if value in SEVERITIES else self.words.say(value)

    def won(self, won: Mapping[str, Any], clause: Any = None) -> Text:
        """Which value counts where packs do not agree, and by whose clause."""
        pack = str(won.get("pack") or "")
        return self.words.t(
            "overlay.won",
            param=self.words.label("param", won.get("param")),
            value=self.plain(won.get("value")),
            other=self.plain(won.get("other")),
            source=self.words.join(", ", [pack, self.words.say(clause or won.get("clause"))]),
        )

    def _attested(self, name: Any) -> Text:
        """Who answered, when, and until when it counts."""
        if not name:
            return ""
        known = self.attestations.get(name) or {}
        when = self.words.date(known.get("on") or known.get("date"))
        told = self.words.t("findings.attested", id=str(name))
        until = self.words.t("papers.until", date=self.words.date(known.get("until"))) if known.get("until") else ""
        return self.words.join(" · ", [told, self.words.say(known.get("who") or known.get("by")), when, until])

    def basis(self, finding: Mapping[str, Any]) -> Text:
        level = (self.targets.get(finding["target"]) or {}).get("level")
        key = (level, *(finding.get("requirements") or []))
        if key not in self._basis:
            self._basis[key] = self.words.join("\n", [self.clauses(r, level) for r in key[1:]])
        return self._basis[key]

    def remedies(self, rule_id: str, platform: Any) -> list[tuple[str, Text]]:
        """How to mend, this platform's way first."""
        ways = self.rule(rule_id).get("remediation") or {}
        if isinstance(ways, str) or "vi" in ways or "en" in ways:
            ways = {"any": ways}
        ranked = sorted(ways, key=lambda p: (p != platform, p not in ("any", "all", "default", "*")))
        return [(p, text) for p in ranked if (text := self.words.say(ways[p]))]

    def score(self, raw: Mapping[str, Any] | None) -> dict[str, Any]:
        """A score whose figures are numbers or None, and whose grade is a word."""
        raw = raw or {}
        low, high, coverage = (number(raw.get(key)) for key in ("low", "high", "coverage"))
        grade = next((g for g in self.grades if g.get("id") == raw.get("grade")), {"id": raw.get("grade")})
        return {
            "id": raw.get("id"),
            "low": low,
            "high": low if high is None else high,
            "coverage": coverage,
            "grade": self.name(grade) if raw.get("grade") else "",
            "caps": raw.get("caps") or [],
            "lift": raw.get("lift") if isinstance(raw.get("lift"), dict) else None,
            "weights": {k: number(v) or 0.0 for k, v in (raw.get("weights") or {}).items()},
        }

    def scored(self, name: str) -> dict[str, dict[str, Any]]:
        rows = self.scores.get(name) or []
        return {s["id"]: self.score(s) for s in rows if isinstance(s, dict) and "id" in s}

    def _assets(self) -> dict[str, list[str]]:
        """By system, its assets: its own targets and, where the scores say so, what these stand on."""
        found: dict[str, list[str]] = {name: [] for name in self.systems}
        for target_id, target in self.targets.items():
            for name in _texts(target.get("systems")):
                found.setdefault(name, []).append(target_id)
        for score in self.scores.get("systems") or []:
            if isinstance(score, dict) and isinstance(score.get("assets"), list):
                found[str(score.get("id"))] = list(_texts(score["assets"]))
        return found

    def evidence(self, finding: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        t = self.words.t
        for sha in finding.get("observations") or []:
            seen = self.observations.get(sha) or {}
            vantage = self.words.label("vantage", seen.get("vantage"))
            code, excerpt = seen.get("exit"), str(seen.get("excerpt") or "")
            silent = seen.get("excerpt") == "" and not seen.get("truncated")  # None: kept in the folder only
            ended = "findings.no_output" if silent else "findings.exit"
            yield {
                "sha": str(sha),
                "source": str(seen.get("source") or ""),
                "silent": silent,
                "excerpt": excerpt if len(excerpt) <= MAX_EXCERPT else excerpt[:MAX_EXCERPT] + " …",
                "note": self.words.join(
                    " · ",
                    [
                        self.words.date(seen.get("collected_at")),
                        t(ended, n=str(code)) if code is not None else t("findings.silent") if silent else "",
                        t("findings.truncated") if seen.get("truncated") else "",
                        t("findings.masked") if seen.get("masked") else "",
                        t("findings.vantage", id=vantage) if vantage else "",
                    ],
                ),
            }

    def describe(self, finding: Mapping[str, Any]) -> dict[str, Any]:
        """Everything a finding says, ready to be read (see PARTS)."""
        t, say, get, opened = self.words.t, self.words.say, finding.get, finding.get("runs_open")
        undecided, against = finding["result"] in UNDECIDED, get("contradicted_by")
        reason = get("reason") or (finding["result"] if undecided else "")
        instances = [i for i in get("instances") or [] if isinstance(i, dict)]
        instances.sort(key=lambda i: RESULTS.index(i["result"]) if i.get("result") in RESULTS else len(RESULTS))
        return {
            **{part: say(get(part)) for part in PARTS[:4]},
            "basis": self.basis(finding),
            "reason": self.words.label("reason", reason),
            "cure": (say(get("cure")) or self.words.label("cure", reason)) if undecided else "",
            "mend": self.words.label("mend", get("mend_by")) if finding["result"] == "fail" else "",
            "first": t("findings.first_seen", date=self.words.date(get("first_seen"))) if get("first_seen") else "",
            "age": t("count.runs_open", n=opened) if isinstance(opened, int) and opened > 0 else "",
            "waived": t("findings.waived", id=say(get("waived_by"))) if get("waived_by") else "",
            "inherited": t("findings.inherited", id=say(get("inherited_from"))) if get("inherited_from") else "",
            "attested": self._attested(get("attested_by")),
            "contradicted": t("findings.contradicted", id=say(against)) if against else "",
            "overlaid": self.words.join("\n", [self.won(w) for w in get("overlaid") or [] if isinstance(w, dict)]),
            "cut": t("page.more", n=len(instances) - MAX_INSTANCES) if len(instances) > MAX_INSTANCES else "",
            "instances": [
                (str(i.get("id", "")), str(i.get("result", "")), *(say(i.get(part)) for part in PARTS[:4]))
                for i in instances[:MAX_INSTANCES]
            ],
        }


def read(run: Run, findings: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The findings, cleaned, with their family and agency; a result nobody knows is unknown, never a pass."""
    for raw in findings:
        found: dict[str, Any] = {"target": "", "rule": "", **clean(raw)}
        found["result"] = found["result"] if found.get("result") in RESULTS else "unknown"
        found["severity"] = found["severity"] if found.get("severity") in SEVERITIES else "info"
        check = str(found.get("check") or found["rule"])
        found["family"] = str(run.rule(found["rule"]).get("family") or check.partition(".")[0])
        found["asked"] = run.asked(found)
        found["agency"] = str((run.targets.get(found["target"]) or {}).get("agency") or "")
        yield found
