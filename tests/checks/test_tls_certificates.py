"""What the certificate checks say of facts that few servers show."""

from __future__ import annotations

import subprocess
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from auditor import registry, texts
from auditor.check import needs, run_check
from auditor.evidence.certificates import Certificate, Peer, Revocation, Revoked, Trust
from auditor.evidence.tls import VERSIONS, Answer, Feature, Offer, Protocol, TlsService
from auditor.model import Reason, Result, Say, Unavailable, Verdict
from tests.pki import issue
from tests.support import NOW, seen

DAY = timedelta(days=1)
CHECKS = (
    "expiry", "renewal", "trust", "name", "chain", "usage", "revocation", "lifetime", "transparency",
)  # fmt: skip
PUBLIC, PRIVATE = Trust(0, "ok", True, True), Trust(0, "ok", True, False)


def leaf(**fields: Any) -> Certificate:
    usual: dict[str, Any] = {
        "fingerprint": "a" * 64,
        "subject": "CN=cong.tinh.example",
        "issuer": "CN=y",
        "self_issued": False,
        "not_before": NOW - 10 * DAY,
        "not_after": NOW + 80 * DAY,
        "dns_names": ("cong.tinh.example",),
        "ip_names": (),
        "key_type": "ec",
        "key_bits": 256,
        "signature": "sha256",
    }
    return Certificate(**usual | fields)


def peer(*chain: Certificate, **fields: Any) -> Peer:
    chain = chain or (leaf(),)
    usual: dict[str, Any] = {
        "version": "TLSv1.3", "cipher": "TLS_AES_128_GCM_SHA256", "context": "current", "chain": chain,
        "chain_known": True, "trust": PUBLIC, "sent": chain, "in_order": True, "timestamps": 3,
    }  # fmt: skip
    return Peer(**usual | fields)


def service(*peers: Peer, name: str = "cong.tinh.example", **fields: Any) -> TlsService:
    shown = peers or (peer(),)
    return TlsService(
        seen=seen(),
        host=name,
        port=443,
        server_name=name,
        protocols=tuple(Protocol(version, Offer.OFFERED, "") for version in VERSIONS),
        peer=shown[0],
        others=shown[1:],
        **fields,
    )


def judge(name: str, held: TlsService, **params: Any) -> Verdict:
    check, _ = registry.checks()[f"tls.{name}"]
    verdict = run_check(check, needs(type(check)), {"tls": held}, check.params(**params)).verdict
    sayings = [verdict.message, verdict.expected, verdict.found, *(one.message for one in verdict.instances)]
    for told in (one for one in sayings if isinstance(one, Say)):
        for text in texts.message(f"tls.{name}", told).values():
            assert text != told.code
            assert "{" not in text
    return verdict


def said(check: str, *peers: Peer, **fields: Any) -> tuple[Result, str]:
    found = judge(f"certificate-{check}", service(*peers, **fields))
    return found.result, found.message.code


# --- several certificates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHECKS)
def test_without_a_certificate_nothing_is_known(name: str) -> None:
    held = replace(service(), peer=Unavailable(Reason.TIMEOUT, "timeout"))
    assert judge(f"certificate-{name}", held).message == Say("no-certificate", {"detail": "timeout"})


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("expiry", peer(leaf(fingerprint="b" * 64, not_after=NOW - DAY))),
        ("renewal", peer(leaf(fingerprint="b" * 64, not_after=NOW + DAY))),
        ("trust", peer(leaf(fingerprint="b" * 64), trust=Trust(18, "self-signed", True))),
        ("name", peer(leaf(fingerprint="b" * 64, dns_names=("x.example",)))),
        ("chain", peer(leaf(fingerprint="b" * 64), strays=1)),
        ("usage", peer(leaf(fingerprint="b" * 64, authority=True))),
        ("lifetime", peer(leaf(fingerprint="b" * 64, not_after=NOW + 300 * DAY))),
        ("transparency", peer(leaf(fingerprint="b" * 64), timestamps=0)),
    ],
)
def test_what_is_shown_to_clients_of_the_other_kind_of_key_counts_as_much(name: str, bad: Peer) -> None:
    assert judge(f"certificate-{name}", service(peer())).result is Result.PASS
    for held in (service(peer(), bad), service(bad, peer())):
        found = judge(f"certificate-{name}", held)
        assert found.result is Result.FAIL
        assert {one.id[0]: one.result for one in found.instances} == {"a": Result.PASS, "b": Result.FAIL}


