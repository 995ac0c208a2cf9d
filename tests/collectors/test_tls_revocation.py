"""OCSP answers, CRLs and timestamps: what counts as said, and what does not."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditor.collectors._tls import revocation
from auditor.evidence.certificates import Revocation, Revoked
from auditor.model import CollectError, Reason, Unavailable
from tests.pki import DAY, Issued, ca, embedded, flipped, issue, stamps, usage
from tests.support import NOW

ROOT = ca("Gốc", days=(-1000, 36500))
LEAF = issue("may chu", ROOT, days=(-10, 36500))
OTHER = issue("may khac", ROOT)
FLIPS = st.lists(st.tuples(st.integers(0, 1200), st.integers(1, 255)), min_size=1, max_size=4)


# --- OCSP answers ------------------------------------------------------------------------------------------


def answer(
    about: Issued = LEAF,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    by: Issued = ROOT,
    *,
    days: tuple[float, float | None] = (-1, 6),
    sent: tuple[Issued, ...] = (),
    issuer: Issued = ROOT,
) -> bytes:
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    made = ocsp.OCSPResponseBuilder().add_response(
        about.read,
        issuer.read,
        hashes.SHA1(),  # noqa: S303 (names the certificate; what everybody uses)
        status,
        NOW + days[0] * DAY,
        None if days[1] is None else NOW + days[1] * DAY,
        NOW - 5 * DAY if revoked else None,
        x509.ReasonFlags.key_compromise if revoked else None,
    )
    made = made.responder_id(ocsp.OCSPResponderEncoding.HASH, by.read)
    if sent:
        made = made.certificates([one.read for one in sent])
    return made.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)


def stapled(told: bytes, leaf: Issued = LEAF, issuers: tuple[Issued, ...] = (ROOT,), at: datetime = NOW) -> Any:
    return revocation.staple(told, leaf.der, [one.der for one in issuers], at)


RESPONDER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
DELEGATE = issue("OCSP", ROOT, names=(), more=[(RESPONDER, False)])
LATE = issue("OCSP", ROOT, names=(), days=(-90, -1), more=[(RESPONDER, False)])
FOREIGN_ROOT = ca("Gốc", days=(-1000, 900))
FOREIGN = issue("OCSP", FOREIGN_ROOT, names=(), more=[(RESPONDER, False)])
GOOD, REVOKED = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (answer(), Revoked.GOOD),
        (answer(status=REVOKED), Revoked.REVOKED),
        (answer(status=ocsp.OCSPCertStatus.UNKNOWN), Revoked.UNKNOWN),
        (answer(by=DELEGATE, sent=(DELEGATE,)), Revoked.GOOD),
        (answer(days=(-1, None)), Revoked.GOOD),
        (answer(status=REVOKED, days=(-40, -30)), Revoked.REVOKED),
    ],
    ids=["good", "revoked", "unknown", "by a delegate", "without an end", "revoked, and long ago"],
)
def test_answers_that_count(told: bytes, status: Revoked) -> None:
    found = stapled(told)
    assert isinstance(found, Revocation), found
    assert (found.source, found.status) == ("ocsp-staple", status)
    if status is Revoked.REVOKED:
        assert (found.since, found.reason) == (NOW - 5 * DAY, "keyCompromise")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (answer(days=(-8, -1)), Reason.STALE),
        (answer(days=(1, 8)), Reason.STALE),
        (answer(days=(-11, None)), Reason.STALE),
        (answer(status=REVOKED, days=(1, 8)), Reason.STALE),
        (answer(about=OTHER), Reason.INCOMPLETE),
        (answer(issuer=FOREIGN_ROOT), Reason.INCOMPLETE),
        (answer(by=FOREIGN_ROOT), Reason.INCOMPLETE),
        (answer(by=FOREIGN, sent=(FOREIGN,)), Reason.INCOMPLETE),
        (answer(by=LATE, sent=(LATE,)), Reason.INCOMPLETE),
        (answer(by=OTHER, sent=(OTHER,)), Reason.INCOMPLETE),
        (answer(by=DELEGATE), Reason.INCOMPLETE),
        (ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER),
         Reason.INCOMPLETE),
        (b"junk", Reason.UNPARSABLE),
        (b"\0" * 70_000, Reason.TRUNCATED),
    ],
    ids=["old", "of tomorrow", "old without an end", "revoked tomorrow", "another's", "of another issuer",
         "signed by a namesake", "delegate of another", "delegate expired", "delegate for nothing", "delegate unseen",
         "try later", "junk", "long"],
)  # fmt: skip
def test_answers_that_do_not_count(told: bytes, reason: Reason) -> None:
    found = stapled(told)
    assert isinstance(found, Unavailable)
    assert found.reason is reason, found


def test_an_answer_needs_the_issuer() -> None:
    assert isinstance(stapled(answer(), issuers=(FOREIGN_ROOT, OTHER)), Unavailable)
    assert isinstance(stapled(answer(), issuers=(FOREIGN_ROOT, ROOT)), Revocation)


@settings(max_examples=150, deadline=None)
@given(flips=FLIPS)
def test_a_changed_answer_is_not_believed(flips: list[tuple[int, int]]) -> None:
    told = answer(status=REVOKED, by=DELEGATE, sent=(DELEGATE,))
    spoilt = flipped(told, flips)
    found = stapled(spoilt)
    assert isinstance(found, Unavailable) or found.status is Revoked.REVOKED
    revocation.timestamps(LEAF.der, spoilt, None)


@settings(max_examples=100, deadline=None)
@given(told=st.binary(max_size=300))
def test_any_bytes_for_an_answer_or_a_list_are_unavailable(told: bytes) -> None:
    assert isinstance(stapled(told), Unavailable)
    assert isinstance(revocation.crl_entry([told], LEAF.der, [ROOT.der], NOW), Unavailable)
    assert not revocation.is_of(told, [LEAF.der])


class Authority:
    """A CA of the openssl command, with its list of what it has issued."""

    def __init__(self, folder: Path, issued: Issued, revoked: bool) -> None:
        self.folder = folder
        pem = ROOT.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for name, content in (("ca.pem", ROOT.pem), ("ca.key", pem), ("leaf.pem", issued.pem), ("crlnumber", b"01\n")):
            (folder / name).write_bytes(content)
        serial = f"{issued.read.serial_number:x}"
        serial = "0" * (len(serial) % 2) + serial.upper()
        since = f"{NOW - 5 * DAY:%y%m%d%H%M%SZ},keyCompromise" if revoked else ""
        line = f"{'R' if revoked else 'V'}\t360101000000Z\t{since}\t{serial}\tunknown\t/CN=may chu\n"
        (folder / "index.txt").write_text(line)
        (folder / "index.txt.attr").write_text("unique_subject = no\n")
        (folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ncertificate=ca.pem\nprivate_key=ca.key\n"
            "default_md=sha256\ndefault_crl_days=7\n"
        )

    def run(self, *command: str) -> None:
        subprocess.run(["openssl", *command], cwd=self.folder, check=True, capture_output=True)

    def answer(self, *, delegate: Issued | None = None) -> bytes:
        signer, key = "ca.pem", "ca.key"
        if delegate:
            signer, key = "ocsp.pem", "ocsp.key"
            (self.folder / signer).write_bytes(delegate.pem)
            pem = delegate.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            (self.folder / key).write_bytes(pem)
        self.run("ocsp", "-issuer", "ca.pem", "-cert", "leaf.pem", "-reqout", "ask.der")
        answering = ["ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", signer, "-rkey", key, "-ndays", "5"]
        self.run(*answering, "-reqin", "ask.der", "-respout", "told.der")
        return (self.folder / "told.der").read_bytes()

    def crl(self) -> bytes:
        self.run("ca", "-config", "ca.cnf", "-gencrl", "-out", "list.pem")
        return (self.folder / "list.pem").read_bytes()


@pytest.mark.live
@pytest.mark.parametrize("revoked", [False, True])
@pytest.mark.parametrize("delegated", [False, True])
def test_answers_of_openssl(tmp_path: Path, revoked: bool, delegated: bool) -> None:
    signer = issue("OCSP", ROOT, names=(), days=(-10, 36500), more=[(RESPONDER, False)]) if delegated else None
    told = Authority(tmp_path, LEAF, revoked).answer(delegate=signer)
    soon = datetime.now(UTC) + timedelta(hours=1)
    found = stapled(told, at=soon)
    assert isinstance(found, Revocation), found
    assert found.status is (Revoked.REVOKED if revoked else Revoked.GOOD)
    assert isinstance(stapled(told, leaf=OTHER, at=soon), Unavailable)
    if not revoked:
        assert isinstance(stapled(told, at=soon + 6 * DAY), Unavailable)


@pytest.mark.live
@pytest.mark.parametrize("revoked", [False, True])
def test_lists_of_openssl(tmp_path: Path, revoked: bool) -> None:
    pem = Authority(tmp_path, LEAF, revoked).crl()
    lists, soon = revocation.crls(pem), datetime.now(UTC) + timedelta(hours=1)
    found = revocation.crl_entry(lists, LEAF.der, [ROOT.der], soon)
    assert isinstance(found, Revocation), found
    assert (found.source, found.status) == ("crl", Revoked.REVOKED if revoked else Revoked.GOOD)
    late = revocation.crl_entry(lists, LEAF.der, [ROOT.der], soon + 8 * DAY)
    assert isinstance(late, Revocation) if revoked else isinstance(late, Unavailable)


# --- CRLs --------------------------------------------------------------------------------------------------


def crl(
    *revoked: Issued,
    by: Issued = ROOT,
    days: tuple[float, float] = (-1, 6),
    more: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> bytes:
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(by.read.subject)
        .last_update(NOW + days[0] * DAY)
        .next_update(NOW + days[1] * DAY)
    )
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.read.serial_number).revocation_date(NOW - 5 * DAY)
        made = made.add_revoked_certificate(
            entry.add_extension(x509.CRLReason(x509.ReasonFlags.superseded), critical=False).build()
        )
    for extension, critical in more:
        made = made.add_extension(extension, critical)
    return made.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)


def point(**told: Any) -> tuple[x509.ExtensionType, bool]:
    usual = {
        "full_name": None, "relative_name": None, "only_contains_user_certs": False, "only_contains_ca_certs": False,
        "only_some_reasons": None, "indirect_crl": False, "only_contains_attribute_certs": False,
    }  # fmt: skip
    return x509.IssuingDistributionPoint(**{**usual, **told}), True


def listed(*lists: bytes, issuers: tuple[Issued, ...] = (ROOT,)) -> Any:
    return revocation.crl_entry(lists, LEAF.der, [one.der for one in issuers], NOW)


def test_lists() -> None:
    good, bad = listed(crl(OTHER)), listed(crl(OTHER, LEAF))
    assert (good.status, good.this_update, good.next_update) == (Revoked.GOOD, NOW - DAY, NOW + 6 * DAY)
    assert (bad.status, bad.since, bad.reason) == (Revoked.REVOKED, NOW - 5 * DAY, "superseded")
    assert listed() is None
    assert listed(crl(by=ca("Khác"))) is None
    assert listed(crl(OTHER), crl(LEAF)).status is Revoked.REVOKED
    assert listed(b"junk", crl(OTHER)).status is Revoked.GOOD
    assert listed(crl(more=(point(only_contains_user_certs=True),))).status is Revoked.GOOD
    assert listed(crl(LEAF, days=(-40, -30))).status is Revoked.REVOKED


@pytest.mark.parametrize(
    "told",
    [
        crl(days=(-8, -1)),
        crl(days=(1, 8)),
        crl(by=FOREIGN_ROOT),
        crl(more=(point(only_contains_ca_certs=True),)),
        crl(more=(point(indirect_crl=True),)),
        crl(more=(point(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})),)),
        crl(more=((x509.DeltaCRLIndicator(1), True),)),
    ],
    ids=["old", "of tomorrow", "signed by a namesake", "of authorities", "indirect", "some reasons", "delta"],
)
def test_lists_that_do_not_count(told: bytes) -> None:
    assert isinstance(listed(told), Unavailable)


def test_who_may_sign_lists() -> None:
    key = ROOT.key
    may_not = ca("Gốc", key=key, more=[(usage("key_cert_sign"), True)])
    assert isinstance(listed(crl(), issuers=(may_not,)), Unavailable)
    assert listed(crl(), issuers=(may_not, ROOT)).status is Revoked.GOOD
    assert isinstance(listed(crl(), issuers=()), Unavailable)


def test_lists_in_files() -> None:
    told = crl(LEAF)
    pem = x509.load_der_x509_crl(told).public_bytes(Encoding.PEM)
    assert revocation.crls(told) == [told]
    assert revocation.crls(ROOT.pem + pem + b"\n" + pem) == [told, told]
    assert revocation.crls(ROOT.pem) == revocation.crls(ROOT.der) == revocation.crls(b"") == []
    with pytest.raises(CollectError):
        revocation.crls(pem[:200])
    assert revocation.is_of(told, [issue("x", ca("Khác")).der, LEAF.der])
    assert not revocation.is_of(told, [issue("x", ca("Khác")).der])


def test_revoked_by_either_is_revoked() -> None:
    good, bad, nothing = stapled(answer()), listed(crl(LEAF)), stapled(b"junk")
    together = revocation.together
    assert together(good, bad) is together(bad, good) is together(None, bad) is together(nothing, bad) is bad
    assert together(good, nothing) is together(nothing, good) is good
    assert together(None, nothing) is nothing
    assert together(None, None) is None


# --- timestamps --------------------------------------------------------------------------------------------


def test_timestamps_by_all_ways_are_counted_once() -> None:
    held = issue("x", ROOT, more=[embedded(1, 2)])
    assert revocation.timestamps(LEAF.der, None, None) == 0
    assert revocation.timestamps(held.der, None, None) == 2
    assert revocation.timestamps(held.der, None, stamps(2, 3)) == 3
    assert revocation.timestamps(held.der, answer(), stamps(4, 5, 6)) == 5


@pytest.mark.parametrize("data", [b"\0", b"\0\1", stamps(1)[:-1], stamps(1) + b"\0", b"\0\3\0\1\0", b"\0\2\0\0"])
def test_a_broken_list_of_timestamps_is_not_counted(data: bytes) -> None:
    assert revocation.timestamps(LEAF.der, None, data) is None


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200))
@example(stamps(9))
def test_any_list_of_timestamps_is_a_number_or_nothing(data: bytes) -> None:
    found = revocation.timestamps(LEAF.der, None, data)
    assert found is None or found >= 0
