"""Handshakes against Python's own ssl in memory, and what is made of what they show."""

from __future__ import annotations

import ssl
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collectors._tls import agreement
from auditor.collectors._tls.io import Ended
from auditor.collectors._tls.primes import COMMON_PRIMES
from auditor.collectors._tls.session12 import client_renegotiation, spoken, tls12
from auditor.collectors._tls.session13 import early_data, tls13
from auditor.evidence.tls import Answer
from tests.collectors.tls_peers import DER, NAME, Against, Says, server, write_files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("pem"))


# --- whole ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "scheme"), [("ecdsa", 0x0403), ("rsa", 0x0804), ("ed25519", 0x0807)])
def test_tls_1_3_shows_the_certificate_and_proves_the_key(files: Path, kind: str, scheme: int) -> None:
    seen = tls13(Against(server(files, kind)), NAME)
    assert (seen.ending, seen.scheme, seen.certificates) == ("done", scheme, (DER[kind],))
    assert (seen.after, seen.tickets) == ("", ())


def test_tls_1_3_tickets_that_allow_no_early_data(files: Path) -> None:
    seen = tls13(Against(server(files)), NAME, tickets=True)
    assert (seen.ending, seen.tickets, seen.after, seen.early_data) == ("done", (0,), "ticket", Answer.NO)


def test_tls_1_3_without_tickets_the_server_hangs_up_on_our_goodbye(files: Path) -> None:
    context = server(files)
    context.num_tickets = 0
    seen = tls13(Against(context), NAME, tickets=True)
    assert (seen.ending, seen.tickets, seen.after, seen.early_data) == ("done", (), "closed", Answer.NO)


def test_tls_1_3_another_group_is_asked_for_and_given(files: Path) -> None:
    context = server(files)
    context.set_ecdh_curve("secp384r1")
    seen = tls13(Against(context), NAME)
    assert (seen.ending, seen.retried, seen.group) == ("done", True, 0x0018)
    assert tls13(Against(context), NAME, groups=(0x0018,)).retried is False


def test_tls_1_3_protocol_and_wish_for_a_certificate(files: Path) -> None:
    context = server(files)
    context.set_alpn_protocols(["http/1.1"])
    context.verify_mode = ssl.CERT_REQUIRED
    seen = tls13(Against(context), NAME, alpn=("h2", "http/1.1"), tickets=True)
    assert (seen.ending, seen.alpn, seen.wants_client) == ("done", b"http/1.1", True)
    assert seen.early_data is Answer.UNTESTED, "it may have had tickets for clients it knows"


def test_each_suite_of_tls_1_3(files: Path) -> None:
    for suite in (0x1301, 0x1302, 0x1303):
        seen = tls13(Against(server(files)), NAME, suites=(suite,), tickets=True)
        assert (seen.ending, seen.suite, seen.tickets) == ("done", suite, (0,))


CIPHERS = [
    ("AES128-GCM-SHA256", 0x009C),
    ("AES256-SHA256", 0x003D),
    ("ECDHE-RSA-AES128-SHA", 0xC013),
    ("ECDHE-RSA-AES256-SHA384", 0xC028),
    ("ECDHE-RSA-AES256-GCM-SHA384", 0xC030),
    ("ECDHE-RSA-CHACHA20-POLY1305", 0xCCA8),
]


@pytest.mark.parametrize(("name", "code"), CIPHERS)
def test_tls_1_2_to_its_end_and_once_more(files: Path, name: str, code: int) -> None:
    context = server(files, "rsa", "TLSv1_2", name + ":@SECLEVEL=0")
    seen = tls12(Against(context), NAME, renegotiate=True)
    assert (seen.ending, seen.version, seen.suite) == ("done", 0x0303, code)
    assert (seen.certificates, seen.ticket) == ((DER["rsa"],), True)
    assert (seen.extended_master, seen.secure_renegotiation) == (True, True)
    assert seen.renegotiation in ("server-hello", "alert 100")  # as its OpenSSL was built and set up


def test_tls_1_2_that_will_not_begin_anew(files: Path) -> None:
    context = server(files, version="TLSv1_2")
    context.options |= ssl.OP_NO_RENEGOTIATION
    seen = tls12(Against(context), NAME, renegotiate=True)
    assert (seen.ending, seen.renegotiation) == ("done", "alert 100")


def test_tls_1_2_where_a_certificate_of_ours_is_a_must(files: Path) -> None:
    context = server(files, version="TLSv1_2")
    context.verify_mode = ssl.CERT_REQUIRED
    seen = tls12(Against(context), NAME)
    assert (seen.ending, seen.wants_client, seen.certificates) == ("alert 40", True, (DER["ecdsa"],))


