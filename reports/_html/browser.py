"""The data that report.js draws the findings from: small numbers over tables that hold each text once."""

from __future__ import annotations

from typing import Any

from .run import OPEN, PARTS, RESULTS, SEVERITIES, UNFOLDED, Asked, Run
from .survey import Survey

ALL_EXCERPTS = 250_000  # characters of evidence a page carries; the rest is in the evidence folder, by its hash


SPOKEN = ("page", "count", "browse", "findings", "result", "severity", "change")  # what report.js says itself


class Pool(dict[Any, int]):
    """Values, each kept once and known by its place."""

    def put(self, value: Any) -> int:
        return self.setdefault(value, len(self))


class BrowserData:
    """Fills the tables finding by finding; `as_json` is what report.js reads."""

    def __init__(self, run: Run, survey: Survey) -> None:
        self.run, self.survey = run, survey
        self.texts, self.rules, self.targets, self.agencies, self.families = (Pool() for _ in range(5))
        self.details, self.seen, self.sets = Pool(), Pool(), Pool()
        self.excerpts: dict[int, str] = {}
        self.room = ALL_EXCERPTS
        self.texts.put("")  # place 0 says nothing
        self.rows = [self._row(finding) for finding in survey.kept]

    def _row(self, finding: dict[str, Any]) -> tuple[Any, ...]:
        return (
            self.rules.put((finding["rule"], finding["family"])),
            self.targets.put((finding["target"], finding["agency"], finding["asked"])),
            RESULTS.index(finding["result"]),
            self.details.put(self._detail(finding)),
            self.sets.put(tuple(self._seen(finding))),
        )

    def _detail(self, finding: dict[str, Any]) -> tuple[Any, ...]:
        said = self.run.describe(finding)
        weight = (SEVERITIES.index(finding["severity"]), int(bool(finding.get("mandatory"))))
        instances = ((i, result, *map(self.texts.put, parts)) for i, result, *parts in said["instances"])
        parts = [self.texts.put(said[part]) for part in PARTS]
        while parts and not parts[-1]:
            parts.pop()
        return (*weight, str(finding.get("change") or ""), tuple(instances), *parts)

    def _seen(self, finding: dict[str, Any]) -> list[int]:
        places = []
        for item in self.run.evidence(finding):
            place = self.seen.put((item["sha"], self.texts.put(item["source"]), self.texts.put(item["note"])))
            places.append(place)
            excerpt = item["excerpt"] if finding["result"] in OPEN and place not in self.excerpts else ""
            if excerpt and len(excerpt) <= self.room:
                self.room -= len(excerpt)
                self.excerpts[place] = excerpt
            elif item["silent"]:
                self.excerpts[place] = ""  # nothing more is in the folder
        return places

    def _rule(self, rule: str, family: str) -> list[Any]:
        put, run = self.texts.put, self.run
        ways = [(platform, put(way)) for platform, way in run.remedies(rule, None)]
        why = run.words.say(run.rule(rule).get("why"))
        titles = (put(run.title(rule)), put(run.title(rule, failed=True)))
        return [rule, *titles, put(why), self.families.put(family), ways]

    def _target(self, target: str, agency: str, asked: Asked) -> list[Any]:
        known, put = self.run.targets.get(target) or {}, self.texts.put
        place = self.run.place_of({"target": target, "asked": asked})
        names = (put(self.run.name(known, target) if asked[0] == "target" else self.run.name_of(asked)), put(place))
        platform = str(known.get("platform") or "")
        about = [] if asked[0] == "target" else [f"{asked[0]}:{'+'.join(asked[1])}"]
        return [target, *names, self.agencies.put(agency), known.get("level"), platform, *about]

    def as_json(self) -> dict[str, Any]:
        run, put = self.run, self.texts.put
        tables = {
            "columns": list(zip(*self.rows, strict=True)),
            "rules": [self._rule(*key) for key in self.rules],
            "targets": [self._target(*key) for key in self.targets],
            "agencies": [(a, put(run.name(run.agencies.get(a), a))) for a in self.agencies],
            "families": [(f, put(run.words.label("family", f))) for f in self.families],
            "details": list(self.details),
            "seen": list(self.seen),
            "sets": list(self.sets),
            "excerpts": self.excerpts,
            "requirements": {
                r: list({**dict.fromkeys(known.get("rules") or []), **self.survey.rules_of.get(r, {})})
                for r, known in run.requirements.items()
            },
            "systems": [(s, put(run.name(run.systems.get(s), s)), assets) for s, assets in run.assets_of.items()],
            "results": RESULTS,
            "severities": SEVERITIES,
            "parts": PARTS,
            "unfolded": UNFOLDED,
            "words": {table: run.words.catalog[table] for table in SPOKEN},
            "title": run.heading(),
        }
        return {**tables, "texts": list(self.texts)}
