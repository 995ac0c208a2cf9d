"""Building and verifying the path from a server's certificate to a trust anchor, as a client does it. Pure.

Why not ``cryptography.x509.verification``: it holds every certificate to the CA/Browser Forum's profile (keyUsage,
authorityKeyIdentifier and SAN must be there, SHA-1 and small keys must not), which the private CAs of agencies and
laboratories do not keep and which no TLS client asks; and it says only that no path was found, not why. Here stands
what clients do ask (RFC 5280 section 6 without policies), each refusal with OpenSSL's number for it; each signature
is verified by cryptography.

An anchor is trusted for being an anchor, whether it is self-signed or not, as Python from 3.13, Go, NSS and Windows
have it (``openssl verify -partial_chain``). Time and strength are asked by other checks: a path in force on the day is
taken before one that is not, and one that is not still shows who issued the certificate. Not asked: the purpose of
the leaf itself, its name, and revocation, which have checks of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from auditor.collectors._tls.certificates import BAD, certificate, extension, load
from auditor.collectors._tls.constraints import Folded, folded, violation
from auditor.evidence.certificates import Certificate, Trust
from auditor.model import CollectError, Reason

SENT, SIGNATURES, STEPS = 50, 200, 1000
"""Most certificates looked at, signatures verified, and certificates stepped on while building paths."""

UNDECIDED, BAD_SIGNATURE, SELF_SIGNED, UNKNOWN_ROOT, NO_ISSUER = 1, 7, 18, 19, 20
TOO_DEEP, PURPOSE, CRITICAL, NO_CA = 25, 26, 34, 79
_WORDS = {
    0: "ok",
    UNDECIDED: "too many ways to go to find out in bounded time",
    BAD_SIGNATURE: "certificate signature failure",
    SELF_SIGNED: "self-signed certificate",
    UNKNOWN_ROOT: "self-signed certificate in certificate chain",
    NO_ISSUER: "unable to get local issuer certificate",
    TOO_DEEP: "path length constraint exceeded",
    PURPOSE: "unsuitable certificate purpose",
    CRITICAL: "unhandled critical extension",
    47: "permitted subtree violation",
    48: "excluded subtree violation",
    51: "unsupported name constraint type",
    NO_CA: "invalid CA certificate",
}
_HANDLED = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.POLICY_CONSTRAINTS,
        ExtensionOID.POLICY_MAPPINGS,
        ExtensionOID.INHIBIT_ANY_POLICY,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
    }
)
"""Extensions that may be critical: those that OpenSSL takes; of policies, TLS clients ask none."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The path found, or as far as it went, and how it was sent."""

    path: tuple[Certificate, ...]
    """Leaf first, to the anchor where ``trust.code`` is 0."""
    trust: Trust
    in_order: bool | None
    """Does each certificate sent stand behind one that it issued? Strays and repetitions aside; None: not found out."""
    strays: int
    """Certificates sent that are on no way up from the leaf."""
    ders: tuple[bytes, ...]
    """The DER bytes of ``path``."""


def verify(
    sent: Sequence[bytes], anchors: Sequence[bytes], at: datetime, *, named: Sequence[bytes] = (), whole: bool = True
) -> Verified:
    """Verify what a server sent, its own certificate first, on the day ``at``.

    ``anchors`` are those of everybody's system, ``named`` those of the inventory; ``whole`` says whether these are all
    that should be there. The order of ``sent`` behind the leaf, and repetitions in it, change nothing but ``in_order``.
    Raises ``CollectError(unparsable)`` for nothing, or more than 50 certificates sent, or one that cannot be read.
    """
    unique = tuple(dict.fromkeys(sent))
    if not 0 < len(unique) <= SENT:
        raise CollectError(Reason.UNPARSABLE, f"{len(unique)} certificates sent")
    search = _Search(at)
    pool = [_node(der) for der in unique]
    leaf = pool[0]
    read, trusted = True, {}
    for der in (*anchors, *named):
        try:
            trusted[der] = _node(der)
        except CollectError:
            read = False
    search.pool = sorted({**trusted, **{node.der: node for node in pool}}.values(), key=lambda node: node.rank(trusted))
    search.anchors = frozenset(trusted)
    path, code = search.best(leaf)
    public = path[-1].der in anchors if code == 0 else None
    above = search.reachable(leaf)
    in_order = search.in_order([node for node in pool if node.der in above])
    strays = sum(node.der not in above for node in pool)
    return Verified(
        path=tuple(certificate(node.der) for node in path),
        trust=Trust(code, _WORDS[code], whole and read, public),
        in_order=None if search.out_of_bounds else in_order,
        strays=0 if search.out_of_bounds else strays,
        ders=tuple(node.der for node in path),
    )