@pytest.mark.parametrize(
    ("name", "bad"),
    [("key-strength", leaf(fingerprint="b" * 64, key_type="rsa", key_bits=1024)),
     ("signature-hash", leaf(fingerprint="b" * 64, signature="sha1"))],
)  # fmt: skip
def test_keys_and_signatures_of_both(name: str, bad: Certificate) -> None:
    root = leaf(fingerprint="c" * 64, self_issued=True)
    found = judge(name, service(peer(leaf(), root), peer(bad, root)))
    assert found.result is Result.FAIL
    results = {one.id[0]: one.result for one in found.instances}
    assert results == {"a": Result.PASS, "b": Result.FAIL} | ({"c": Result.PASS} if name == "key-strength" else {})


# --- names -------------------------------------------------------------------------------------------------

TINH = "tỉnh.vn".encode("idna").decode("ascii")
NAMES = [
    ("cong.tinh.vn", "cong.tinh.vn", "named"),
    ("CONG.Tinh.VN", "cong.tinh.vn", "named"),
    ("*.tinh.vn", "cong.tinh.vn", "named"),
    ("*.tinh.vn", "tinh.vn", "other-names"),
    ("*.tinh.vn", "a.cong.tinh.vn", "other-names"),
    ("cong.*.vn", "cong.tinh.vn", "other-names"),
    ("*.vn", "tinh.vn", "other-names"),
    ("*", "vn", "other-names"),
    ("*.tinh.gov.vn", "cong.tinh.gov.vn", "named"),
    ("*.gov.vn", "tinh.gov.vn", "other-names"),
    ("*.GOV.vn.", "tinh.gov.vn", "other-names"),
    (TINH, TINH, "named"),
    (TINH, "tỉnh.vn", "named"),
    (TINH, "ti\u0309nh.vn", "named"),
    (TINH, "TỈNH.VN", "named"),
    (f"*.{TINH}", f"cong.{TINH}", "named"),
    ("tỉnh.vn", "tỉnh.vn", "accented"),
    ("ti\u0309nh.vn", TINH, "accented"),
    ("tỉnh.vn", "tinh.vn", "other-names"),
    ("tinh.vn", "tỉnh.vn", "other-names"),
    ("\u2028..", "tinh.vn", "other-names"),
    ("ổ" * 400 + ".vn", "tinh.vn", "other-names"),
    ("..", "tinh.vn", "other-names"),
]


@pytest.mark.parametrize(("pattern", "name", "code"), NAMES)
def test_names(pattern: str, name: str, code: str) -> None:
    assert said("name", peer(leaf(dns_names=(pattern,))), name=name)[1] == code


@pytest.mark.live
@pytest.mark.parametrize(
    ("pattern", "name", "code"), [one for one in NAMES if one[0][:2] != "ổổ" and one[0].strip(".")]
)
def test_openssl_names_the_same(tmp_path: Path, pattern: str, name: str, code: str) -> None:
    """Names that clients take: letters with accents are theirs to encode; ``*.gov.vn`` openssl lets through."""
    raw = pattern.encode()
    san = b"\x30" + bytes([len(raw) + 2]) + b"\x82" + bytes([len(raw)]) + raw
    held = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), san)
    (tmp_path / "leaf.pem").write_bytes(issue("x", names=(), more=[(held, False)]).pem)
    asked = unicodedata.normalize("NFC", name).encode("idna").decode("ascii")
    command = ["openssl", "x509", "-noout", "-checkhost", asked, "-in", str(tmp_path / "leaf.pem")]
    told = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    assert ("does match" in told) is (code == "named" or pattern == "*.gov.vn"), told


