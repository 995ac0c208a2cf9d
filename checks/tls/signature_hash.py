"""Are the certificates signed with a sound hash?"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Unavailable, Verdict, over, unknown
from auditor.evidence.certificates import Certificate, each
from auditor.evidence.tls import TlsService

_WEAK = frozenset({"md5", "sha1"})
_SOUND = frozenset(
    {"sha224", "sha256", "sha384", "sha512", "sha512-224", "sha512-256", "sha3-224", "sha3-256", "sha3-384", "sha3-512"}
    | {"ed25519", "ed448"}
)


class SignatureHash(Check[TlsService, NoParams]):
    """All signatures of the chains shown but a root's own, which nobody checks."""

    id: ClassVar[str] = "tls.signature-hash"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        peer = evidence.peer
        if isinstance(peer, Unavailable):
            return unknown("no-certificate", where=evidence.where, detail=peer.detail)
        peers = (peer, *evidence.others)
        leaves = {one.leaf.fingerprint for one in peers}
        checked = [item for item in each(peers) if item.fingerprint in leaves or not item.self_issued]
        instances = [_sound(item, evidence.where) for item in checked]
        if not all(one.chain_known for one in peers):
            instances.append(Instance("rest-of-chain", Result.UNKNOWN, Say("rest-of-chain"), where=evidence.where))
        found = tuple(item.signature or "?" for item in checked)
        return replace(over(instances, "signatures"), expected=">= sha256", found=found, where=evidence.where)


def _sound(item: Certificate, where: str) -> Instance:
    values = {"signature": item.signature or "?", "subject": item.subject}
    if item.signature in _SOUND:
        return Instance(item.fingerprint, Result.PASS, Say("sound", values), found=item.signature, where=where)
    if item.signature in _WEAK:
        return Instance(item.fingerprint, Result.FAIL, Say("weak", values), found=item.signature, where=where)
    return Instance(item.fingerprint, Result.UNKNOWN, Say("unreadable", values), found=item.signature, where=where)
