"""The grade from A to F of a TLS service: A until something caps it, each cap with its reason. Pure.

The scale is ours, in the manner of the public scanners' letters; the reasons are what counts, and each has a rule
of its own. What could not be seen caps as its worst case would, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.evidence.tls import Answer, Offer, Peer, TlsService
from auditor.model import Unavailable


@dataclass(frozen=True, slots=True)
class Cap:
    """One reason why a service deserves no better."""

    grade: str
    code: str
    """``cap-…``: a message of the check."""
    seen: bool
    """Seen, or only not to be ruled out."""
    about: str = ""
    """Which version, suite, group or key."""

    @property
    def id(self) -> str:
        return f"{self.code}.{self.about}" if self.about else self.code


def caps(evidence: TlsService) -> tuple[Cap, ...]:
    """Every cap, the worst first."""
    found = (*_versions(evidence), *_suites(evidence), *_features(evidence), *_certificates(evidence))
    return tuple(sorted(found, key=lambda cap: (cap.grade, cap.seen, cap.id), reverse=True))


_TIME = (9, 10)
"""OpenSSL's codes for a path that is only out of its time."""
_VERSIONS = {"SSLv2": "F", "SSLv3": "E", "TLSv1": "C", "TLSv1.1": "C"}


def _versions(evidence: TlsService) -> Iterator[Cap]:
    for one in evidence.protocols:
        if one.version in _VERSIONS and one.offer is not Offer.REFUSED:
            yield Cap(_VERSIONS[one.version], "cap-version", one.offer is Offer.OFFERED, one.version)
    offers = {one.version: one.offer for one in evidence.protocols}
    if Offer.OFFERED not in (offers.get("TLSv1.2"), offers.get("TLSv1.3")):
        yield Cap("D", "cap-outdated", Offer.UNTESTED not in (offers.get("TLSv1.2"), offers.get("TLSv1.3")))
    elif offers.get("TLSv1.3") is not Offer.OFFERED:
        yield Cap("B", "cap-no-tls13", offers.get("TLSv1.3") is Offer.REFUSED)


def _suites(evidence: TlsService) -> Iterator[Cap]:
    if any(not one.whole for one in evidence.offered) or not evidence.suites:
        yield Cap("F", "cap-suites", False)
    for suite in evidence.suites:
        if suite.authentication == "anon" or suite.bits < 56 or suite.export:
            yield Cap("F", "cap-no-protection", True, suite.name)
        elif suite.bits < 128 or suite.cipher.startswith("RC4"):
            yield Cap("D", "cap-weak-suite", True, suite.name)
    if evidence.suites and not all(suite.forward_secret for suite in evidence.suites):
        yield Cap("B", "cap-static-keys", True)
    if evidence.suites and not any(suite.aead for suite in evidence.suites):
        yield Cap("C", "cap-no-aead", True)
    for dh in evidence.dh:
        if dh.bits < 2048:
            yield Cap("F" if dh.bits < 1024 else "C", "cap-small-group", True, f"DH {dh.bits}")
    if not evidence.groups_whole and any(suite.exchange in ("ecdhe", "tls13") for suite in evidence.suites):
        yield Cap("C", "cap-small-group", False)
    for group in evidence.groups:
        if 0 < group.bits < (2048 if group.name.startswith("ffdhe") else 224) and not group.hybrid:
            yield Cap("C", "cap-small-group", True, group.name)


def _features(evidence: TlsService) -> Iterator[Cap]:
    older = [one.version for one in evidence.offered if one.version != "TLSv1.3"]
    if not older:
        return
    faults = [
        ("compression", Answer.NO, "D", "cap-compression"),
        ("secure-renegotiation", Answer.YES, "E", "cap-secure-renegotiation"),
    ]
    if len(evidence.offered) > 1 and any(version in _VERSIONS for version in older):
        faults.append(("fallback-scsv", Answer.YES, "C", "cap-fallback-scsv"))
    for name, wished, grade, code in faults:
        seen = evidence.feature(name).answer
        if seen is not wished:
            yield Cap(grade, code, seen is not Answer.UNTESTED)


def _certificates(evidence: TlsService) -> Iterator[Cap]:
    peers = [one for one in (evidence.peer, *evidence.others) if not isinstance(one, Unavailable)]
    if not peers:
        yield Cap("F", "cap-certificate", False)
    for peer in peers:
        yield from _certificate(peer, evidence)


def _certificate(peer: Peer, evidence: TlsService) -> Iterator[Cap]:
    leaf, now = peer.leaf, evidence.seen.now
    for one in peer.chain:
        if not one.not_before <= now <= one.not_after:
            yield Cap("F", "cap-out-of-time", True, one.subject)
    if leaf.authority or (leaf.extended_usage is not None and "serverAuth" not in leaf.extended_usage):
        yield Cap("F", "cap-usage", True, leaf.subject)
    if peer.trust.code and peer.trust.code not in _TIME:
        yield Cap("F", "cap-untrusted", peer.trust.anchors, peer.trust.message)
    for one in peer.chain if peer.chain_known else (leaf,):
        if one.key_type in ("rsa", "dsa") and one.key_bits is not None and one.key_bits < 2048:
            yield Cap("F" if one.key_bits < 1024 else "C", "cap-small-key", True, f"{one.key_type} {one.key_bits}")
        if one.signature in ("md5", "sha1") and not one.self_issued:
            yield Cap("D", "cap-weak-signature", True, one.signature)
