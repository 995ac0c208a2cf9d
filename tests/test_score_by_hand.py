"""Every score of a run document can be made again from that document alone, by the printed formula."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from auditor.annotate import Annotated
from auditor.packs import RuleSet
from auditor.score import family_of
from auditor.score_words import scoring
from auditor.targets import Inventory
from tests.by_hand import compare
from tests.scored import score
from tests.test_example_province import run
from tests.test_score_hiding import PACK, PLACES, RUN, run_of, table_of


def document(items: list[Annotated], table: RuleSet, place: Inventory) -> dict[str, Any]:
    """What a run document says of these findings, through JSON."""
    told = {
        "run": {"state": "complete", "removed": [], **scoring(table.base)},
        "organisation": {
            name: [one.model_dump(mode="json", by_alias=True) for one in getattr(place, name)]
            for name in ("groups", "agencies", "systems")
        },
        "rules": {
            name: {**rule.model_dump(mode="json", by_alias=True), "family": family_of(rule)}
            for name, rule in table.rules.items()
        },
        "requirements": {name: one.model_dump(mode="json", by_alias=True) for name, one in table.requirements.items()},
        "targets": [{"id": one.id, "agency": one.agency, "systems": list(one.systems)} for one in place.targets],
        "findings": [
            {
                "target": item.finding.target,
                "rule": item.finding.rule,
                "result": item.result.value,
                "waived_by": list(item.waived_by) or None,
                "inherited_from": item.inherited_from,
            }
            for item in items
        ],
        "scores": score(items, table, place).as_dict(),
    }
    made: dict[str, Any] = json.loads(json.dumps(told))
    return made


@given(RUN, PACK, PLACES)
@settings(max_examples=100, deadline=None)
def test_scores_by_chance_by_hand(outcomes: list[Any], pack: dict[str, Any], place: Inventory) -> None:
    told = document(run_of(outcomes), table_of(pack), place)
    assert compare(told, told["findings"]) > 10


def test_the_example_province_by_hand(tmp_path: Path) -> None:
    told = run(tmp_path)
    assert compare(told, told["findings"]) > 100
