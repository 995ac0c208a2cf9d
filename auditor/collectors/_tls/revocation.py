"""What CAs say of a certificate's revocation, and what logs say of its issue: OCSP answers, CRLs, SCTs. Pure.

Only signed statements count, and a good one only while it is fresh on the day of the audit. That a certificate was
revoked stays true when the statement has aged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from auditor.collectors._tls.certificates import BAD, extension, load, quiet
from auditor.collectors._tls.constraints import folded
from auditor.collectors._tls.paths import holds, signed_by
from auditor.evidence.certificates import Revocation, Revoked
from auditor.model import CollectError, Reason, Unavailable

SKEW = timedelta(minutes=5)
"""How far a statement may be ahead of our clock."""
LONGEST = timedelta(days=10)
"""An OCSP answer that names no end is not believed for longer (CA/B Forum Baseline Requirements 4.9.10)."""
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
STAPLE_CAP, CRL_CAP, RESPONDERS = 1 << 16, 1 << 18, 10
"""Bytes read of an OCSP answer and of a CRL, and certificates tried of an OCSP answer."""
_STATUS = {
    ocsp.OCSPCertStatus.GOOD: Revoked.GOOD,
    ocsp.OCSPCertStatus.REVOKED: Revoked.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: Revoked.UNKNOWN,
}
Said = Revocation | Unavailable


def staple(answer: bytes, leaf: bytes, issuers: Sequence[bytes], at: datetime) -> Said:
    """A stapled OCSP answer on ``leaf``, as it stands on the day ``at``.

    ``issuers`` are candidates for the issuer of the leaf: the path above it, or all that was sent.
    """
    if len(answer) > STAPLE_CAP:
        return Unavailable(Reason.TRUNCATED, f"OCSP answer of {len(answer)} bytes")
    try:
        with quiet():
            return _staple(ocsp.load_der_ocsp_response(answer), load(leaf), _issuers(leaf, issuers), at)
    except CollectError as exc:
        return Unavailable(exc.reason, exc.detail)
    except (*BAD, x509.ExtensionNotFound) as exc:
        return Unavailable(Reason.UNPARSABLE, f"OCSP answer: {type(exc).__name__}: {str(exc)[:200]}")


def _staple(told: ocsp.OCSPResponse, leaf: x509.Certificate, issuers: list[x509.Certificate], at: datetime) -> Said:
    if told.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return Unavailable(Reason.INCOMPLETE, f"OCSP answer: {told.response_status.name.lower()}")
    if not issuers:
        return Unavailable(Reason.INCOMPLETE, "OCSP answer: the certificate of the leaf's issuer is not there")
    singles = [(one, issuer) for issuer in issuers for one in told.responses if _is_about(one, leaf, issuer)]
    if not singles:
        return Unavailable(Reason.INCOMPLETE, "OCSP answer: about another certificate")
    said = [_said(one, at) for one, issuer in singles if _signed(told, issuer, at)]
    if not said:
        return Unavailable(Reason.INCOMPLETE, "OCSP answer: not signed by the issuer or by a responder it has named")
    return _worst(said)


def _is_about(one: ocsp.OCSPSingleResponse, leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    asked = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, one.hash_algorithm).build()
    return (one.serial_number, one.issuer_name_hash, one.issuer_key_hash) == (
        asked.serial_number,
        asked.issuer_name_hash,
        asked.issuer_key_hash,
    )


def _signed(told: ocsp.OCSPResponse, issuer: x509.Certificate, at: datetime) -> bool:
    """By the issuer itself, or by a responder with a certificate for that from the very issuer (RFC 6960 4.2.2.2)."""

    def by(one: x509.Certificate) -> bool:
        return holds(one, told.signature, told.tbs_response_bytes, told.signature_hash_algorithm)

    if by(issuer):
        return True
    for one in told.certificates[:RESPONDERS]:
        purposes = extension(one, x509.ExtendedKeyUsage) or ()
        named = folded(one.issuer) == folded(issuer.subject) and signed_by(one, issuer)
        in_force = one.not_valid_before_utc <= at <= one.not_valid_after_utc
        if ExtendedKeyUsageOID.OCSP_SIGNING in purposes and in_force and named and by(one):
            return True
    return False


def _said(one: ocsp.OCSPSingleResponse, at: datetime) -> Said:
    status = _STATUS[one.certificate_status]
    until = one.next_update_utc
    stale = at > (until or one.this_update_utc + LONGEST)
    if one.this_update_utc > at + SKEW or (stale and status is not Revoked.REVOKED):
        end = until.isoformat() if until else "-"
        return Unavailable(Reason.STALE, f"OCSP answer: stands from {one.this_update_utc.isoformat()} to {end}")
    why = one.revocation_reason
    return Revocation(
        source="ocsp-staple",
        status=status,
        since=one.revocation_time_utc,
        reason=why.value if why else "",
        this_update=one.this_update_utc,
        next_update=until,
    )


def crl_entry(lists: Iterable[bytes], leaf: bytes, issuers: Sequence[bytes], at: datetime) -> Said | None:
    """What CRLs (DER) say of ``leaf``; None where none of them is of its issuer. Revoked in one is revoked."""
    found: Said | None = None
    for der in lists:
        said = _on_crl(der, leaf, issuers, at)
        if isinstance(said, Revocation) and said.status is Revoked.REVOKED:
            return said
        if said is not None and not isinstance(found, Revocation):
            found = said
    return found


def crls(content: bytes) -> list[bytes]:
    """The CRLs of a file, PEM or DER, as DER; none where it holds none. Raises ``CollectError(unparsable)``."""
    try:
        if b"-----BEGIN X509 CRL-----" not in content:
            return [x509.load_der_x509_crl(content).public_bytes(Encoding.DER)] if content[:1] == b"\x30" else []
        blocks = content.split(b"-----BEGIN X509 CRL-----")[1:]
        pems = [b"-----BEGIN X509 CRL-----" + block for block in blocks]
        return [x509.load_pem_x509_crl(pem).public_bytes(Encoding.DER) for pem in pems]
    except BAD as exc:
        if b"-----BEGIN" not in content and _is_certificate(content):
            return []
        raise CollectError(Reason.UNPARSABLE, f"CRL: {type(exc).__name__}: {str(exc)[:200]}") from None


def is_of(crl: bytes, sent: Iterable[bytes]) -> bool:
    """Could this CRL be about any of the certificates sent? By the issuer's name, so that others need not be kept."""
    try:
        name = folded(x509.load_der_x509_crl(crl).issuer)
        return any(folded(load(der).issuer) == name for der in sent)
    except (CollectError, *BAD):
        return False


