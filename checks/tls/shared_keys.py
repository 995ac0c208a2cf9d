"""Is a service's TLS key kept within the systems it belongs to?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Verdict, notapplicable, over, unknown
from auditor.evidence.shared_keys import HeldKey, SharedKeys

_SHOWN = 10


class SharedTlsKeys(Check[SharedKeys, NoParams]):
    """One key on several machines of one system is how clusters work; in several systems it joins their fates."""

    id: ClassVar[str] = "tls.shared-keys"
    evidence: ClassVar[type] = SharedKeys

    def judge(self, evidence: SharedKeys, params: NoParams) -> Verdict:
        keys = [held for held in evidence.keys if held.key.kind == "tls"]
        if not keys:
            return notapplicable("no-keys")
        if not evidence.compared:
            return unknown("others-unseen", unseen=evidence.unseen) if evidence.unseen else notapplicable("alone")
        instances = [_judged(held, evidence) for held in keys]
        return over(instances, "keys", compared=evidence.compared, unseen=evidence.unseen)


def _judged(held: HeldKey, evidence: SharedKeys) -> Instance:
    own = evidence.own
    others = [one for one in held.others if not set(one.systems) & set(own.systems) and one.address != own.address]
    # The report of an agency names no machine of another.
    named = [one.target for one in others if one.agency == own.agency]
    values = {"key": held.key.what, "targets": ", ".join(named[:_SHOWN]) or "-", "elsewhere": len(others) - len(named)}
    result, code = (Result.FAIL, "key-shared") if others else (Result.PASS, "key-own")
    return Instance(held.key.fingerprint, result, Say(code, values), found=len(others) + 1, where=held.key.what)
