"""Does the SSH service offer only message authentication without known weakness?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, failed, notapplicable, over, param
from auditor.evidence.ssh_service import SshService, entry

_REFUSED = {
    "none": "RFC 4253 6.4 (2006-01)",
    "*md5*": "OpenSSH 7.2 (2016-02-29), RFC 6151 (2011-03)",
    "*-96*": "OpenSSH 7.2 (2016-02-29)",
    "*ripemd*": "OpenSSH 7.6 (2017-10-03)",
}
"""By shell pattern: who refuses it, and since when."""
_SOUND = dict.fromkeys(
    ("hmac-sha2-256*", "hmac-sha2-512*", "hmac-sha1*", "umac-64*", "umac-128*", "AEAD_AES_*"),
    "",
)
"""SHA-1 and 64-bit tags are not broken in a MAC, but nobody needs them: ``also_refused`` is for them."""


@dataclass(frozen=True)
class Params:
    refused: Mapping[str, str] = param(_REFUSED, stricter="more")
    """Patterns of names, with source and date."""
    also_refused: Mapping[str, str] = param({}, stricter="more")
    """What higher levels refuse besides."""


class SshMacs(Check[SshService, Params]):
    """A weak code lets others change what is sent without either side noticing."""

    id: ClassVar[str] = "access.ssh-macs"
    evidence: ClassVar[type] = SshService
    params: ClassVar[type] = Params

    def judge(self, evidence: SshService, params: Params) -> Verdict:
        if not evidence.listening:
            return notapplicable("not-listening", where=evidence.place)
        if evidence.proposal is None:
            return failed("first-version", found=evidence.identification, where=evidence.place)
        names = evidence.proposal.macs
        return over((_judged(name, evidence, params) for name in names), "macs")


def _judged(name: str, evidence: SshService, params: Params) -> Instance:
    why = entry(name, params.refused) or entry(name, params.also_refused)
    if why:
        return Instance(name, Result.FAIL, Say("refused", {"source": why}), found=name, where=evidence.place)
    if entry(name, _SOUND) is None:
        return Instance(name, Result.UNKNOWN, Say("unfamiliar"), found=name, where=evidence.place)
    return Instance(name, Result.PASS, Say("sound"), found=name, where=evidence.place)
