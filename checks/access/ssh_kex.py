"""Does the SSH service offer only key exchanges without known weakness?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, failed, notapplicable, over, param
from auditor.evidence.ssh_service import SshService, entry

_REFUSED = {"*group14-sha1*": "OpenSSH 8.2 (2020-02-14)", "*sha1*": "RFC 9142 (2022-01)"}
"""By shell pattern: who refuses it, and since when."""
_SOUND = dict.fromkeys(
    (
        *("curve25519-sha256*", "curve448-sha512*", "ecdh-sha2-nistp*", "sntrup*", "mlkem*", "rsa2048-sha256"),
        *("diffie-hellman-group1[4-8]-sha256*", "diffie-hellman-group1[4-8]-sha512*"),
        *("diffie-hellman-group-exchange-sha256*", "gss-*-sha256-*", "gss-*-sha512-*"),
    ),
    "",
)
_MARKERS = dict.fromkeys(("ext-info-?", "kex-strict-?-*", "kexguess2@*"), "")
"""Signs among the key exchanges that are none."""


@dataclass(frozen=True)
class Params:
    refused: Mapping[str, str] = param(_REFUSED, stricter="more")
    """Patterns of names, with source and date."""
    also_refused: Mapping[str, str] = param({}, stricter="more")
    """What higher levels refuse besides."""


class SshKex(Check[SshService, Params]):
    """Who records a session of today may read it once a weak key exchange can be computed."""

    id: ClassVar[str] = "access.ssh-kex"
    evidence: ClassVar[type] = SshService
    params: ClassVar[type] = Params

    def judge(self, evidence: SshService, params: Params) -> Verdict:
        if not evidence.listening:
            return notapplicable("not-listening", where=evidence.place)
        if evidence.proposal is None:
            return failed("first-version", found=evidence.identification, where=evidence.place)
        names = [name for name in evidence.proposal.kex if entry(name, _MARKERS) is None]
        return over((_judged(name, evidence, params) for name in names), "kex")


def _judged(name: str, evidence: SshService, params: Params) -> Instance:
    why = entry(name, params.refused) or entry(name, params.also_refused)
    if why:
        return Instance(name, Result.FAIL, Say("refused", {"source": why}), found=name, where=evidence.place)
    if entry(name, _SOUND) is None:
        return Instance(name, Result.UNKNOWN, Say("unfamiliar"), found=name, where=evidence.place)
    return Instance(name, Result.PASS, Say("sound"), found=name, where=evidence.place)
