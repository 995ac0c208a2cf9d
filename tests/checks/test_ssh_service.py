"""The tables of refused and sound algorithms, against names that servers are known to send."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auditor import registry
from auditor.check import Check
from auditor.evidence.ssh_service import Proposal, SshService
from auditor.model import Result
from tests.support import seen

_SOUND = Proposal(
    kex=("curve25519-sha256",),
    host_keys=("ssh-ed25519",),
    ciphers_in=("aes256-ctr",),
    ciphers_out=("aes256-ctr",),
    macs_in=("hmac-sha2-256",),
    macs_out=("hmac-sha2-256",),
    compression_in=("none",),
    compression_out=("none",),
)


def judged(check_id: str, **lists: tuple[str, ...]) -> Result:
    check: Check[Any, Any] = registry.checks()[check_id][0]
    service = SshService(
        seen=seen(),
        address="192.0.2.7",
        port=22,
        listening=True,
        identification="SSH-2.0-x",
        protocol="2.0",
        proposal=replace(_SOUND, **lists),
    )
    return check.judge(service, check.params()).result


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("mlkem768x25519-sha256", Result.PASS),
        ("sntrup761x25519-sha512@openssh.com", Result.PASS),
        ("diffie-hellman-group-exchange-sha256", Result.PASS),
        ("diffie-hellman-group18-sha512", Result.PASS),
        ("gss-curve25519-sha256-toWM5Slw5Ew8Mqkay+al2g==", Result.PASS),
        ("kex-strict-s-v00@openssh.com", Result.PASS),
        ("kexguess2@matt.ucc.asn.au", Result.PASS),
        ("diffie-hellman-group14-sha1", Result.FAIL),
        ("diffie-hellman-group1-sha1", Result.FAIL),
        ("diffie-hellman-group-exchange-sha1", Result.FAIL),
        ("gss-group1-sha1-toWM5Slw5Ew8Mqkay+al2g==", Result.FAIL),
        ("rsa1024-sha1", Result.FAIL),
        ("diffie-hellman-group1-sha256", Result.UNKNOWN),
        ("quantum-made-up", Result.UNKNOWN),
    ],
)
def test_key_exchanges(name: str, result: Result) -> None:
    assert judged("access.ssh-kex", kex=("curve25519-sha256", name)) is result


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("chacha20-poly1305@openssh.com", Result.PASS),
        ("aes128-gcm@openssh.com", Result.PASS),
        ("AEAD_AES_256_GCM", Result.PASS),
        ("aes128-cbc", Result.FAIL),
        ("rijndael-cbc@lysator.liu.se", Result.FAIL),
        ("3des-ctr", Result.FAIL),
        ("arcfour256", Result.FAIL),
        ("des-cbc@ssh.com", Result.FAIL),
        ("none", Result.FAIL),
        ("camellia256-ctr@openssh.org", Result.UNKNOWN),
    ],
)
def test_ciphers_of_either_direction(name: str, result: Result) -> None:
    assert judged("access.ssh-ciphers", ciphers_in=("aes256-ctr", name)) is result
    assert judged("access.ssh-ciphers", ciphers_out=("aes256-ctr", name)) is result


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("hmac-sha2-512-etm@openssh.com", Result.PASS),
        ("hmac-sha1", Result.PASS),
        ("umac-64@openssh.com", Result.PASS),
        ("hmac-md5-etm@openssh.com", Result.FAIL),
        ("hmac-sha1-96", Result.FAIL),
        ("hmac-sha2-256-96", Result.FAIL),
        ("hmac-ripemd160@openssh.com", Result.FAIL),
        ("none", Result.FAIL),
        ("hmac-whirlpool", Result.UNKNOWN),
    ],
)
def test_message_authentication_of_either_direction(name: str, result: Result) -> None:
    assert judged("access.ssh-macs", macs_in=("hmac-sha2-256", name)) is result
    assert judged("access.ssh-macs", macs_out=("hmac-sha2-256", name)) is result


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("rsa-sha2-512-cert-v01@openssh.com", Result.PASS),
        ("ecdsa-sha2-nistp521", Result.PASS),
        ("ssh-rsa", Result.FAIL),
        ("ssh-rsa-cert-v01@openssh.com", Result.FAIL),
        ("ssh-dss", Result.FAIL),
        ("x509v3-ssh-dss", Result.FAIL),
        ("ssh-made-up", Result.UNKNOWN),
    ],
)
def test_host_key_algorithms(name: str, result: Result) -> None:
    assert judged("access.ssh-host-keys", host_keys=("ssh-ed25519", name)) is result
