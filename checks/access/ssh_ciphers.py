"""Does the SSH service offer only ciphers without known weakness?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, failed, notapplicable, over, param
from auditor.evidence.ssh_service import SshService, entry

_REFUSED = {
    "none": "RFC 4253 6.3 (2006-01)",
    "arcfour*": "RFC 8758 (2020-04)",
    "3des-*": "NIST SP 800-131A r2 (2019-03)",
    "des-*": "NIST FIPS 46-3 (2005-05-19)",
    "blowfish-*": "OpenSSH 7.6 (2017-10-03)",
    "cast128-*": "OpenSSH 7.6 (2017-10-03)",
    "*-cbc*": "OpenSSH 6.7 (2014-10-06), CVE-2008-5161",
}
"""By shell pattern: who refuses it, and since when."""
_SOUND = dict.fromkeys(
    ("chacha20-poly1305*", "aes128-ctr*", "aes192-ctr*", "aes256-ctr*", "aes128-gcm*", "aes256-gcm*", "AEAD_AES_*"),
    "",
)


@dataclass(frozen=True)
class Params:
    refused: Mapping[str, str] = param(_REFUSED, stricter="more")
    """Patterns of names, with source and date."""
    also_refused: Mapping[str, str] = param({}, stricter="more")
    """What higher levels refuse besides."""


class SshCiphers(Check[SshService, Params]):
    """The two sides take the first cipher both know: one that is offered can be what a session is protected by."""

    id: ClassVar[str] = "access.ssh-ciphers"
    evidence: ClassVar[type] = SshService
    params: ClassVar[type] = Params

    def judge(self, evidence: SshService, params: Params) -> Verdict:
        if not evidence.listening:
            return notapplicable("not-listening", where=evidence.place)
        if evidence.proposal is None:
            return failed("first-version", found=evidence.identification, where=evidence.place)
        names = evidence.proposal.ciphers
        return over((_judged(name, evidence, params) for name in names), "ciphers")


def _judged(name: str, evidence: SshService, params: Params) -> Instance:
    why = entry(name, params.refused) or entry(name, params.also_refused)
    if why:
        return Instance(name, Result.FAIL, Say("refused", {"source": why}), found=name, where=evidence.place)
    if entry(name, _SOUND) is None:
        return Instance(name, Result.UNKNOWN, Say("unfamiliar"), found=name, where=evidence.place)
    return Instance(name, Result.PASS, Say("sound"), found=name, where=evidence.place)
