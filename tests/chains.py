"""Chains of certificates in every state, with the truth of each, and what openssl says where it says otherwise."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.pki import CLIENT, SERVER, Issued, ca, issue, name, usage

NOTHING = 20
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")


@dataclass(frozen=True)
class Case:
    """``code`` and ``in_force`` are the truth; ``witness`` is what openssl says, where that is not so, and ``why``."""

    about: str
    sent: tuple[Issued, ...]
    anchors: tuple[Issued, ...]
    code: int = 0
    in_force: bool = True
    witness: int | None = None
    why: str = ""


def permitted(*trees: x509.GeneralName) -> tuple[x509.ExtensionType, bool]:
    return x509.NameConstraints(permitted_subtrees=list(trees), excluded_subtrees=None), True


def excluded(*trees: x509.GeneralName) -> tuple[x509.ExtensionType, bool]:
    return x509.NameConstraints(permitted_subtrees=None, excluded_subtrees=list(trees)), True


def key_id(by: Issued) -> tuple[x509.ExtensionType, bool]:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), False


def own_id(key: Any) -> tuple[x509.ExtensionType, bool]:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def spoilt(one: Issued) -> Issued:
    """The same certificate with the last byte of its signature changed."""
    der = bytearray(one.der)
    der[-1] ^= 1
    return Issued(x509.load_der_x509_certificate(bytes(der)), one.key)


def under(**told: Any) -> tuple[tuple[Issued, ...], tuple[Issued, ...]]:
    """Root, an intermediate as told, and a leaf under it."""
    root = ca("Gốc")
    middle = issue("Trung gian", root, **{"ca": True, "days": (-100, 900), **told})
    return (issue("may chu", middle), middle), (root,)


def constrained(tree: tuple[x509.ExtensionType, bool], *names: str, **told: Any) -> tuple[Any, Any]:
    root = ca("Gốc")
    middle = ca("Trung gian", root, more=[tree])
    return (issue(told.get("subject", "may chu"), middle, names=names), middle), (root,)


def addtrust(*, both: bool) -> tuple[tuple[Issued, ...], tuple[Issued, ...]]:
    """A root that used to be cross-signed by an older one, which has run out; servers still send the cross."""
    old, key = ca("Cũ", days=(-7000, -100)), new_key()
    root, cross = ca("Mới", key=key), ca("Mới", old, key=key, days=(-3000, -100))
    middle = ca("Trung gian", Issued(root.read, key))
    return (issue("may chu", middle), middle, cross), (old, root) if both else (old,)


def cases() -> list[Case]:
    root, middle = ca("Gốc"), None
    middle = ca("Trung gian", root)
    leaf = issue("may chu", middle)
    alone = issue("tu ky")
    other = ca("Gốc khác")
    impostor = ca("Trung gian", other)
    late_key = new_key()
    renewed = [ca("Trung gian R", root, key=late_key, days=(-900, end)) for end in (-5, 900)]
    ring_a, ring_b = new_key(), new_key()
    a_by_b = ca("Vòng A", Issued(ca("Vòng B", key=ring_b).read, ring_b), key=ring_a)
    b_by_a = ca("Vòng B", Issued(a_by_b.read, ring_a), key=ring_b)
    late = ca("Gốc cũ", days=(-900, -1))
    short_key = new_key()
    short = ca("Gốc ngắn", path_length=0, key=short_key, more=[own_id(short_key)])
    below = ca("Dưới", short)
    own_key = new_key()
    rolled = ca("Gốc ngắn", short, key=own_key, more=[own_id(own_key), key_id(short)])
    pss_key = rsa.generate_private_key(65537, 2048)
    pss = ca("Gốc PSS", key=pss_key, rsa_padding=padding.PSS(padding.MGF1(hashes.SHA256()), 32))
    edwards = ca("Gốc Ed", key=ed25519.Ed25519PrivateKey.generate())
    upper = ca(name("GOC  Chữ", "TINH"))
    marked = ca("Trung gian M", root, key=late_key, more=[own_id(late_key)])
    wrong_mark = ca("Trung gian M", other, key=own_key, more=[own_id(own_key)])
    place = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tỉnh")]))
    dns, web = x509.DNSName, x509.UniformResourceIdentifier
    ten = x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))
    return [
        Case("root only", (issue("may chu", root),), (root,)),
        Case("with an intermediate", (leaf, middle), (root,)),
        Case("with the root sent too", (leaf, middle, root), (root,)),
        Case("wrong order, twice over", (leaf, root, middle, root, middle), (root,)),
        Case("a stray of another issuer", (leaf, other, middle), (root,)),
        Case("intermediate missing", (leaf,), (root,), NOTHING),
        Case("no anchor, root not sent", (leaf, middle), (other,), NOTHING),
        Case("no anchor, root sent", (leaf, middle, root), (other,), 19),
        Case("self-signed", (alone,), (root,), 18),
        Case("self-signed and anchored", (alone,), (alone,)),
        Case("the leaf itself is an anchor", (leaf,), (leaf,)),
        Case("the intermediate is an anchor", (leaf,), (middle,)),
        Case("the intermediate is an anchor and sent", (leaf, middle), (middle,)),
        Case("expired leaf", (issue("may chu", root, days=(-90, -1)),), (root,), in_force=False),
        Case("leaf of tomorrow", (issue("may chu", root, days=(1, 90)),), (root,), in_force=False),
        Case("expired intermediate", *under(days=(-90, -1)), in_force=False),
        Case("expired root", (issue("may chu", late),), (late,), in_force=False),
        Case("expired cross root beside a good one", *addtrust(both=True)),
        Case("expired cross root alone", *addtrust(both=False), in_force=False),
        Case(
            "renewed intermediate, the expired one sent first",
            (issue("may chu", Issued(renewed[0].read, late_key)), *renewed),
            (root,),
        ),
        Case("issuer is no CA", *under(ca=False), 79),
        Case("issuer does not say whether it is a CA", *under(basic=False), 79),
        Case("a server's certificate as issuer", *under(ca=False, names=("x.example",)), 79),
        Case("issuer may not sign certificates", *under(more=[(usage("digital_signature", "crl_sign"), True)]), 79),
        Case("issuer may sign certificates", *under(more=[(usage("key_cert_sign"), True)])),
        Case("path too long", (issue("may chu", below), below), (short,), 25),
        Case("path long enough", (issue("may chu", short),), (short,)),
        Case("self-issued does not count", (issue("may chu", rolled, more=[key_id(rolled)]), rolled), (short,)),
        Case("issuer for clients only", *under(more=[(x509.ExtendedKeyUsage([CLIENT]), False)]), 26),
        Case("issuer for servers and clients", *under(more=[(x509.ExtendedKeyUsage([CLIENT, SERVER]), False)])),
        Case(
            "issuer for any purpose",
            *under(more=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False)]),
            26,
        ),
        Case("name permitted", *constrained(permitted(dns("tinh.example")), "cong.tinh.example")),
        Case("name not permitted", *constrained(permitted(dns("tinh.example")), "tinh.example.vn"), 47),
        Case("one of two names not permitted", *constrained(permitted(dns("a.example")), "a.example", "b.example"), 47),
        Case("subdomains only", *constrained(permitted(dns(".a.example")), "a.example"), 47),
        Case("name excluded", *constrained(excluded(dns("tinh.example")), "cong.TINH.example"), 48),
        Case("name not excluded", *constrained(excluded(dns("tinh.example")), "xatinh.example")),
        Case(
            "a wildcard over an excluded name",
            *constrained(excluded(dns("mat.tinh.example")), "*.tinh.example"),
            48,
            witness=0,
            why="the certificate serves for mat.tinh.example, which its issuer is forbidden; openssl compares letters",
        ),
        Case("address permitted", *constrained(permitted(ten), "ip:10.1.1.1")),
        Case("address not permitted", *constrained(permitted(ten), "ip:192.0.2.1"), 47),
        Case("address of the other kind", *constrained(permitted(ten), "ip:fd00::1"), 47),
        Case("another kind of name permitted", *constrained(permitted(ten), "cong.tinh.example")),
        Case("subject permitted", *constrained(permitted(place), "a.example", subject=name("x", "Tỉnh"))),
        Case(
            "subject permitted in capitals",
            *constrained(permitted(place), "a.example", subject=name("x", "TỈNH")),
            witness=47,
            why="case does not count for any letter (RFC 4518 2.2); openssl knows that of ASCII only",
        ),
        Case("subject not permitted", *constrained(permitted(place), "a.example", subject=name("x", "Huyện")), 47),
        Case(
            "a kind of name not understood",
            *constrained(permitted(web("tinh.example")), "uri:https://tinh.example/"),
            51,
            witness=0,
            why="openssl knows constraints on URIs, we do not: then it is not trusted, and says why",
        ),
        Case("constraint on a kind of name that is not there", *constrained(excluded(web("a.example")), "a.example")),
        Case("critical and unknown, leaf", (issue("x", root, more=[(UNKNOWN, True)]),), (root,), 34),
        Case("critical and unknown, issuer", *under(more=[(UNKNOWN, True)]), 34),
        Case("unknown but not critical", *under(more=[(UNKNOWN, False)])),
        Case("signature broken", (spoilt(leaf), middle), (root,), 7),
        Case("signature of the intermediate broken", (leaf, spoilt(middle)), (root,), 7),
        Case("issuer's name, another's key", (leaf, impostor), (other,), 7),
        Case(
            "issuer's name and mark, another's key",
            (issue("x", marked, more=[key_id(marked)]), wrong_mark),
            (other,),
            NOTHING,
        ),
        Case(
            "an impostor beside the issuer",
            (leaf, impostor, middle),
            (root, other),
            witness=7,
            why="there is a good path; openssl takes the first of two like names, and never turns back",
        ),
        Case("a ring without a root", (issue("x", a_by_b), a_by_b, b_by_a), (root,), NOTHING),
        Case("RSA-PSS", (issue("x", pss, rsa_padding=padding.PSS(padding.MGF1(hashes.SHA256()), 32)),), (pss,)),
        Case("Ed25519", (issue("x", edwards),), (edwards,)),
        Case("names differ by case and blanks", (issue("x", upper, issuer=name("goc chữ", "Tinh")),), (upper,)),
        Case("policy constraints", *under(more=[(x509.PolicyConstraints(0, None), True)])),
        Case("weak hash", (issue("x", root, hash_=hashes.SHA224()), middle), (root,)),
    ]


TABLE = {one.about: one for one in cases()}
