"""What case files cannot say of the TLS checks: names, dates and chains that no server here shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from auditor import registry
from auditor.check import Judged, needs, run_check
from auditor.evidence.tls import VERSIONS, Certificate, Offer, Peer, Protocol, TlsService, Trust
from auditor.model import Reason, Result, Unavailable
from tests.support import NOW, seen

DAY = timedelta(days=1)


def leaf(**fields: Any) -> Certificate:
    usual: dict[str, Any] = {
        "fingerprint": "a" * 64,
        "subject": "CN=x",
        "issuer": "CN=y",
        "self_issued": False,
        "not_before": NOW - 10 * DAY,
        "not_after": NOW + 90 * DAY,
        "dns_names": ("cong.example",),
        "ip_names": (),
        "key_type": "ec",
        "key_bits": 256,
        "signature": "sha256",
    }
    return Certificate(**usual | fields)


def service(*chain: Certificate, name: str = "cong.example", **fields: Any) -> TlsService:
    usual: dict[str, Any] = {
        "version": "TLSv1.2",
        "cipher": "ECDHE-RSA-AES256-GCM-SHA384",
        "context": "current",
        "chain_known": True,
        "trust": Trust(0, "", True),
    }
    return TlsService(
        seen=seen(),
        host=name,
        port=443,
        server_name=name,
        protocols=tuple(Protocol(version, Offer.OFFERED, "") for version in VERSIONS),
        peer=Peer(chain=chain or (leaf(),), **usual | fields),
    )


def judge(check_id: str, evidence: TlsService, **params: Any) -> Judged:
    check, _ = registry.checks()[f"tls.{check_id}"]
    return run_check(check, needs(type(check)), {"tls": evidence}, check.params(**params))


@pytest.mark.parametrize(
    ("pattern", "name", "covers"),
    [
        ("cong.example", "cong.example", True),
        ("CONG.Example", "cong.example.", True),
        ("*.tinh.example", "cong.tinh.example", True),
        ("*.tinh.example", "tinh.example", False),
        ("*.tinh.example", "a.cong.tinh.example", False),
        ("*.example", "cong.example", False),
        ("*", "cong", False),
        ("c*g.tinh.example", "cong.tinh.example", False),
        ("cong.*.example", "cong.tinh.example", False),
        ("cong.example.evil.example", "cong.example", False),
        ("evilcong.example", "cong.example", False),
        ("10.1.1.1", "10.1.1.1", False),
        ("*.1.1.1", "10.1.1.1", False),
        ("fd00::1", "fd00::1", False),
        ("", "cong.example", False),
    ],
)
def test_which_names_a_dns_name_covers(pattern: str, name: str, covers: bool) -> None:
    found = judge("certificate-name", service(leaf(dns_names=(pattern,)), name=name))
    assert found.verdict.result is (Result.PASS if covers else Result.FAIL)


def test_an_address_is_covered_by_an_address_only() -> None:
    held = service(leaf(dns_names=(), ip_names=("10.1.1.1",)), name="10.1.1.1")
    assert judge("certificate-name", held).verdict.result is Result.PASS
    assert judge("certificate-name", replace(held, server_name="10.1.1.2")).verdict.result is Result.FAIL


@pytest.mark.parametrize(
    ("left", "life", "code"),
    [
        (14, 100, "time-left"),
        (13.9, 100, "due"),
        (0, 100, "due"),
        (-0.1, 100, "expired"),
        (2, 6, "time-left"),
        (1.9, 6, "due"),
        (10, 30, "time-left"),
    ],
)
def test_days_left(left: float, life: float, code: str) -> None:
    end = NOW + left * DAY
    found = judge("certificate-renewal", service(leaf(not_before=end - life * DAY, not_after=end)))
    assert found.verdict.message.code == code


def test_the_last_and_first_second_are_in_force() -> None:
    assert judge("certificate-expiry", service(leaf(not_after=NOW))).verdict.result is Result.PASS
    assert judge("certificate-expiry", service(leaf(not_before=NOW))).verdict.result is Result.PASS


def test_dates_at_the_ends_of_the_calendar() -> None:
    first, last = datetime(1, 1, 1, tzinfo=NOW.tzinfo), datetime(9999, 12, 31, 23, 59, 59, tzinfo=NOW.tzinfo)
    held = service(leaf(not_before=first, not_after=last))
    assert judge("certificate-expiry", held).verdict.result is Result.PASS
    assert judge("certificate-renewal", held).verdict.result is Result.PASS
    assert judge("certificate-expiry", service(leaf(not_before=last, not_after=first))).verdict.result is Result.FAIL


def test_each_certificate_is_an_instance_by_its_fingerprint() -> None:
    above = leaf(fingerprint="b" * 64, not_after=NOW - DAY)
    found = judge("certificate-expiry", service(leaf(), above)).verdict
    assert [(item.id[0], item.result) for item in found.instances] == [("a", Result.PASS), ("b", Result.FAIL)]


@pytest.mark.parametrize("check", ["certificate-expiry", "key-strength", "signature-hash"])
def test_a_chain_that_could_not_be_seen_is_not_passed(check: str) -> None:
    assert judge(check, service(chain_known=False)).verdict.result is Result.UNKNOWN


@pytest.mark.parametrize(
    ("trust", "code"),
    [
        (Trust(0, "", False), "trusted"),
        (Trust(18, "self-signed", True), "self-signed"),
        (Trust(18, "self-signed", False), "anchors-missing"),
        (Trust(10, "expired", True), "only-time-seen"),
        (Trust(26, "unsuitable certificate purpose", True), "refused"),
    ],
)
def test_trust(trust: Trust, code: str) -> None:
    assert judge("certificate-trust", service(trust=trust)).verdict.message.code == code


@pytest.mark.parametrize(
    ("kind", "bits", "result"),
    [
        ("rsa", 2048, Result.PASS),
        ("rsa", 2047, Result.FAIL),
        ("dsa", 1024, Result.FAIL),
        ("ec", 256, Result.PASS),
        ("ec", 224, Result.FAIL),
        ("ed25519", None, Result.PASS),
        ("rsa", None, Result.UNKNOWN),
        ("other", None, Result.UNKNOWN),
    ],
)
def test_keys(kind: str, bits: int | None, result: Result) -> None:
    assert judge("key-strength", service(leaf(key_type=kind, key_bits=bits))).verdict.result is result


def test_stricter_parameters() -> None:
    assert (
        judge("key-strength", service(leaf(key_type="rsa", key_bits=2048)), rsa_bits=3072).verdict.result is Result.FAIL
    )
    assert judge("protocol-versions", service(), minimum="TLSv1.3").verdict.message.values["failing"] == 5


@pytest.mark.parametrize(
    ("signature", "result"),
    [
        ("sha256", Result.PASS),
        ("ed25519", Result.PASS),
        ("md5", Result.FAIL),
        ("sm3", Result.UNKNOWN),
        (None, Result.UNKNOWN),
    ],
)
def test_signatures(signature: str | None, result: Result) -> None:
    assert judge("signature-hash", service(leaf(signature=signature))).verdict.result is result


def test_how_a_root_signed_itself_does_not_matter() -> None:
    root = leaf(fingerprint="c" * 64, self_issued=True, signature="sha1")
    assert judge("signature-hash", service(leaf(), root)).verdict.result is Result.PASS


def test_without_a_certificate_all_that_hangs_on_it_is_unknown() -> None:
    held = replace(service(), peer=Unavailable(Reason.TIMEOUT, "timeout"))
    asked = [f"tls.{name}" for name in BY_CERTIFICATE]
    assert {judge(key.removeprefix("tls."), held).verdict.result for key in asked} == {Result.UNKNOWN}


BY_CERTIFICATE = (
    "certificate-expiry",
    "certificate-name",
    "certificate-renewal",
    "certificate-trust",
    "key-strength",
    "signature-hash",
)


@pytest.mark.parametrize(
    ("offers", "code"),
    [
        ({"TLSv1.3": Offer.OFFERED}, "modern-offered"),
        ({"TLSv1": Offer.OFFERED}, "only-outdated"),
        ({"TLSv1": Offer.OFFERED, "TLSv1.3": Offer.UNTESTED}, "modern-untested"),
    ],
)
def test_modern_version(offers: dict[str, Offer], code: str) -> None:
    asked = tuple(Protocol(version, offers.get(version, Offer.REFUSED), "") for version in VERSIONS)
    assert judge("modern-version", replace(service(), protocols=asked)).verdict.message.code == code
