"""Certificates as shown, from the stored document: paths, trust, revocation. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from auditor.collector import Reading
from auditor.collectors._tls import paths, revocation
from auditor.collectors._tls.asks import NO_CURVE, unbase64
from auditor.collectors._tls.certificates import BAD, certificate, load
from auditor.collectors._tls.reading import ders, document, texts, unparsable
from auditor.collectors._tls.suites import group_of, suite
from auditor.collectors._tls.wire import Malformed
from auditor.evidence.tls import VERSIONS, Answer, Feature, Offer, Peer, Protocol, Suite
from auditor.model import CollectError, Reason

_SHOWN = 20
_FIRST = ("tls13", "ecdsa", "rsa")
"""What a client of today is shown: TLS 1.3 where there is one, else what costs the server least."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """One chain as shown in one handshake."""

    name: str
    version: str
    suite: Suite
    ending: str
    sent: tuple[bytes, ...]
    staple: bytes
    timestamps: bytes


def peers(seen: Reading, server_name: str, protocols: Sequence[Protocol]) -> tuple[tuple[Peer, ...], Feature]:
    """The chains shown, what a client of today is shown first; and whether OCSP answers were stapled to them.

    Raises ``CollectError`` where there is none.
    """
    told = document(seen, "certificate", server_name)
    shown = [one for one in _all(told) if one.name in _FIRST]
    ready = sorted((one for one in shown if one.sent), key=lambda one: _FIRST.index(one.name))
    if not ready:
        ending = shown[0].ending if shown else "not asked"
        reason = Reason.TIMEOUT if ending == "timeout" else Reason.INCOMPLETE
        raise CollectError(reason, f"no handshake got as far as a certificate: {ending}")
    made: dict[bytes, Peer] = {}
    for one in ready:
        if one.sent[0] not in made:
            made[one.sent[0]] = _peer(seen, told, one, _context(protocols))
    stapled = [one for one in ready if one.staple]
    whole = stapled or all(one.ending == "done" for one in ready)
    answer = Answer.YES if stapled else Answer.NO if whole else Answer.UNTESTED
    return tuple(made.values()), Feature("ocsp-stapling", answer, f"{len(stapled)} of {len(ready)} handshakes")


def _peer(seen: Reading, told: Mapping[str, Any], one: _Shown, context: str) -> Peer:
    unread, system = texts(told, "unread"), told.get("system")
    if not isinstance(system, bool):
        raise unparsable("certificate: system is no truth value")
    at = seen.seen.now
    found = paths.verify(
        one.sent, ders(told, "anchors"), at, named=ders(told, "named"), whole=system and not unread
    )  # fmt: skip
    leaf, issuers = one.sent[0], (*found.ders[1:], *one.sent[1:])
    stapled = revocation.staple(one.staple, leaf, issuers, at) if one.staple else None
    listed = revocation.crl_entry(ders(told, "crls"), leaf, issuers, at)
    return Peer(
        version=one.version,
        cipher=one.suite.name,
        context=context,
        chain=found.path,
        chain_known=True,
        trust=found.trust,
        sent=tuple(map(certificate, one.sent)),
        in_order=found.in_order,
        strays=found.strays,
        revocation=revocation.together(stapled, listed),
        timestamps=revocation.timestamps(leaf, one.staple or None, one.timestamps or None),
    )


def curve_of(der: bytes) -> int:
    """The group of the key in a certificate; ``NO_CURVE`` where it is of another kind, 0 where it cannot be read."""
    try:
        key = load(der).public_key()
    except (CollectError, *BAD):
        return 0
    return group_of(key.curve.name) if isinstance(key, EllipticCurvePublicKey) else NO_CURVE


def _context(protocols: Sequence[Protocol]) -> str:
    """Would a client of today get through: TLS 1.2 or newer with a suite that OpenSSL's defaults have?"""
    for one in protocols:
        if one.offer is Offer.OFFERED and one.version in VERSIONS[4:]:
            for each in one.suites:
                certified = each.authentication in ("rsa", "ecdsa", "tls13")
                if certified and each.bits >= 128 and "RC4" not in each.cipher:
                    return "current"
    return "legacy"


def _all(told: Mapping[str, Any]) -> Iterator[_Shown]:
    items, held = told.get("shown"), told.get("ders")
    if not isinstance(items, list) or len(items) > _SHOWN or not isinstance(held, dict):
        raise unparsable("certificate: nothing shown")
    for item in items:
        if not isinstance(item, dict):
            raise unparsable("certificate: shown is no object")
        name, version, code, ending = (item.get(key) for key in ("name", "version", "suite", "ending"))
        if not isinstance(name, str) or version not in VERSIONS or type(code) is not int or not isinstance(ending, str):
            raise unparsable("certificate: what was shown, and how, is not told")
        try:
            sent = tuple(_der(held, key) for key in texts(item, "sent", paths.SENT))
            answer, stamps = unbase64(item.get("staple")), unbase64(item.get("timestamps"))
        except Malformed as exc:
            raise unparsable(f"certificate: {exc}") from None
        yield _Shown(name, str(version), suite(code), ending[:100], sent, answer, stamps)


def _der(held: Mapping[str, Any], key: str) -> bytes:
    der = unbase64(held.get(key))
    if hashlib.sha256(der).hexdigest() != key:
        raise unparsable("certificate: a certificate is not the one that was seen")
    return der
