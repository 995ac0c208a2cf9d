"""The TLS prober's pure half: hellos, replies, suites and stored documents, honest and not."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collectors._tls import asks, replies, wire
from auditor.collectors._tls.asks import Heard, Run
from auditor.collectors._tls.hellos import Hello, client_hello
from auditor.collectors._tls.replies import Kind, outcome
from auditor.collectors._tls.suites import all_suites, asked, described, group, scheme, suite
from auditor.collectors.tls_prober import TlsProber, endpoint
from auditor.evidence.tls import VERSIONS, Offer, Preference, TlsService
from auditor.model import CollectError, Reason, Unavailable
from tests.support import reading, target

CASES = Path(__file__).parents[1] / "cases" / "tls.prober"
RANDOM = bytes(range(32))
versions = st.sampled_from(VERSIONS)
quickly = settings(max_examples=60)


@cache
def stored(name: str) -> tuple[str, str]:
    """The two documents of a recorded case as JSON, and the fields of its target."""
    told = yaml.load((CASES / f"{name}.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)  # noqa: TID251 (our own file)
    documents = {key: json.loads(item["stdout"]) for key, item in told["observations"].items()}
    return json.dumps(documents), json.dumps(told["target"])


def case(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    documents, on = stored(name)
    return json.loads(documents), json.loads(on)


def parse(documents: dict[str, Any], on: dict[str, Any]) -> TlsService:
    return TlsProber().parse(reading({key: json.dumps(item) for key, item in documents.items()}, target(**on)))


CURRENT, ON = case("nginx-current")


# --- hellos ------------------------------------------------------------------------------------------------


@quickly
@given(
    version=versions, length=st.integers(1, 63), labels=st.integers(0, 3), count=st.integers(1, 300), bare=st.booleans()
)
def test_a_hello_is_whole_and_of_no_size_that_hangs_old_load_balancers(
    version: str, length: int, labels: int, count: int, bare: bool
) -> None:
    suites = asked(version)[:count]
    said = Hello(version=version, suites=suites, server_name=".".join(["a" * length] * labels), pad=count)
    if bare:
        said = replace(said, server_name="", groups=(), signatures=(), pad=0)
    hello = client_hello(said, RANDOM)
    if version == "SSLv2":
        assert int.from_bytes(hello[:2], "big") & 0x7FFF == len(hello) - 2
        return
    assert int.from_bytes(hello[3:5], "big") == len(hello) - 5
    assert int.from_bytes(hello[6:9], "big") == len(hello) - 9
    assert int.from_bytes(hello[9:11], "big") == min(wire.VERSION[version], 0x0303)
    assert not 0x100 <= len(hello) - 5 < 0x200
    assert wire.u16s(suites) in hello
    if said.bare:
        at = 9 + 34 + 1
        assert len(hello) == at + 2 + int.from_bytes(hello[at : at + 2], "big") + 2  # nothing behind the compressions


def test_an_ip_address_is_not_sent_as_a_name() -> None:
    def hello(version: str, name: str) -> bytes:
        return client_hello(Hello(version=version, suites=(0x2F,), server_name=name), RANDOM)

    assert b"10.1.1.1" not in hello("TLSv1.2", "10.1.1.1")
    assert b"fd00::1" not in hello("TLSv1.3", "fd00::1")
    assert b"a.example" in hello("TLSv1", "a.example")


def test_a_hello_holds_what_it_was_told_to() -> None:
    hello = Hello(version="TLSv1.3", suites=(0x1301,), groups=(0x11EC,), alpn=("h2",), more=((0x1A1A, b"x"),), pad=3000)
    made = client_hello(hello, RANDOM)
    assert len(made) >= 3000
    read = wire.Reader(made[9 + 34 :])  # behind version and random
    assert (read.vector(1), read.vector(), read.vector(1)) == (b"", b"\x13\x01", b"\x00")
    found = wire.extensions(read.vector())
    read.end()
    assert found[10] == b"\x00\x02\x11\xec"
    assert found[16] == b"\x00\x03\x02h2"
    assert found[43] == b"\x02\x03\x04"
    assert found[51] == b"\x00\x00"  # no share: asks for a HelloRetryRequest
    assert found[0x1A1A] == b"x"


# --- suites ------------------------------------------------------------------------------------------------

_EXCHANGE = {"ECDH": {"ecdhe"}, "DH": {"dhe"}, "RSA": {"rsa"}, "PSK": {"psk"}, "DHEPSK": {"dhe"}, "RSAPSK": {"rsa"},
             "ECDHEPSK": {"ecdhe"}, "SRP": {"srp"}, "any": {"tls13"}, "GOST": {"gost"}, "GOST18": {"gost"}}  # fmt: skip
_AUTHENTICATION = {"None": {"anon"}, "any": {"tls13"}, "RSA": {"rsa", "psk"}, "DSS": {"dss"}, "ECDSA": {"ecdsa"},
                   "PSK": {"psk"}, "SRP": {"srp"}, "GOST01": {"gost"}, "GOST12": {"gost"}}  # fmt: skip


@pytest.mark.live
@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_openssl_agrees_on_every_suite_it_knows() -> None:
    command = ["openssl", "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL@SECLEVEL=0"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) > 100
    for line in lines:
        code, _, name, _, _, version, *pairs = line.split()
        told = dict(pair.split("=", 1) for pair in pairs)
        mine = suite(int(code.replace("0x", "").replace(",", ""), 16))
        assert mine.name == name
        assert mine.exchange in _EXCHANGE[told["Kx"]], line
        assert mine.authentication in _AUTHENTICATION[told["Au"]], line
        assert told["Enc"] == "None" if mine.bits == 0 else f"({mine.bits})" in told["Enc"].replace("168", "112"), line
        assert mine.aead is (told["Mac"] == "AEAD"), line
        assert mine.aead or told["Mac"].lower() == mine.hash, line
        assert mine.code in asked("TLSv1.3" if version == "TLSv1.3" else "TLSv1.2")
        assert version not in ("SSLv3", "TLSv1") or mine.code in asked("TLSv1")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", ("rsa", "rsa", "RC4_40", 40, "md5", False)),
        ("TLS_DHE_DSS_EXPORT1024_WITH_DES_CBC_SHA", ("dhe", "dss", "DES_CBC", 56, "sha1", False)),
        ("TLS_ECDH_anon_WITH_NULL_SHA", ("ecdhe", "anon", "NULL", 0, "sha1", False)),
        ("TLS_ECDH_RSA_WITH_3DES_EDE_CBC_SHA", ("ecdh", "rsa", "3DES_EDE_CBC", 112, "sha1", False)),
        ("TLS_PSK_DHE_WITH_AES_128_CCM_8", ("dhe", "psk", "AES_128_CCM_8", 128, "sha256", True)),
        ("TLS_ECCPWD_WITH_AES_256_CCM_SHA384", ("eccpwd", "eccpwd", "AES_256_CCM", 256, "sha384", True)),
        ("TLS_SHA256_SHA256", ("tls13", "tls13", "NULL", 0, "sha256", False)),
        ("TLS_AEGIS_128L_SHA256", ("tls13", "tls13", "AEGIS_128L", 128, "sha256", True)),
        ("TLS_SM4_GCM_SM3", ("tls13", "tls13", "SM4_GCM", 128, "sm3", True)),
        ("TLS_KRB5_EXPORT_WITH_DES_CBC_40_MD5", ("krb5", "krb5", "DES_CBC_40", 40, "md5", False)),
        ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5", ("rsa", "rsa", "3DES_EDE_CBC", 112, "md5", False)),
    ],
)
def test_what_a_name_says(name: str, said: tuple[Any, ...]) -> None:
    one = described(0, name)
    assert (one.exchange, one.authentication, one.cipher, one.bits, one.hash, one.aead) == said


def test_all_suites_are_known_and_common_ones_come_first() -> None:
    every = all_suites()
    assert len({one.name for one in every.values()}) == len(every)
    assert {suite(code).cipher for code in asked("TLSv1.2")[:8]} <= {
        "AES_256_GCM", "AES_128_GCM", "CHACHA20_POLY1305",
    }  # fmt: skip
    assert all(one.exchange == "tls13" for one in map(suite, asked("TLSv1.3")))
    assert not any(suite(code).aead for code in asked("TLSv1"))
    assert suite(0xFAFA).name == "0xFAFA"


def test_names_of_groups_and_schemes() -> None:
    assert (group(0x11EC).name, group(0x11EC).hybrid) == ("X25519MLKEM768", True)
    assert (group(0x1234).name, group(0x1234).bits) == ("0x1234", 0)
    assert [scheme(code) for code in (0x0804, 0x0201, 0x0203, 0x0402, 0x9999)] == [
        "rsa_pss_rsae_sha256", "rsa_pkcs1_sha1", "ecdsa_sha1", "dsa_sha256", "0x9999",
    ]  # fmt: skip


# --- replies -----------------------------------------------------------------------------------------------


def recorded() -> list[tuple[str, bytes]]:
    found = []
    for name in ("nginx-current", "s-server-tls13-only", "raw-ssl2-ssl3"):
        for run in case(name)[0]["hellos"]["runs"]:
            found += [(one.version, one.reply) for one in asks.unpacked_run(run).answers]
    return found


RECORDED = recorded()


@quickly
@given(version=versions, reply=st.binary(max_size=300), ending=st.sampled_from(["answered", "closed", "timeout"]))
def test_any_reply_means_something(version: str, reply: bytes, ending: str) -> None:
    replies.enough(version, reply)
    assert outcome(version, ending, reply).kind in Kind
    asks.heard(version, ending, reply)


@quickly
@given(
    version=versions, head=st.sampled_from([b"\x15\x03\x01", b"\x16\x03\x03", b"\x80", b"\x16\x03"]), rest=st.binary()
)
def test_any_reply_that_begins_well_means_something(version: str, head: bytes, rest: bytes) -> None:
    outcome(version, "closed", head + rest)


@quickly
@given(one=st.sampled_from(RECORDED), at=st.integers(0, 200), to=st.integers(0, 255))
def test_a_flipped_byte_of_a_real_reply_breaks_nothing(one: tuple[str, bytes], at: int, to: int) -> None:
    version, reply = one
    outcome(version, "answered", reply[:at] + bytes((to,)) + reply[at + 1 :])


@quickly
@given(one=st.sampled_from(RECORDED), cut=st.integers(1, 200))
def test_a_cut_reply_never_means_more_than_the_whole(one: tuple[str, bytes], cut: int) -> None:
    version, reply = one
    part, whole = outcome(version, "closed", reply[:cut]), outcome(version, "closed", reply)
    assert part == whole or part.kind is Kind.ODD


@quickly
@given(body=st.binary(max_size=100), name=st.sampled_from(sorted(all_suites())), version=st.sampled_from([769, 771]))
def test_any_key_exchange_is_read_or_malformed(body: bytes, name: int, version: int) -> None:
    with contextlib.suppress(wire.Malformed):
        assert replies.key_exchange(body, suite(name), version).end <= len(body)
    with contextlib.suppress(wire.Malformed):
        replies.certificates(body)
    with contextlib.suppress(wire.Malformed):
        replies.staple(body)


@pytest.mark.parametrize(
    ("version", "reply", "kind", "firm"),
    [
        ("TLSv1.2", b"\x15\x03\x03\x00\x02\x02\x46", Kind.REFUSED, True),
        ("TLSv1.2", b"\x15\x03\x03\x00\x02\x02\x50", Kind.REFUSED, False),
        ("TLSv1.2", b"\x15\x03\x03\x00\x02\x02\x32", Kind.ODD, True),
        ("TLSv1.2", b"\x15\x03\x03\x00\x02\x01\x70", Kind.ODD, True),
        ("TLSv1.2", b"\x15\x03\x03\x00\x02\x01\x00", Kind.REFUSED, False),
        ("TLSv1.2", b"\x15\x03\x03\x00\x02\x01\x5a" * 30, Kind.ODD, True),
        ("TLSv1.2", b"\x15\x03\x03\x00\x03\x02\x46\x00", Kind.ODD, True),
        ("TLSv1.2", b"\x16\x03\x03\x00\x00", Kind.ODD, True),
        ("TLSv1.2", b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00", Kind.ODD, True),
        ("TLSv1.2", b"\x17\x03\x03\x00\x02ab", Kind.ODD, True),
        ("TLSv1.2", b"", Kind.REFUSED, False),
        ("SSLv2", b"\x80\x03\x00\x00\x01", Kind.REFUSED, True),
        ("SSLv2", b"\x15\x03\x00\x00\x02\x02\x70", Kind.REFUSED, True),
        ("SSLv3", b"\x15\x03\x00\x00\x02\x02\x70", Kind.ODD, True),
        ("SSLv2", b"\x80\x03\x00\x00\x02", Kind.ODD, True),
        ("SSLv2", b"\x80\x0b\x04\x00\x01\x00\x02\x00\x00\x00\x00\x00\x00", Kind.ODD, True),
        ("SSLv2", b"\x80\x0b\x04\x00\x01\x03\x00\x00\x00\x00\x00\x00\x00", Kind.ODD, True),
        ("SSLv2", b"\x15\x03\x00\x00\x02\x02\x28", Kind.REFUSED, True),
        ("SSLv2", b"\x80", Kind.ODD, True),
    ],
)
def test_replies(version: str, reply: bytes, kind: Kind, firm: bool) -> None:
    found = outcome(version, "closed", reply)
    assert (found.kind, found.firm) == (kind, firm)


@pytest.mark.parametrize(
    ("reply", "what"),
    [(b"HTTP/1.1 400 Bad", "HTTP"), (b"<html>", "HTTP"), (b"SSH-2.0-x", "SSH"), (b"220 x", "greeting")],
)
def test_what_speaks_where_it_is_not_tls(reply: bytes, what: str) -> None:
    assert f"not TLS: {what}" in outcome("TLSv1.2", "closed", reply).why.replace("a greeting", "greeting")


def test_a_server_hello_may_come_in_pieces() -> None:
    version, reply = next((v, r) for v, r in RECORDED if v == "TLSv1.2" and r[:1] == b"\x16")
    pieces = b"".join(b"\x16\x03\x03\x00\x01" + bytes((byte,)) for byte in reply[5:])
    assert outcome(version, "answered", pieces) == outcome(version, "answered", reply)


# --- runs --------------------------------------------------------------------------------------------------


def answer(code: int, ending: str = "answered") -> Heard:
    body = b"\x03\x03" + bytes(32) + b"\x00" + wire.u16(code) + b"\x00"
    return Heard("TLSv1.2", ending, wire.records(22, 0x0303, wire.message(2, body)))


NO = Heard("TLSv1.2", "answered", b"\x15\x03\x03\x00\x02\x02\x28")
CLOSED = Heard("TLSv1.2", "closed", b"")
LATE = Heard("TLSv1.2", "timeout", b"")


@pytest.mark.parametrize(
    ("answers", "alive", "picked", "whole"),
    [
        ([answer(0x2F), NO], None, (0x2F,), True),
        ([answer(0x2F), answer(0x35)], None, (0x2F, 0x35), True),
        ([answer(0x2F), CLOSED], None, (0x2F,), False),
        ([answer(0x2F), CLOSED], answer(0x2F), (0x2F,), True),
        ([answer(0x2F), CLOSED], CLOSED, (0x2F,), False),
        ([answer(0x2F), LATE], answer(0x2F), (0x2F,), False),
        ([answer(0x2F), answer(0x2F)], None, (0x2F,), False),
        ([answer(0x0A), NO], None, (), False),
        ([answer(0x2F)], None, (0x2F,), False),
        ([NO], None, (), True),
    ],
)
def test_a_list_is_whole_only_when_its_end_was_seen(
    answers: list[Heard], alive: Heard | None, picked: tuple[int, ...], whole: bool
) -> None:
    run = Run("suites", "TLSv1.2", (0x2F, 0x35), tuple(answers), alive)
    assert (run.picked, run.whole(lives=False)) == (picked, whole)
    assert asks.unpacked_run(json.loads(json.dumps(asks.packed_run(run)))) == run


def test_the_order_offered_the_other_way_round() -> None:
    assert asks.turned((0xC030, 0xC02F, 0x9C)) == (0x9C, 0xC02F, 0xC030)
    assert asks.turned((0xC030, 0xC02F, 0xCCA8)) == (0xC02F, 0xC030, 0xCCA8)  # ChaCha20 first is a wish of its own
    assert asks.turned((0xCCA8, 0xC030)) == (0xC030, 0xCCA8)


# --- stored documents --------------------------------------------------------------------------------------


def test_what_a_server_of_today_tells() -> None:
    found = parse(CURRENT, ON)
    assert {one.version for one in found.offered} == {"TLSv1.2", "TLSv1.3"}
    assert all(one.whole and one.preference is not Preference.UNTESTED for one in found.offered)
    assert len(found.features) >= 17
    assert len(json.dumps(CURRENT)) < 1 << 16


def test_evidence_for_another_name_is_stale() -> None:
    with pytest.raises(CollectError) as caught:
        parse(CURRENT, {**ON, "tls": {"server_name": "khac.example"}})
    assert caught.value.reason is Reason.STALE


def altered(document: str, **changes: Any) -> TlsService:
    return parse({**CURRENT, document: {**CURRENT[document], **changes}}, ON)


SHOWN = CURRENT["certificate"]["shown"]


@pytest.mark.parametrize(
    "changes",
    [
        {"system": None},
        {"anchors": None},
        {"anchors": ["%"]},
        {"unread": "no"},
        {"crls": [1]},
        {"shown": []},
        {"shown": [{**SHOWN[0], "suite": "x"}]},
        {"shown": [{**SHOWN[0], "sent": ["0" * 64]}]},
        {"shown": [{**one, "sent": [], "ending": "timeout"} for one in SHOWN]},
        {"shown": SHOWN * 20},
        {"shown": [{**SHOWN[0], "staple": None}]},
        {"ders": dict.fromkeys(CURRENT["certificate"]["ders"], "AAAA")},
        {"ders": []},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_certificate_document_that_contradicts_itself_is_not_evidence(changes: dict[str, Any]) -> None:
    assert isinstance(altered("certificate", **changes).peer, Unavailable)


RUNS = CURRENT["hellos"]["runs"]


@pytest.mark.parametrize(
    "changes",
    [
        {"runs": []},
        {"runs": None},
        {"runs": [{**run, "answers": []} for run in RUNS]},
        {"runs": [{**run, "answers": [["answered", "%%%"]]} for run in RUNS]},
        {"runs": [{**run, "answers": [["timeout"]]} for run in RUNS]},
        {"runs": [{**RUNS[0], "version": "TLSv9"}]},
        {"runs": [{**RUNS[0], "items": "xyz"}]},
        {"asks": None},
        {"sessions": {"tls13": 1}},
        {"connections": None},
        {"opening": None},
        {"injection": {}},
        {"control": 5},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_document_on_hellos_that_is_not_whole_is_not_evidence(changes: dict[str, Any]) -> None:
    with pytest.raises(CollectError):
        altered("hellos", **changes)


def test_hanging_up_is_no_refusal_without_the_control() -> None:
    runs = [{**run, "answers": [["closed"]]} if run["version"] == "SSLv2" else run for run in RUNS]
    control = CURRENT["hellos"]["control"]
    controls = [control, None, {**control, "reply": "", "ending": "closed"}]
    offers = [altered("hellos", runs=runs, control=one).protocols[0].offer for one in controls]
    assert offers == [Offer.REFUSED, Offer.UNTESTED, Offer.UNTESTED]


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
)


@quickly
@given(document=st.sampled_from(["hellos", "certificate"]), at=st.integers(0, 20), value=trees)
def test_any_value_in_a_document_is_evidence_or_not(document: str, at: int, value: Any) -> None:
    keys = sorted(CURRENT[document])
    with contextlib.suppress(CollectError):
        altered(document, **{keys[at % len(keys)]: value})


@quickly
@given(name=st.sampled_from(sorted(CURRENT["hellos"]["sessions"])), at=st.integers(0, 20), value=trees)
def test_any_value_in_a_session_is_evidence_or_not(name: str, at: int, value: Any) -> None:
    sessions = CURRENT["hellos"]["sessions"]
    keys = sorted(sessions[name])
    with contextlib.suppress(CollectError):
        altered("hellos", sessions={**sessions, name: {**sessions[name], keys[at % len(keys)]: value}})


@quickly
@given(told=st.binary(max_size=200) | trees.map(lambda tree: json.dumps(tree).encode()))
def test_anything_stored_is_evidence_or_not(told: bytes) -> None:
    with pytest.raises(CollectError):
        TlsProber().parse(reading({"hellos": told, "certificate": told}, target(**ON)))


def test_a_deep_document_is_unparsable() -> None:
    with pytest.raises(CollectError):
        TlsProber().parse(reading({"hellos": b"[" * 200_000, "certificate": b"{}"}, target(**ON)))


# --- where a service is ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "server_name", "found"),
    [
        ("https://Cong.Example/duong/dan", None, ("cong.example", 443, "cong.example")),
        ("https://cong.example.:8443", None, ("cong.example.", 8443, "cong.example")),
        ("ldaps://10.1.1.1", None, ("10.1.1.1", 636, "10.1.1.1")),
        ("https://[fd00::1]:8443/", None, ("fd00::1", 8443, "fd00::1")),
        ("https://10.1.1.1", "Cong.Example.", ("10.1.1.1", 443, "cong.example")),
        ("smtp://thu.example", None, ("thu.example", 25, "thu.example")),
        ("postgresql://csdl.example", None, ("csdl.example", 5432, "csdl.example")),
        ("rdp://10.1.1.1", None, ("10.1.1.1", 3389, "10.1.1.1")),
    ],
)
def test_endpoints(url: str, server_name: str | None, found: tuple[str, int, str]) -> None:
    on = target(kind="service", platform=None, address=None, url=url, tls={"server_name": server_name})
    at = endpoint(on)
    assert (at.host, at.port, at.server_name) == found


def test_a_name_in_vietnamese_is_asked_for_as_an_a_label() -> None:
    on = target(kind="service", platform=None, address=None, url="https://x.example")
    assert endpoint(on.model_copy(update={"url": "https://dịchvụcông.example"})).server_name.startswith("xn--")