def _is_certificate(content: bytes) -> bool:
    try:
        load(content)
    except CollectError:
        return False
    return True


def _on_crl(der: bytes, leaf_der: bytes, issuers: Sequence[bytes], at: datetime) -> Said | None:
    if len(der) > CRL_CAP:
        return Unavailable(Reason.TRUNCATED, f"CRL of {len(der)} bytes")
    try:
        with quiet():
            told, leaf = x509.load_der_x509_crl(der), load(leaf_der)
            if folded(told.issuer) != folded(leaf.issuer):
                return None
            if not any(_signs_crls(issuer) and signed_by(told, issuer) for issuer in _issuers(leaf_der, issuers)):
                return Unavailable(Reason.INCOMPLETE, "CRL: not signed by the issuer of the certificate")
            return _entry(told, leaf, at)
    except CollectError as exc:
        return Unavailable(exc.reason, exc.detail)
    except BAD as exc:
        return Unavailable(Reason.UNPARSABLE, f"CRL: {type(exc).__name__}: {str(exc)[:200]}")


def _entry(told: x509.CertificateRevocationList, leaf: x509.Certificate, at: datetime) -> Said:
    since, until = told.last_update_utc, told.next_update_utc
    entry = told.get_revoked_certificate_by_serial_number(leaf.serial_number)
    gap = _gap(told)
    if gap:
        return Unavailable(Reason.UNSUPPORTED, f"CRL: {gap}")
    if since > at + SKEW or (entry is None and (until is None or at > until)):
        return Unavailable(
            Reason.STALE, f"CRL: stands from {since.isoformat()} to {until.isoformat() if until else '-'}"
        )
    if entry is None:
        return Revocation(source="crl", status=Revoked.GOOD, this_update=since, next_update=until)
    reasons = [one.value.reason.value for one in entry.extensions if isinstance(one.value, x509.CRLReason)]
    return Revocation(
        source="crl",
        status=Revoked.REVOKED,
        since=entry.revocation_date_utc,
        reason=reasons[0] if reasons else "",
        this_update=since,
        next_update=until,
    )


