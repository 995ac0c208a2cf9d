"""The TLS prober's pure half: hellos, replies, certificates and stored documents, honest and not."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collectors._certificates import certificate, issued_in_turn
from auditor.collectors._hello import WIRE, client_hello, read_reply
from auditor.collectors._tls_looking import endpoint
from auditor.collectors.tls_stdlib import StdlibTls
from auditor.evidence.tls import VERSIONS, Offer, TlsService
from auditor.model import CollectError, Reason, Unavailable
from tests.support import NOW, reading, target

CASES = Path(__file__).parents[1] / "cases" / "tls.stdlib"
RANDOM = bytes(range(64))
versions = st.sampled_from(VERSIONS)


def case(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two documents of a recorded case, and the fields of its target."""
    told = yaml.load((CASES / f"{name}.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)  # noqa: TID251 (our own file)
    return {key: json.loads(item["stdout"]) for key, item in told["observations"].items()}, told["target"]


def parse(documents: dict[str, Any], on: dict[str, Any]) -> TlsService:
    return StdlibTls().parse(reading({key: json.dumps(item) for key, item in documents.items()}, target(**on)))


CURRENT, ON = case("nginx-current")
DERS = [base64.b64decode(item["der"]) for item in CURRENT["certificate"]["path"]]


# --- hellos ------------------------------------------------------------------------------------------------


@given(version=versions, length=st.integers(1, 63), labels=st.integers(1, 3))
def test_a_hello_is_whole_and_of_no_size_that_hangs_old_load_balancers(version: str, length: int, labels: int) -> None:
    hello = client_hello(version, ".".join(["a" * length] * labels), RANDOM)
    if version == "SSLv2":
        assert int.from_bytes(hello[:2], "big") & 0x7FFF == len(hello) - 2
        return
    assert int.from_bytes(hello[3:5], "big") == len(hello) - 5
    assert int.from_bytes(hello[6:9], "big") == len(hello) - 9
    assert int.from_bytes(hello[9:11], "big") == min(WIRE[version], 0x0303)
    assert not 0x100 <= len(hello) - 5 < 0x200 or version == "SSLv3"


def test_an_ip_address_is_not_sent_as_a_name() -> None:
    assert b"10.1.1.1" not in client_hello("TLSv1.2", "10.1.1.1", RANDOM)
    assert b"fd00::1" not in client_hello("TLSv1.3", "fd00::1", RANDOM)
    assert b"a.example" in client_hello("TLSv1", "a.example", RANDOM)


# --- replies -----------------------------------------------------------------------------------------------

RECORDED = [
    (hello["version"], base64.b64decode(hello["reply"]))
    for path in sorted(CASES.glob("*.yaml"))
    for document in [yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)]  # noqa: TID251 (our own files)
    if "stdout" in document["observations"]["versions"]
    for hello in json.loads(document["observations"]["versions"]["stdout"])["hellos"]
]


@given(version=versions, reply=st.binary(max_size=300))
def test_any_reply_is_read_or_waited_for(version: str, reply: bytes) -> None:
    answer = read_reply(version, reply)
    assert answer is None or answer.offer in Offer


@given(
    version=versions, head=st.sampled_from([b"\x15\x03\x01", b"\x16\x03\x03", b"\x80", b"\x16\x03"]), rest=st.binary()
)
def test_any_reply_that_begins_well_is_read_or_waited_for(version: str, head: bytes, rest: bytes) -> None:
    read_reply(version, head + rest)


@given(recorded=st.sampled_from(RECORDED), at=st.integers(0, 200), to=st.integers(0, 255))
def test_a_flipped_byte_of_a_real_reply_breaks_nothing(recorded: tuple[str, bytes], at: int, to: int) -> None:
    version, reply = recorded
    read_reply(version, reply[:at] + bytes((to,)) + reply[at + 1 :])


@given(recorded=st.sampled_from(RECORDED), cut=st.integers(0, 200))
def test_a_cut_reply_never_means_more_than_the_whole(recorded: tuple[str, bytes], cut: int) -> None:
    version, reply = recorded
    part, whole = read_reply(version, reply[:cut]), read_reply(version, reply)
    assert part is None or part == whole or part.offer is Offer.UNTESTED


@pytest.mark.parametrize(
    ("version", "reply", "offer"),
    [
        ("TLSv1.2", b"\x15\x03\x03\x00\x02\x02\x46", Offer.REFUSED),
        ("TLSv1.2", b"\x15\x03\x03\x00\x02\x02\x50", Offer.REFUSED),
        ("TLSv1.2", b"\x15\x03\x03\x00\x02\x02\x32", Offer.UNTESTED),
        ("TLSv1.2", b"\x15\x03\x03\x00\x02\x01\x70", None),
        ("TLSv1.2", b"\x15\x03\x03\x00\x03\x02\x46\x00", Offer.UNTESTED),
        ("TLSv1.2", b"\x16\x03\x03\x00\x00", Offer.UNTESTED),
        ("TLSv1.2", b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00", Offer.UNTESTED),
        ("TLSv1.2", b"\x17\x03\x03\x00\x02ab", Offer.UNTESTED),
        ("TLSv1.2", b"", None),
        ("SSLv2", b"\x80\x03\x00\x00\x01", Offer.REFUSED),
        ("SSLv2", b"\x80\x03\x00\x00\x02", Offer.UNTESTED),
        ("SSLv2", b"\x80\x0b\x04\x00\x01\x00\x02\x00\x00\x00\x00\x00\x00", Offer.UNTESTED),
        ("SSLv2", b"\x80\x0b\x04\x00\x01\x03\x00\x00\x00\x00\x00\x00\x00", Offer.UNTESTED),
        ("SSLv2", b"\x15\x03\x00\x00\x02\x02\x28", Offer.REFUSED),
        ("SSLv2", b"\x80", None),
    ],
)
def test_replies(version: str, reply: bytes, offer: Offer | None) -> None:
    answer = read_reply(version, reply)
    assert (answer and answer.offer) is offer


def test_a_server_hello_may_come_in_pieces() -> None:
    version, reply = next((v, r) for v, r in RECORDED if v == "TLSv1.2" and r[:1] == b"\x16")
    body = reply[5 : 5 + int.from_bytes(reply[3:5], "big")]
    pieces = b"".join(b"\x16\x03\x03\x00\x01" + bytes((byte,)) for byte in body)
    assert read_reply(version, pieces) == read_reply(version, reply)


# --- certificates ------------------------------------------------------------------------------------------


@given(der=st.binary(max_size=500))
def test_bytes_that_are_no_certificate_are_unparsable(der: bytes) -> None:
    with pytest.raises(CollectError):
        certificate(der)


@settings(max_examples=400)
@given(
    der=st.sampled_from(DERS),
    flips=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_certificate_with_flipped_bytes_is_read_or_unparsable(der: bytes, flips: list[tuple[int, int]]) -> None:
    spoilt = bytearray(der)
    for at, to in flips:
        spoilt[at % len(spoilt)] = to
    with contextlib.suppress(CollectError):
        certificate(bytes(spoilt))


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


@pytest.mark.live
def test_a_serial_number_of_zero_is_no_reason_to_know_nothing(tmp_path: Path) -> None:
    der = self_signed(tmp_path, "-newkey", "rsa:2048", "-set_serial", "0")
    with pytest.warns(Warning, match="serial"):
        x509.load_der_x509_certificate(der)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert certificate(der).subject == "CN=x"


def test_strays_are_no_part_of_the_chain() -> None:
    leaf, middle, root = map(certificate, DERS)
    assert issued_in_turn([leaf, root, middle]) == (leaf, middle, root)
    assert issued_in_turn([leaf, root]) == (leaf,)
    assert issued_in_turn([root, leaf]) == (root,)


# --- stored documents --------------------------------------------------------------------------------------


def test_expiry_is_judged_by_date_so_the_recording_keeps() -> None:
    assert parse(CURRENT, ON).seen.now == NOW


def test_evidence_for_another_name_is_stale() -> None:
    with pytest.raises(CollectError) as caught:
        parse(CURRENT, {**ON, "tls": {"server_name": "khac.example"}})
    assert caught.value.reason is Reason.STALE


def altered(document: str, **changes: Any) -> TlsService:
    return parse({**CURRENT, document: {**CURRENT[document], **changes}}, ON)


@pytest.mark.parametrize(
    "changes",
    [
        {"verify": {"ending": "untrusted", "code": 0, "message": ""}},
        {"verify": {"ending": "done", "code": 18, "message": ""}},
        {"verify": {"ending": "timeout", "code": 0, "message": ""}},
        {"verify": {"ending": "done", "code": False, "message": ""}},
        {"verify": None},
        {"anchors": None},
        {"whole": "yes"},
        {"cipher": ""},
        {"sent": []},
        {"sent": [{"sha256": "0" * 64, "der": CURRENT["certificate"]["sent"][0]["der"]}]},
        {"path": list(reversed(CURRENT["certificate"]["path"]))},
        {"sent": CURRENT["certificate"]["sent"] * 30},
        {"context": "none", "ending": "timeout"},
    ],
    ids=str,
)
def test_a_certificate_document_that_contradicts_itself_is_not_evidence(changes: dict[str, Any]) -> None:
    assert isinstance(altered("certificate", **changes).peer, Unavailable)


@pytest.mark.parametrize(
    "changes",
    [
        {"hellos": CURRENT["versions"]["hellos"][1:]},
        {"hellos": []},
        {"hellos": None},
        {"hellos": [{**hello, "reply": ""} for hello in CURRENT["versions"]["hellos"]]},
        {"hellos": [{**hello, "reply": "%%%"} for hello in CURRENT["versions"]["hellos"]]},
        {"handshakes": None},
        {"handshakes": [{"version": "TLSv9", "ending": "done"}]},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_versions_document_that_is_not_whole_is_not_evidence(changes: dict[str, Any]) -> None:
    with pytest.raises(CollectError):
        altered("versions", **changes)


def test_hanging_up_is_no_refusal_without_the_control() -> None:
    hellos = [
        {**hello, "reply": "", "ending": "closed"} if hello["version"] == "SSLv2" else hello
        for hello in CURRENT["versions"]["hellos"]
    ]
    offers = [altered("versions", hellos=hellos, control=control).protocols[0].offer for control in CONTROLS]
    assert offers == [Offer.REFUSED, Offer.UNTESTED, Offer.UNTESTED]


CONTROLS = [
    CURRENT["versions"]["control"],
    None,
    {**CURRENT["versions"]["control"], "reply": "", "ending": "closed"},
]

leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
)


@given(key=st.sampled_from(sorted(CURRENT["certificate"])), value=trees)
def test_any_value_in_the_certificate_document_is_evidence_or_not(key: str, value: Any) -> None:
    with contextlib.suppress(CollectError):
        altered("certificate", **{key: value})


@given(key=st.sampled_from(sorted(CURRENT["versions"])), value=trees)
def test_any_value_in_the_versions_document_is_evidence_or_not(key: str, value: Any) -> None:
    with contextlib.suppress(CollectError):
        altered("versions", **{key: value})


@given(stored=st.binary(max_size=200) | trees.map(lambda tree: json.dumps(tree).encode()))
def test_anything_stored_is_evidence_or_not(stored: bytes) -> None:
    with pytest.raises(CollectError):
        StdlibTls().parse(reading({"versions": stored, "certificate": stored}, target(**ON)))


def test_a_deep_document_is_unparsable() -> None:
    with pytest.raises(CollectError):
        StdlibTls().parse(reading({"versions": b"[" * 200_000, "certificate": b"{}"}, target(**ON)))


# --- where a service is ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "server_name", "found"),
    [
        ("https://Cong.Example/duong/dan", None, ("cong.example", 443, "cong.example")),
        ("https://cong.example.:8443", None, ("cong.example.", 8443, "cong.example")),
        ("ldaps://10.1.1.1", None, ("10.1.1.1", 636, "10.1.1.1")),
        ("https://[fd00::1]:8443/", None, ("fd00::1", 8443, "fd00::1")),
        ("https://10.1.1.1", "Cong.Example.", ("10.1.1.1", 443, "cong.example")),
    ],
)
def test_endpoints(url: str, server_name: str | None, found: tuple[str, int, str]) -> None:
    on = target(kind="service", platform=None, address=None, url=url, tls={"server_name": server_name})
    at = endpoint(on)
    assert (at.host, at.port, at.server_name) == found


def test_starttls_is_not_spoken() -> None:
    with pytest.raises(CollectError) as caught:
        endpoint(target(kind="service", platform=None, address=None, url="smtp://thu.example:25"))
    assert caught.value.reason is Reason.UNSUPPORTED
