"""Are the keys of the certificates long enough?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Unavailable, Verdict, over, param, unknown
from auditor.evidence.certificates import Certificate, each
from auditor.evidence.tls import TlsService


@dataclass(frozen=True)
class Params:
    rsa_bits: int = param(2048, stricter="higher")
    """For RSA and DSA."""
    ec_bits: int = param(256, stricter="higher")


class KeyStrength(Check[TlsService, Params]):
    """Of all chains shown: a weak key above lets anyone issue certificates below."""

    id: ClassVar[str] = "tls.key-strength"
    evidence: ClassVar[type] = TlsService
    params: ClassVar[type] = Params

    def judge(self, evidence: TlsService, params: Params) -> Verdict:
        peer = evidence.peer
        if isinstance(peer, Unavailable):
            return unknown("no-certificate", where=evidence.where, detail=peer.detail)
        peers = (peer, *evidence.others)
        instances = [_strength(item, params, evidence.where) for item in each(peers)]
        if not all(one.chain_known for one in peers):
            instances.append(Instance("rest-of-chain", Result.UNKNOWN, Say("rest-of-chain"), where=evidence.where))
        expected = f"RSA >= {params.rsa_bits}, EC >= {params.ec_bits}"
        found = tuple(dict.fromkeys(_key(one.leaf) for one in peers))
        verdict = over(instances, "keys")
        return replace(verdict, expected=expected, found=found if len(found) > 1 else found[0], where=evidence.where)


def _strength(item: Certificate, params: Params, where: str) -> Instance:
    needed = {"rsa": params.rsa_bits, "dsa": params.rsa_bits, "ec": params.ec_bits}.get(item.key_type)
    values = {"key": _key(item), "subject": item.subject}
    if item.key_type in ("ed25519", "ed448") or (needed and item.key_bits is not None and item.key_bits >= needed):
        return Instance(item.fingerprint, Result.PASS, Say("strong", values), needed, _key(item), where)
    if needed and item.key_bits is not None:
        return Instance(item.fingerprint, Result.FAIL, Say("weak", values), needed, _key(item), where)
    return Instance(item.fingerprint, Result.UNKNOWN, Say("unreadable", values), None, _key(item), where)


def _key(item: Certificate) -> str:
    return item.key_type + (f" {item.key_bits}" if item.key_bits is not None else "")
