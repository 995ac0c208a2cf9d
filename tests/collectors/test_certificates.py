"""Certificates: facts of good ones, no harm from bad ones."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import warnings
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collectors._tls.certificates import certificate, issued_in_turn
from auditor.evidence.certificates import Peer, Trust, each
from auditor.model import CollectError
from tests.pki import CLIENT, DAY, HOST, SERVER, ca, embedded, flipped, issue, usage
from tests.support import NOW

ROOT = ca("Gốc", days=(-1000, 36500))
LEAF = issue("may chu", ROOT, days=(-10, 36500))
OTHER = issue("may khac", ROOT)
# --- certificates ------------------------------------------------------------------------------------------


def test_all_that_is_told_of_a_certificate() -> None:
    uri = x509.UniformResourceIdentifier
    way = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, uri("http://ocsp.example/"))
    point = x509.DistributionPoint([uri("http://crl.example/a.crl")], None, None, None)
    held = issue(
        "cổng",
        ROOT,
        names=(HOST, "*.tinh.example", "ip:10.1.1.1"),
        more=[
            (usage("digital_signature", "key_agreement", "encipher_only"), True),
            (x509.ExtendedKeyUsage([SERVER, CLIENT, x509.ObjectIdentifier("1.2.3.4")]), False),
            (x509.TLSFeature([x509.TLSFeatureType.status_request]), False),
            (x509.AuthorityInformationAccess([way]), False),
            (x509.CRLDistributionPoints([point]), False),
            embedded(1, 2, 2),
        ],
    )
    found = certificate(held.der)
    assert found.fingerprint == hashlib.sha256(held.der).hexdigest()
    assert (found.subject, found.issuer, found.self_issued) == ("CN=cổng", "CN=Gốc", False)
    assert (found.dns_names, found.ip_names) == ((HOST, "*.tinh.example"), ("10.1.1.1",))
    assert (found.not_before, found.not_after) == (NOW - 10 * DAY, NOW + 90 * DAY)
    assert (found.key_type, found.key_bits, found.signature) == ("ec", 256, "sha256")
    assert found.serial == f"{held.read.serial_number:x}"
    assert (found.authority, found.path_length) == (False, None)
    assert found.key_usage == ("digitalSignature", "keyAgreement", "encipherOnly")
    assert found.extended_usage == ("serverAuth", "clientAuth", "1.2.3.4")
    assert found.must_staple
    assert (found.ocsp_urls, found.crl_urls) == (("http://ocsp.example/",), ("http://crl.example/a.crl",))
    assert found.timestamps == 2


def test_what_a_certificate_does_not_say() -> None:
    found = certificate(ca("Gốc", path_length=3, basic=True).der)
    assert (found.authority, found.path_length, found.self_issued) == (True, 3, True)
    assert (found.key_usage, found.extended_usage, found.must_staple) == (None, None, False)
    assert (found.ocsp_urls, found.crl_urls, found.timestamps, found.dns_names) == ((), (), 0, ())


@given(der=st.binary(max_size=500))
def test_bytes_that_are_no_certificate_are_unparsable(der: bytes) -> None:
    with pytest.raises(CollectError):
        certificate(der)


FLIPS = st.lists(st.tuples(st.integers(0, 1200), st.integers(1, 255)), min_size=1, max_size=4)
DERS = [
    LEAF.der,
    issue(
        "x", ROOT, names=(HOST, "ip:::1", "mail:a@b.example", "uri:https://a/"), more=[embedded(1), (usage(), True)]
    ).der,
]


@settings(max_examples=200, deadline=None)
@given(der=st.sampled_from(DERS), flips=FLIPS)
def test_a_certificate_with_flipped_bits_is_read_or_unparsable(der: bytes, flips: list[tuple[int, int]]) -> None:
    with contextlib.suppress(CollectError):
        certificate(flipped(der, flips))


def self_signed(folder: Path, *options: str) -> bytes:
    ask = [
        "openssl",
        "req",
        "-x509",
        "-nodes",
        "-subj",
        "/CN=x",
        "-keyout",
        "k.pem",
        "-outform",
        "DER",
        "-out",
        "c.der",
    ]
    subprocess.run([*ask, *options], cwd=folder, check=True, capture_output=True)
    return (folder / "c.der").read_bytes()


@pytest.mark.live
@pytest.mark.parametrize(
    ("options", "kind", "bits", "signature"),
    [
        (["-newkey", "rsa:512", "-md5"], "rsa", 512, "md5"),
        (["-newkey", "rsa:1024", "-sha1"], "rsa", 1024, "sha1"),
        (["-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss", "-sha384"], "rsa", 2048, "sha384"),
        (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime192v1"], "ec", 192, "sha256"),
        (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp112r1"], "other", None, "sha256"),
        (["-newkey", "ed25519"], "ed25519", None, "ed25519"),
        (["-newkey", "ed448"], "ed448", None, "ed448"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_keys_and_signatures_of_real_certificates(
    tmp_path: Path, options: list[str], kind: str, bits: int | None, signature: str
) -> None:
    found = certificate(self_signed(tmp_path, *options))
    assert (found.key_type, found.key_bits, found.signature) == (kind, bits, signature)
    public = ["openssl", "pkey", "-in", "k.pem", "-pubout", "-outform", "DER"]
    key = subprocess.run(public, cwd=tmp_path, check=True, capture_output=True).stdout
    assert found.key_fingerprint == hashlib.sha256(key).hexdigest()


@pytest.mark.live
@pytest.mark.parametrize(("number", "serial"), [("0", "0"), ("1", "1"), ("255", "ff"), ("-5", "fb")])
def test_a_serial_number_of_any_kind_is_no_reason_to_know_nothing(tmp_path: Path, number: str, serial: str) -> None:
    der = self_signed(tmp_path, "-newkey", "ed25519", "-set_serial", number)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert certificate(der).serial == serial


@pytest.mark.live
def test_version_1_has_no_version_number(tmp_path: Path) -> None:
    self_signed(tmp_path, "-newkey", "ed25519")
    commands = [
        ["req", "-new", "-key", "k.pem", "-subj", "/CN=x", "-out", "r.pem"],
        ["x509", "-req", "-in", "r.pem", "-signkey", "k.pem", "-set_serial", "77", "-outform", "DER", "-out", "v1.der"],
    ]
    for command in commands:
        subprocess.run(["openssl", *command], cwd=tmp_path, check=True, capture_output=True)
    first, third = certificate((tmp_path / "v1.der").read_bytes()), certificate((tmp_path / "c.der").read_bytes())
    assert (first.serial, first.key_fingerprint) == ("4d", third.key_fingerprint)


def test_strays_are_no_part_of_the_chain() -> None:
    leaf, middle, root = (certificate(one.der) for one in (LEAF, OTHER, ROOT))
    assert issued_in_turn([leaf, middle, root]) == (leaf, root)
    assert issued_in_turn([leaf]) == (leaf,)


def test_a_certificate_of_two_chains_is_one() -> None:
    leaf, other, root = (certificate(one.der) for one in (LEAF, OTHER, ROOT))
    made = [
        Peer(version="", cipher="", context="current", chain=chain, chain_known=True, trust=Trust(0, "ok", True))
        for chain in ((leaf, root), (other, root))
    ]
    assert each(made) == (leaf, root, other)
