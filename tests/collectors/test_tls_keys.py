"""Key schedules against the vectors of their RFCs, and records against themselves, spoilt and whole."""

from __future__ import annotations

from hashlib import new as digest_of

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collectors._tls import guards, keys

# --- HKDF: RFC 5869 appendix A --------------------------------------------------------------------------------

HKDF = {
    "A.1": ("sha256", "0b" * 22, bytes(range(13)).hex(), bytes(range(0xF0, 0xFA)).hex(),
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
    "A.3": ("sha256", "0b" * 22, "", "",
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
    "A.4": ("sha1", "0b" * 11, bytes(range(13)).hex(), bytes(range(0xF0, 0xFA)).hex(),
            "9b6c18c432a7bf8f0e71c8eb88f4b30baa2ba243",
            "085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3f896"),
}  # fmt: skip


@pytest.mark.parametrize("case", HKDF.values(), ids=HKDF.keys())
def test_hkdf_as_its_rfc_has_it(case: tuple[str, ...]) -> None:
    name, secret, salt, info, extracted, expanded = case
    made = keys.extract(name, bytes.fromhex(salt), bytes.fromhex(secret))
    assert made.hex() == extracted
    assert keys.expand(name, made, bytes.fromhex(info), 42).hex() == expanded


# --- TLS 1.3: RFC 8448 section 3, "Simple 1-RTT Handshake" ------------------------------------------------------

CLIENT_HELLO = bytes.fromhex(
    "010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113031302010000910000000b"
    "0009000006736572766572ff01000100000a00140012001d0017001800190100010101020103010400230000003300260024001d002099"
    "381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e0403050306030203080408"
    "05080604010501060102010402050206020202002d00020101001c00024001"
)
SERVER_HELLO = bytes.fromhex(
    "020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e00330024001d0020c98288"
    "76112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304"
)
SHARED = bytes.fromhex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d")


def test_the_secrets_of_rfc_8448_section_3() -> None:
    hellos = CLIENT_HELLO + SERVER_HELLO
    assert digest_of("sha256", hellos).hexdigest() == "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8"
    secret = keys.handshake_secret("sha256", SHARED)
    assert secret.hex() == "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac"
    client = keys.derive("sha256", secret, b"c hs traffic", hellos)
    server = keys.derive("sha256", secret, b"s hs traffic", hellos)
    assert client.hex() == "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21"
    assert server.hex() == "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"
    master = keys.master_secret("sha256", secret)
    assert master.hex() == "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919"


def test_the_record_keys_of_rfc_8448_section_3() -> None:
    server = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    assert keys.expand_label("sha256", server, b"key", b"", 16).hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert keys.expand_label("sha256", server, b"iv", b"", 12).hex() == "5d313eb2671276ee13000b30"
    finished = "008d3b66f816ea559f96b537e885c31fc068bf492c652f01f288a1d8cdc19fc8"
    assert keys.expand_label("sha256", server, b"finished", b"", 32).hex() == finished


# --- TLS 1.2's PRF: the vectors its working group agreed on in 2009 (P_SHA256; mailing list, "TLS 1.2 PRF vectors") -


def test_the_prf_of_tls_1_2() -> None:
    secret = bytes.fromhex("9bbe436ba940f017b17652849a71db35")
    seed = bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    made = keys.prf(0x0303, "sha256", secret, b"test label", seed, 100)
    assert made.hex() == (
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077d"
        "ef17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
    )


def test_before_tls_1_2_an_odd_byte_of_the_secret_goes_to_both_halves() -> None:
    one = keys.prf(0x0301, "", b"abc", b"l", b"s", 40)
    md5, sha1 = keys._p_hash("md5", b"ab", b"ls", 40), keys._p_hash("sha1", b"bc", b"ls", 40)
    assert one == bytes(a ^ b for a, b in zip(md5, sha1, strict=True))


# --- records --------------------------------------------------------------------------------------------------

VERSIONS = (0x0301, 0x0302, 0x0303)
AEADS = sorted(guards._AEADS)
MACS = {"sha1": 20, "sha256": 32, "sha384": 48}
RANDOMS = bytes(32), bytes(range(32))


def pair(version: int, cipher: str, mac: str) -> tuple[guards.Guard, guards.Guard]:
    """The client's guard on both ends of the line."""
    one, two = (guards.guards12(version, cipher, mac, b"m" * 48, RANDOMS)[0] for _ in range(2))
    return one, two


def ends() -> list[tuple[str, guards.Guard, guards.Guard]]:
    made = []
    for name in AEADS:
        one, two = (guards.guard13(name, "sha384", b"t" * 48) for _ in range(2))
        made.append((f"1.3 {name}", one, two))
    made += [(f"1.2 {name}", *pair(0x0303, name, "sha256")) for name in AEADS]
    for version in VERSIONS:
        for name in sorted(guards._BLOCKS):
            made += [(f"{version:04x} {name} {mac}", *pair(version, name, mac)) for mac in MACS]
    return made


@pytest.mark.parametrize(("name", "one", "two"), ends(), ids=[name for name, *_ in ends()])
def test_what_one_seals_the_other_opens(name: str, one: guards.Guard, two: guards.Guard) -> None:
    for kind, data in ((22, b"\x14\x00\x00\x00"), (23, b""), (23, b"x" * 16384), (21, b"\x01\x00")):
        record = one.seal(kind, data)
        assert record[3:5] == (len(record) - 5).to_bytes(2, "big")
        assert two.open(record[:5], record[5:]) == (kind, data)


@pytest.mark.parametrize(("name", "one", "two"), ends(), ids=[name for name, *_ in ends()])
def test_a_record_spoilt_is_not_opened(name: str, one: guards.Guard, two: guards.Guard) -> None:
    record = bytearray(one.seal(22, b"some message of the handshake"))
    record[-1] ^= 1
    with pytest.raises(ValueError):  # noqa: PT011 - any word will do
        two.open(bytes(record[:5]), bytes(record[5:]))


@pytest.mark.parametrize(("name", "one", "two"), ends(), ids=[name for name, *_ in ends()])
def test_a_record_out_of_turn_is_not_opened(name: str, one: guards.Guard, two: guards.Guard) -> None:
    one.seal(22, b"first")
    record = one.seal(22, b"second")
    with pytest.raises(ValueError):  # noqa: PT011
        two.open(record[:5], record[5:])


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ends()), st.binary(max_size=80))
def test_bytes_that_are_no_record_raise_nothing_else(end: tuple[str, guards.Guard, guards.Guard], body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        end[2].open(b"\x17\x03\x03" + len(body).to_bytes(2, "big"), body)


def test_a_cipher_nobody_here_speaks() -> None:
    with pytest.raises(KeyError):
        guards.guards12(0x0303, "ARIA_128_GCM", "sha256", b"", RANDOMS)
    with pytest.raises(KeyError):
        guards.guard13("AES_128_CBC", "sha256", b"t" * 32)
