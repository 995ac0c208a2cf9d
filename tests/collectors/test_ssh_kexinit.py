"""What the SSH reader makes of bytes that no real server sent: a result or ``Malformed``, never anything else."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collector import Reading
from auditor.collectors import _kexchange, _kexinit
from auditor.collectors._hostkey import Exchange, host_key, load
from auditor.collectors._kexinit import Malformed, mpint, packed, packet, to_kexinit, to_mpint, to_string
from auditor.collectors.ssh_kexinit import KexinitSsh, port
from auditor.evidence.ssh_service import Proposal, SshService
from auditor.model import CollectError, Observation, Reason, Unavailable
from tests.live.ssh_lab import ssh1_public_key
from tests.support import NOW, reading, target

CASES = Path(__file__).parent.parent / "cases" / "ssh.kexinit"
NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-@.", min_size=1, max_size=20)
LISTS = st.lists(NAMES, max_size=5).map(tuple)


def recorded(case: str, key: str) -> Exchange:
    told = yaml.load((CASES / f"{case}.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)  # noqa: TID251 (our own file)
    return load(told["observations"][f"key-{key}"]["stdout"].encode())


def changed(whole: Exchange, field: str, value: bytes) -> Exchange:
    parts: dict[str, Any] = {field: value}
    return dataclasses.replace(whole, **parts)


@pytest.mark.parametrize("read", [_kexinit.greeting, _kexinit.first_version, _kexinit.next_message, _kexinit.kexinit])
@given(data=st.binary(max_size=400) | st.binary(max_size=60).map(lambda b: b"SSH-2.0-x\r\n" + packed(b"\x14" + b)))
@settings(max_examples=60)
def test_any_bytes_give_a_result_or_malformed(read: Any, data: bytes) -> None:
    with contextlib.suppress(Malformed):
        read(data)


@given(raw=st.binary(max_size=200), document=st.binary(max_size=100) | st.just(b'{"kex": 1}') | st.just(b"[]"))
@settings(max_examples=60)
def test_any_observation_gives_evidence_or_a_reason(raw: bytes, document: bytes) -> None:
    on = target(connect="ssh")
    for hello in (raw, b"SSH-2.0-x\n" + raw, b"SSH-1.5-x\n" + raw):
        with contextlib.suppress(CollectError):
            assert isinstance(KexinitSsh().parse(reading({"hello": hello, "key-rsa": document}, on)), SshService)


@given(field=st.sampled_from([f.name for f in dataclasses.fields(Exchange)]), value=st.binary(max_size=80))
@settings(max_examples=60)
def test_an_exchange_with_any_part_changed_proves_nothing(field: str, value: bytes) -> None:
    whole = recorded("openssh-oldest", "rsa")
    assert host_key(whole).proved
    if field in ("kex", "hash", "algorithm") or value == getattr(whole, field):
        return
    try:
        assert not host_key(changed(whole, field, value)).proved
    except Malformed:
        assert field == "host_key"


@pytest.mark.parametrize(
    ("case", "key"),
    [("openssh-legacy", "dss"), ("openssh-legacy", "rsa"), ("openssh-good", "ed25519"), ("dropbear", "ecdsa-256")],
)
def test_each_kind_of_key_must_prove_itself(case: str, key: str) -> None:
    whole = recorded(case, key)
    assert host_key(whole).proved
    for part in ("agreed", "server_id", "between"):
        assert not host_key(changed(whole, part, b"\0\0\0\1\1")).proved
    flipped = whole.signature[:-1] + bytes([whole.signature[-1] ^ 1])
    assert not host_key(dataclasses.replace(whole, signature=flipped)).proved


def test_a_key_that_does_not_prove_itself_is_shown_to_nobody() -> None:
    whole = recorded("openssh-oldest", "rsa")
    told = yaml.load((CASES / "openssh-oldest.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)  # noqa: TID251
    hello = base64.b64decode(told["observations"]["hello"]["stdout_b64"])
    sound = KexinitSsh().parse(reading({"hello": hello, "key-rsa": whole.dump()}, target(connect="ssh")))
    forged = dataclasses.replace(whole, agreed=to_mpint(5))
    lying = KexinitSsh().parse(reading({"hello": hello, "key-rsa": forged.dump()}, target(connect="ssh")))
    assert [one.fingerprint for one in sound.shown_keys()] == [sound.keys[0].sha256]
    assert lying.keys
    assert not lying.shown_keys()


def test_a_huge_key_costs_no_time() -> None:
    blob = to_string(b"ssh-rsa") + to_mpint((1 << 400_000) - 1) + to_mpint((1 << 400_000) + 1)
    made = dataclasses.replace(recorded("openssh-oldest", "rsa"), host_key=blob)
    assert not host_key(made).proved


def test_small_talk_is_left_out_within_reason() -> None:
    ignored = packed(bytes([2]) + to_string(b""))
    assert _kexinit.next_message(ignored * 3 + packed(b"\x14x")) == (b"\x14x", b"")
    assert _kexinit.next_message(ignored * 3) is None
    with pytest.raises(Malformed, match="say nothing"):
        _kexinit.next_message(ignored * 20_000)
    with pytest.raises(Malformed, match="it hung up: 'Too many users'"):
        _kexinit.next_message(packed(bytes([1, 0, 0, 0, 12]) + to_string(b"Too many users") + to_string(b"")))


@given(payload=st.binary(min_size=1, max_size=300), more=st.binary(max_size=20))
def test_packets_come_back(payload: bytes, more: bytes) -> None:
    made = packed(payload)
    assert len(made) % 8 == 0
    assert packet(made + more) == (payload, more)
    assert packet(made[:-1]) is None


@given(number=st.integers(min_value=0, max_value=1 << 300))
def test_numbers_come_back(number: int) -> None:
    assert mpint(to_mpint(number) + b"x") == (number, b"x")


@given(lists=st.tuples(LISTS.filter(bool), LISTS.filter(bool), *[LISTS] * 6))
@settings(max_examples=40)
def test_lists_come_back(lists: tuple[tuple[str, ...], ...]) -> None:
    made = Proposal(**dict(zip(Proposal.__dataclass_fields__, lists, strict=True)))
    assert _kexinit.kexinit(to_kexinit(made, bytes(16))).proposal == made


@pytest.mark.parametrize(
    ("line", "protocol", "software", "comments"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n", "2.0", "OpenSSH_9.2p1", "Debian-2+deb12u10"),
        (b"SSH-1.99-Cisco-1.25\n", "1.99", "Cisco-1.25", ""),
        (b"SSH-2.0--\r\n", "2.0", "-", ""),  # Huawei's way of hiding its name
        (b"SSH-2.0-\r\n", "2.0", "", ""),
        (b"Welcome\r\n\r\nSSH-1.5-1.2.33\n", "1.5", "1.2.33", ""),
    ],
)
def test_identifications(line: bytes, protocol: str, software: str, comments: str) -> None:
    told = _kexinit.greeting(line + b"rest")
    assert told is not None
    assert (told.protocol, told.software, told.comments, told.rest) == (protocol, software, comments, b"rest")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"SSH-two-x\r\n", "not an identification"),
        (b"SSH-2.0-\x1b[31m\r\n", "not an identification"),
        (b"x" * 20000, "no identification within"),
    ],
)
def test_what_is_no_identification(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        _kexinit.greeting(data)


def test_ssh1_needs_its_checksum() -> None:
    whole = ssh1_public_key()
    found = _kexinit.first_version(whole)
    assert found is not None
    assert (found.host_key_bits, found.ciphers) == (1024, ("3des", "blowfish"))
    assert _kexinit.first_version(whole[:-1]) is None
    with pytest.raises(Malformed, match="checksum"):
        _kexinit.first_version(whole[:30] + b"\xff" + whole[31:])


@pytest.mark.parametrize("name", [name for name in _kexchange.METHODS if "group1" in name])
def test_groups_are_safe_primes(name: str) -> None:
    bits, offset = {"group1-": (1024, 129093), "group14": (2048, 124476), "group16": (4096, 240904)}.get(
        name.removeprefix("diffie-hellman-")[:7], (8192, 4743158)
    )
    prime = _kexchange._prime(bits, offset)
    assert prime.bit_length() == bits
    assert prime >> bits - 64 == prime & (1 << 64) - 1 == (1 << 64) - 1
    if bits < 4096:  # Fermat's test of the greater ones takes longer than it is worth: their signatures verify
        assert pow(2, prime - 1, prime) == pow(2, prime // 2 - 1, prime // 2) == 1


def test_strict_or_not_is_read_from_the_lists() -> None:
    def offered(ciphers: tuple[str, ...], macs: tuple[str, ...], out: tuple[str, ...] = ()) -> tuple[str, ...]:
        lists = dict.fromkeys(Proposal.__dataclass_fields__, ("none",))
        return Proposal(
            **lists | {"ciphers_in": ciphers, "macs_in": macs, "ciphers_out": out, "macs_out": ("hmac-sha2-256",)}
        ).prefix_truncatable

    assert offered(("chacha20-poly1305@openssh.com",), ("hmac-sha1",)) == ("chacha20-poly1305@openssh.com",)
    assert offered(("aes128-cbc",), ("hmac-sha2-256-etm@openssh.com",)) == (
        "aes128-cbc + hmac-sha2-256-etm@openssh.com",
    )
    assert offered(("aes128-ctr",), ("hmac-sha2-256-etm@openssh.com",), ("aes128-cbc",)) == ()


def test_whom_it_serves_follows_from_the_inventory() -> None:
    serves = KexinitSsh().serves
    assert serves(target(connect="ssh"))
    assert serves(target(connect="local"))
    assert not serves(target(connect="bundle"))
    assert not serves(target(connect="network"))
    assert serves(target(kind="device", platform="fortios", connect="file"))
    assert not serves(target(kind="device", platform="fortios", connect="file", address=None))
    assert not serves(target(kind="endpoint"))
    assert port(target(ssh={"port": 2222})) == 2222
    assert port(target()) == 22


def test_a_refusal_counts_as_nothing_there_on_this_very_machine_only() -> None:
    refused = Observation(
        key="hello",
        source="ssh",
        target="may-01",
        vantage="auditor",
        collected_at=NOW,
        stdout=b"",
        stderr="127.0.0.1 port 22: refused, after 0 bytes",
        exit=None,
        problem=Reason.UNREACHABLE,
    )
    seen = reading({}).seen
    here = KexinitSsh().parse(Reading(target(connect="local"), seen, {"hello": refused}))
    assert not here.listening
    for told in (dataclasses.replace(refused, stderr="127.0.0.1 port 22: unreachable, after 0 bytes"), refused):
        on = target(connect="local" if told is not refused else "ssh")
        with pytest.raises(CollectError, match="unreachable"):
            KexinitSsh().parse(Reading(on, seen, {"hello": told}))


def test_a_key_that_was_not_asked_for_stays_unseen() -> None:
    made = Proposal(**dict.fromkeys(Proposal.__dataclass_fields__, ("none",)) | {"host_keys": ("ssh-rsa", "x-y")})
    hello = b"SSH-2.0-x\r\n" + packed(to_kexinit(made, bytes(16)))
    found = KexinitSsh().parse(reading({"hello": hello}, target(connect="ssh")))
    assert [(one.algorithm, one.why.reason) for one in found.unseen] == [("ssh-rsa", Reason.UNSUPPORTED)]
    assert isinstance(found.unseen[0].why, Unavailable)
