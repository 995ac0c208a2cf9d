"""Cipher suites, named groups and signature schemes: what their codes mean.

Names are IANA's (TLS registry; for SSL 2.0 those of its draft); properties of suites follow from their names.
"""

from __future__ import annotations

import re
from functools import cache

from auditor.dated import text_of
from auditor.evidence.tls import Group, Suite

_BITS = (  # effective strength, by how the cipher's name begins; the first that fits
    ("NULL", 0), ("RC4_40", 40), ("RC2_CBC_40", 40), ("DES40", 40), ("DES_CBC_40", 40), ("RC4_56", 56),
    ("RC2_CBC_56", 56), ("RC4_64", 64), ("DES", 56), ("3DES", 112), ("FORTEZZA", 80), ("CHACHA20", 256),
    ("28147", 256), ("MAGMA", 256), ("KUZNYECHIK", 256), ("SM4", 128), ("SEED", 128), ("IDEA", 128),
)  # fmt: skip
_HASHES = {"MD5": "md5", "SHA": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512", "SM3": "sm3"}
_AEAD = re.compile(r"(GCM|CCM|CCM_8|POLY1305|AEGIS_\w+|MGM_[LS])$")
_GOST_HASH = "streebog256"
_SSL2 = {
    "RC4_128": ("RC4_128", 128), "RC4_128_EXPORT40": ("RC4_40", 40), "RC2_128_CBC": ("RC2_CBC_128", 128),
    "RC2_128_CBC_EXPORT40": ("RC2_CBC_40", 40), "IDEA_128_CBC": ("IDEA_CBC", 128), "DES_64_CBC": ("DES_CBC", 56),
    "DES_192_EDE3_CBC": ("3DES_EDE_CBC", 112), "RC4_64": ("RC4_64", 64),
}  # fmt: skip


@cache
def all_suites() -> dict[int, Suite]:
    """Every suite there has been, by its code; those of SSL 2.0 have codes of three bytes."""
    text = text_of("tls_suites.txt")
    pairs = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {int(code, 16): described(int(code, 16), name) for code, name in pairs}


def suite(code: int) -> Suite:
    """The suite of a code; one that is not in the registry has its number for a name and no strength."""
    known = all_suites().get(code)
    return known or Suite(code=code, name=f"0x{code:04X}", exchange="unknown", authentication="unknown",
                          cipher="unknown", bits=0, hash="", aead=False)  # fmt: skip


def described(code: int, name: str) -> Suite:
    """What a suite's name says of it."""
    if name.startswith("SSL_CK_"):
        cipher, bits = _SSL2[name.removeprefix("SSL_CK_").removesuffix("_WITH_MD5")]
        return Suite(code=code, name=name, exchange="rsa", authentication="rsa", cipher=cipher, bits=bits, hash="md5",
                     aead=False)  # fmt: skip
    keys, _, rest = name.partition("_")[2].rpartition("_WITH_")
    exchange, authentication = _keys(keys) if keys else ("tls13", "tls13")
    cipher, hashed = _cipher(rest)
    if not keys and rest in ("SHA256_SHA256", "SHA384_SHA384"):  # RFC 9150: integrity only
        cipher = "NULL"
    return Suite(code=code, name=name, exchange=exchange, authentication=authentication, cipher=cipher,
                 bits=_bits(cipher), hash=hashed, aead=bool(_AEAD.search(cipher)))  # fmt: skip


def _keys(keys: str) -> tuple[str, str]:
    """Key exchange and authentication, from what stands before ``_WITH_``."""
    words = [word for word in keys.lower().split("_") if not word.startswith("export") and word != "fips"]
    match words:
        case ["gostr341112", _]:
            return "gost", "gost"
        case ["srp", "sha", *signed]:
            return "srp", (signed or ["srp"])[0]
        case ["fortezza", "kea"]:
            return "kea", "dss"
        case ["psk", "dhe"]:  # two of RFC 6655 have it this way round
            return "dhe", "psk"
        case ["dh" | "ecdh" as kind, "anon"]:  # its keys are made anew each time
            return f"{kind}e", "anon"
        case [one]:
            return one, one
        case [exchange, authentication]:
            return exchange, authentication
    raise ValueError(keys)


def _cipher(rest: str) -> tuple[str, str]:
    """Cipher and hash, from what stands behind ``_WITH_``."""
    head, _, tail = rest.rpartition("_")
    if tail in _HASHES and (head or tail in ("MD5", "SHA")):
        return head or "NULL", _HASHES[tail]
    if rest.endswith(("CCM", "CCM_8")):
        return rest, "sha256"  # RFC 6655
    return rest, _GOST_HASH


def _bits(cipher: str) -> int:
    for head, bits in _BITS:
        if cipher.startswith(head):
            return bits
    found = re.search(r"_(128|256)", cipher)
    if found is None:
        raise ValueError(cipher)
    return int(found[1])


_LATE = frozenset({"sha256", "sha384", "sha512", "sm3", _GOST_HASH})
_COMMON = frozenset({"rsa", "dhe", "ecdhe"})
_RARE = re.compile(r"ARIA|CAMELLIA|SEED|IDEA|FORTEZZA|NULL|RC2|DES40|CBC_40|_56|RC4_40|CCM")


@cache
def asked(version: str) -> tuple[int, ...]:
    """Every suite that a server of this version may know; what is common comes first, as some read no long lists."""

    def rank(one: Suite) -> tuple[bool, bool, bool, bool, int, int]:
        common = one.exchange in _COMMON and one.authentication != "anon"
        rare, weaker = bool(_RARE.search(one.cipher)), "dhe" not in one.exchange
        return not common, rare, not one.aead, weaker, -one.bits, one.code

    every = [one for one in all_suites().values() if (one.code > 0xFFFF) == (version == "SSLv2")]
    if version != "SSLv2":
        every = [one for one in every if (one.exchange == "tls13") == (version == "TLSv1.3")]
    if version in ("SSLv3", "TLSv1", "TLSv1.1"):
        every = [one for one in every if one.hash not in _LATE or one.exchange in ("psk", "srp") or "PSK" in one.name]
        every = [one for one in every if not one.aead]
    return tuple(one.code for one in sorted(every, key=rank))


_GROUPS = {
    0x0001: ("sect163k1", 163), 0x0002: ("sect163r1", 163), 0x0003: ("sect163r2", 163), 0x0004: ("sect193r1", 193),
    0x0005: ("sect193r2", 193), 0x0006: ("sect233k1", 233), 0x0007: ("sect233r1", 233), 0x0008: ("sect239k1", 239),
    0x0009: ("sect283k1", 283), 0x000A: ("sect283r1", 283), 0x000B: ("sect409k1", 409), 0x000C: ("sect409r1", 409),
    0x000D: ("sect571k1", 571), 0x000E: ("sect571r1", 571), 0x000F: ("secp160k1", 160), 0x0010: ("secp160r1", 160),
    0x0011: ("secp160r2", 160), 0x0012: ("secp192k1", 192), 0x0013: ("secp192r1", 192), 0x0014: ("secp224k1", 224),
    0x0015: ("secp224r1", 224), 0x0016: ("secp256k1", 256), 0x0017: ("secp256r1", 256), 0x0018: ("secp384r1", 384),
    0x0019: ("secp521r1", 521), 0x001A: ("brainpoolP256r1", 256), 0x001B: ("brainpoolP384r1", 384),
    0x001C: ("brainpoolP512r1", 512), 0x001D: ("x25519", 255), 0x001E: ("x448", 448),
    0x001F: ("brainpoolP256r1tls13", 256), 0x0020: ("brainpoolP384r1tls13", 384),
    0x0021: ("brainpoolP512r1tls13", 512), 0x0022: ("GC256A", 256), 0x0023: ("GC256B", 256), 0x0024: ("GC256C", 256),
    0x0025: ("GC256D", 256), 0x0026: ("GC512A", 512), 0x0027: ("GC512B", 512), 0x0028: ("GC512C", 512),
    0x0029: ("curveSM2", 256), 0x0100: ("ffdhe2048", 2048), 0x0101: ("ffdhe3072", 3072), 0x0102: ("ffdhe4096", 4096),
    0x0103: ("ffdhe6144", 6144), 0x0104: ("ffdhe8192", 8192),
}  # fmt: skip
_QUANTUM = {  # FIPS 203, alone and beside a curve (drafts of the IETF's TLS group; the last two are browsers' first)
    0x0200: ("MLKEM512", 0), 0x0201: ("MLKEM768", 0), 0x0202: ("MLKEM1024", 0), 0x11EB: ("SecP256r1MLKEM768", 256),
    0x11EC: ("X25519MLKEM768", 255), 0x11ED: ("SecP384r1MLKEM1024", 384), 0x11EE: ("curveSM2MLKEM768", 256),
    0x6399: ("X25519Kyber768Draft00", 255), 0x639A: ("SecP256r1Kyber768Draft00", 256),
}  # fmt: skip
GROUPS_13 = (0x11EC, 0x11EB, 0x11ED, 0x001D, 0x0017, 0x0018, 0x0019, 0x001E, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104,
             0x6399, 0x639A, 0x0200, 0x0201, 0x0202, 0x11EE, 0x001F, 0x0020, 0x0021, 0x0029)  # fmt: skip
"""Groups that TLS 1.3 may be asked for."""


def group(code: int) -> Group:
    """The named group of a code."""
    if code in _QUANTUM:
        return Group(code, *_QUANTUM[code], hybrid=True)
    return Group(code, *_GROUPS.get(code, (f"0x{code:04X}", 0)))


def group_of(name: str) -> int:
    """The code of a curve by its name; 0 where it has none."""
    return next((code for code, (known, _) in _GROUPS.items() if known.lower() == name.lower()), 0)


_SCHEMES = {
    0x0804: "rsa_pss_rsae_sha256", 0x0805: "rsa_pss_rsae_sha384", 0x0806: "rsa_pss_rsae_sha512", 0x0807: "ed25519",
    0x0808: "ed448", 0x0809: "rsa_pss_pss_sha256", 0x080A: "rsa_pss_pss_sha384", 0x080B: "rsa_pss_pss_sha512",
    0x0403: "ecdsa_secp256r1_sha256", 0x0503: "ecdsa_secp384r1_sha384", 0x0603: "ecdsa_secp521r1_sha512",
    0x0203: "ecdsa_sha1", 0x081A: "ecdsa_brainpoolP256r1tls13_sha256", 0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512", 0x0708: "sm2sig_sm3",
}  # fmt: skip
_DIGESTS = {1: "md5", 2: "sha1", 3: "sha224", 4: "sha256", 5: "sha384", 6: "sha512"}
_SIGNERS = {1: "rsa_pkcs1", 2: "dsa", 3: "ecdsa"}


def scheme(code: int) -> str:
    """The name of a signature scheme (RFC 8446 4.2.3; RFC 5246's pairs of hash and signer in the same way)."""
    if code in _SCHEMES:
        return _SCHEMES[code]
    digest, signer = _DIGESTS.get(code >> 8), _SIGNERS.get(code & 0xFF)
    return f"{signer}_{digest}" if digest and signer else f"0x{code:04X}"
