"""Is each SSH host key this machine's alone?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Verdict, notapplicable, over, unknown
from auditor.evidence.shared_keys import HeldKey, SharedKeys

_SHOWN = 10


class SharedHostKeys(Check[SharedKeys, NoParams]):
    """A key found at another address: a cloned image, each copy of which can pose as this machine."""

    id: ClassVar[str] = "access.shared-host-keys"
    evidence: ClassVar[type] = SharedKeys

    def judge(self, evidence: SharedKeys, params: NoParams) -> Verdict:
        keys = [held for held in evidence.keys if held.key.kind == "ssh"]
        if not keys:
            return notapplicable("no-host-keys")
        if not evidence.compared:
            return unknown("others-unseen", unseen=evidence.unseen) if evidence.unseen else notapplicable("alone")
        instances = [_judged(held, evidence) for held in keys]
        return over(instances, "host-keys", compared=evidence.compared, unseen=evidence.unseen)


def _judged(held: HeldKey, evidence: SharedKeys) -> Instance:
    """Two entries of the inventory for one address are one machine."""
    own = evidence.own
    others = [one for one in held.others if one.address is None or one.address != own.address]
    # The report of an agency names no machine of another.
    named = [one.target for one in others if one.agency == own.agency]
    values = {"key": held.key.what, "targets": ", ".join(named[:_SHOWN]) or "-", "elsewhere": len(others) - len(named)}
    result, code = (Result.FAIL, "key-shared") if others else (Result.PASS, "key-own")
    return Instance(held.key.fingerprint, result, Say(code, values), found=len(others) + 1, where=held.key.what)
