"""The HTML report: what it says, that evidence stays inert in it, and that it needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.registry import load_module
from tests.reports.sample_run import AGENCIES, HOSTILE, RULES, Sample, large, sample

REPORTS = Path(__file__).parents[2] / "reports"
TEMPLATES = REPORTS / "templates"
PLUGIN: Any = load_module(REPORTS / "html.py", "auditor._sockets.reports.html")
PARTS: Any = PLUGIN._parts()
HIDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Page(HTMLParser):
    """The tags, attributes and texts of a page, as a browser without JavaScript sees them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.data = ""
        self._inside = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.texts.append(data)
        elif self.tags[-1][1].get("id") == "data":
            self.data += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def ids(self, start: str = "") -> list[str]:
        return [a["id"] for _, a in self.tags if "id" in a and a["id"].startswith(start)]


def render(run: Any, out: Path, lang: str = "vi") -> str:
    path: Path = PLUGIN.HtmlReport().render(run, out, lang)
    assert path == out / "index.html"
    return path.read_text("utf-8")


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
        *("conclusion", "actions", "units", "requirements", "findings", "unassessed", "passed"),
        *("waivers", "attestations", "method"),
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
    assert cards == {f"#family={rule[0].split('.')[0]}&result=fail" for rule in RULES}


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
    assert "mới đo được 69 %, cần ít nhất 70 %" in text


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
    part = source[source.index('id="unassessed"') : source.index('id="passed"')]
    text, listed = Page(part).text, Page(part).ids("f=")
    undecided = [f for f in sample().stored if f["result"] in ("unknown", "error", "notchecked")]
    assert {f"f={f['rule']}@{f['target']}" for f in undecided} == set(listed)
    for words in ("Cấp quyền đọc cho tài khoản audit", "Chưa được phép kiểm tra", "Không kết nối được"):
        assert words in text


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


# --- hostile evidence ----------------------------------------------------------------------------------------


