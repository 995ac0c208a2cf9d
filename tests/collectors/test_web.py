"""Reading what web servers send: heads, bodies, pages, header fields, honest or not."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collectors._gambling import read, words
from auditor.collectors._http import BODY_CAP, Body, Ended, head_end, parse_head
from auditor.collectors._markup import tokens
from auditor.collectors._page import MOST, brief, charset_of, extract, hiding, is_own
from auditor.collectors._web_reading import cookie, hsts
from auditor.collectors._web_walk import kept
from auditor.collectors.web_http import HttpWeb
from auditor.evidence.web import Hsts, WebService
from auditor.inventories import load_inventory
from auditor.mistakes import InventoryError
from auditor.model import CapdoError, CollectError
from auditor.redact import mask
from tests.support import reading, target

HERE = "https://cong.tinh.gov.vn/"
SERVICE = target(kind="service", platform=None, address="cong.tinh.gov.vn", url=HERE)
few = settings(max_examples=60, deadline=None)
KEYS = ["start", "answers", "ending", "elsewhere", "page", "status", "headers", "url"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max-age=31536000", Hsts(31536000, False, False)),
        ('MAX-AGE="60" ; includeSubDomains;;preload', Hsts(60, True, True)),
        ("max-age=60; unknown=x; more", Hsts(60, False, False)),
        ("", None),
        ("includeSubDomains", None),
        ("max-age=60; max-age=61", None),
        ("max-age=-1", None),
        ("max-age=60, includeSubDomains", None),
        ("max-age=١٢", None),
        ("max-age=60; includeSubDomains=1", None),
        ("max-age", None),
    ],
)
def test_hsts_as_the_rfc_reads_it(text: str, said: Hsts | None) -> None:
    assert hsts(text) == said


def test_cookies_lose_their_values_before_they_are_stored() -> None:
    ((_, stored),) = kept(
        (("set-cookie", "sid=bi-mat; Path=/; SECURE; x-own=bi-mat; HttpOnly; samesite=None; Max-Age=9"),)
    )
    assert "bi-mat" not in stored
    told = cookie(stored, HERE)
    assert (told.name, told.secure, told.http_only, told.same_site, told.persistent) == (
        "sid",
        True,
        True,
        "none",
        True,
    )


@pytest.mark.parametrize("name", ["token", "api_key", "password", "auth_token"])
def test_the_masker_of_secrets_leaves_cookies_as_they_are_stored(name: str) -> None:
    stored = json.dumps(kept((("set-cookie", f"{name}=bi-mat"), ("server", "x")))).encode()
    assert json.loads(mask(stored)[0]) == [["set-cookie", f"{name}=;"], ["server", "x"]]
    assert cookie(f"{name}=;", HERE).name == name


def test_only_known_fields_are_stored() -> None:
    assert kept((("x-auth-token", "bi-mat"), ("location", "/a;jsessionid=1?token=2#3"), ("server", "x"))) == [
        ("location", "/a"),
        ("server", "x"),
    ]


@pytest.mark.parametrize(
    ("style", "how"),
    [
        ("display : none !important", "display:none"),
        ("color:red;Visibility:hidden", "visibility:hidden"),
        ("position:absolute;left:-9999px", "off-screen"),
        ("font-size:0", "font-size:0"),
        ("font-size:1px;", "font-size:0"),
        ("color:#fff; background-color:#FFF", "same-colour"),
        ("height:1px;overflow:hidden", "no-room"),
        ("opacity:0", "opacity:0"),
        ("display:block;font-size:10px;opacity:0.5;left:-5px;color:#fff;background:#000", ""),
        ("height:100px;overflow:hidden", ""),
        ("text-decoration:none", ""),
    ],
)
def test_ways_to_hide(style: str, how: str) -> None:
    assert hiding(style) == how


def test_hidden_by_class_by_id_and_by_script() -> None:
    page = """<style>.an, #an2 { display:none } @media print { .in { display:none } }</style>
      <script>document.getElementById('an3').style.display='none'</script>
      <div class="x AN"><a href="https://la.example/1">a</a></div><p id=an2><a href=https://la.example/2>b</a></p>
      <div id=an3><span><a href='//la.example/3'>c</a></span></div><div class=in><a href=https://la.example/4>d</a></div>
      <a href=https://la.example/5 hidden>e</a>"""
    assert [row[4] for row in extract(page, HERE)["links"]] == [
        "display:none",
        "display:none",
        "by script",
        "",
        "hidden",
    ]