def relevant(sent: Sequence[bytes], anchors: Sequence[bytes]) -> list[bytes]:
    """Those anchors that can matter to ``verify`` for what was sent: by name, so cheaply, a few KB instead of hundreds.

    Certificates that cannot be read are passed over here, on both sides.
    """
    wanted, held = set(), set(sent)
    for der in list(dict.fromkeys(sent))[:SENT]:
        try:
            wanted.add(_node(der).issuer)
        except CollectError:
            continue
    known = _by_name(tuple(anchors))
    held.update(der for name in wanted for der in known.get(name, ()))
    return [der for der in anchors if der in held]


@lru_cache(maxsize=8)
def _by_name(anchors: tuple[bytes, ...]) -> dict[Folded, list[bytes]]:
    """Anchors by their subject, as far as they can be read; the system's are the same for every service."""
    found: dict[Folded, list[bytes]] = {}
    for der in anchors:
        with suppress(CollectError):
            found.setdefault(folded(load(der).subject), []).append(der)
    return found


@dataclass(frozen=True, slots=True)
class _Node:
    """One certificate with the names by which issuers are looked for."""

    der: bytes = field(repr=False)
    read: x509.Certificate = field(compare=False)
    subject: Folded = field(compare=False)
    issuer: Folded = field(compare=False)
    key: bytes = field(compare=False)
    """Together with the subject: what makes two certificates the same issuer."""

    @property
    def self_issued(self) -> bool:
        return self.subject == self.issuer

    def rank(self, trusted: dict[bytes, _Node]) -> tuple[bool, float, bytes]:
        """Anchors first, then the longest in force; never the order of sending."""
        return self.der not in trusted, -self.read.not_valid_after_utc.timestamp(), self.der


def _node(der: bytes) -> _Node:
    read = load(der)
    facts = certificate(der)
    return _Node(der, read, folded(read.subject), folded(read.issuer), bytes.fromhex(facts.key_fingerprint))


