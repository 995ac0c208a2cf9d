"""The HTML report under hostile evidence, on paper rules first and then in a real browser."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reports.html_page import PARTS, Page, render
from tests.reports.sample_run import AGENCIES, HOSTILE, Sample, sample

HIDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return render(sample(), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


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


RESULTS = ("fail", "unknown", "pass")


def won(text: str) -> dict[str, str]:
    return {"param": text, "value": text, "other": text, "pack": text, "clause": text}


def tiny(text: str) -> Sample:
    """A run in which every text is the same hostile one."""
    told = {"vi": text, "en": text + "!"}
    lift = {"to": text, "low": text, "coverage": text, "at_least": text, "explain": [text],
            "fixes": [{"rule": text, "target": text, "targets": text, "action": text, "gain": text}]}  # fmt: skip
    finding = {"target": "t", "rule": "r.s", "severity": "high", "mandatory": True, "message": told, "expected": text,
               "found": [text], "where": told, "observations": [text], "requirements": ["q"], "mend_by": text,
               "instances": [{"id": text, "result": text, "message": told, "found": text}], "attested_by": text,
               "contradicted_by": text, "overlaid": [won(text)]}  # fmt: skip
    head: dict[str, Any] = {
        "run": {"id": text, "date": text, "assessor": text, "packs": [{"id": text, "title": told}], "formula": told,
                "grades": [{"id": text, "name": told, "at_least": text}], "coverage_gate": text, "state": text,
                "removed": [{"id": text, "agency": text}], "data": [{"id": text, "source": told, "date": text}]},
        "organisation": {"province": {"id": "p", "name": text}, "agencies": [{"id": "a", "name": text}]},
        "rules": {
            "r.s": {"title": told, "failure_title": told, "why": told, "family": text, "remediation": {"any": told},
                    "overlaid": [{**won(text), "levels": [text], "clauses": {"L1": text}}]},
            "r.q": {"title": told, "scope": "system"}, "r.a": {"title": told, "scope": "agency"},
        },
        "requirements": {
            "q": {"title": told, "clauses": {"law": text, "x": {"L1": text}}, "category": text,
                  "params": {text: [text]}, "confirmed": {"by": text, "document": text, "page": text, "on": text}},
        },
        "requirements_by_system": {"s": {"q": "notmet"}},
        "level_view": {"s": {"suggested": {"level": text, "beside": text, "open": [text],
                                           "reasons": [{"text": told, "clause": text}]},
                             "next": {"level": text, "higher": text, "summary": {text: text},
                                      "missing": [{"requirement": "q", "answer": "would-fail", "rules": ["r.s"]}],
                                      "rules": {"r.s": {"answer": "would-fail", "counts": {"would-fail": text},
                                                        "targets": [text], "params": {text: [text, text]}}}}}},
        "papers": [{"kind": kind, "id": text, "rule": "r.s", "state": text, "why": text, "from": text, "until": text,
                    "days_left": text, "findings": text, "until_first": text, "contradicted": [[text, text]],
                    "contradictions": text} for kind in ("waiver", "attestation", "shared-control")],
        "targets": [{"id": f"t{result}", "name": text, "agency": "a", "kind": text, "state": text, "systems": ["s"],
                     "frameworks": [text], "framework_reason": told, "overlays": [text]} for result in RESULTS],
        "observations": {text: {"source": text, "collected_at": text, "excerpt": text}},
        **{part: [{"id": text, "rule": "r.s", text: text, "targets": [text], "document": {"no": text, text: text},
                   "answer": text, "who": text, "explanation": text, "on": text}]
           for part in ("waivers", "attestations", "shared_controls")},
        "scores": {"province": {"low": 10, "high": text, "grade": text, "caps": [{"reason": told, "rule": text}]},
                   "agencies": [{"id": "a", "low": text, "lift": lift}], "dimensions": [{"id": text, "low": 3}],
                   "systems": [{"id": "s", "low": 5, "lift": lift, "assets": ["tfail"], "weakest": text,
                                "stands_on": [{"id": text, "edge": text, "of": text}],
                                "caps": [{"reason": told, "rule": text}]}]},
    }  # fmt: skip
    head["organisation"]["systems"] = [{"id": "s", "name": text, "owner": text, "level": text, "level_status": text,
                                        "decision": {"no": text, "date": text}}]  # fmt: skip
    asked = [{**finding, "result": "notchecked", "target": "tpass", "rule": rule} for rule in ("r.q", "r.a", "r.s")]
    return Sample(head, [*({**finding, "result": result, "target": f"t{result}"} for result in RESULTS), *asked])


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


@pytest.mark.browser
@pytest.mark.parametrize(
    ("address", "fails", "others"),
    [
        ("#asked=system:his&result=notchecked", 0, 1),
        ("#asked=agency:so-tai-chinh&result=", 1, 0),
        ("#system=his&req=SRV-011&result=", 0, 2),  # what is asked of its agency stands on its asset as well
    ],
)
def test_questions_and_systems_have_addresses_of_their_own(
    open_page: Any, source: str, address: str, fails: int, others: int
) -> None:
    drawn = Page(open_page(source, address))
    classes = [(tag, a.get("class")) for tag, a in drawn.tags]
    assert (classes.count(("article", "f")), classes.count(("details", "f"))) == (fails, others)
    assert "hỏi chung, ghi ở" in drawn.text or not fails