def test_the_policy_allows_only_our_own_style_and_script(source: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', source)
    assert policy
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    for name, tag in (("style-src", "style"), ("script-src", "script")):
        inline = re.search(rf"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        assert inline
        digest = base64.b64encode(hashlib.sha256(inline[1].encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    assert (rules["default-src"], rules["img-src"]) == ("'none'", "data:")
    assert (rules["base-uri"], rules["form-action"]) == ("'none'", "'none'")


def test_nothing_is_fetched_and_no_attribute_is_code(page: Page, source: str) -> None:
    for tag, attributes in page.tags:
        assert tag not in ("img", "iframe", "object", "embed", "form", "base")
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#") or (tag, attributes["href"]) == ("link", "data:,")
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
    assert "@import" not in source
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|fetch\(", source)


def test_characters_that_hide_text_are_made_visible(source: str) -> None:
    assert not HIDING.search(source)
    assert "⟦U+202E⟧gnp.exe" in source
    assert "␛[31mred" in source
    assert "⟦U+D800⟧ lone surrogate" in source


def test_one_script_element_for_data_and_one_for_code(page: Page, source: str) -> None:
    assert [a.get("id") for tag, a in page.tags if tag == "script"] == ["data", None]
    assert source.count("</script") == 2
    json.loads(page.data)


@given(
    st.recursive(
        st.text() | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_embedded_json_cannot_leave_its_element(value: Any) -> None:
    written = str(PARTS.embed(PARTS.clean(value)))
    assert not re.search("[<>&\u2028\u2029]", written)
    written.encode()
    assert json.loads(written) == PARTS.clean(value)


@given(st.text())
def test_cleaning_leaves_nothing_hidden_and_is_done_once(text: str) -> None:
    cleaned = PARTS.clean(text)
    assert not HIDING.search(cleaned)
    assert PARTS.clean(cleaned) == cleaned


@given(st.text(alphabet=" \nab#"))
def test_remedies_lose_no_word_when_cut_into_prose_and_code(text: str) -> None:
    blocks = PARTS.code_blocks(text)
    assert "".join("".join(block for _, block in blocks).split()) == "".join(text.split())


def tiny(text: str) -> Sample:
    """A run in which every text is the same hostile one."""
    told = {"vi": text, "en": text + "!"}
    finding = {"target": "t", "rule": "r.s", "severity": "high", "mandatory": True, "message": told, "expected": text,
               "found": [text], "where": told, "observations": [text], "requirements": ["q"], "mend_by": text,
               "instances": [{"id": text, "result": text, "message": told, "found": text}]}  # fmt: skip
    head = {
        "run": {"id": text, "date": text, "assessor": text, "packs": [{"id": text, "title": told}], "formula": told,
                "grades": [{"id": text, "name": told, "at_least": text}], "coverage_gate": text, "state": text,
                "removed": [{"id": text, "agency": text}], "data": [{"id": text, "source": told, "date": text}]},
        "organisation": {"province": {"id": "p", "name": text}, "agencies": [{"id": "a", "name": text}]},
        "rules": {
            "r.s": {"title": told, "failure_title": told, "why": told, "family": text, "remediation": {"any": told}}
        },
        "requirements": {"q": {"title": told, "clauses": {"law": text}, "category": text}},
        "targets": [{"id": "t", "name": text, "agency": "a", "kind": text, "state": text}],
        "observations": {text: {"source": text, "collected_at": text, "excerpt": text}},
        "waivers": [{"id": text, text: text}],
        "scores": {"province": {"low": 10, "high": text, "grade": text, "caps": [{"reason": told, "rule": text}]},
                   "agencies": [{"id": "a", "low": text}]},
    }  # fmt: skip
    results = ("fail", "unknown", "pass")
    return Sample(head, [{**finding, "result": result, "target": f"t{result}"} for result in results])


def shape(source: str) -> list[tuple[str, list[str]]]:
    return [(tag, sorted(attributes)) for tag, attributes in Page(source).tags]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1).filter(lambda text: bool(text.strip())) | st.sampled_from(HOSTILE))
def test_no_text_changes_the_shape_of_the_page(tmp_path: Path, text: str) -> None:
    plain, hostile = render(tiny("x"), tmp_path), render(tiny(f"x{text.strip()}".replace("    ", " ")), tmp_path)
    assert shape(hostile) == shape(plain)


# --- in a browser --------------------------------------------------------------------------------------------

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-default-apps --metrics-recording-only --disable-extensions"""


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)("chromium is not installed")
    return found


@pytest.fixture(scope="module")
def asked_for() -> Iterator[tuple[str, list[str]]]:
    """A proxy that answers nothing and remembers what was asked of it."""
    asked: list[str] = []

    class Recorder(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            asked.append(self.rfile.readline(65_536).decode("latin-1").strip())
            self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture
def open_page(chromium: str, asked_for: tuple[str, list[str]], tmp_path: Path) -> Any:
    """Opens a page at an address in it and gives back the document as the scripts left it."""

    def open_at(source: str, address: str = "") -> str:
        (tmp_path / "index.html").write_text(source, "utf-8")
        where = f"{(tmp_path / 'index.html').as_uri()}{address}"
        own = [f"--user-data-dir={tmp_path / 'profile'}", f"--proxy-server={asked_for[0]}"]
        command = [chromium, *FLAGS.split(), *own, "--dump-dom", where]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        return done.stdout.decode()

    return open_at


@pytest.mark.browser
def test_hostile_evidence_is_inert_in_a_real_browser(
    open_page: Any, source: str, asked_for: tuple[str, list[str]]
) -> None:
    seen = open_page(source, "#result=")
    assert "<title>Báo cáo kiểm tra an ninh mạng theo cấp độ · Tỉnh Bình Minh</title>" in seen
    drawn = Page(seen)
    assert not [tag for tag, _ in drawn.tags if tag == "img"]
    assert [a.get("id") for tag, a in drawn.tags if tag == "script"] == ["data", None]
    assert HOSTILE[0] in drawn.text
    assert not [line for line in asked_for[1] if "evil.example" in line or "index.html" in line]


@pytest.mark.browser
def test_without_script_the_page_stays_as_it_was_written(open_page: Any, source: str) -> None:
    blocked = re.sub(r"script-src '[^']*'", "script-src 'none'", source)
    drawn = Page(open_page(blocked))
    assert ("html", {"lang": "vi"}) in drawn.tags
    assert len([a for tag, a in drawn.tags if tag == "article"]) == source.count("<article")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("address", "count"),
    [
        ("", sum(f["result"] == "fail" for f in sample().stored)),
        ("#q=so y te&result=fail", None),
        ("#f=firewall.admin-ports@mail01", 1),
        ("#rule=firewall.admin-ports&result=fail", 1),
        ("#q=khong co gi het nhu vay&result=fail", 0),
    ],
)
def test_the_address_says_what_is_shown(open_page: Any, source: str, address: str, count: int | None) -> None:
    if count is None:
        health = {t["id"] for t in sample().head["targets"] if t["agency"] == AGENCIES[1][0]}
        count = sum(f["result"] == "fail" and f["target"] in health for f in sample().stored)
        assert count
    drawn = Page(open_page(source, address.replace(" ", "%20")))
    assert "static" not in drawn.ids()
    assert len([a for tag, a in drawn.tags if tag == "article"]) == count


@pytest.mark.browser
def test_english_is_a_switch_in_the_same_page(open_page: Any, source: str) -> None:
    seen = open_page(source, "#result=fail&lang=en")
    assert '<html lang="en"' in seen
    assert "Copy</button>" in seen
    assert "<title>Security level audit report" in seen


# --- words ---------------------------------------------------------------------------------------------------

CATALOG = tomllib.loads((TEMPLATES / "strings.toml").read_text("utf-8"))
CODES = {"change", "kind", "state", "level_status", "status", "force", "framework", "category", "family", "result",
         "severity", "mend", "reason", "cure", "assessment", "field"}  # fmt: skip


@pytest.mark.parametrize("table", CATALOG)
def test_every_phrase_is_in_both_languages_with_the_same_places(table: str) -> None:
    for key, entry in CATALOG[table].items():
        assert set(entry) in ({"vi", "en"}, {"vi", "en", "en1"}), key
        assert all(entry.values()), key
        places = [{name for _, name, _, _ in Formatter().parse(entry[lang]) if name} for lang in ("vi", "en")]
        assert places[0] == places[1], key


def test_every_phrase_asked_for_exists_and_none_is_left_over() -> None:
    sources = "".join(path.read_text("utf-8") for path in [*TEMPLATES.iterdir(), *(REPORTS / "_html").glob("*.py")])
    asked = set(re.findall(r"""(?:\bt|say)\(\s*["'`]([a-z_]+\.[a-z_]+)["'`]""", sources))
    asked |= set(re.findall(r"""data-[a-z-]+="([a-z]+\.[a-z_]+)\"""", sources))
    known = {f"{table}.{key}" for table, keys in CATALOG.items() for key in keys}
    assert asked <= known
    tables_of_codes = {f"{table}." for table in CODES | {"nav", "count", "findings", "browse", "method", "conclusion"}}
    assert {name for name in known - asked if not name.startswith(tuple(tables_of_codes))} <= {
        "waivers.title",
        "attestations.title",
    }
