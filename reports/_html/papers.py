"""Waivers, attestations and shared controls as they stand, and the questions that await an answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from .run import Asked, Run
from .survey import Survey
from .text import Text

KINDS = (("waivers", "waiver"), ("attestations", "attestation"), ("shared_controls", "shared-control"))
LOUD = ("contradicted", "malformed", "expired", "unproven", "expiring")  # these want somebody's attention
TOLD = ("id", "rule", "from", "on", "until")  # the heading of a paper says these
WORD = re.compile(r"[A-Za-z0-9._-]+")


class Papers:
    """Every paper of a run, those that want attention first."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rows: dict[str, list[dict[str, Any]]] = {}
        standing = {(p.get("kind"), p.get("id")): (n, p) for n, p in enumerate(run.rows("papers"))}
        for part, kind in KINDS:
            found = [(standing.get((kind, row.get("id"))), row) for row in run.rows(part)]
            found.sort(key=lambda one: one[0][0] if one[0] else len(standing))
            self.rows[part] = [self._told(known[1] if known else {}, row) for known, row in found]
        self.states = Counter(row["state"] for rows in self.rows.values() for row in rows)

    def loud(self) -> list[tuple[str, int]]:
        return [(state, self.states[state]) for state in LOUD if self.states[state]]

    def _told(self, known: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
        words, run = self.run.words, self.run
        pairs = [pair for pair in known.get("contradicted") or [] if isinstance(pair, list) and len(pair) == 2]
        more = known.get("contradictions")
        return {
            "id": str(row.get("id") or ""),
            "rule": str(row.get("rule") or ""),
            "title": run.title(str(row["rule"])) if row.get("rule") else words.say(row.get("id")),
            "state": str(known.get("state") or ""),
            "notes": words.join(" · ", self._notes(known, row)),
            "contradicted": [(str(rule), str(target)) for target, rule in pairs],
            "more": more - len(pairs) if isinstance(more, int) and more > len(pairs) else 0,
            "fields": {k: v for k, v in row.items() if k not in TOLD and v not in (None, "", [], {})},
        }

    def _notes(self, known: Mapping[str, Any], row: Mapping[str, Any]) -> list[Text]:
        """Since when and until when it counts, what is wrong with it, and on how many findings it bears."""
        t, words = self.run.words.t, self.run.words
        since, until = known.get("from") or row.get("from") or row.get("on"), known.get("until") or row.get("until")
        left, bears = known.get("days_left"), known.get("findings")
        return [
            t("papers.from", date=words.date(since)) if since else "",
            t("papers.until", date=words.date(until)) if until else "",
            t("papers.left", n=left) if isinstance(left, int) and left >= 0 else "",
            t("papers.over", n=-left) if isinstance(left, int) and left < 0 else "",
            t("papers.first", date=words.date(known["until_first"])) if known.get("until_first") else "",
            words.label("paper_why", known.get("why")),
            t("papers.long") if known.get("long") is True else "",
            t("papers.bears", n=bears) if isinstance(bears, int) else "",
        ]

    def waived(self) -> Text:
        """The weight that waivers take out of the province's score, and the most they may."""
        weights = self.run.score(self.run.scores.get("province"))["weights"]
        asked, waived, cap = sum(weights.values()), weights.get("waived", 0.0), self.run.run.get("waiver_cap")
        if not asked or not isinstance(cap, (int, float)):
            return ""
        share = self.run.words.num(100 * waived / asked)
        return self.run.words.t("papers.waived", weight=waived, asked=asked, share=share, cap=100 * cap)


class Questions:
    """Open questions by whom they are asked of: a system, an agency, or the targets of an agency."""

    def __init__(self, run: Run, survey: Survey, most: int) -> None:
        self.run = run
        self.total = survey.count("all", "", "notchecked")
        found: dict[Asked, dict[str, list[dict[str, Any]]]] = {}
        for finding in survey.open("notchecked"):
            asked = finding["asked"]
            key = asked if asked[0] != "target" else ("targets", (finding["agency"],))
            found.setdefault(key, {}).setdefault(finding["rule"], []).append(finding)
        order = {name: n for n, name in enumerate([*run.systems, *run.agencies])}
        ranked = sorted(found, key=lambda key: (_KINDS.index(key[0]), order.get(key[1][0], len(order)), key[1]))
        each = max(5, most // max(1, len(ranked)))
        self.groups = [self._group(key, found[key], each) for key in ranked]
        self.by_kind = Counter(key[0] for key in ranked)

    def _group(self, key: Asked, rules: dict[str, list[dict[str, Any]]], most: int) -> dict[str, Any]:
        kind, ids = key
        count = sum(map(len, rules.values()))
        shown = list(rules.items())[:most]
        return {
            "kind": kind,
            "name": self.run.name_of(key) if kind != "targets" else self._targets_of(ids[0]),
            "address": self._address(kind, ids),
            "n": count,
            "mandatory": sum(bool(f.get("mandatory")) for found in rules.values() for f in found),
            "rows": shown,
            "more": count - sum(len(found) for _, found in shown),
            "command": _command(kind, ids),
        }

    def _targets_of(self, agency: str) -> Text:
        return self.run.words.t("asked.targets", name=self.run.name(self.run.agencies.get(agency), agency or "–"))

    def _address(self, kind: str, ids: tuple[str, ...]) -> tuple[str, str]:
        """The filter of the findings browser that shows just these."""
        return ("agency", ids[0]) if kind == "targets" else ("asked", f"{kind}:{'+'.join(ids)}")


_KINDS = ("system", "agency", "targets")


def _command(kind: str, ids: tuple[str, ...]) -> str:
    """How to get the questionnaire of a group; an id that is no plain word stands in no command."""
    option = "--system" if kind == "system" else "--agency"
    if not all(WORD.fullmatch(one) for one in ids):
        return "audit.py attest INVENTORY --list"
    return " ".join([f"audit.py attest INVENTORY --out {ids[0]}.xlsx", *(f"{option} {one}" for one in ids)])