class _Search:
    """One search for a path; remembers every signature it has verified."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.pool: list[_Node] = []
        self.anchors: frozenset[bytes] = frozenset()
        self._signed: dict[tuple[bytes, bytes], bool] = {}
        self._steps = 0
        self.out_of_bounds = False

    def best(self, leaf: _Node) -> tuple[list[_Node], int]:
        """The first path to an anchor that is in force, else the nearest to that, else the furthest with its code."""
        best: tuple[int, list[_Node]] | None = None
        furthest: tuple[tuple[bool, int, int], list[_Node], int] | None = None
        for path, ending in self._paths([leaf]):
            code = ending or _refused(path)
            if code:
                # A path refused at an anchor says more than one that ends nowhere, a longer one more than a shorter.
                progress = (path[-1].der in self.anchors, len(path), -code)
                if furthest is None or progress > furthest[0]:
                    furthest = progress, path, code
                continue
            late = sum(not _in_force(node, self.at) for node in path)
            if best is None or late < best[0]:
                best = late, path
            if not late:
                break
        if best:
            return best[1], 0
        if self.out_of_bounds or furthest is None:
            return [leaf], UNDECIDED
        return furthest[1], furthest[2]

    def _paths(self, path: list[_Node]) -> Iterator[tuple[list[_Node], int]]:
        self._steps += 1
        top = path[-1]
        if self._steps > STEPS:
            self.out_of_bounds = True
            return
        if top.der in self.anchors:
            yield path, 0
            return
        taken = {(node.subject, node.key) for node in path}
        went_on = False
        for above in self._issuers(top):
            if (above.subject, above.key) not in taken:
                went_on = True
                yield from self._paths([*path, above])
        if not went_on:
            yield path, self._dead_end(path)

    def _dead_end(self, path: list[_Node]) -> int:
        top = path[-1]
        if top.self_issued and self.signed(top, top):
            return SELF_SIGNED if len(path) == 1 else UNKNOWN_ROOT
        claimed = any(node.subject == top.issuer and _may_have_signed(top, node) for node in self.pool)
        return BAD_SIGNATURE if claimed and not any(self._issuers(top)) else NO_ISSUER

    def _issuers(self, below: _Node) -> Iterator[_Node]:
        for node in self.pool:
            if node.der != below.der and node.subject == below.issuer and self.signed(below, node):
                yield node

    def signed(self, below: _Node, above: _Node) -> bool:
        """Is ``below`` signed with the key of ``above``? Names aside."""
        pair = below.der, above.key
        if pair not in self._signed:
            if len(self._signed) >= SIGNATURES:
                self.out_of_bounds = True
                return False
            self._signed[pair] = signed_by(below.read, above.read)
        return self._signed[pair]

    def reachable(self, leaf: _Node) -> set[bytes]:
        """What lies on any way up from the leaf."""
        seen, ahead = {leaf.der}, [leaf]
        while ahead:
            for node in self._issuers(ahead.pop()):
                if node.der not in seen:
                    seen.add(node.der)
                    ahead.append(node)
        return seen

    def in_order(self, sent: Sequence[_Node]) -> bool:
        return all(
            any(below.issuer == node.subject and self.signed(below, node) for below in sent[:place])
            for place, node in enumerate(sent)
            if place
        )


def _in_force(node: _Node, at: datetime) -> bool:
    return node.read.not_valid_before_utc <= at <= node.read.not_valid_after_utc


def _may_have_signed(below: _Node, above: _Node) -> bool:
    """Do the key identifiers of two certificates agree, as far as they have any?"""
    try:
        wanted = extension(below.read, x509.AuthorityKeyIdentifier)
        held = extension(above.read, x509.SubjectKeyIdentifier)
    except BAD:
        return False
    if wanted is None or held is None or wanted.key_identifier is None:
        return True
    return wanted.key_identifier == held.digest


def _refused(path: Sequence[_Node]) -> int:
    """The code of the first rule that a path to an anchor breaks, from the leaf up; 0 for none."""
    below = 0  # intermediates under the one looked at that are not self-issued
    for place, node in enumerate(path):
        try:
            code = _refused_alone(node.read, issues=place > 0, below=below, anchor=node is path[-1])
        except BAD:
            code = CRITICAL
        code = code or next((said for under in path[:place] if (said := _constrained(path, node, under))), 0)
        if code:
            return code
        below += place > 0 and not node.self_issued
    return 0


def _refused_alone(read: x509.Certificate, *, issues: bool, below: int, anchor: bool) -> int:
    if any(one.critical and one.oid not in _HANDLED for one in read.extensions):
        return CRITICAL
    if not issues:
        return 0
    basic, usage = extension(read, x509.BasicConstraints), extension(read, x509.KeyUsage)
    purposes = extension(read, x509.ExtendedKeyUsage)
    # Version 1 has no extensions to say it with; roots that old are still about.
    if not (basic.ca if basic else anchor and read.version is x509.Version.v1):
        return NO_CA
    if usage is not None and not usage.key_cert_sign:
        return NO_CA
    if basic and basic.path_length is not None and below > basic.path_length:
        return TOO_DEEP
    # Not anyExtendedKeyUsage: neither OpenSSL nor browsers take it for this one.
    if purposes is not None and ExtendedKeyUsageOID.SERVER_AUTH not in purposes:
        return PURPOSE
    return 0


def _constrained(path: Sequence[_Node], above: _Node, under: _Node) -> int:
    """RFC 5280 6.1.3 (b): self-issued certificates are exempt, but for the leaf."""
    if under.self_issued and under is not path[0]:
        return 0
    return violation(above.read, under.read)


def signed_by(below: x509.Certificate | x509.CertificateRevocationList, above: x509.Certificate) -> bool:
    """Is a certificate or CRL signed with the key of ``above``? Names aside."""
    body = below.tbs_certificate_bytes if isinstance(below, x509.Certificate) else below.tbs_certlist_bytes
    try:
        return holds(above, below.signature, body, below.signature_hash_algorithm, below.signature_algorithm_parameters)
    except BAD:
        return False


def holds(
    by: x509.Certificate,
    signature: bytes,
    body: bytes,
    used: hashes.HashAlgorithm | None,
    how: padding.PKCS1v15 | padding.PSS | ec.ECDSA | None = None,
) -> bool:
    """Is this a signature over ``body`` with the key of ``by``? What cannot be verified does not hold.

    ``how`` is taken to be PKCS #1 v1.5 for RSA and ECDSA for curves where it is not said.
    """
    try:
        match by.public_key():
            case rsa.RSAPublicKey() as key if used is not None and not isinstance(how, ec.ECDSA):
                key.verify(signature, body, how or padding.PKCS1v15(), used)
            case ec.EllipticCurvePublicKey() as key if used is not None and not isinstance(
                how, padding.AsymmetricPadding
            ):
                key.verify(signature, body, how or ec.ECDSA(used))
            case dsa.DSAPublicKey() as key if used is not None:
                key.verify(signature, body, used)
            case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey() as key:
                key.verify(signature, body)
            case _:
                return False
    except (InvalidSignature, *BAD):
        return False
    return True
