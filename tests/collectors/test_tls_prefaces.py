"""What is said before TLS: answers of real servers, of odd ones, and of any bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import registry
from auditor.check import needs, run_check
from auditor.collectors._tls.databases import Tds
from auditor.collectors._tls.dialogue import HEARD_CAP, Heard
from auditor.collectors._tls.injection import injection, try_injection
from auditor.collectors._tls.io import Ended, Line
from auditor.collectors._tls.prefaces import PORTS, Opening, bears, opening, preface, spoken, survey
from auditor.evidence.tls import Answer, Feature, Offer, Protocol, TlsService
from auditor.model import Reason, Unavailable
from tests.support import seen

YES, NO, UNTESTED = Answer.YES, Answer.NO, Answer.UNTESTED
NAME = "thu.tinh.example"
SCHEMES = sorted({spoken(scheme) for scheme in PORTS} - {""})


@dataclass
class Scripted:
    """A server that answers whatever is sent with the next of its answers; the first comes unasked where it greets."""

    answers: list[bytes | str]
    sent: bytes = b""
    step: int = 0
    given: int = 0

    def send(self, data: bytes) -> None:
        self.sent += data

    def receive(self) -> bytes:
        if not self.answers:
            raise Ended("timeout")
        self.given += 1
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise Ended(answer)
        if self.step and len(answer) > self.step:
            self.answers.insert(0, answer[self.step :])
        return answer[: self.step] if self.step else answer


@dataclass
class Service:
    """Opens one scripted line after another."""

    talks: list[list[bytes | str]]
    step: int = 0
    lines: list[Scripted] = field(default_factory=list)

    @contextmanager
    def dial(self) -> Iterator[Line]:
        if not self.talks:
            raise Ended("refused")
        self.lines.append(Scripted(list(self.talks.pop(0)), step=self.step))
        yield self.lines[-1]


def look(scheme: str, *talks: list[bytes | str], step: int = 0) -> Opening:
    """Survey a scripted service, by way of the document that is stored."""
    document = survey(scheme, Service([list(talk) for talk in talks], step).dial, NAME)
    return opening(json.loads(json.dumps(document)))


MYSQL = base64.b64decode(
    "ZAAAAAo1LjUuNS0xMC4xMS4xOS1NYXJpYURCLTArZGViMTJ1MQAEAAAAeTxfRyUjfnQA/v8IAgD/gRUAAAAAAAAdAAAASlJBLV1rI2lpU0M3AG15c3FsX25hdGl2ZV9wYXNzd29yZAA="
)
"""The greeting of MariaDB 10.11.19 of Debian 12."""
TLS_FLAG = 4 + MYSQL[4:].index(b"\x00") + 1 + 14
MYSQL_PLAIN = MYSQL[:TLS_FLAG] + bytes([MYSQL[TLS_FLAG] & ~0x08]) + MYSQL[TLS_FLAG + 1 :]


def ldap_answer(tag: int, code: int) -> bytes:
    return b"\x30\x0c\x02\x01\x01" + bytes([tag]) + b"\x07\x0a\x01" + bytes([code]) + b"\x04\x00\x04\x00"


def rdp_answer(kind: int, value: int) -> bytes:
    return b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00" + bytes([kind, 0, 8, 0]) + value.to_bytes(4, "little")


def tds_answer(encryption: int) -> bytes:
    heads = b"\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff"
    body = heads + b"\x0f\x00\x07\xd0\x00\x00" + bytes([encryption])
    return b"\x04\x01" + (8 + len(body)).to_bytes(2, "big") + b"\x00\x00\x01\x00" + body


EHLO = b"250-thu.tinh.example\r\n250-PIPELINING\r\n250-STARTTLS\r\n"
CAPA = b"* CAPABILITY IMAP4rev1 SASL-IR STARTTLS LOGINDISABLED\r\nc1 OK Pre-login.\r\n"
XMPP = (
    b"<?xml version='1.0'?><stream:stream from='thu.tinh.example' version='1.0' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams'><stream:features>"
    b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
)
PROCEED = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
SIEVE = b'"IMPLEMENTATION" "Dovecot"\r\n"SASL" ""\r\n"STARTTLS"\r\nOK "ready."\r\n'
ROOT = ldap_answer(0x65, 0)
INSISTS = [b"220 ready\r\n", b"530 Non-anonymous sessions must use encryption.\r\n"]

GOOD: dict[str, tuple[list[bytes | str], ...]] = {
    "smtp": ([b"220-thu ESMTP\r\n220 go on\r\n", EHLO + b"250 8BITMIME\r\n", b"220 2.0.0 Ready\r\n"],),
    "imap": ([b"* OK IMAP4 ready\r\n", CAPA, b"c2 OK Begin TLS\r\n"],),
    "pop3": ([b"+OK ready\r\n", b"+OK\r\nSASL\r\nSTLS\r\n.\r\n", b"+OK Begin TLS\r\n"],),
    "ftp": ([b"220 ready\r\n", b"234 go\r\n"], list(INSISTS)),
    "sieve": ([SIEVE, b'OK "Begin TLS"\r\n'],),
    "xmpp": ([XMPP, PROCEED],),
    "ldap": ([ldap_answer(0x78, 0)], [ldap_answer(0x65, 13)]),
    "rdp": ([rdp_answer(2, 8)], [rdp_answer(3, 5)], [rdp_answer(3, 5)]),
    "mssql": ([tds_answer(3)], [tds_answer(3)]),
}


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("scheme", sorted(GOOD))
def test_insists_on_tls(scheme: str, step: int) -> None:
    found = look(scheme, *GOOD[scheme], step=step)
    assert (found.name, found.offered, found.clear, found.ended) == (scheme, YES, NO, "tls"), found


@pytest.mark.parametrize(("scheme", "talk"), [("postgres", [b"S"]), ("mysql", [MYSQL])])
def test_what_only_a_login_would_show_is_not_tested(scheme: str, talk: list[bytes | str]) -> None:
    found = look(scheme, talk)
    assert (found.offered, found.clear, found.ended) == (YES, UNTESTED, "tls")


def replaced(talks: tuple[list[bytes | str], ...], old: bytes, new: bytes) -> list[list[bytes | str]]:
    changed = [[part.replace(old, new) if isinstance(part, bytes) else part for part in talk] for talk in talks]
    assert changed != list(talks)
    return changed


CLEAR = [
    ("smtp", replaced(GOOD["smtp"], b"250 8", b"250-AUTH PLAIN LOGIN\r\n250 8"), "login without TLS: PLAIN, LOGIN"),
    ("smtp", replaced(GOOD["smtp"], b"250 8", b"250-AUTH=login\r\n250 8"), "login without TLS: LOGIN"),
    ("smtp", replaced(GOOD["smtp"], b"250-STARTTLS\r\n", b""), "TLS is not offered"),
    ("smtp", [[b"220 alt\r\n", b"502 5.5.1 what?\r\n", b"250 alt\r\n"]], "TLS is not offered"),
    ("imap", replaced(GOOD["imap"], b" LOGINDISABLED", b""), "login without TLS: LOGIN"),
    ("imap", replaced(GOOD["imap"], b" LOGIND", b" AUTH=PLAIN LOGIND"), "login without TLS: PLAIN"),
    ("imap", [[b"* PREAUTH hi\r\n", CAPA]], "logged in before anything was asked"),
    ("pop3", replaced(GOOD["pop3"], b"SASL", b"SASL PLAIN"), "login without TLS: PLAIN"),
    ("pop3", [[b"+OK\r\n", b"+OK\r\nUSER\r\nSTLS\r\n.\r\n", b"+OK\r\n"], [b"+OK\r\n"] * 2], "USER without TLS: +OK"),
    ("pop3", [[b"+OK\r\n", b"-ERR what\r\n", b"-ERR what\r\n"]], "TLS is not offered"),
    ("ftp", [GOOD["ftp"][0], [b"220-many\r\nlines 220 \r\n220 x\r\n", b"331 go\r\n"]], "USER without TLS: go"),
    ("ftp", [[b"220 ready\r\n", b"500 AUTH not understood\r\n"]], "TLS is not offered: AUTH not understood"),
    ("sieve", replaced(GOOD["sieve"], b'"SASL" ""', b'"SASL" "PLAIN"'), "login without TLS: PLAIN"),
    (
        "xmpp",
        replaced(GOOD["xmpp"], b"</stream:f", b"<mechanism>PLAIN</mechanism></stream:f"),
        "login without TLS: PLAIN",
    ),
    ("ldap", [[ldap_answer(0x78, 2)]], "TLS is not offered"),
    ("postgres", [[b"N"]], "TLS is not offered"),
    ("mysql", [[MYSQL_PLAIN]], "TLS is not offered"),
    ("rdp", [[rdp_answer(2, 1)], [rdp_answer(2, 0)], [rdp_answer(2, 1)]], "standard RDP security is taken"),
    ("rdp", [[rdp_answer(3, 2)]], "standard RDP security only (tls-not-allowed)"),
    ("rdp", [[b"\x03\x00\x00\x0b\x06\xd0\x00\x00\x12\x34\x00"]], "standard RDP security only"),
    ("mssql", [[tds_answer(1)], [tds_answer(2)]], "a client without encryption is let on to the login"),
    ("mssql", [[tds_answer(2)]], "TLS is not offered"),
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "talks", "why"), CLEAR)
def test_works_without_tls(scheme: str, talks: list[list[bytes | str]], why: str) -> None:
    found = look(scheme, *talks)
    assert (found.clear, found.why) == (YES, why), found


ODD = [
    ("smtp", [b"HTTP/1.1 400 Bad Request\r\n\r\n"], "preface: http"),
    ("smtp", [b"SSH-2.0-OpenSSH_9.2\r\n"], "preface: ssh"),
    ("smtp", ["timeout"], "preface: timeout"),
    ("smtp", [b"220 a\r\n", "reset"], "preface: reset"),
    ("smtp", [b"", b""], "preface: closed"),
    ("smtp", [b"554 no service\r\n"], "preface: turned-away 554"),
    ("smtp", [b"220 a\r\n", b"421 busy\r\n"], "preface: turned-away 421"),
    ("smtp", [b"220 a\r\n", EHLO + b"250 x\r\n", b"454 no TLS now\r\n"], "preface: refused 454"),
    ("smtp", [b"220 a\r\n", EHLO + b"250 x\r\n", b"220 go\r\n250 injected\r\n"], "preface: surplus"),
    ("smtp", [b"* OK IMAP4 ready\r\n"], "preface: junk"),
    ("smtp", [b"220-\xff\xfe Ch\xc3\xa0o\r\n" * 101], "preface: too-long"),
    ("smtp", [b"220 " + b"a" * 3000], "preface: long-line"),
    ("smtp", [b"220-x\r\n" * 50] * 100, "preface: too-long"),
    ("imap", [b"220 smtp\r\n"], "preface: junk"),
    ("imap", [b"* BYE overloaded\r\n"], "preface: turned-away"),
    ("imap", [b"* OK x\r\n", b"c1 BAD what\r\n"], "preface: refused BAD"),
    ("imap", [b"* OK x\r\n", b"c1 OK done\r\n"], "preface: junk"),
    ("imap", [b"* OK x\r\n", CAPA, b"c2 NO later\r\n"], "preface: refused NO"),
    ("pop3", [b"-ERR in use\r\n"], "preface: turned-away"),
    ("pop3", [b"+OK\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"-ERR later\r\n"], "preface: refused"),
    ("smtp", [b"220 FTP ready\r\n", b"500 what?\r\n", b"530 log in\r\n"], "preface: turned-away 530"),
    ("ftp", [b"220 thu ESMTP Postfix\r\n", b"503 5.5.1 no\r\n"], "preface: junk"),
    ("ftp", [b"421 too many\r\n"], "preface: turned-away 421"),
    ("ftp", [b"220 x\r\n", b"431 no certificate\r\n"], "preface: refused 431"),
    ("sieve", [b"HTTP/1.0 400\r\n"], "preface: http"),
    ("xmpp", [b"HTTP/1.0 400\r\n"], "preface: http"),
    (
        "xmpp",
        [b"<stream:stream><stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"],
        "preface: turned-away host-unknown",
    ),
    ("ldap", [b"\x15\x03\x01\x00\x02\x02\x0a"], "preface: tls"),
    ("ldap", [b"HTTP/1.1 400 Bad\r\n"], "preface: http"),
    ("ldap", [ldap_answer(0x78, 52)], "preface: refused 52"),
    ("ldap", [b"\x30\x84\x7f\xff\xff\xff"], "preface: too-long"),
    ("ldap", [b"\x30\x80"], "preface: junk"),
    ("postgres", [b"HTTP/1.1 400 Bad\r\n"], "preface: http"),
    ("postgres", [b"E\x00"], "preface: turned-away"),
    ("postgres", [b"SE..."], "preface: surplus"),
    ("mysql", [b"\x16\x00\x00\x00\xff\x69\x04Host is not allowed"], "preface: turned-away 1129"),
    ("mysql", [b"220 smtp ready\r\n"], "preface: junk"),
    ("mysql", [b"SSH-2.0-x\r\n"], "preface: ssh"),
    ("rdp", [rdp_answer(3, 6)], "preface: refused client-certificate-required"),
    ("rdp", [b"\x03\x00\x00\x0b\x06\x80\x00\x00\x00\x00\x00"], "preface: turned-away"),
    ("rdp", [b"HTTP/1.1 400 Bad\r\n"], "preface: http"),
    ("mssql", [b"\x15\x03\x01\x00\x02\x02\x28\x00"], "preface: tls"),
    ("mssql", [tds_answer(7)], "preface: refused 7"),
]


@pytest.mark.parametrize(("scheme", "talk", "word"), ODD)
def test_every_way_to_fail_has_a_word(scheme: str, talk: list[bytes | str], word: str) -> None:
    line = Scripted(list(talk))
    with pytest.raises(Ended) as ended:
        preface(scheme)(line, NAME)
    assert str(ended.value) == word
    found = look(scheme, talk)
    assert found.ended == word
    assert found.clear is not NO or found.offered is YES


def test_nothing_comes_before_implicit_tls() -> None:
    line = Scripted([])
    assert preface("https")(line, NAME) is line
    assert not line.sent
    document = survey("imaps", Service([]).dial, NAME)
    assert opening(document) == Opening(name="", offered=YES, clear=NO)
    with pytest.raises(KeyError):
        preface("gopher")


def test_databases_that_shut_out_are_asked_little() -> None:
    assert bears("mariadb", 600) == 20
    assert bears("mysql", 10) == 10
    assert bears("smtp", 600) == bears("https", 600) == 600


def test_a_dead_service_is_asked_once() -> None:
    service = Service([])
    document = survey("ftp", service.dial, NAME)
    assert [talk["ended"] for talk in document["talks"]] == ["refused"]
    assert opening(document).ended == "preface: refused"


def test_names_and_passwords_are_never_sent() -> None:
    for scheme, talks in GOOD.items():
        service = Service([list(talk) for talk in talks])
        survey(scheme, service.dial, NAME)
        said = b"".join(line.sent for line in service.lines).upper()
        assert b"PASS " not in said
        assert b"LOGIN" not in said
        assert not any(line.startswith(b"AUTH ") and line != b"AUTH TLS" for line in said.split(b"\r\n"))


def test_rdp_tells_what_it_takes() -> None:
    assert look("rdp", *GOOD["rdp"]).security == ("nla",)
    free = look("rdp", [rdp_answer(2, 2)], [rdp_answer(2, 0)], [rdp_answer(2, 1)])
    assert free.security == ("nla", "rdp", "tls")


def test_tds_carries_the_handshake() -> None:
    bare = Scripted(
        [b"\x12\x01\x00\x0c\x00\x00\x00\x00abcd\x12\x00\x00\x09\x00\x00", b"\x00\x00e", b"\x15\x03\x03\x00"]
    )
    line = Tds(bare)
    line.send(b"x" * 5000)
    assert bare.sent[:8] == b"\x12\x00\x10\x00\x00\x00\x00\x00"
    assert len(bare.sent) == 5000 + 2 * 8
    assert [line.receive(), line.receive(), line.receive()] == [b"abcd", b"e", b"\x15\x03\x03\x00"]


def test_endless_greetings_are_bounded() -> None:
    for answer in (b"220-x\r\n", b"\x00", b"* x\r\n", b"<a>", b"+"):
        for scheme in SCHEMES:
            line = Scripted([answer] * 20000)
            with pytest.raises(Ended):
                preface(scheme)(line, NAME)
            assert line.given * len(answer) <= HEARD_CAP + len(answer)


def test_recordings_stay_small() -> None:
    document = survey("xmpp", Service([[b"<"] * 20000]).dial, NAME)
    assert len(json.dumps(document)) < 12000
    assert document["talks"][0]["cut"] is True
    assert opening(document).clear is UNTESTED


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SCHEMES), st.lists(st.binary(max_size=60), max_size=8), st.integers(0, 3))
def test_any_bytes_end_in_a_word_or_a_line(scheme: str, answers: list[bytes], step: int) -> None:
    heard = Heard()
    with suppress(Ended):
        preface(scheme, heard)(Scripted([*answers], step=step), NAME)
    assert heard.ended == "tls" or heard.ended.startswith("preface: ")
    talks: list[list[bytes | str]] = [[*answers]] * 3
    assert look(scheme, *talks, step=step).name == scheme


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_spoilt_answers_never_raise(scheme: str, data: st.DataObject) -> None:
    talks: list[list[Any]] = [[part for part in talk if isinstance(part, bytes)] for talk in GOOD[scheme]]
    which = data.draw(st.sampled_from(talks))
    at = data.draw(st.integers(0, len(which) - 1))
    place = data.draw(st.integers(0, len(which[at])))
    which[at] = which[at][:place] + data.draw(st.binary(max_size=3)) + which[at][place + data.draw(st.integers(0, 3)) :]
    look(scheme, *[[*talk] for talk in talks])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["spoken", "server_name", "talks", "ask", "said", "ended", "cut"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(ANYTHING)
def test_documents_of_another_shape_are_refused(document: Any) -> None:
    for read in (opening, injection):
        try:
            read(document)
        except ValueError:
            continue
        assert document["spoken"] in ("", *SCHEMES)


@pytest.mark.parametrize(
    ("ended", "answers", "control", "answer"),
    [
        ("answered", b"221 2.0.0 Bye\r\n", "", NO),
        ("answered", b"250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n", "", YES),
        ("answered", b"250 2.0.0 Ok\r\n", "", UNTESTED),
        ("answered", b"", "", UNTESTED),
        ("preface: refused 554", b"", "", NO),
        ("preface: surplus", b"", "answered", NO),
        ("preface: surplus", b"", "preface: surplus", UNTESTED),
        ("tls: reset", b"", "answered", NO),
        ("tls: reset", b"", "tls: reset", UNTESTED),
        ("tls: timeout", b"", "answered", UNTESTED),
        ("preface: not-offered", b"", "preface: not-offered", UNTESTED),
    ],
)
def test_injection_is_judged_by_the_order_of_answers(ended: str, answers: bytes, control: str, answer: Answer) -> None:
    document = {"spoken": "smtp", "ended": ended, "answers": base64.b64encode(answers).decode(), "control": control}
    assert injection(document).answer is answer


def test_no_injection_where_there_is_no_text() -> None:
    assert try_injection("postgres", Service([]).dial, NAME) is None
    assert try_injection("https", Service([]).dial, NAME) is None


SERVICE = TlsService(
    seen=seen(),
    host=NAME,
    port=25,
    server_name=NAME,
    protocols=(Protocol("TLSv1.3", Offer.OFFERED, "yes"),),
    peer=Unavailable(Reason.INCOMPLETE, "not asked"),
    preface="smtp",
)


def judged(check_id: str, **changes: Any) -> tuple[str, str]:
    check, _ = registry.checks()[check_id]
    verdict = run_check(check, needs(type(check)), {"tls": replace(SERVICE, **changes)}, check.params()).verdict
    return verdict.result.value, verdict.message.code


def test_plain_login_is_judged() -> None:
    assert judged("tls.plain-login", clear=NO) == ("pass", "tls-needed")
    assert judged("tls.plain-login", clear=YES) == ("fail", "tls-optional")
    assert judged("tls.plain-login", clear=UNTESTED) == ("unknown", "tls-untested")
    assert judged("tls.plain-login", preface="") == ("notapplicable", "tls-first")


def test_injection_is_judged() -> None:
    def told(answer: Answer) -> tuple[Feature, ...]:
        return (Feature("starttls-injection", answer, "seen"),)

    assert judged("tls.starttls-injection", features=told(NO)) == ("pass", "thrown-away")
    assert judged("tls.starttls-injection", features=told(YES)) == ("fail", "carried-out")
    assert judged("tls.starttls-injection") == ("unknown", "untested")
    assert judged("tls.starttls-injection", preface="ldap") == ("notapplicable", "no-starttls")
