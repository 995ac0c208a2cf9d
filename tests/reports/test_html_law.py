"""What the report says of levels, papers, questions, packs and ways up."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from tests.reports.html_page import PARTS, Page, render
from tests.reports.sample_run import Sample, sample


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return render(sample(), tmp_path_factory.mktemp("report"))


def section(source: str, name: str) -> str:
    return source[source.index(f'<section id="{name}"') :].partition("</section>")[0]


def level(source: str, system: str) -> str:
    part = section(source, "levels")
    return part[part.index(f'id="level-{system}"') :].partition('<div class="level"')[0]


# --- levels --------------------------------------------------------------------------------------------------


def test_each_system_has_its_declared_and_its_suggested_level(source: str) -> None:
    his, portal = (Page(level(source, name)).text for name in ("his", "cong-dvc"))
    for words in ("cấp độ 3 · tạm tính, chưa có hồ sơ · 12/QĐ-UBND · 03/02/2026", "cấp độ 4", "cao hơn cấp độ khai báo",
                  "Xử lý dữ liệu rất nhiều người, NĐ 331/2026 Đ14", "mức tổn hại khi bị phá hoại"):  # fmt: skip
        assert words in his
    assert "đã phê duyệt" in portal
    assert "nên không có gợi ý" in portal


def test_assets_and_what_they_stand_on_are_named(source: str) -> None:
    text = Page(level(source, "cong-dvc")).text
    for words in ("mail01 là chỗ dựa của web01", "Weakest asset : web01", "7 tài sản"):
        assert words in text


def test_a_requirement_stands_with_its_clause_and_the_assets_that_fail_it(source: str) -> None:
    part = level(source, "cong-dvc")
    fails = [f for f in sample().stored if f["result"] == "fail" and "NET-003" in f["requirements"]]
    assets = next(s for s in sample().head["scores"]["systems"] if s["id"] == "cong-dvc")["assets"]
    failing = {f["target"] for f in fails} & set(assets)
    assert failing
    assert "TCVN 14423:2026 5.12.2.4d" in Page(part).text  # level 3 of the clause, and no other
    assert "4.12.2.4d" not in Page(part).text.replace("6.12.2.4d", "")
    row = part[part.index("5.12.2.4d") :].partition("</tr>")[0]
    assert f"{len(failing)} " in Page(row).text
    assert set(re.findall(r'href="#f=[^"@]*@([^"]*)"', row)) <= failing
    linked = re.findall(r'href="#(f=[^"]*)"', row)
    assert linked
    assert set(linked) <= set(Page(source).ids("f="))  # they lead somewhere without JavaScript too


def test_what_the_next_level_would_ask_is_counted_and_listed(source: str) -> None:
    text = Page(level(source, "cong-dvc")).text
    for words in ("Còn thiếu gì để đạt cấp độ 4", "Cấp độ 4 đòi hỏi 7 yêu cầu", "4 yêu cầu đã đạt", "Sẽ không đạt",
                  "web01, web02 +7", "nhiều nhất (ngày): 30 → 7", "Không tính 1 tài sản"):  # fmt: skip
        assert words in text
    # what lacks data at both levels is listed once
    assert "1 yêu cầu chưa đủ dữ liệu cả ở cấp độ hiện nay" in text
    assert text.count("Rà soát tài khoản") == 1


def test_rows_are_shared_so_that_what_is_not_met_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(PARTS.LISTED, "requirements", 6)
    part = section(render(sample(), tmp_path), "levels")
    systems = len(sample().head["organisation"]["systems"])
    assert part.count("#req=NET-003") == systems  # not met: of every system
    assert part.count("#req=SRV-014") == 6 - systems  # partly met: as many as there is room for
    assert "#req=SRV-010" not in part
    assert "Còn 1 yêu cầu nữa; có đủ trong run.json" in Page(part).text


# --- ways up -------------------------------------------------------------------------------------------------


def test_what_lifts_a_scope_is_told_with_its_gain(source: str) -> None:
    for part in (section(source, "actions"), section(source, "units"), level(source, "his")):
        text = Page(part).text
        for words in ("+1,25 điểm", "đang chặn xếp loại", "điểm ít nhất là 81,5", "ít nhất 12 việc", "pc-yt-09"):
            assert words in text
        assert "1 hệ thống" in text  # a question of a system is no matter of its bearer
    assert "pc-kh-13" in section(source, "actions")  # the province's way is told whole
    assert "pc-kh-13" not in section(source, "units")


# --- questions -----------------------------------------------------------------------------------------------


def test_questions_stand_under_those_they_are_asked_of(source: str) -> None:
    part, run = section(source, "questions"), sample()
    text = Page(part).text
    asked = {f"f={f['rule']}@{f['target']}" for f in run.stored if f["result"] == "notchecked"}
    assert set(Page(part).ids("f=")) == asked
    assert not asked & set(Page(section(source, "unassessed")).ids("f="))
    for words in ("Hệ thống Cổng dịch vụ công", "Đơn vị Sở Y tế", "audit.py attest INVENTORY --list",
                  "--out his.xlsx --system his", "--out so-y-te.xlsx --agency so-y-te",
                  "Từng đối tượng của Sở Khoa học và Công nghệ"):  # fmt: skip
        assert words in text
    assert text.count("Tài khoản đã được rà soát") == len(run.head["organisation"]["systems"])


def test_an_answer_that_says_no_is_a_fault_of_the_agency_and_of_no_machine(source: str) -> None:
    card = next(part for part in source.split("<article")[1:] if "management.regulation@ns-app" in part)
    text = Page("<article" + card.partition("</article>")[0]).text
    for words in ("Đơn vị Sở Tài chính", "hỏi chung, ghi ở ns-app", "theo xác nhận xn-01", "Trưởng phòng Quản trị",
                  "đến hết 12/10/2027"):  # fmt: skip
        assert words in text
    row = next(r for r in section(source, "units").split("<tr>") if ">ns-app<" in r)
    fails = sum(f["result"] == "fail" and f["target"] == "ns-app" for f in sample().stored)
    shown = Page("<tr>" + row).text.split()[-1]
    assert shown == str(fails - 1)


def test_an_id_that_is_no_word_stands_in_no_command(tmp_path: Path) -> None:
    run = sample()
    for target in run.head["targets"]:
        target["systems"] = ["x; rm -rf /"] if target["systems"] == ["his"] else target["systems"]
    text = Page(section(render(run, tmp_path), "questions")).text
    assert "--system x" not in text


# --- papers --------------------------------------------------------------------------------------------------


def test_papers_that_want_attention_are_told_aloud(source: str) -> None:
    conclusion = Page(section(source, "conclusion")).text
    for words in ("by a measurement 1", "Expired 1", "Expiring 1"):
        assert words in conclusion
    papers = Page(section(source, "papers")).text
    assert "Trọng số được miễn trong điểm của tỉnh: 1 trên 100 (1,0 %); nhiều nhất 20 %" in papers
    waiver, answers = (Page(section(source, name)).text for name in ("waivers", "attestations"))
    for words in ("Sắp hết hạn", "đến hết 10/12/2026", "còn 20 ngày", "dài hơn một năm", "chấp nhận rủi ro", "45/QĐ"):
        assert words in waiver
    for words in ("Phép đo cho kết quả khác ở", "và 2 nơi nữa", "đã quá 323 ngày", "quá kỳ trả lời của quy tắc",
                  "Trưởng phòng Quản trị", "Chưa đạt", "7/BC"):  # fmt: skip
        assert words in answers
    order = [answers.index(words) for words in ("Trái với kết quả đo", "Đã hết hạn", "Đang có hiệu lực")]
    assert order == sorted(order)


# --- packs ---------------------------------------------------------------------------------------------------


def test_packs_that_differ_are_told_with_clause_and_base_value(source: str) -> None:
    part = Page(section(source, "requirements")).text
    for words in ("nhiều nhất (ngày): 1, thay cho 2 (quy-che, Điều 7)", "hệ thống mới", "Quy chế của tỉnh",
                  "chưa đối chiếu bản gốc", "Trần Thị B, bản in của Cục, trang 41, 01/10/2026", "L3 183",
                  "Đã đối chiếu bản gốc 7 trên 8 yêu cầu"):  # fmt: skip
        assert words in part
    static = Page(source[source.index('id="static"') : source.index('id="unassessed"')]).text
    assert "Stricter nhiều nhất (ngày): 1, thay cho 2 (quy-che, Điều 7)" in static


def test_dimensions_stand_beside_families(source: str) -> None:
    text = Page(section(source, "conclusion")).text
    order = [text.index(words) for words in ("Theo ba thuộc tính", "Bí mật", "Toàn vẹn", "Sẵn sàng")]
    assert order[0] < order[1] < order[3]


# --- tolerance -----------------------------------------------------------------------------------------------

NEW = ("papers", "level_view", "requirements_by_system", "attestations", "waivers", "shared_controls")


@pytest.mark.parametrize("wrong", ["x", 5, [], {}, ["x"], {"x": "x"}, {"his": {"suggested": 5, "next": "x"}}, None])
@pytest.mark.parametrize("part", NEW)
def test_a_part_of_another_shape_is_not_an_error(tmp_path: Path, part: str, wrong: Any) -> None:
    run = sample()
    run.head[part] = wrong
    assert "</html>" in render(run, tmp_path)


def test_a_document_from_before_these_parts_is_read_as_ever(tmp_path: Path) -> None:
    run = sample()
    old: Sample = copy.deepcopy(run)
    for part in NEW[:3]:
        del old.head[part]
    for score in [old.head["scores"]["province"], *old.head["scores"]["systems"]]:
        for key in ("lift", "weights", "assets", "stands_on", "weakest"):
            score.pop(key, None)
    text = Page(render(old, tmp_path)).text
    assert "Cổng dịch vụ công" in text
    assert "Quy chế đang soạn" in text