def test_ordinary_links_and_text_of_the_site_are_not_kept() -> None:
    page = (
        '<a href="/ho-so/nguyen-van-a">Hồ sơ ông A</a><div hidden>Nguyễn Văn A</div><a href="mailto:a@x.example">x</a>'
    )
    told = extract(page, HERE)
    assert (told["links"], told["resources"], told["anchors"]) == ([], [], 2)


def test_a_word_across_parts_of_a_long_hidden_text_is_found() -> None:
    page = f"<div style=display:none>{'chữ ' * 60}nhà cái uy tín{' chữ' * 60}</div>"
    rows = extract(page, HERE)["links"]
    assert any(("lure", "nha cai uy tin") in words().of(row[3]) for row in rows)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Nhà cái uy tín nhất", {"lure", "topic"}),
        ("https://x.example/nha-cai-uy-tin/", {"lure"}),
        ("NHA\u0300 CA\u0301I UY TI\u0301N", {"lure", "topic"}),
        ("situs SLOT-gacor", {"lure"}),
        ("最好的在线赌场", {"lure", "topic"}),
        ("Triệt phá đường dây đánh bạc", {"topic"}),
        ("vao88bet ngay", {"shape"}),
        ("cả cuộc đời; ông Danh Bắc; nhà cải tạo; lo để làm; alphabet tibet win64", set()),
        ("Kết quả thi đua năm 2026, hồ sơ dịch vụ công", set()),
    ],
)
def test_gambling_words(text: str, kinds: set[str]) -> None:
    assert {kind for kind, _ in words().of(text)} == kinds


@pytest.mark.parametrize("text", ["", "kinds: 1", "date: x\nkinds: {lure: {folded: 1}}\nshapes: []"])
def test_a_damaged_list_is_named(text: str) -> None:
    with pytest.raises(CapdoError):
        read(text)


@pytest.mark.parametrize(
    ("host", "own", "same"),
    [
        ("cong.tinh.gov.vn", "cong.tinh.gov.vn", True),
        ("tinh.gov.vn", "cong.tinh.gov.vn", True),
        ("thue.tinh.gov.vn", "cong.tinh.gov.vn", True),
        ("khac.gov.vn", "tinh.gov.vn", False),
        ("con.tinh.gov.vn", "tinh.gov.vn", True),
        ("la.example", "tinh.example", False),
        ("10.0.0.2", "10.0.0.1", False),
        ("", "tinh.example", False),
    ],
)
def test_own_hosts(host: str, own: str, same: bool) -> None:
    assert is_own(host, own) is same


