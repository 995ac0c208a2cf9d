"""The HTML report: what it says, in which order, in both languages, at any size."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from tests.reports.html_page import PARTS, REPORTS, TEMPLATES, Page, render
from tests.reports.sample_run import Sample, large, sample


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return render(sample(), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


# --- what it says --------------------------------------------------------------------------------------------


def test_the_conclusion_comes_first_and_sections_follow_in_order(page: Page) -> None:
    sections = [a["id"] for tag, a in page.tags if tag == "section"]
    assert sections == [
        *("conclusion", "actions", "units", "levels", "requirements", "findings", "unassessed", "questions", "passed"),
        *("papers", "waivers", "attestations", "method"),
    ]


def test_the_conclusion_says_range_grade_caps_coverage_and_self_check(page: Page) -> None:
    for words in (
        "65,4",
        "65.4",
        "85,9",
        "Khá",
        "không có bản sao lưu trong hạn",
        "79 %",
        "Điều 31 Nghị định 331/2026",
    ):
        assert words in page.text
    assert "DỮ LIỆU GHI SẴN" not in page.text


def test_every_family_has_a_card(page: Page) -> None:
    cards = {a["href"] for tag, a in page.tags if tag == "a" and a.get("class") == "card"}
    assert cards == {f"#family={rule.split('.')[0]}&result=fail" for rule in sample().head["rules"]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recorded": True}, "DỮ LIỆU GHI SẴN"),
        ({"state": "partial"}, "Kiểm tra một phần"),
        ({"verified": False}, "không khớp với mã băm"),
        ({"previous": None}, "chưa có kỳ trước"),
    ],
)
def test_what_limits_a_run_is_said_aloud(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    assert words in Page(render(sample(**changes), tmp_path)).text


def test_too_little_coverage_gives_a_reason_instead_of_a_grade(tmp_path: Path) -> None:
    run = sample()
    run.head["scores"]["province"].update(grade=None, coverage=0.6999)
    text = Page(render(run, tmp_path)).text
    assert "Chưa xếp loại" in text
    assert "mới kết luận được 69 %, cần ít nhất 70 %" in text


def test_nothing_decided_is_never_green(tmp_path: Path) -> None:
    run = sample()
    run.stored = [f for f in run.stored if f["result"] == "unknown"]
    assert "không nói rằng hệ thống an toàn" in Page(render(run, tmp_path)).text


def test_the_gain_is_told_only_when_the_weights_reproduce_the_score(tmp_path: Path) -> None:
    run = sample()
    assert "+2,5 điểm" in Page(render(run, tmp_path)).text
    run.head["scores"]["province"]["low"] -= 5
    assert "điểm." in Page(render(run, tmp_path)).text
    assert "+2,5 điểm" not in Page(render(run, tmp_path)).text


def test_failures_are_listed_mandatory_first_with_all_a_reader_needs(page: Page, source: str) -> None:
    fails = [f for f in sample().stored if f["result"] == "fail"]
    listed = page.ids("f=")
    assert {f"f={f['rule']}@{f['target']}" for f in fails} <= set(listed)
    mandatory = {f"f={f['rule']}@{f['target']}": bool(f["mandatory"] and not f["waived_by"]) for f in fails}
    order = [mandatory[i] for i in listed if i in mandatory]
    assert order == sorted(order, reverse=True)
    static = Page(source[source.index('id="static"') : source.index('id="unassessed"')]).text
    for words in ("Phải là", "Đang là", "Ở đâu", "Vì sao", "Cách sửa", "Bằng chứng", "Căn cứ", "nft add table inet",
                  "TCVN 14423:2026 5.11.2.1", "nft -j list ruleset", "20/11/2026 01:12 (GMT+7)", "tcp/22"):  # fmt: skip
        assert words in static


def test_what_could_not_be_assessed_has_its_own_section_with_cures(source: str) -> None:
    part = source[source.index('id="unassessed"') : source.index('id="questions"')]
    text, listed = Page(part).text, Page(part).ids("f=")
    undecided = [f for f in sample().stored if f["result"] in ("unknown", "error")]
    assert {f"f={f['rule']}@{f['target']}" for f in undecided} == set(listed)
    for words in ("Cấp quyền đọc cho tài khoản audit", "Chưa được phép kiểm tra", "Không kết nối được"):
        assert words in text


def test_instances_stand_above_the_evidence_and_failing_ones_first(source: str) -> None:
    card = next(part for part in source.split("<article")[1:] if ">tcp/3389<" in part).partition("</article>")[0]
    places = [card.index(words) for words in (">tcp/3389<", ">tcp/22<", ">tcp/443<", ">Bằng chứng<")]
    assert places == sorted(places)


def test_a_hash_is_shortened_and_what_it_was_found_at_stands_first(tmp_path: Path) -> None:
    run = sample()
    run.stored = [f for f in run.stored if f["instances"]][:1]
    run.stored[0]["instances"] = [{"id": "0b4a" + "5" * 56 + "8dfd", "result": "fail", "where": "web.example:443"}]
    html = render(run, tmp_path)
    assert "web.example:443 0b4a…8dfd" in Page(html).text
    assert f'title="0b4a{"5" * 56}8dfd"' in html


def test_more_than_two_pieces_of_evidence_are_folded_and_silence_is_said(tmp_path: Path) -> None:
    run = sample()
    run.stored = [f for f in run.stored if f["result"] == "fail"][:1]
    run.head["observations"] = {f"{n:064x}": {"source": f"tool-{n}", "exit": n, "excerpt": ""} for n in range(4)}
    run.stored[0]["observations"] = list(run.head["observations"])
    html = render(run, tmp_path)
    static = html[html.index('id="static"') : html.index('id="unassessed"')]
    shown, _, folded = static.partition('<details class="rest">')
    assert "tool-1" in shown
    assert "tool-2" not in shown
    assert "tool-3" in folded
    text = Page(static).text
    assert "Còn 2 bằng chứng nữa" in text
    assert "không có đầu ra (mã thoát 3)" in text
    assert "thư mục bằng chứng" not in text  # there is nothing more to be found there


def test_a_reason_is_said_once_above_what_it_left_open(tmp_path: Path) -> None:
    run = sample()
    run.stored = [f for f in run.stored if f["result"] == "unknown"]
    said = {
        "vi": "Không đánh giá được: không đủ quyền đọc. sudo: exit 1",
        "en": "Not assessed: no rights. sudo: exit 1",
    }
    for finding in run.stored:
        finding["message"] = said
    html = render(run, tmp_path)
    text = Page(html[html.index('id="unassessed"') : html.index('id="questions"')]).text
    assert "không đủ quyền đọc" not in text
    pairs = {(f["target"], f["reason"]) for f in run.stored}
    assert text.count("sudo: exit 1") == len(pairs) < len(run.stored)


def test_what_is_cut_short_is_said(tmp_path: Path) -> None:
    run = sample()
    run.stored = [f for f in run.stored if f["instances"]]
    run.stored[0]["instances"] = [{"id": f"tcp/{n}", "result": "fail"} for n in range(60)]
    assert "Còn 10 mục nữa không in ở đây" in Page(render(run, tmp_path)).text


def test_the_first_language_is_the_one_asked_for(tmp_path: Path) -> None:
    english = render(sample(), tmp_path, "en")
    assert '<html lang="en">' in english
    assert "<title>Security level audit report · Tỉnh Bình Minh</title>" in english
    assert "html[lang=en] [data-l=vi]" in english


def test_dates_and_decimals_follow_the_language() -> None:
    words = PARTS.Words("vi")
    assert words.date("2026-11-19T18:12:07+00:00") == ("20/11/2026 01:12 (GMT+7)", "2026-11-20 01:12 (GMT+7)")
    assert words.date("2026-11-20") == ("20/11/2026", "2026-11-20")
    assert words.date("hôm qua") == "hôm qua"
    assert words.say([True, 3389, 41.5, {"en": "only"}]) == ("có\n3389\n41,5\nonly", "yes\n3389\n41.5\nonly")


# --- tolerance -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [*sample().head, *(f"run.{key}" for key in sample().head["run"])])
def test_a_missing_part_is_not_an_error(tmp_path: Path, missing: str) -> None:
    run = sample()
    part, _, key = missing.partition(".")
    del (run.head[part] if key else run.head)[key or part]
    assert "</html>" in render(run, tmp_path)


def test_bare_findings_fall_back_to_ids(tmp_path: Path) -> None:
    bare = Sample({}, [{"target": "máy-x", "rule": "tls.something", "result": "fail"}, {"result": "strange"}])
    text = Page(render(bare, tmp_path)).text
    assert "máy-x" in text
    assert "tls.something" in text


def test_an_empty_run_is_a_report_too(tmp_path: Path) -> None:
    assert "Chưa tính được điểm" in Page(render(Sample({}), tmp_path)).text


def test_findings_may_be_a_stream(tmp_path: Path) -> None:
    class Stream(Sample):
        def findings(self) -> Iterator[dict[str, Any]]:
            yield from self.stored

    run = sample()
    assert render(Stream(run.head, run.stored), tmp_path / "a") == render(run, tmp_path / "b")


# --- size ----------------------------------------------------------------------------------------------------


def test_twelve_thousand_findings_stay_within_two_megabytes(tmp_path: Path) -> None:
    source = render(large(12_000), tmp_path)
    assert len(source.encode()) <= 2_000_000
    assert len(json.loads(Page(source).data)["columns"][0]) == 12_000
    assert source.count('<article class="f') == 200
    assert "mục nữa không in ở đây" in source


def test_a_very_large_run_carries_only_what_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS.Survey.__init__.__globals__, "MAX_INLINE", 1_000)
    run = large(1_500)
    page = Page(render(run, tmp_path))
    still_open = sum(f["result"] in ("fail", "error", "unknown", "notchecked") for f in run.stored)
    assert len(json.loads(page.data)["columns"][0]) == still_open
    assert "Lần chạy có 1.500 phát hiện" in page.text


# --- words ---------------------------------------------------------------------------------------------------

CATALOG = tomllib.loads((TEMPLATES / "strings.toml").read_text("utf-8"))
CODES = {"change", "kind", "state", "level_status", "status", "force", "framework", "category", "family", "result",
         "severity", "mend", "reason", "cure", "assessment", "field", "vantage", "param", "fact", "edge", "beside",
         "next", "assets", "asked", "dimension", "action", "lift", "paper_state", "paper_why", "answer",
         "reason_class"}  # fmt: skip


@pytest.mark.parametrize("table", CATALOG)
def test_every_phrase_is_in_both_languages_with_the_same_places(table: str) -> None:
    for key, entry in CATALOG[table].items():
        assert set(entry) in ({"vi", "en"}, {"vi", "en", "en1"}), key
        assert all(entry.values()), key
        places = [{name for _, name, _, _ in Formatter().parse(entry[lang]) if name} for lang in ("vi", "en")]
        assert places[0] == places[1], key


def test_every_phrase_asked_for_exists_and_none_is_left_over() -> None:
    files = [*TEMPLATES.iterdir(), *(REPORTS / "_html").glob("*.py"), *REPORTS.glob("*.py")]
    sources = "".join(path.read_text("utf-8") for path in files)
    asked = set(re.findall(r"""(?:\bt|say)\(\s*["'`]([a-z_]+\.[a-z_]+)["'`]""", sources))
    asked |= set(re.findall(r"""data-[a-z-]+="([a-z]+\.[a-z_]+)\"""", sources))
    known = {f"{table}.{key}" for table, keys in CATALOG.items() for key in keys}
    assert asked <= known
    tables_of_codes = {f"{table}." for table in CODES | {"nav", "count", "findings", "browse", "method", "conclusion"}}
    assert {name for name in known - asked if not name.startswith(tuple(tables_of_codes))} <= {
        "waivers.title",
        "attestations.title",
        "shared_controls.title",
    }
