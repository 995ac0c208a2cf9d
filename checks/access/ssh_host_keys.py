"""Are the host keys of the SSH service strong, and signed with by sound algorithms?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, failed, notapplicable, over, param
from auditor.evidence.ssh_service import HostKey, SshService, entry

_OLD = "RFC 8332 (2018-03), OpenSSH 8.8 (2021-09-26)"
_REFUSED = {"*dss*": "OpenSSH 7.0 (2015-08-11)", "ssh-rsa*": _OLD, "x509v3-ssh-rsa": _OLD, "x509v3-sign-rsa*": _OLD}
"""Algorithms, by shell pattern: who refuses them, and since when."""
_SOUND = ("rsa-sha2-*", "ssh-ed25519*", "ssh-ed448*", "ecdsa-sha2-nistp*", "sk-*", "x509v3-rsa2048-*", "x509v3-ecdsa-*")


@dataclass(frozen=True)
class Params:
    refused: Mapping[str, str] = param(_REFUSED, stricter="more")
    rsa_bits: int = param(2048, stricter="higher")
    """NIST SP 800-131A r2 (2019-03)."""


class SshHostKeys(Check[SshService, Params]):
    """Who can compute a weak host key can pose as the machine and take the passwords typed into it."""

    id: ClassVar[str] = "access.ssh-host-keys"
    evidence: ClassVar[type] = SshService
    params: ClassVar[type] = Params

    def judge(self, evidence: SshService, params: Params) -> Verdict:
        if not evidence.listening:
            return notapplicable("not-listening", where=evidence.place)
        if evidence.proposal is None:
            return failed("first-version", found=evidence.identification, where=evidence.place)
        return over([*_algorithms(evidence, params), *_keys(evidence, params)], "host-keys")


def _algorithms(evidence: SshService, params: Params) -> Iterator[Instance]:
    for name in evidence.proposal.host_keys if evidence.proposal else ():
        result, said = Result.PASS, Say("sound")
        if why := entry(name, params.refused):
            result, said = Result.FAIL, Say("refused", {"source": why})
        elif entry(name, dict.fromkeys(_SOUND, "")) is None:
            result, said = Result.UNKNOWN, Say("unfamiliar")
        yield Instance(name, result, said, found=name, where=evidence.place)


def _keys(evidence: SshService, params: Params) -> Iterator[Instance]:
    for key in evidence.keys:
        yield Instance(key.fingerprint, *_strength(key, params), found=f"{key.type} {key.bits}", where=evidence.place)
    for one in evidence.unseen:
        yield Instance(f"key of {one.algorithm}", Result.UNKNOWN, Say("unseen", {"why": one.why.detail}))


def _strength(key: HostKey, params: Params) -> tuple[Result, Say]:
    if key.type == "ssh-rsa" and key.bits < params.rsa_bits:
        return Result.FAIL, Say("short", {"bits": key.bits, "least": params.rsa_bits})
    return (Result.PASS, Say("strong", {"bits": key.bits})) if key.proved else (Result.UNKNOWN, Say("unproved"))
