"""The certificates the animals show: good ones, and each fault that a certificate can have."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)
NAME = "cong.tinh.example"
VIETNAMESE = "cổng-dịch-vụ.tỉnh.example"
IDNA = VIETNAMESE.encode("idna").decode()
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Papers:
    """What a server is given to show: certificates in the order sent, their key, and a stapled answer."""

    sent: tuple[x509.Certificate, ...]
    key: Key
    staple: bytes = b""

    @property
    def leaf(self) -> x509.Certificate:
        return self.sent[0]

    @property
    def chain_pem(self) -> bytes:
        return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in self.sent)

    @property
    def key_pem(self) -> bytes:
        kind = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())


@dataclass
class Office:
    """Issues everything; each kind of papers once, by name (``office["expired"]``)."""

    folder: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    _issued: dict[str, Papers] = field(default_factory=dict)
    _keys: dict[str, Key] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Papers:
        if name not in self._issued:
            self._issued[name] = _KINDS[name](self)
        return self._issued[name]

    @cached_property
    def root(self) -> Papers:
        return self.issue("Gốc thử nghiệm", key=self.key("rsa2048", "root"), ca=True, days=(-100, 3000), by=None)

    @cached_property
    def middle(self) -> Papers:
        return self.issue("Trung gian", self.root, key=self.key("rsa2048", "middle"), ca=True, days=(-90, 1000))

    @cached_property
    def trust(self) -> Path:
        """The root as the inventory's ``trust`` names it."""
        path = self.folder / "roots.pem"
        path.write_bytes(self.root.chain_pem)
        return path

    def key(self, kind: str, owner: str = "leaf") -> Key:
        """A key of a kind, the same for one owner each time it is asked for: making RSA keys takes long."""
        held = f"{kind} {owner}"
        if held not in self._keys:
            curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
            if kind == "ed25519":
                self._keys[held] = ed25519.Ed25519PrivateKey.generate()
            elif kind in curves:
                self._keys[held] = ec.generate_private_key(curves[kind])
            else:
                self._keys[held] = rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))
        return self._keys[held]

    def issue(
        self,
        subject: str,
        by: Papers | None,
        *,
        key: Key | None = None,
        names: tuple[str, ...] = (NAME,),
        days: tuple[float, float] = (-10, 90),
        ca: bool = False,
        usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
        must_staple: bool = False,
    ) -> Papers:
        """A certificate, sent with what stands between it and the root; by itself where ``by`` is None."""
        key = key or self.key("p256")
        called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        made = (
            x509.CertificateBuilder()
            .subject_name(called)
            .issuer_name(by.leaf.subject if by else called)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + days[0] * DAY)
            .not_valid_after(self.now + days[1] * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(_usage(ca, isinstance(key, rsa.RSAPrivateKey)), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if by:
            above = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.leaf.public_key())  # type: ignore[arg-type]
            made = made.add_extension(above, critical=False)
        if names and not ca:
            made = made.add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), critical=False)
        if usage and not ca:
            made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if must_staple:
            made = made.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
        signer = by.key if by else key
        digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        leaf = made.sign(signer, digest)
        return Papers((leaf, *(one for one in (by.sent if by else ()) if one.issuer != one.subject)), key)

    def leaf(self, subject: str, kind: str = "p256", by: Papers | None = None, **asked: object) -> Papers:
        return self.issue(subject, by or self.middle, key=self.key(kind), **asked)  # type: ignore[arg-type]

    def stapled(self, status: ocsp.OCSPCertStatus, days: tuple[float, float] = (-1, 6)) -> Papers:
        """A leaf with the CA's own signed word on it."""
        papers, revoked = self.leaf("stapled", "rsa2048"), status is ocsp.OCSPCertStatus.REVOKED
        built = ocsp.OCSPResponseBuilder().add_response(
            cert=papers.leaf,
            issuer=self.middle.leaf,
            algorithm=hashes.SHA1(),  # noqa: S303 (of the issuer's name, as RFC 5019 wants it)
            cert_status=status,
            this_update=self.now + days[0] * DAY,
            next_update=self.now + days[1] * DAY,
            revocation_time=self.now - 2 * DAY if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )
        signed = built.responder_id(ocsp.OCSPResponderEncoding.HASH, self.middle.leaf)
        answer = signed.sign(self.middle.key, hashes.SHA256())
        return replace(papers, staple=answer.public_bytes(serialization.Encoding.DER))

    def sha1(self) -> Papers:
        """Signed with SHA-1, by openssl: the library that makes the others refuses."""
        papers, here = self.leaf("sha1", "rsa2048"), self.folder / "sha1"
        here.mkdir()
        (here / "ca.pem").write_bytes(self.middle.chain_pem)
        (here / "ca.key").write_bytes(self.middle.key_pem)
        (here / "key").write_bytes(papers.key_pem)
        (here / "ext").write_text(
            f"subjectAltName=DNS:{NAME}\nbasicConstraints=critical,CA:FALSE\n"
            "keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\n"
        )
        ask = ["openssl", "req", "-new", "-key", "key", "-subj", "/CN=sha1", "-out", "csr"]
        subprocess.run(ask, cwd=here, check=True, capture_output=True)
        sign = ["openssl", "x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-sha1", "-days", "90"]
        subprocess.run([*sign, "-extfile", "ext", "-out", "crt"], cwd=here, check=True, capture_output=True)
        leaf = x509.load_pem_x509_certificate((here / "crt").read_bytes())
        return replace(papers, sent=(leaf, *papers.sent[1:]))

    def stranger(self) -> Papers:
        """Of a root that nobody trusts, which is sent too."""
        root = self.issue("Gốc lạ", None, key=self.key("p256", "stranger"), ca=True, days=(-100, 3000))
        papers = self.leaf("stranger", "rsa2048", root)
        return replace(papers, sent=(papers.leaf, root.leaf))

    def reordered(self, *sent: x509.Certificate) -> Papers:
        papers = self.leaf("order", "rsa2048")
        return replace(papers, sent=(papers.leaf, *sent))


