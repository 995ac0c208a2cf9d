"""Does the certificate name the service?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Unavailable, Verdict, failed, passed, unknown
from auditor.evidence.tls import TlsService

_SHOWN = 20


class CertificateName(Check[TlsService, NoParams]):
    """By RFC 9525: names of subjectAltName only, and ``*`` for exactly the whole first label."""

    id: ClassVar[str] = "tls.certificate-name"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        peer, wanted = evidence.peer, evidence.server_name
        if isinstance(peer, Unavailable):
            return unknown("no-certificate", where=evidence.where, detail=peer.detail)
        leaf = peer.leaf
        names = (*leaf.dns_names, *leaf.ip_names)
        shown = names[:_SHOWN]
        if not names:
            return failed("no-names", expected=wanted, found=shown, where=evidence.where, subject=leaf.subject)
        if wanted in leaf.ip_names or any(_covers(name, wanted) for name in leaf.dns_names):
            return passed("named", expected=wanted, found=shown, where=evidence.where, name=wanted)
        return failed(
            "other-names", expected=wanted, found=shown, where=evidence.where, name=wanted, names=", ".join(shown)
        )


def _covers(name: str, wanted: str) -> bool:
    pattern, host = name.lower().rstrip(".").split("."), wanted.lower().rstrip(".").split(".")
    if len(pattern) != len(host) or _is_number(host[-1]):
        return False
    if pattern[0] == "*" and len(pattern) > 2:
        return pattern[1:] == host[1:] and host[0] != ""
    return pattern == host


def _is_number(label: str) -> bool:
    """No top-level domain is a number: an IPv4 address is never to be found among DNS names."""
    return label.isdigit() or ":" in label