# --- trust and chain ---------------------------------------------------------------------------------------


def test_a_maze_is_undecided() -> None:
    assert said("trust", peer(trust=Trust(1, "too many ways", True))) == (Result.UNKNOWN, "undecided")


ROOT, NO_ISSUER = leaf(fingerprint="c" * 64, self_issued=True), Trust(20, "no issuer", True)


@pytest.mark.parametrize(
    ("shown", "answer"),
    [
        (peer(), (Result.PASS, "whole")),
        (peer(leaf(), ROOT, trust=Trust(19, "unknown root", True)), (Result.PASS, "whole")),
        (peer(trust=NO_ISSUER), (Result.FAIL, "missing")),
        (peer(trust=Trust(20, "no issuer", False)), (Result.UNKNOWN, "open-end")),
        (peer(leaf(), leaf(fingerprint="b" * 64), trust=NO_ISSUER), (Result.UNKNOWN, "open-end")),
        (peer(leaf(), leaf(fingerprint="b" * 64), trust=NO_ISSUER, in_order=False), (Result.FAIL, "wrong-order")),
        (peer(in_order=False), (Result.FAIL, "wrong-order")),
        (peer(strays=2), (Result.FAIL, "strays")),
        (peer(in_order=None), (Result.UNKNOWN, "chain-unseen")),
        (peer(chain_known=False), (Result.UNKNOWN, "chain-unseen")),
        (peer(sent=()), (Result.UNKNOWN, "chain-unseen")),
    ],
)
def test_chain(shown: Peer, answer: tuple[Result, str]) -> None:
    assert said("chain", shown) == answer


# --- usage -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, (Result.PASS, "fit")),
        ({"key_usage": ("digitalSignature",), "extended_usage": ("clientAuth", "serverAuth")}, (Result.PASS, "fit")),
        ({"key_usage": ("keyEncipherment",)}, (Result.FAIL, "may-not-sign")),
        ({"key_usage": ()}, (Result.FAIL, "may-not-sign")),
        ({"extended_usage": ("clientAuth",)}, (Result.FAIL, "other-purpose")),
        ({"extended_usage": ("anyExtendedKeyUsage",)}, (Result.FAIL, "other-purpose")),
        ({"authority": True, "extended_usage": ("serverAuth",)}, (Result.FAIL, "authority")),
    ],
)
def test_usage(fields: dict[str, Any], answer: tuple[Result, str]) -> None:
    assert said("usage", peer(leaf(**fields))) == answer


# --- revocation --------------------------------------------------------------------------------------------


def told(status: Revoked, source: str = "ocsp-staple") -> Revocation:
    since = NOW - 3 * DAY if status is Revoked.REVOKED else None
    return Revocation(source=source, status=status, since=since, this_update=NOW - DAY, next_update=NOW + DAY)


UNREAD = Unavailable(Reason.STALE, "old")
STAPLED, BARE = (Feature("ocsp-stapling", answer, "") for answer in (Answer.YES, Answer.NO))
MUST = leaf(must_staple=True)