def test_each_is_refused_by_a_server_of_the_other(files: Path) -> None:
    assert tls13(Against(server(files, version="TLSv1_2")), NAME).ending == "alert 70"
    assert tls12(Against(server(files)), NAME).ending == "alert 70"


# --- judging ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "tickets", "after", "answer"),
    [
        ("done", (16384,), "ticket", Answer.YES),
        ("done", (0, 1), "ticket", Answer.YES),
        ("done", (0,), "ticket", Answer.NO),
        ("done", (), "quiet", Answer.NO),
        ("done", (), "closed", Answer.NO),
        ("done", (), "timeout", Answer.UNTESTED),
        ("done", (), "alert 116", Answer.UNTESTED),
        ("done", (), "", Answer.UNTESTED),
        ("bad-finished", (16384,), "ticket", Answer.UNTESTED),
    ],
)
def test_early_data(ending: str, tickets: tuple[int, ...], after: str, answer: Answer) -> None:
    assert early_data(ending, tickets, after) is answer


@pytest.mark.parametrize(
    ("met", "held", "answer"),
    [
        ("server-hello", "", Answer.YES),
        ("alert 100", "", Answer.NO),
        ("alert 40", "", Answer.NO),
        ("ignored", "", Answer.NO),
        ("closed", "timeout", Answer.NO),
        ("reset", "timeout", Answer.NO),
        ("closed", "closed", Answer.UNTESTED),
        ("closed", "", Answer.UNTESTED),
        ("alert 80", "timeout", Answer.UNTESTED),
        ("timeout", "timeout", Answer.UNTESTED),
        ("", "timeout", Answer.UNTESTED),
    ],
)
def test_client_renegotiation(met: str, held: str, answer: Answer) -> None:
    assert client_renegotiation(met, held) is answer


# --- agreeing on keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", agreement.GROUPS)
def test_both_sides_agree(group: int) -> None:
    one, two = agreement.share(group), agreement.share(group)
    assert one.agree(two.public) == two.agree(one.public)
    for odd in (b"", b"\x04", bytes(len(one.public)), b"\xff" * 300):
        with pytest.raises(ValueError):  # noqa: PT011 - any word will do
            one.agree(odd)


def test_both_sides_agree_in_a_field_of_the_servers() -> None:
    one, two = (agreement.dh_share((1 << 521) - 1, 3) for _ in range(2))
    assert one.agree(two.public) == two.agree(one.public)


def test_a_group_nobody_here_speaks() -> None:
    with pytest.raises(KeyError):
        agreement.share(0x0105)


@pytest.mark.parametrize("group", agreement.FFDHE)
def test_the_primes_of_rfc_7919_are_made_as_it_says(group: int) -> None:
    prime = agreement.ffdhe_prime(group)
    assert COMMON_PRIMES[sha256(prime.to_bytes(prime.bit_length() // 8, "big")).hexdigest()].startswith("RFC 7919")
    one, other = agreement.share(group), agreement.share(group)
    assert one.agree(other.public) == other.agree(one.public)
    assert len(one.agree(other.public)) == len(one.public) == prime.bit_length() // 8


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(DER)), st.integers(0, 600), st.integers(0, 255))
def test_a_certificate_with_any_byte_changed_is_read_or_not(kind: str, at: int, byte: int) -> None:
    changed = DER[kind][:at] + bytes((byte,)) + DER[kind][at + 1 :]
    with suppress(Ended):
        assert not agreement.signed(changed, 0x0403, b"signature", b"data")
        agreement.wrapped(changed, b"s" * 48)


def test_groups_too_small_too_odd_or_too_big_are_not_reckoned_with() -> None:
    for prime, generator in ((23, 5), (1 << 2048, 2), ((1 << 9000) + 1, 2), ((1 << 512) + 1, 1), (0, 0)):
        with pytest.raises(ValueError, match="group"):
            agreement.dh_share(prime, generator)
    with pytest.raises(ValueError, match="group"):
        agreement.dh_share((1 << 512) + 1, 2).agree(b"\x01")


# --- the rest ---------------------------------------------------------------------------------------------------


def test_how_a_line_ends_is_the_ending() -> None:
    class Broken(Says):
        def receive(self) -> bytes:
            raise Ended("reset")

    assert tls13(Broken([]), NAME).ending == "reset"
    assert tls12(Broken([]), NAME).ending == "reset"


def test_suites_are_asked_for_only_where_a_handshake_can_be_completed() -> None:
    assert 0x000A in spoken("TLSv1")
    assert 0x002F in spoken("TLSv1.2")
    assert not {0x0005, 0x009C, 0x0034} & set(spoken("TLSv1")), "RC4, AEAD, anonymous"
    assert set(spoken("TLSv1")) < set(spoken("TLSv1.2"))