@pytest.mark.parametrize(
    "piece",
    ["<!--", "<a ", "<a href='", '<a b="', "</a", "<![CDATA[", "<script>", "<title>", "<div>", "<div hidden>",
     "&amp;&amp;", "<a href=//x.example/", "<style>.a{", "<", "<p x=" + "y" * 50, "<?",
     "<meta http-equiv=refresh content='0;url="],
)  # fmt: skip
def test_half_a_megabyte_of_one_thing_takes_no_time(piece: str) -> None:
    page = piece * (BODY_CAP // len(piece))
    began = time.process_time()
    told = extract(page, HERE)
    assert time.process_time() - began < 5
    assert len(json.dumps(told)) < 256 << 10


def test_more_links_than_are_kept_are_told() -> None:
    told = extract("".join(f"<a href=https://la{n}.example/>{n}</a>" for n in range(MOST + 1)), HERE)
    assert (len(told["links"]), told["full"], told["anchors"]) == (MOST, True, MOST + 1)


@few
@given(st.text())
def test_any_text_is_a_page(text: str) -> None:
    assert all(token.line >= 1 for token in tokens(text))
    told = extract(text, HERE)
    assert json.loads(json.dumps(told)) == told


@few
@given(
    st.lists(st.sampled_from(["<a href=", "'", '"', ">", "</a>", "<div hidden>", "//x.example/[", "&#0;", "\x00", " "]))
)
def test_any_markup_is_a_page(pieces: list[str]) -> None:
    extract("".join(pieces), HERE)


@few
@given(st.binary())
def test_any_bytes_are_a_head_or_a_word(data: bytes) -> None:
    for head in (data, b"HTTP/1.1 200 OK\r\n" + data):
        assert -1 <= head_end(head) <= len(head)
        try:
            status, _ = parse_head(head)
        except Ended:
            continue
        assert 100 <= status <= 999


@few
@given(st.binary(max_size=200), st.integers(1, 7), st.sampled_from(["chunked", "5", "x", ""]))
def test_a_body_is_the_same_in_whatever_bits_it_comes(data: bytes, step: int, how: str) -> None:
    name = "transfer-encoding" if how == "chunked" else "content-length"
    whole, bits = (Body(200, ((name, how),) if how else ()) for _ in range(2))
    whole.feed(data)
    for at in range(0, len(data), step):
        bits.feed(data[at : at + step])
    whole.close()
    bits.close()
    assert (bytes(whole.seen), whole.end) == (bytes(bits.seen), bits.end)


@few
@given(st.sampled_from(["plain", "home", "search"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from([HERE, "done", "elsewhere"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=12,
))  # fmt: skip
def test_anything_stored_is_evidence_or_a_reason(key: str, document: object) -> None:
    try:
        found = HttpWeb().parse(reading({key: json.dumps(document)}, SERVICE))
    except CollectError:
        return
    assert isinstance(found, WebService)


@pytest.mark.parametrize(
    ("kind", "body", "codec"),
    [
        ("text/html; charset=UTF-8", b"", "utf-8"),
        ("text/html", b"<meta charset='windows-1258'>", "windows-1258"),
        ("text/html", b"", "utf-8"),
        ("text/html; charset=utf-7", b"", None),
    ],
)
def test_charsets(kind: str, body: bytes, codec: str | None) -> None:
    assert charset_of(kind, body) == codec


def test_addresses_are_kept_without_what_may_be_about_people() -> None:
    assert brief("https://x.example/a;jsessionid=1?ten=A#b") == "https://x.example/a"


def test_what_is_no_web_service_is_not_asked_by_http() -> None:
    mail = target(kind="service", platform=None, address="thu.tinh.gov.vn", url="imaps://thu.tinh.gov.vn")
    assert HttpWeb().actions(mail) == ()
    assert HttpWeb().parse(reading({"scheme": "imaps"}, mail)).is_web is False
    assert [action.ports for action in HttpWeb().actions(SERVICE)] == [(443, 80)]


def test_settings_are_inherited_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "tinh.yaml"
    file.write_text(
        "province: {id: tinh}\ngroups: [{id: so}]\n"
        "agencies: [{id: so-a, group: so, dns: {mail_domain: Tinh.Example.}}]\n"
        "defaults: {dns: {resolver: 10.0.0.53, port: 5353}, web: {partners: [bao.example]}}\n"
        "services: [{id: cong, agency: so-a, url: 'https://cong.example:8443', web: {http_port: 8080}}]\n",
        "utf-8",
    )
    (cong,) = load_inventory(file).targets
    assert cong.dns is not None
    assert cong.web is not None
    assert (cong.dns.resolver, cong.dns.port, cong.dns.mail_domain) == ("10.0.0.53", 5353, "tinh.example")
    assert (cong.web.http_port, cong.web.partners) == (8080, ("bao.example",))
    file.write_text(
        file.read_text("utf-8").replace("10.0.0.53", "dns.example").replace("Tinh.Example.", "a@b"), "utf-8"
    )
    with pytest.raises(InventoryError) as mistakes:
        load_inventory(file)
    assert len(mistakes.value.mistakes) == 2


def test_settings_in_a_table(tmp_path: Path) -> None:
    file = tmp_path / "tinh.csv"
    file.write_text(
        "kind,id,agency,group,url,http_port,resolver,mail_domain\n"
        "service,cong,so-a,so,https://cong.example,8080,10.0.0.53,tinh.example\n",
        "utf-8",
    )
    (cong,) = load_inventory(file).targets
    assert cong.dns is not None
    assert cong.web is not None
    assert (cong.web.http_port, cong.dns.resolver, cong.dns.mail_domain) == (8080, "10.0.0.53", "tinh.example")
