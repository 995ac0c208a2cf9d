"""The target at hand while a run's findings stream by: stored with its score when its last finding has passed.

Nothing is kept of a target but a few numbers in the scorer and in the view of the next level, so that memory
does not grow with their findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditor.annotate import Annotated
from auditor.assets import Assets
from auditor.head import told_of_target
from auditor.judge import JudgedTarget
from auditor.levelview import Next, NextLevel
from auditor.model import Result
from auditor.packs import Chosen, RuleSet
from auditor.runwriter import RunWriter
from auditor.score import Scorer
from auditor.states import letter_of
from auditor.targets import Inventory, Target


class Passing:
    """Takes each judged target, then its annotated findings, in the order they come."""

    def __init__(
        self, writer: RunWriter, scorer: Scorer, rules: RuleSet, inventory: Inventory, *, partial: bool
    ) -> None:
        self._writer, self._scorer, self._rules, self._partial = writer, scorer, rules, partial
        self._touches = Assets(inventory).touched()
        self._at: JudgedTarget | None = None
        self._next: tuple[Next, ...] = ()
        self._made: dict[str, dict[str, Any]] = {}
        self._names: list[str] = []
        self._results: list[Result] = []
        self._letters: list[str] = []
        self.next_level = NextLevel(rules, inventory)
        self.unreachable = 0

    def also(self, target: Target) -> Sequence[Chosen]:
        """What the next level asks of a target beyond what is asked now; of a part of a run nothing."""
        return () if self._partial else [one.chosen for one in self.next_level.asks(target) if _anew(one)]

    def open(self, judged: JudgedTarget) -> None:
        """A target begins; the one before it has ended."""
        self.close()
        self._at = judged
        self._next = () if self._partial else self.next_level.asks(judged.target)
        self._made = {name: _told(one) for name, one in self._rules.overlaid(judged.target).items()}
        self._names, self._results, self._letters = [], [], []
        self.unreachable += judged.state.state == "unreachable"

    def add(self, item: Annotated) -> dict[str, Any] | None:
        """One finding of it; returns what an overlay made of its rule here, if one did."""
        self._names.append(item.finding.rule)
        self._results.append(item.result)
        self._letters.append(letter_of(item.past))
        return self._made.get(item.finding.rule)

    def close(self) -> None:
        """The last target has ended."""
        if self._at is None:
            return
        target = self._at.target
        score = self._scorer.target_score(target.id, partial=self._partial)
        told = told_of_target(self._at, self._rules, self._touches.get(target.id, ()))
        self._writer.target(told, score.as_dict(), self._names, "".join(self._letters))
        if self._next:
            now = dict(zip(self._names, self._results, strict=True))
            anew = iter(self._at.also)
            self.next_level.add(
                target.id,
                [
                    (one, next(anew).result if _anew(one) else now.get(one.chosen.rule.id, Result.NOTCHECKED))
                    for one in self._next
                ],
            )
        self._at = None


def _anew(one: Next) -> bool:
    """Must the evidence be asked again? What people have answered holds at the next level too."""
    return not one.same and one.chosen.rule.check is not None


def _told(chosen: Chosen) -> dict[str, Any]:
    """A rule as an overlay made it, as far as the run document says it of findings."""
    rule = chosen.rule
    return {
        "severity": rule.severity,
        "mandatory": rule.mandatory,
        "weight": rule.weight,
        "force": rule.force,
        "requirements": list(rule.requirements),
        "won": [won.as_dict() for won in chosen.won],
    }