def _gap(told: x509.CertificateRevocationList) -> str:
    """What makes a CRL say less than everything about the servers' certificates of its issuer; empty for nothing."""
    for one in told.extensions:
        if isinstance(one.value, x509.IssuingDistributionPoint):
            point = one.value
            if point.indirect_crl or point.only_some_reasons or point.only_contains_ca_certs:
                return "of some certificates or reasons only"
            if point.only_contains_attribute_certs or point.full_name or point.relative_name:
                return "of one distribution point only"
        elif one.critical:
            return f"critical extension {one.oid.dotted_string}"
    return ""


def _signs_crls(issuer: x509.Certificate) -> bool:
    usage = extension(issuer, x509.KeyUsage)
    return usage is None or usage.crl_sign


def _issuers(leaf_der: bytes, ders: Sequence[bytes]) -> list[x509.Certificate]:
    """Which of these issued the leaf, by name and signature."""
    leaf, found = load(leaf_der), []
    for der in dict.fromkeys(ders):
        try:
            read = load(der)
        except CollectError:
            continue
        if folded(read.subject) == folded(leaf.issuer) and signed_by(leaf, read):
            found.append(read)
    return found


def together(stapled: Said | None, listed: Said | None) -> Said | None:
    """One answer of a staple and a CRL: revoked by either is revoked, and unreadable is not an answer."""
    both = [said for said in (stapled, listed) if said is not None]
    return _worst(both) if both else None


def _worst(said: Sequence[Said]) -> Said:
    for wanted in Revoked.REVOKED, Revoked.UNKNOWN, Revoked.GOOD:
        for one in said:
            if isinstance(one, Revocation) and one.status is wanted:
                return one
    return said[0]


def timestamps(leaf: bytes, answer: bytes | None, extension_data: bytes | None) -> int | None:
    """Signed certificate timestamps by all three ways (RFC 6962 3.3), each counted once; None where a list is broken.

    Counted, not verified: that takes the keys of the logs, which browsers change every few months and we do not have.
    ``extension_data`` is the body of the TLS extension signed_certificate_timestamp, where the service sent one.
    """
    try:
        with quiet():
            embedded = extension(load(leaf), x509.PrecertificateSignedCertificateTimestamps)
            found = _scts(embedded)
            if answer:
                told = ocsp.load_der_ocsp_response(answer)
                if told.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL:
                    found = found.union(*(_scts(one.value) for one in told.single_extensions))
            if extension_data:
                found |= _listed(extension_data)
    except (CollectError, *BAD):
        return None
    return len(found)


def _scts(told: x509.ExtensionType | None) -> set[tuple[bytes, int]]:
    if not isinstance(told, (x509.PrecertificateSignedCertificateTimestamps, x509.SignedCertificateTimestamps)):
        return set()
    return {(one.log_id, round((one.timestamp.replace(tzinfo=UTC) - _EPOCH) / _MS)) for one in told}


def _listed(data: bytes) -> set[tuple[bytes, int]]:
    """The log and time of each timestamp in a SignedCertificateTimestampList. Raises ``ValueError``."""
    body, found = _vector(data, 0), set()
    if len(body) + 2 != len(data):
        raise ValueError("bytes behind the list of timestamps")
    at = 0
    while at < len(body):
        one = _vector(body, at)
        at += 2 + len(one)
        # version 1 (0), log id, time, extensions, then a signature with its algorithm
        signature = 43 + len(_vector(one, 41))
        if one[0] != 0 or signature + 4 + len(_vector(one, signature + 2)) != len(one):
            raise ValueError("no signed certificate timestamp of version 1")
        found.add((one[1:33], int.from_bytes(one[33:41], "big")))
    return found


def _vector(data: bytes, at: int) -> bytes:
    """The content of a vector with a length of two bytes. Raises ``ValueError``."""
    length = int.from_bytes(data[at : at + 2], "big")
    if len(data) < at + 2 + length:
        raise ValueError("cut short")
    return data[at + 2 : at + 2 + length]
