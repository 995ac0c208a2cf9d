"""What each TLS check must say of an animal: reasoned from its truth, never from what was seen.

Where a check must say otherwise than these reasons give, the animal's ``checks`` say so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.zoo.keeper import Animal
from tests.zoo.truth import preference, versions

OLD = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1")
_WEAK = re.compile(r"anon|NULL|EXPORT|RC4|DES|^SSL_CK")
_AGREED = re.compile(r"^TLS_(DHE|ECDHE|DH_anon|ECDH_anon|AES|CHACHA20)_")
_SIGNED = re.compile(r"^TLS_(DHE|ECDHE|AES|CHACHA20)_")
_AEAD = re.compile(r"GCM|CCM|POLY1305")
CERTIFICATE = ("certificate-expiry", "certificate-renewal", "certificate-trust", "certificate-name", "key-strength",
               "signature-hash", "certificate-usage", "certificate-chain")  # fmt: skip
REVOCATION = {"good": "pass", "revoked": "fail"}
CLEAR = {"": "notapplicable", "no": "pass", "yes": "fail", "untested": "unknown"}
PRIVATE = ("certificate-transparency", "certificate-lifetime")
"""Asked of certificates of public CAs only; the zoo has none."""
ELSEWHERE = frozenset({"tls.configuration"})
"""Not judged here: it compares with a target configuration that the inventory names (tests/checks)."""


def expected(one: Animal) -> dict[str, tuple[str, ...]]:
    """Results that are right, by check; usually one."""
    said = _said(one)
    made: dict[str, tuple[str, ...]] = {f"tls.{name}": (result,) for name, result in _reasoned(one, said).items()}
    for check, result in one.truth.get("checks", {}).items():
        made[check] = tuple(result) if isinstance(result, list) else (result,)
    return made


def _said(one: Animal) -> dict[str, str]:
    """Its features. A toy has those that its settings name, and no other."""
    told = {name: answer for name, answer in one.truth.get("features", {}).items() if answer}
    if one.software != "toy":
        return told
    says = one.settings.get("says", "").split()
    names = ("compression", "secure-renegotiation", "fallback-scsv")
    usual = {name: "yes" if name in says else "no" for name in names}
    return usual | {f"{name}-tolerance": "yes" for name in ("version", "extension", "long-hello")} | told


def _reasoned(one: Animal, said: Mapping[str, str]) -> dict[str, str]:
    offered, silent = versions(one), one.truth.get("peer", "")
    if not offered:
        return {}
    suites = [name for held in offered.values() for name in held]
    old, newest = [name for name in offered if name in OLD], list(offered)[-1]
    only13 = list(offered) == ["TLSv1.3"]
    made = {
        "protocol-versions": "fail" if old else "pass",
        "modern-version": "pass" if len(old) < len(offered) else "fail",
        "cipher-suites": "fail" if any(_WEAK.search(name) for name in suites) else "pass",
        "forward-secrecy": _forward_secrecy(one, offered[newest], newest),
        "key-exchange": _key_exchange(one, suites),
        "handshake-signatures": "unknown" if only13 and silent == "none" else _signatures(one, offered),
        "early-data": "notapplicable" if "TLSv1.3" not in offered else _wished(said, "early-data", "no"),
        "fallback-protection": _wished(said, "fallback-scsv", "yes") if old and len(offered) > 1 else "notapplicable",
        "plain-login": CLEAR[one.truth.get("clear", "")],
        "starttls-injection": _wished(said, "starttls-injection", "no") if _of_lines(one) else "notapplicable",
    }
    if silent != "any":
        made |= dict.fromkeys(CERTIFICATE, "unknown" if silent == "none" else "pass")
        made |= dict.fromkeys(PRIVATE, "unknown" if silent == "none" else "notapplicable")
        made["certificate-revocation"] = REVOCATION.get(one.truth.get("revocation", ""), "unknown")
        made["compression"] = _wished(said, "compression", "no")
        tolerances = [_wished(said, f"{name}-tolerance", "yes") for name in ("version", "extension", "long-hello")]
        made["tolerance"] = _worst(tolerances)
        renegotiation = [_wished(said, "secure-renegotiation", "yes"), _wished(said, "client-renegotiation", "no")]
        made["renegotiation"] = "notapplicable" if only13 else _worst(renegotiation)
    made["service-grade"] = _grade(one, made, said, suites, only13)
    return made


def _of_lines(one: Animal) -> bool:
    """Commands in lines are what can be slipped in behind STARTTLS."""
    return one.software == "starttls" and one.settings["scheme"] in ("smtp", "imap", "pop3", "ftp")


def _wished(said: Mapping[str, str], name: str, wish: str) -> str:
    return {wish: "pass", "": "unknown"}.get(said.get(name, ""), "fail")


def _worst(results: list[str]) -> str:
    return next((word for word in ("fail", "unknown") if word in results), "pass")


def _forward_secrecy(one: Animal, suites: tuple[str, ...], newest: str) -> str:
    first = suites[:1] if preference(one, newest) == "server" else suites
    return "pass" if any(_SIGNED.search(name) for name in first) else "fail"


def _key_exchange(one: Animal, suites: list[str]) -> str:
    if not any(_AGREED.search(name) for name in suites):
        return "notapplicable"
    return "fail" if any(bits < 2048 for bits in one.truth.get("dh", ())) else "pass"


def _signatures(one: Animal, offered: Mapping[str, tuple[str, ...]]) -> str:
    """Before TLS 1.2 a key exchange is signed over MD5 and SHA-1 (RSA) or SHA-1, whatever the two sides say."""
    signing = [name for name, suites in offered.items() if any(_SIGNED.search(suite) for suite in suites)]
    if not signing:
        return "notapplicable"
    return "fail" if one.truth.get("signs") == "weak" or any(name in OLD for name in signing) else "pass"


def _grade(one: Animal, made: Mapping[str, str], said: Mapping[str, str], suites: list[str], only13: bool) -> str:
    """B or better passes; what caps it lower are old versions, weak suites, keys, groups or signatures …"""
    own = one.truth.get("checks", {})
    caps = ("protocol-versions", "modern-version", "cipher-suites", "key-exchange", "compression",
            "fallback-protection", "certificate-expiry", "certificate-trust", "key-strength",
            "signature-hash")  # fmt: skip
    results = [own.get(f"tls.{name}", made.get(name, "pass")) for name in caps]
    if not only13:
        results.append(_wished(said, "secure-renegotiation", "yes"))
    if not any(_AEAD.search(name) for name in suites):
        results.append("fail")
    return _worst(results)
