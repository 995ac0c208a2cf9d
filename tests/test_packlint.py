"""Every mistake the linter of rule packs knows, and the words it has for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auditor import packs
from auditor.mistake_words import WORDS
from auditor.pack_words import PACK_WORDS
from auditor.packlint import gaps, lint
from tests.packfiles import CHECKS, a_rule, codes, pack, raw
from tests.rulesets import INFO, requirement


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"requirements": ["REQ-9"]}, "pack-unknown-requirement"),
        ({"requirements": ["REQ-3"], "levels": [2, 3]}, "pack-level-outside"),
        ({"requirements": ["REQ-3"], "levels": [3], "until": "2026-01-31"}, "pack-requirement-not-listed"),
        ({"mandatory": True, "force": "tool-default"}, "pack-mandatory-force"),
        ({"mandatory": True, "force": "standard-suggested"}, "pack-mandatory-force"),
        ({"requirements": ["REQ-4"], "force": "law"}, "pack-force-unfounded"),
        ({"weight": 0}, "pack-weight"),
        ({"weight": 11}, "pack-weight"),
        ({"title": {"vi": "a", "en": "b"}}, "pack-title-of-check"),
        ({"from": "2026-02-01", "until": "2026-01-31"}, "pack-dates"),
        ({"levels": [1], "params": {"max_age_days": {"L1": 1, "L2": 2}}}, "pack-param-level"),
        ({"check": None}, "pack-no-text"),
    ],
)
def test_mistakes_in_a_rule(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    needs = [
        raw(requirement("REQ-1")),
        {**raw(requirement("REQ-3", levels=[3, 4])), "from": "2026-02-01"},
        raw(requirement("REQ-4", force="standard-suggested", obligation="suggested")),
    ]
    fine = a_rule("r.other", check="antivirus.plain", levels=[3], force="tool-default", requirements=["REQ-3", "REQ-4"])
    assert lint([pack(tmp_path / "p", a_rule(), fine, requirements=needs)], CHECKS) == []
    found = lint([pack(tmp_path / "p", a_rule(**changes), fine, requirements=needs)], CHECKS)
    assert code in codes(found)
    assert found[codes(found).index(code)].file == "p/rules/all.yaml"


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ({"mandatory_cap": "xuat-sac"}, "pack-grade-unknown"),
        ({"grades": list(reversed(INFO["grades"]))}, "pack-grades-order"),
        ({"grades": INFO["grades"][:3]}, "pack-grades-order"),
        ({"until": "2025-12-31"}, "pack-dates"),
        ({"title": {"vi": "chỉ có tiếng Việt"}}, "pack-no-text"),
        ({"title": {"vi": "có", "en": "  "}}, "pack-no-text"),
    ],
)
def test_mistakes_in_the_head(tmp_path: Path, head: dict[str, Any], code: str) -> None:
    made = pack(tmp_path / "p", a_rule(), a_rule("antivirus.plain"), **head)
    assert codes(lint([made], CHECKS)) == [code]


def test_mistakes_in_requirements(tmp_path: Path) -> None:
    needs = [
        raw(requirement("REQ-1")),
        raw(requirement("REQ-2")),
        raw(requirement("REQ-3", mode="attested")),
        raw(requirement("REQ-4", meaning={"vi": "chỉ có tiếng Việt"})),
    ]
    made = pack(
        tmp_path / "p",
        a_rule(),
        a_rule("antivirus.plain", requirements=["REQ-1", "REQ-4"], levels=[1, 2]),
        requirements=needs,
    )
    found = {one.key: one.message.code for one in lint([made], CHECKS)}
    assert found == {"REQ-2": "pack-no-rule", "REQ-4": "pack-no-text"}
    assert [(one.key, one.message.values) for one in gaps([made])] == [("REQ-4", {"levels": [3, 4, 5]})]


def test_a_check_that_no_pack_uses_is_told(tmp_path: Path) -> None:
    found = lint([pack(tmp_path / "p", a_rule())], CHECKS)
    assert [(one.key, one.message.code) for one in found] == [("antivirus.plain", "pack-orphan")]


def test_all_words_of_mistakes_exist_in_both_languages() -> None:
    for code, texts in PACK_WORDS.items():
        assert WORDS[code] == texts
        names = [{part.split("}")[0] for part in text.split("{")[1:]} for text in texts]
        assert names[0] == names[1]
    written = "".join((Path(packs.__file__).parent / name).read_text("utf-8") for name in ("packs.py", "packlint.py"))
    assert {code for code in PACK_WORDS if code not in written} == {"pack-vi", "pack-en"}
