"""Every mistake the linter of rule packs knows, and the words it has for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auditor import packs
from auditor.mistake_words import WORDS
from auditor.mistakes import InventoryError
from auditor.pack_words import PACK_WORDS
from auditor.packlint import gaps, lint
from auditor.rulepack import Pack
from tests.packfiles import CHECKS, a_rule, codes, overlay, pack, raw, write
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
        raw(requirement("REQ-2", clauses={"law": "Điều 2"})),
        raw(requirement("REQ-3", clauses={"law": "Điều 3"}, mode="attested")),
        raw(requirement("REQ-4", clauses={"law": "Điều 4"}, meaning={"vi": "chỉ có tiếng Việt"})),
    ]
    made = pack(
        tmp_path / "p",
        a_rule(),
        a_rule("antivirus.plain", requirements=["REQ-1", "REQ-4"], levels=[1, 2]),
        requirements=needs,
    )
    found = {one.key: one.message.code for one in lint([made], CHECKS)}
    assert found == {"REQ-2": "pack-no-rule", "REQ-4": "pack-no-text"}
    assert [(one.key, one.message.values) for one in gaps([made])] == [
        ("REQ-3", {"levels": [1, 2, 3, 4, 5]}),
        ("REQ-4", {"levels": [3, 4, 5]}),
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"domain": None}, "pack-no-key"),
        ({"family": None}, "pack-no-key"),
        ({"levels": [1, 2], "clauses": {"law": {"L1": "3.1", "L3": "5.1"}}}, "pack-clause-level"),
        ({"levels": [1, 2], "params": {"days": {"L1": 1, "L3": 3}}}, "pack-param-level"),
        ({"from": "2026-02-01", "until": "2026-01-31"}, "pack-dates"),
        ({"note": {"vi": "chỉ có tiếng Việt"}}, "pack-no-text"),
    ],
)
def test_mistakes_of_a_requirement_itself(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    made = {key: value for key, value in {**raw(requirement("REQ-1")), **changes}.items() if value is not None}
    rules = [a_rule(levels=[1, 2]), a_rule("antivirus.plain", levels=[1, 2])]
    found = lint([pack(tmp_path / "p", *rules, requirements=[made])], CHECKS)
    found = [one for one in found if one.message.code != "pack-requirement-not-listed"]
    assert [(one.message.code, one.file, one.line > 1) for one in found] == [(code, "p/requirements/all.yaml", True)]


def test_requirements_that_no_clause_tells_apart(tmp_path: Path) -> None:
    def needs(*clauses: dict[str, Any], **more: Any) -> Pack:
        made = [raw(requirement(f"REQ-{n}", clauses=said)) for n, said in enumerate(clauses, 1)]
        made[-1] |= more
        return pack(tmp_path / "p", a_rule(requirements=[one["id"] for one in made]), requirements=made)

    point = {"standard": {"L1": "3.1.1a", "L2": "4.1.1a"}, "law": "Điều 1"}
    found = gaps([needs(point, point)])
    assert [(one.key, one.message.values["levels"]) for one in found] == [("REQ-2", [1, 2])]
    assert gaps([needs(point, {**point, "law": "Điều 2"})]) == [], "another clause of another text"
    assert gaps([needs(point, point, family="patch")]) == []
    assert gaps([needs({"standard": "3.1.1"}, {"standard": "3.1.1"})]) == [], "a whole section, on purpose"


def asks(**changes: Any) -> dict[str, Any]:
    return {"id": "T-1", "rule": "antivirus.age", "requirements": ["REQ-1"], **changes}


@pytest.mark.parametrize(
    ("head", "ask", "need", "code"),
    [
        ({"over": ["thu-nghiem", "lop-phu"]}, {}, {}, "pack-cycle"),
        ({"over": ["thu-nghiem", "tren"]}, {}, {}, "pack-cycle"),
        ({"over": ["thu-nghiem", "khac"]}, {}, {}, "pack-over-overlay"),
        ({"over": ["thu-nghiem", "khong-co"]}, {}, {}, "pack-over-unknown"),
        ({}, {"requirements": ["REQ-1", "REQ-9"]}, {}, "pack-unknown-requirement"),
        ({}, {"mandatory": True}, {"force": "tool-default"}, "pack-mandatory-unfounded"),
        ({}, {}, {"levels": [4]}, "pack-tighten-nowhere"),
        ({}, {"params": {"max_age_days": {"L4": 1}}}, {"levels": [1, 2]}, "pack-param-level"),
        ({}, {"from": "2026-02-01", "until": "2026-01-31"}, {}, "pack-dates"),
    ],
)
def test_mistakes_of_an_overlay(
    tmp_path: Path, head: dict[str, Any], ask: dict[str, Any], need: dict[str, Any], code: str
) -> None:
    base = pack(tmp_path / "b", a_rule(levels=[1, 2, 3]), a_rule("antivirus.plain"))
    above = overlay(tmp_path / "t", id="tren", over=["lop-phu"], requirements=[])
    other = overlay(tmp_path / "k", id="khac", requirements=[])
    needs = [raw(requirement("REQ-1", **need))]
    made = overlay(tmp_path / "o", tighten=[asks(**ask)], requirements=needs, **head)
    found = [one for one in lint([made, above, base, other], CHECKS) if one.file.startswith("o/")]
    assert codes(found) == [code]
    wanted = "o/pack.yaml" if head else "o/rules/tighten.yaml"
    assert (found[0].file, found[0].line > 1) == (wanted, True)
    for lang in ("vi", "en"):
        assert "{" not in found[0].text(lang)


def test_a_framework_tightens_nothing(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "p",
        requirements_all=[raw(requirement("REQ-1"))],
        rules_all=[a_rule(), a_rule("antivirus.plain")],
    )
    (folder / "rules" / "more.yaml").write_text("tighten:\n  - {id: T-1, rule: antivirus.age, requirements: [REQ-1]}\n")
    found = lint([packs.load_pack(folder)], CHECKS)
    assert "pack-tighten-framework" in codes(found)
    assert found[codes(found).index("pack-tighten-framework")].line == 2


@pytest.mark.parametrize(
    ("head", "line", "part"),
    [
        ({"in_force": "2026-02-30"}, "in_force", "2026-01-15"),
        ({"in_force": "19/08/2026"}, "in_force", "2026-01-15"),
        ({"over": ["a"]}, "over", "over"),
        ({"grades": []}, "grades", "grades"),
        ({"kind": "layer"}, "kind", "overlay"),
        ({"transition": {"decided_before": "2026-07-01"}}, "  decided_before", "until"),
    ],
)
def test_a_head_that_is_no_head_is_refused_by_line(tmp_path: Path, head: dict[str, Any], line: str, part: str) -> None:
    with pytest.raises(InventoryError) as caught:
        pack(tmp_path / "p", a_rule(), **head)
    (mistake,) = caught.value.mistakes
    text = (tmp_path / "p" / "pack.yaml").read_text("utf-8").splitlines()
    assert mistake.file == "p/pack.yaml"
    assert text[mistake.line - 1].startswith(line)
    assert part in mistake.text("en")
    assert "{" not in mistake.text("vi")


def test_an_overlay_never_grades_and_lies_over_something(tmp_path: Path) -> None:
    with pytest.raises(InventoryError) as caught:
        pack(tmp_path / "p", a_rule(), kind="overlay")
    assert sorted((one.message.code, one.key) for one in caught.value.mistakes) == [
        ("pack-foreign", "coverage_gate"),
        ("pack-foreign", "grades"),
        ("pack-foreign", "mandatory_cap"),
        ("pack-foreign", "waiver_cap"),
        ("pack-needs", "over"),
    ]
    assert len({one.line for one in caught.value.mistakes}) == 5


def test_a_check_that_no_pack_uses_is_told(tmp_path: Path) -> None:
    found = lint([pack(tmp_path / "p", a_rule())], CHECKS)
    assert [(one.key, one.message.code) for one in found] == [("antivirus.plain", "pack-orphan")]


MODULES = ("packs.py", "packfile.py", "packparams.py", "packlint.py", "rulepack.py", "transition.py")


def test_all_words_of_mistakes_exist_in_both_languages() -> None:
    for code, texts in PACK_WORDS.items():
        assert WORDS[code] == texts
        names = [{part.split("}")[0] for part in text.split("{")[1:]} for text in texts]
        assert names[0] == names[1]
    written = "".join((Path(packs.__file__).parent / name).read_text("utf-8") for name in MODULES)
    assert {code for code in PACK_WORDS if code not in written} == {"pack-vi", "pack-en"}
