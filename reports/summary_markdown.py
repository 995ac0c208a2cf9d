"""The outcome of a run in a few lines of Markdown, to be pasted into a chat or a ticket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditor.registry import load_parts
from auditor.rendering import RunDocument
from auditor.whole import whole_file

PARTS = Path(__file__).parent / "_html"
MOST = 3_900
"""Characters; the chats in use here cut a message at 4,096."""
ACTIONS = 10
NAME = 80
MARKUP = re.compile(r"([\\`*_{}\[\]()<>#|~@:&])")


class SummaryMarkdown:
    """``summary.md``: grade and range, what is new, what to do first, what could not be assessed."""

    format = "markdown"

    def render(self, run: RunDocument, out: Path, lang: str) -> Path:
        """Write it into ``out``; at most ``MOST`` characters, the last lines left out with their number."""
        parts = load_parts(PARTS)
        words = parts.Words("en" if lang == "en" else "vi")
        read = parts.Run(run.head, words)
        survey = parts.Survey(read, parts.read(read, run.findings()))
        path = out / "summary.md"
        with whole_file(path) as file:
            file.write(_cut(list(_lines(read, survey, words))))
        return path


def _lines(run: Any, survey: Any, words: Any) -> Iterator[str]:
    def t(path: str, **values: Any) -> str:
        return str(words.one(words.t(path, **values)))

    def plain(text: Any) -> str:
        """A name or a phrase on one line that no Markdown reader takes for more."""
        line = " ".join(str(words.one(text)).split())
        return MARKUP.sub(r"\\\1", line if len(line) <= NAME else line[:NAME] + "…")

    yield f"**{plain(run.heading())}** · {plain(words.date(run.run.get('date')))}"
    score = run.score(run.scores.get("province"))
    if score["low"] is not None:
        yield t("summary.score", low=words.num(score["low"]), high=words.num(score["high"]))
    if score["coverage"] is not None:
        yield t("summary.coverage", n=round(100 * score["coverage"]))
    yield t("summary.grade", grade=plain(score["grade"])) if score["grade"] else t("summary.no_grade")
    for cap in score["caps"][:3]:
        yield "- " + plain(words.say(cap.get("reason")))
    if not run.run.get("verified", True):
        yield t("summary.unverified")
    yield t("summary.counts", **{name: survey.count("all", "", name) for name in ("fail", "pass", "unknown", "error")})
    changes = {name: survey.changes[name] for name in ("new", "fixed", "open", "recurred", "notmeasured")}
    if run.run.get("previous"):
        yield t("summary.changes", **changes)
    actions = survey.actions()[:ACTIONS]
    if actions:
        yield ""
        yield f"**{t('summary.first')}**"
    for number, action in enumerate(actions, 1):
        where = t("summary.targets", n=action["targets"])
        yield f"{number}. {plain(run.title(action['rule'], failed=True))} · {where}"
    unseen = [target for target in run.targets.values() if target.get("state") in ("unreachable", "stale")]
    if unseen:
        yield ""
        named = ", ".join(plain(run.name(target)) for target in unseen[:5])
        yield t("summary.unseen", n=len(unseen)) + " " + named + (" …" if len(unseen) > 5 else "")
    if run.run.get("assessment_kind") == "operator-selfcheck":
        yield ""
        yield t("summary.selfcheck")


def _cut(lines: list[str]) -> str:
    kept: list[str] = []
    for number, line in enumerate(lines):
        if sum(map(len, kept)) + len(kept) + len(line) > MOST:
            kept.append(f"… (+{len(lines) - number})")
            break
        kept.append(line)
    return "\n".join(kept) + "\n"
