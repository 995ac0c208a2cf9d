"""Judging what web servers answer, where recorded cases do not reach."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auditor import registry
from auditor.check import needs, run_check
from auditor.collectors._gambling import words
from auditor.evidence.web import Answer, Cookie, Link, Page, Relation, Visit, WebService
from auditor.model import Reason, Unavailable
from tests.support import seen

URL = "https://cong.tinh.gov.vn/"
PAGE = Page(url=URL, title="Cổng", generator="", links=(), resources=(), anchors=3, whole=True, why="")
HOME = Visit(answers=(Answer(URL, 200, ()),), elsewhere="", leads=Relation.OWN, ending="done", page=PAGE)
SITE = WebService(seen=seen(), scheme="https", host="cong.tinh.gov.vn", port=443, home=HOME, search=HOME, plain=None,
                  plain_closed=False, hsts=(), cookies=())  # fmt: skip


def code(check_id: str, found: WebService, **params: Any) -> str:
    check, _ = registry.checks()[check_id]
    return run_check(check, needs(type(check)), {"web": found}, check.params(**params)).verdict.message.code


def with_links(*rows: tuple[str, str, Relation, str]) -> WebService:
    links = tuple(Link(1, "link", url, text, whose, how, words().of(f"{text} {url}")) for url, text, whose, how in rows)
    return replace(SITE, home=replace(HOME, page=replace(PAGE, links=links)))


OWN, FOREIGN, PARTNER = Relation.OWN, Relation.FOREIGN, Relation.PARTNER


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("https://cong.tinh.gov.vn/tin", "Triệt phá đường dây đánh bạc", OWN, ""), "clean"),
        (("https://cong.tinh.gov.vn/tin", "Khởi tố vụ cá cược bóng đá", OWN, "display:none"), "clean"),
        (("https://bao.example/tin", "Bắt nhóm tổ chức tài xỉu", FOREIGN, ""), "clean"),
        (("https://cong-an.gov.vn/tin", "Bắt nhóm tổ chức tài xỉu", FOREIGN, "display:none"), "clean"),
        (("https://bao-tinh.example/tin", "Đánh bạc", PARTNER, "display:none"), "clean"),
        (("https://gia-gov.vn/tin", "tài xỉu", FOREIGN, "display:none"), "gambling"),
        (("https://choi88bet.example/", "vào đây", FOREIGN, ""), "gambling"),
        (("https://casino.example/", "vào đây", FOREIGN, ""), "gambling"),
        (("https://cong.tinh.gov.vn/uploads/nha-cai-uy-tin.html", "x", OWN, ""), "gambling"),
        (("https://x.edu.vn/slot-gacor", "x", FOREIGN, ""), "gambling"),
    ],
)
def test_police_reports_are_no_advertisements(row: tuple[str, str, Relation, str], said: str) -> None:
    assert code("integrity.injected-links", with_links(row)) == said


def test_hidden_links_to_strangers_count_by_host() -> None:
    rows = [(f"https://la{n}.example/", str(n), FOREIGN, "off-screen") for n in range(5)]
    assert code("integrity.injected-links", with_links(*rows)) == "hidden"
    assert code("integrity.injected-links", with_links(*rows[:4], *rows[:4])) == "clean"
    states = [(f"https://la{n}.gov.vn/", str(n), FOREIGN, "off-screen") for n in range(9)]
    assert code("integrity.injected-links", with_links(*states)) == "clean"


@pytest.mark.parametrize(
    "search",
    [
        Unavailable(Reason.TIMEOUT, "timeout"),
        replace(HOME, page=replace(PAGE, whole=False, why="body: cut")),
        replace(HOME, page=replace(PAGE, title="", anchors=0)),
    ],
)
def test_half_a_look_is_no_clean_page(search: Visit | Unavailable) -> None:
    assert code("integrity.injected-links", replace(SITE, search=search)) in ("no-page", "cut")


@pytest.mark.parametrize(
    ("name", "flags", "said"),
    [
        ("PHPSESSID", (True, True), "pass"),
        ("PHPSESSID", (True, False), "fail"),
        ("XSRF-TOKEN", (True, False), "pass"),
        ("lang", (True, False), "pass"),
        ("lang", (False, True), "fail"),
    ],
)
def test_cookies(name: str, flags: tuple[bool, bool], said: str) -> None:
    cookies = (Cookie(name, False, False, "", False, URL), Cookie(name, *flags, "", False, URL))
    assert code("hardening.web-cookies", replace(SITE, cookies=cookies)) == f"cookies-{said}"


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        ((("x-frame-options", "DENY"),), True),
        ((("x-frame-options", "deny"), ("x-frame-options", "sameorigin")), False),
        ((("x-frame-options", "allow-from x"),), False),
        ((("content-security-policy", "default-src 'self'; frame-ancestors 'none'"),), True),
        ((("content-security-policy", "frame-ancestors *"), ("x-frame-options", "deny")), False),
        ((("content-security-policy-report-only", "frame-ancestors 'none'"),), False),
    ],
)
def test_who_may_frame_the_page(headers: tuple[tuple[str, str], ...], good: bool) -> None:
    site = replace(SITE, home=replace(HOME, answers=(Answer(URL, 200, headers),)))
    assert code("hardening.web-headers", site, required=("framing",)) == ("headers-pass" if good else "headers-fail")


def test_hsts_means_nothing_for_an_address() -> None:
    assert code("tls.hsts", replace(SITE, host="10.0.0.1")) == "address"


def test_without_a_plain_port_there_is_nothing_to_redirect() -> None:
    assert code("tls.https-redirect", SITE) == "no-port"


@pytest.mark.parametrize(
    ("text", "said"),
    [("nginx", "silent"), ("Apache", "silent"), ("nginx/1.22.1", "told"), ("4.0.30319", "told"), ("PHP/8", "told")],
)
def test_banners(text: str, said: str) -> None:
    site = replace(SITE, home=replace(HOME, answers=(Answer(URL, 200, (("server", text),)),)))
    assert code("hardening.web-banner", site) == said


def test_https_that_sends_people_back_to_http() -> None:
    answers = (Answer(URL, 302, ()), Answer("http://cong.tinh.gov.vn/", 200, ()))
    site = replace(
        SITE, home=replace(HOME, answers=answers), plain_closed=True, plain=Unavailable(Reason.UNREACHABLE, "")
    )
    assert code("tls.https-redirect", site) == "stays-clear"
