"""Are there keys by which the mail domain's signatures can be verified?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, over, param, unknown
from auditor.evidence.domain import DkimKey, DomainRecords, State


@dataclass(frozen=True)
class Params:
    rsa_bits: int = param(1024, stricter="higher")
    """Below this a receiver must not accept a signature (RFC 8301)."""


class MailDkim(Check[DomainRecords, Params]):
    """Of the selectors that the inventory names: which there are cannot be asked of the name service."""

    id: ClassVar[str] = "network.mail-dkim"
    evidence: ClassVar[type] = DomainRecords
    params: ClassVar[type] = Params

    def judge(self, evidence: DomainRecords, params: Params) -> Verdict:
        mail = evidence.mail
        if mail is None:
            return unknown("no-domain", where="inventory")
        if not mail.keys:
            return unknown("no-selectors", where="inventory", domain=mail.domain)
        return over([_judged(key, mail.domain, params) for key in mail.keys], "keys")


def _judged(key: DkimKey, domain: str, params: Params) -> Instance:
    where = f"TXT {key.selector}._domainkey.{domain}"
    if key.state is State.UNTESTED:
        return Instance(key.selector, Result.UNKNOWN, Say("untested", {"detail": key.problem}), where=where)
    if key.state is State.MISSING:
        return Instance(key.selector, Result.FAIL, Say("missing"), where=where)
    if key.problem:
        said = Say("revoked" if key.problem == "revoked" else "malformed")
        return Instance(key.selector, Result.FAIL, said, where=where)
    if key.bits is not None and key.bits < params.rsa_bits:
        return Instance(key.selector, Result.FAIL, Say("short"), params.rsa_bits, key.bits, where)
    return Instance(key.selector, Result.PASS, Say("there"), found=key.bits, where=where)