def _usage(ca: bool, enciphers: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=enciphers and not ca,
        data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _general(name: str) -> x509.GeneralName:
    is_address = name.replace(".", "").isdigit()
    return x509.IPAddress(ipaddress.ip_address(name)) if is_address else x509.DNSName(name)


_KINDS: Mapping[str, Callable[[Office], Papers]] = {
    "rsa": lambda o: o.leaf("rsa", "rsa2048"),
    "ec": lambda o: o.leaf("ec"),
    "p256-twin": lambda o: o.leaf("twin"),
    "p384": lambda o: o.leaf("p384", "p384"),
    "ed25519": lambda o: o.leaf("ed25519", "ed25519"),
    "rsa1024": lambda o: o.leaf("rsa1024", "rsa1024"),
    "rsa3072": lambda o: o.leaf("rsa3072", "rsa3072"),
    "expired": lambda o: o.leaf("expired", "rsa2048", days=(-90, -1)),
    "future": lambda o: o.leaf("future", "rsa2048", days=(1, 91)),
    "soon": lambda o: o.leaf("soon", "rsa2048", days=(-80, 5)),
    "self-signed": lambda o: o.issue("self-signed", None, key=o.key("rsa2048")),
    "other-name": lambda o: o.leaf("other-name", "rsa2048", names=("khac.example",)),
    "wildcard": lambda o: o.leaf("wildcard", "rsa2048", names=("*.tinh.example",)),
    "deep-wildcard": lambda o: o.leaf("deep-wildcard", "rsa2048", names=("*.example",)),
    "no-names": lambda o: o.leaf(NAME, "rsa2048", names=()),
    "address": lambda o: o.leaf("address", "rsa2048", names=("127.0.0.1",)),
    "vietnamese": lambda o: o.leaf("Cổng dịch vụ công", "rsa2048", names=(IDNA,)),
    "lone": lambda o: o.reordered(),
    "wrong-order": lambda o: o.reordered(o.root.leaf, o.middle.leaf),
    "with-root": lambda o: o.reordered(o.middle.leaf, o.root.leaf),
    "stray": lambda o: o.reordered(o.middle.leaf, o["self-signed"].leaf),
    "sha1": Office.sha1,
    "client-only": lambda o: o.leaf("client-only", "rsa2048", usage=ExtendedKeyUsageOID.CLIENT_AUTH),
    "expired-middle": lambda o: o.leaf(
        "under-expired",
        "rsa2048",
        o.issue("Trung gian cũ", o.root, key=o.key("rsa2048", "middle"), ca=True, days=(-90, -1)),
    ),
    "not-a-ca": lambda o: o.leaf("under-leaf", "rsa2048", o.issue("Không phải CA", o.middle, key=o.key("p256", "x"))),
    "unknown-root": Office.stranger,
    "long-lived": lambda o: o.leaf("long-lived", "rsa2048", days=(-10, 900)),
    "staple-good": lambda o: o.stapled(ocsp.OCSPCertStatus.GOOD),
    "staple-revoked": lambda o: o.stapled(ocsp.OCSPCertStatus.REVOKED),
    "staple-stale": lambda o: o.stapled(ocsp.OCSPCertStatus.GOOD, days=(-9, -2)),
    "must-staple": lambda o: o.leaf("must-staple", "rsa2048", must_staple=True),
}  # fmt: skip
