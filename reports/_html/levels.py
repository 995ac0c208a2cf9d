"""The level view of each system: what its level asks and what is met of it, and what the next level would ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .run import Run
from .survey import Survey
from .text import Text

STATUSES = ("notmet", "partial", "undecided", "met", "notapplicable")
ANSWERS = ("would-fail", "undecided", "not-asked-now")
Grouped = dict[str, list[dict[str, Any]]]


class Levels:
    """Systems, the weakest first; of their tables as many rows as there is room for, what is not met first."""

    def __init__(self, run: Run, survey: Survey, systems: int, rows: int) -> None:
        self.run, self.survey = run, survey
        self.scores = run.scored("systems")
        self.raw = {str(s["id"]): s for s in run.scores.get("systems") or [] if isinstance(s, dict) and "id" in s}
        self.views = _dict(run.head.get("level_view"))
        ordered = sorted(run.systems, key=lambda name: (self._low(name), name))
        self.shown, self.hidden = ordered[:systems], max(0, len(ordered) - systems)
        asked = _dict(run.head.get("requirements_by_system"))
        self.asked = {name: self._by_status(_dict(asked.get(name))) for name in self.shown}
        self.alike: dict[str, int] = {}
        self.missing = {name: self._by_answer(name) for name in self.shown}
        self.room = _share(self.asked, STATUSES, rows)
        self.room_next = _share(self.missing, ANSWERS, rows)

    def _low(self, name: str) -> float:
        low = self.scores.get(name, {}).get("low")
        return 101.0 if low is None else float(low)

    def __iter__(self) -> Any:
        return iter(self.shown)

    def score(self, name: str) -> dict[str, Any]:
        return self.scores.get(name) or self.run.score(None)

    # --- its level ---

    def declared(self, name: str) -> Text:
        """The level, how far it is decided, and by which document."""
        run, system = self.run, self.run.systems[name]
        decision = _dict(system.get("decision"))
        level = run.words.t("count.level", n=system["level"]) if system.get("level") else "–"
        parts = [level, run.words.label("level_status", system.get("level_status"))]
        return run.words.join(" · ", [*parts, run.words.say(decision.get("no")), run.words.date(decision.get("date"))])

    def suggested(self, name: str) -> dict[str, Any] | None:
        """The level that the system's facts suggest; None where its owner stated none."""
        found = _dict(self.views.get(name)).get("suggested")
        if not isinstance(found, dict):
            return None
        t, label = self.run.words.t, self.run.words.label
        beside = str(found.get("beside") or "unknown")
        level = found.get("level")
        return {
            "beside": beside,
            "level": t("count.level", n=level) if level else t("level.no_criterion"),
            "reasons": [
                self.run.words.join(", ", [self.run.words.say(one.get("text")), self.run.words.say(one.get("clause"))])
                for one in _dicts(found.get("reasons"))
            ],
            "open": self.run.words.join(", ", [label("fact", one) for one in found.get("open") or []]),
        }

    # --- its assets ---

    def assets(self, name: str) -> Text:
        return self.run.words.t("count.asset", n=len(self.run.assets_of.get(name, ())))

    def stands_on(self, name: str) -> list[tuple[str, Text]]:
        """What its own targets stand on: each with how, and of which of them."""
        run, found = self.run, []
        for one in _dicts(self.raw.get(name, {}).get("stands_on")):
            edge = run.words.label("edge", one.get("edge"))
            found.append((str(one.get("id")), run.words.join(" ", [edge, self.target(one.get("of"))])))
        return found

    def weakest(self, name: str) -> str:
        return str(self.raw.get(name, {}).get("weakest") or "")

    def target(self, name: Any) -> Text:
        return self.run.name(self.run.targets.get(str(name)), name)

    # --- what its level asks ---

    def _by_status(self, asked: Mapping[str, Any]) -> Grouped:
        grouped: Grouped = {}
        for requirement, status in asked.items():
            grouped.setdefault(status if status in STATUSES else "undecided", []).append({"id": requirement})
        return grouped

    def groups(self, name: str) -> list[dict[str, Any]]:
        """By status, the requirements of its level: their number, and those there is room for."""
        level = self.run.systems[name].get("level")
        made = []
        for status in STATUSES:
            rows = self.asked[name].get(status, [])
            if rows:
                shown = rows[: self.room[name, status]]
                told = [self._requirement(name, row["id"], level) for row in shown]
                made.append({"code": status, "n": len(rows), "rows": told, "more": len(rows) - len(shown)})
        return made

    def _requirement(self, system: str, requirement: str, level: Any) -> dict[str, Any]:
        run, count = self.run, self.survey.assets
        parts = ((part, count[system, requirement, part]) for part in ("undecided", "pass", "asked-undecided"))
        return {
            "id": requirement,
            "clause": run.clause(requirement, level),
            "title": self._title(requirement),
            "failing": self.survey.failing_assets.get((system, requirement), []),
            "fails": count[system, requirement, "fail"],
            "answered_no": count[system, requirement, "asked-fail"],
            "assets": run.words.join(" · ", [run.words.t(f"assets.{part}", n=n) for part, n in parts if n]),
        }

    def _title(self, requirement: str) -> Text:
        return self.run.words.say((self.run.requirements.get(requirement) or {}).get("title")) or requirement

    # --- what the next level would ask ---

    def _by_answer(self, name: str) -> Grouped:
        """What is missing by what the evidence says of it; what is undecided now as well is only counted."""
        grouped: Grouped = {}
        now = {row["id"] for row in self.asked[name].get("undecided", [])}
        for one in _dicts(_dict(_dict(self.views.get(name)).get("next")).get("missing")):
            answer = str(one.get("answer"))
            if answer == "undecided" and one.get("requirement") in now:
                self.alike[name] = self.alike.get(name, 0) + 1
            else:
                grouped.setdefault(answer, []).append(one)
        return grouped

    def next(self, name: str) -> dict[str, Any] | None:
        """The next level up: in short, and what would be missing there; None at the highest."""
        following = _dict(_dict(self.views.get(name)).get("next"))
        if not following.get("level"):
            return None
        t, level, groups = self.run.words.t, following["level"], []
        summary = {k: v for k, v in _dict(following.get("summary")).items() if isinstance(v, int)}
        for answer in ANSWERS:
            rows = self.missing[name].get(answer, [])
            if rows:
                shown = rows[: self.room_next[name, answer]]
                told = [self._missing(one, level, _dict(following.get("rules")), answer) for one in shown]
                groups.append({"code": answer, "n": len(rows), "rows": told, "more": len(rows) - len(shown)})
        met = summary.get("would-pass", 0)
        return {
            "level": level,
            "summary": t("level.summary", n=sum(summary.values()), met=met, level=level),
            "higher": t("level.higher", n=following["higher"]) if following.get("higher") else "",
            "alike": t("level.alike", n=self.alike[name]) if self.alike.get(name) else "",
            "groups": groups,
        }

    def _missing(self, one: Mapping[str, Any], level: Any, rules: Mapping[str, Any], answer: str) -> dict[str, Any]:
        requirement = str(one.get("requirement"))
        told = one.get("rules") or [] if answer == "would-fail" else []
        named = [(str(rule), _dict(rules.get(str(rule)))) for rule in told]
        failing = [(rule, known) for rule, known in named if known.get("answer") == answer]
        return {
            "id": requirement,
            "clause": self.run.clause(requirement, level),
            "title": self._title(requirement),
            "rules": [self._rule(rule, known) for rule, known in failing],
        }

    def _rule(self, rule: str, known: Mapping[str, Any]) -> dict[str, Any]:
        words, targets = self.run.words, known.get("targets") or []
        count = _dict(known.get("counts")).get("would-fail")
        rest = count - len(targets) if isinstance(count, int) else 0
        names = words.join(", ", [self.target(name) for name in targets])
        changed = [
            words.t("level.param", param=words.label("param", name), now=self.run.plain(now), then=self.run.plain(then))
            for name, (now, then) in _pairs(known.get("params"))
        ]
        return {
            "title": self.run.title(rule, failed=True),
            "targets": words.join(" ", [names, f"+{rest}" if rest > 0 else ""]),
            "params": words.join("; ", changed),
        }


def _share(grouped: Mapping[str, Grouped], order: Iterable[str], rows: int) -> dict[tuple[str, str], int]:
    """Room for rows: the first group of every system before the second of any."""
    room: dict[tuple[str, str], int] = {}
    for code in order:
        for name, groups in grouped.items():
            room[name, code] = min(rows, len(groups.get(code, ())))
            rows -= room[name, code]
    return room


def _pairs(params: Any) -> list[tuple[str, Any]]:
    return [(k, v) for k, v in _dict(params).items() if isinstance(v, list) and len(v) == 2]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