@pytest.mark.parametrize(
    ("shown", "features", "answer"),
    [
        (peer(revocation=told(Revoked.GOOD)), (), (Result.PASS, "good")),
        (peer(revocation=told(Revoked.GOOD, "crl")), (), (Result.PASS, "good")),
        (peer(revocation=told(Revoked.REVOKED)), (), (Result.FAIL, "revoked")),
        (peer(MUST, revocation=told(Revoked.REVOKED)), (BARE,), (Result.FAIL, "revoked")),
        (peer(revocation=told(Revoked.UNKNOWN)), (), (Result.UNKNOWN, "not-known-there")),
        (peer(revocation=UNREAD), (), (Result.UNKNOWN, "not-believed")),
        (peer(), (BARE,), (Result.UNKNOWN, "nothing-said")),
        (peer(MUST), (BARE,), (Result.FAIL, "staple-missing")),
        (peer(MUST, revocation=told(Revoked.GOOD, "crl")), (BARE,), (Result.FAIL, "staple-missing")),
        (peer(MUST), (), (Result.UNKNOWN, "nothing-said")),
        (peer(MUST, revocation=told(Revoked.GOOD)), (STAPLED,), (Result.PASS, "good")),
        (peer(MUST, revocation=UNREAD), (STAPLED,), (Result.UNKNOWN, "not-believed")),
        (peer(trust=Trust(18, "", True)), (), (Result.NOTAPPLICABLE, "self-signed")),
        (peer(leaf(not_after=NOW - 4 * DAY)), (), (Result.NOTAPPLICABLE, "short-lived")),
    ],
)
def test_revocation(shown: Peer, features: tuple[Feature, ...], answer: tuple[Result, str]) -> None:
    assert said("revocation", shown, features=features) == answer


# --- what public CAs may do --------------------------------------------------------------------------------

SECOND = timedelta(seconds=1)


def lived(year: int, month: int, day: int, days: float, back: timedelta = SECOND) -> Peer:
    since = datetime(year, month, day, tzinfo=UTC)
    return peer(leaf(not_before=since, not_after=since + days * DAY - back))


@pytest.mark.parametrize(
    ("shown", "answer"),
    [
        (lived(2018, 2, 28, 1000), (Result.NOTAPPLICABLE, "issued-before")),
        (lived(2018, 3, 1, 825), (Result.PASS, "within")),
        (lived(2018, 3, 1, 826), (Result.FAIL, "too-long")),
        (lived(2020, 8, 31, 825), (Result.PASS, "within")),
        (lived(2020, 9, 1, 398), (Result.PASS, "within")),
        (lived(2020, 9, 1, 398, timedelta()), (Result.FAIL, "too-long")),
        (lived(2026, 3, 14, 398), (Result.PASS, "within")),
        (lived(2026, 3, 15, 398), (Result.FAIL, "too-long")),
        (lived(2026, 3, 15, 200), (Result.PASS, "within")),
        (lived(2027, 3, 15, 101), (Result.FAIL, "too-long")),
        (lived(2029, 3, 15, 47), (Result.PASS, "within")),
        (lived(2029, 3, 15, 48), (Result.FAIL, "too-long")),
    ],
)
def test_lifetime(shown: Peer, answer: tuple[Result, str]) -> None:
    assert said("lifetime", shown) == answer


LONG = leaf(not_after=NOW + 190 * DAY)


@pytest.mark.parametrize(
    ("shown", "answer"),
    [
        (peer(timestamps=2), (Result.PASS, "logged")),
        (peer(timestamps=1), (Result.FAIL, "not-logged")),
        (peer(LONG, timestamps=2), (Result.FAIL, "not-logged")),
        (peer(LONG, timestamps=3), (Result.PASS, "logged")),
        (peer(timestamps=None), (Result.UNKNOWN, "unseen")),
        (peer(leaf(timestamps=2), timestamps=None), (Result.PASS, "logged")),
    ],
)
def test_transparency(shown: Peer, answer: tuple[Result, str]) -> None:
    assert said("transparency", shown) == answer


@pytest.mark.parametrize("name", ["lifetime", "transparency"])
@pytest.mark.parametrize(
    ("trust", "answer"),
    [
        (PRIVATE, (Result.NOTAPPLICABLE, "private-authority")),
        (Trust(18, "self-signed", True), (Result.NOTAPPLICABLE, "untrusted")),
        (Trust(20, "no issuer", False), (Result.UNKNOWN, "authority-unknown")),
        (Trust(0, "ok", False, False), (Result.UNKNOWN, "authority-unknown")),
        (Trust(0, "ok", True), (Result.UNKNOWN, "authority-unknown")),
    ],
)
def test_what_is_asked_of_public_authorities_only(name: str, trust: Trust, answer: tuple[Result, str]) -> None:
    assert said(name, peer(trust=trust, timestamps=0)) == answer
