"""Is the first version of SSH off?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.ssh_service import SshService

_WANTED = "2.0"


class SshProtocol(Check[SshService, NoParams]):
    """SSH-1 can be read and changed on the way; 1.99 is how a server says that it speaks both."""

    id: ClassVar[str] = "access.ssh-protocol"
    evidence: ClassVar[type] = SshService

    def judge(self, evidence: SshService, params: NoParams) -> Verdict:
        if not evidence.listening:
            return notapplicable("not-listening", where=evidence.place)
        found = {"expected": _WANTED, "found": evidence.protocol, "where": evidence.place}
        said = evidence.identification
        if evidence.protocol == "1.99":
            return failed("both", **found, said=said)
        if evidence.protocol.startswith("1."):
            return failed("first-version", **found, said=said)
        if evidence.protocol == _WANTED:
            return passed("second-version", **found, said=said)
        return unknown("no-version", **found, said=said)
