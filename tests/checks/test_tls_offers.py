"""What the TLS checks say of versions, suites, groups and extensions: each good, bad and unseen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import registry, tls_profiles
from auditor.check import needs, run_check
from auditor.evidence.tls import (
    FEATURES,
    VERSIONS,
    Answer,
    Certificate,
    DhParameters,
    Feature,
    Group,
    Offer,
    Peer,
    Preference,
    Protocol,
    Suite,
    TlsService,
    Trust,
)
from auditor.model import CapdoError, Reason, Result, Unavailable, Verdict
from tests.support import NOW, seen
from tests.test_cases import must_be_sayable

GOOD = Suite(
    code=0xC02F,
    name="TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    exchange="ecdhe",
    authentication="rsa",
    cipher="AES_128_GCM",
    bits=128,
    hash="SHA256",
    aead=True,
)
TLS13 = Suite(
    code=0x1301,
    name="TLS_AES_128_GCM_SHA256",
    exchange="tls13",
    authentication="tls13",
    cipher="AES_128_GCM",
    bits=128,
    hash="SHA256",
    aead=True,
)
STATIC = replace(GOOD, code=0x9C, name="TLS_RSA_WITH_AES_128_GCM_SHA256", exchange="rsa")
DHE = replace(GOOD, code=0x9E, name="TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", exchange="dhe")
TRIPLE = replace(STATIC, code=0x0A, name="TLS_RSA_WITH_3DES_EDE_CBC_SHA", cipher="3DES_EDE_CBC", bits=112, aead=False)
RC4 = replace(STATIC, code=0x05, name="TLS_RSA_WITH_RC4_128_SHA", cipher="RC4_128", aead=False)
NULL = replace(STATIC, code=0x3B, name="TLS_RSA_WITH_NULL_SHA256", cipher="NULL", bits=0, aead=False)
ANON = replace(GOOD, code=0xA6, name="TLS_DH_anon_WITH_AES_128_GCM_SHA256", exchange="dh", authentication="anon")
EXPORT = replace(STATIC, code=0x03, name="TLS_RSA_EXPORT_WITH_RC4_40_MD5", cipher="RC4_40", bits=40, aead=False)
LEAF = Certificate(
    fingerprint="a" * 64,
    subject="CN=cong.tinh.example",
    issuer="CN=CA",
    self_issued=False,
    not_before=NOW - timedelta(days=10),
    not_after=NOW + timedelta(days=80),
    dns_names=("cong.tinh.example",),
    ip_names=(),
    key_type="ec",
    key_bits=256,
    signature="sha256",
)
PEER = Peer(
    version="TLSv1.3",
    cipher="TLS_AES_128_GCM_SHA256",
    context="current",
    chain=(LEAF,),
    chain_known=True,
    trust=Trust(0, "ok", True),
)
CURVES = (Group(0x1D, "x25519", 255), Group(0x17, "secp256r1", 256))
IDEAL = {
    "compression": Answer.NO,
    "secure-renegotiation": Answer.YES,
    "client-renegotiation": Answer.NO,
    "fallback-scsv": Answer.YES,
    "early-data": Answer.NO,
    "version-tolerance": Answer.YES,
    "extension-tolerance": Answer.YES,
    "long-hello-tolerance": Answer.YES,
}


def offered(version: str, *suites: Suite, whole: bool = True, whose: Preference = Preference.SERVER) -> Protocol:
    return Protocol(version, Offer.OFFERED, "ServerHello", suites, whole, whose)


def service(*protocols: Protocol, **fields: Any) -> TlsService:
    """A service without a fault, unless said otherwise; versions not named are refused."""
    told = {one.version: one for one in protocols or (offered("TLSv1.2", GOOD), offered("TLSv1.3", TLS13))}
    features = IDEAL | fields.pop("features", {})
    usual: dict[str, Any] = {
        "protocols": tuple(told.get(name, Protocol(name, Offer.REFUSED, "alert")) for name in VERSIONS),
        "features": tuple(Feature(name, answer, "seen") for name, answer in features.items()),
        "peer": PEER,
        "groups": CURVES,
        "groups_whole": True,
        "signatures": ("ecdsa_secp256r1_sha256",),
        "profiles": tls_profiles.table().profiles,
        "aims_at": "intermediate",
    }
    return TlsService(
        seen=seen(), host="cong.tinh.example", port=443, server_name="cong.tinh.example", **usual | fields
    )


def judge(name: str, evidence: TlsService, **params: Any) -> Verdict:
    check, _ = registry.checks()[f"tls.{name}"]
    made = run_check(check, needs(type(check)), {"tls": evidence}, check.params(**params))
    must_be_sayable(check.id, made.verdict)
    return made.verdict


OFFERS = (
    "cipher-suites",
    "forward-secrecy",
    "key-exchange",
    "handshake-signatures",
    "renegotiation",
    "compression",
    "early-data",
    "tolerance",
    "configuration",
    "service-grade",
)


@pytest.mark.parametrize("name", OFFERS)
def test_a_good_service_passes(name: str) -> None:
    assert judge(name, service()).result is Result.PASS


@pytest.mark.parametrize("name", [*OFFERS, "fallback-protection"])
def test_of_a_service_of_which_nothing_was_seen_nothing_passes(name: str) -> None:
    untested = tuple(Protocol(version, Offer.UNTESTED, "timeout") for version in VERSIONS)
    blank = service(
        protocols=(*untested[:2], offered("TLSv1", whole=False), *untested[3:]),
        features=dict.fromkeys(FEATURES, Answer.UNTESTED),
        peer=Unavailable(Reason.TIMEOUT, "timeout"),
        groups=(),
        groups_whole=False,
        signatures=(),
    )
    assert judge(name, blank).result is not Result.PASS


@pytest.mark.parametrize(
    ("suite", "code"),
    [
        (TRIPLE, "suite-weak"),
        (RC4, "suite-weak"),
        (EXPORT, "suite-weak"),
        (NULL, "suite-clear"),
        (ANON, "suite-anonymous"),
    ],
)
def test_one_bad_suite_among_good_ones_fails_by_name(suite: Suite, code: str) -> None:
    told = judge("cipher-suites", service(offered("TLSv1.2", GOOD, suite)))
    assert told.result is Result.FAIL
    said = {one.id: one.message.code for one in told.instances if one.message}
    assert said == {GOOD.name: "suite-strong", suite.name: code}


def test_a_list_of_suites_not_seen_to_its_end_is_not_passed() -> None:
    told = judge("cipher-suites", service(offered("TLSv1.2", GOOD, whole=False)))
    assert (told.result, [one.id for one in told.instances]) == (Result.UNKNOWN, [GOOD.name, "TLSv1.2"])


@pytest.mark.parametrize(
    ("protocols", "code"),
    [
        ((offered("TLSv1.2", STATIC), offered("TLSv1.3", TLS13)), "forward-secret"),
        ((offered("TLSv1.2", GOOD, STATIC),), "forward-secret"),
        ((offered("TLSv1.2", STATIC, GOOD),), "not-preferred"),
        ((offered("TLSv1.2", STATIC, GOOD, whose=Preference.CLIENT),), "forward-secret"),
        ((offered("TLSv1.2", STATIC, GOOD, whose=Preference.UNTESTED),), "order-unknown"),
        ((offered("TLSv1.2", STATIC),), "none"),
        ((offered("TLSv1.2", STATIC, whole=False),), "no-suites"),
        ((offered("TLSv1.2"),), "no-suites"),
        ((Protocol("TLSv1.2", Offer.UNTESTED, "timeout"),), "no-version"),
    ],
)
def test_forward_secrecy(protocols: tuple[Protocol, ...], code: str) -> None:
    assert judge("forward-secrecy", service(*protocols)).message.code == code


def test_groups() -> None:
    weak = Group(0x13, "secp192r1", 192)
    assert judge("key-exchange", service(groups=(*CURVES, weak))).result is Result.FAIL
    assert (
        judge("key-exchange", service(groups=(Group(0x11EC, "X25519MLKEM768", 0, hybrid=True),))).result is Result.PASS
    )
    assert judge("key-exchange", service(groups=(Group(0xFE30, "0xFE30", 0),))).result is Result.UNKNOWN
    assert judge("key-exchange", service(groups_whole=False)).result is Result.UNKNOWN
    small = judge("key-exchange", service(dh=(DhParameters(1024, "b" * 64, "RFC 2409 group 2"),)))
    assert next(one.message.code for one in small.instances if one.message) == "prime-common"
    assert judge("key-exchange", service(offered("TLSv1.2", DHE))).result is Result.UNKNOWN
    assert judge("key-exchange", service(offered("TLSv1.2", STATIC), groups=())).message.code == "no-agreement"


@pytest.mark.parametrize(
    ("schemes", "result"),
    [
        (("rsa_pkcs1_sha1", "rsa_pkcs1_sha256"), Result.FAIL),
        (("ecdsa_sha1",), Result.FAIL),
        (("rsa_pss_rsae_sha256", "ed25519"), Result.PASS),
        ((), Result.UNKNOWN),
    ],
)
def test_signatures(schemes: tuple[str, ...], result: Result) -> None:
    assert judge("handshake-signatures", service(signatures=schemes)).result is result


def test_versions_before_tls12_always_sign_with_what_is_weak() -> None:
    told = judge("handshake-signatures", service(offered("TLSv1", DHE), offered("TLSv1.2", GOOD)))
    assert {one.id for one in told.instances if one.result is Result.FAIL} == {"TLSv1"}
    assert judge("handshake-signatures", service(offered("TLSv1.1", DHE), signatures=())).result is Result.FAIL
    assert judge("handshake-signatures", service(offered("TLSv1", STATIC))).result is Result.NOTAPPLICABLE


@pytest.mark.parametrize(
    ("feature", "name"),
    [
        ("compression", "compression"),
        ("secure-renegotiation", "renegotiation"),
        ("client-renegotiation", "renegotiation"),
        ("early-data", "early-data"),
        ("version-tolerance", "tolerance"),
        ("extension-tolerance", "tolerance"),
        ("long-hello-tolerance", "tolerance"),
    ],
)
def test_each_feature_that_is_wrong_fails_and_unseen_is_unknown(feature: str, name: str) -> None:
    wrong = Answer.NO if IDEAL[feature] is Answer.YES else Answer.YES
    assert judge(name, service(features={feature: wrong})).result is Result.FAIL
    assert judge(name, service(features={feature: Answer.UNTESTED})).result is Result.UNKNOWN


def test_fallback_matters_only_where_there_is_something_to_fall_to() -> None:
    old = (offered("TLSv1", STATIC), offered("TLSv1.2", GOOD))
    assert judge("fallback-protection", service()).result is Result.NOTAPPLICABLE
    assert judge("fallback-protection", service(*old)).result is Result.PASS
    assert judge("fallback-protection", service(*old, features={"fallback-scsv": Answer.NO})).result is Result.FAIL
    hidden = service(*old, features={"fallback-scsv": Answer.UNTESTED})
    assert judge("fallback-protection", hidden).result is Result.UNKNOWN


def test_a_configuration_fails_by_whatever_is_beside_it() -> None:
    more = service(offered("TLSv1.2", GOOD, STATIC), offered("TLSv1.3", TLS13), dh=(DhParameters(1024, "b" * 64),))
    told = judge("configuration", more)
    assert {one.id for one in told.instances if one.result is Result.FAIL} == {STATIC.name, "DH 1024"}
    assert judge("configuration", service(), profile="modern").result is Result.FAIL
    only = service(offered("TLSv1.3", TLS13))
    assert judge("configuration", only, profile="modern").result is Result.PASS
    assert judge("configuration", only, profile="none-such").message.code == "no-profile"


def test_a_configuration_out_of_its_dates_is_not_aimed_at() -> None:
    ended = tuple(replace(one, until=date(2026, 11, 21)) for one in tls_profiles.table().profiles)
    assert judge("configuration", service(profiles=ended)).result is Result.UNKNOWN


@pytest.mark.parametrize(
    ("evidence", "grade"),
    [
        (service(), "A"),
        (service(offered("TLSv1.2", GOOD)), "B"),
        (service(offered("TLSv1.2", GOOD, STATIC), offered("TLSv1.3", TLS13)), "B"),
        (service(offered("TLSv1.1", STATIC), offered("TLSv1.2", GOOD), offered("TLSv1.3", TLS13)), "C"),
        (service(dh=(DhParameters(1024, "b" * 64),)), "C"),
        (service(offered("TLSv1.2", GOOD, TRIPLE), offered("TLSv1.3", TLS13)), "D"),
        (service(features={"compression": Answer.YES}), "D"),
        (service(features={"secure-renegotiation": Answer.NO}), "E"),
        (service(offered("SSLv3", STATIC), offered("TLSv1.2", GOOD), offered("TLSv1.3", TLS13)), "E"),
        (service(offered("TLSv1.2", GOOD, EXPORT), offered("TLSv1.3", TLS13)), "F"),
        (service(peer=replace(PEER, trust=Trust(18, "self-signed certificate", True))), "F"),
        (service(peer=replace(PEER, chain=(replace(LEAF, not_after=NOW - timedelta(seconds=1)),))), "F"),
        (service(peer=replace(PEER, chain=(LEAF, replace(LEAF, not_after=NOW - timedelta(seconds=1))))), "F"),
        (service(peer=replace(PEER, chain=(replace(LEAF, extended_usage=("clientAuth",)),))), "F"),
        (service(peer=replace(PEER, chain=(replace(LEAF, key_type="rsa", key_bits=1024),))), "C"),
        (service(peer=replace(PEER, chain=(replace(LEAF, signature="sha1"),))), "D"),
        (service(peer=Unavailable(Reason.TIMEOUT, "timeout")), "A-F"),
        (service(groups_whole=False), "A-C"),
    ],
)
def test_grades(evidence: TlsService, grade: str) -> None:
    told = judge("service-grade", evidence)
    assert told.found == grade
    assert told.result is (Result.PASS if grade in ("A", "B") else Result.UNKNOWN if "-" in grade else Result.FAIL)


@given(st.sets(st.sampled_from(sorted(IDEAL))), st.booleans(), st.booleans())
def test_seeing_less_never_lifts_the_worst_grade(hidden: set[str], cut: bool, blind: bool) -> None:
    less = service(
        offered("TLSv1", STATIC), offered("TLSv1.2", GOOD, whole=not cut),
        features=dict.fromkeys(hidden, Answer.UNTESTED),
        peer=Unavailable(Reason.TIMEOUT, "timeout") if blind else PEER,
    )  # fmt: skip
    whole = service(offered("TLSv1", STATIC), offered("TLSv1.2", GOOD))
    worst, full = (str(judge("service-grade", one).found)[-1] for one in (less, whole))
    assert worst >= full


@pytest.mark.parametrize(
    "text", ["", "[]", "profiles: []", "default: x\nroles: {}\nprofiles: []", "a: [", "profiles: 3"]
)
def test_a_damaged_table_of_profiles_is_an_error_of_ours(text: str) -> None:
    with pytest.raises(CapdoError):
        tls_profiles.read(text)
