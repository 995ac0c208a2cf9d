"""Does the certificate name the service?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Unavailable, Verdict, failed, passed, unknown, worst_of
from auditor.evidence.certificates import Peer
from auditor.evidence.tls import TlsService

_SHOWN = 20
_OPEN_TO_ALL = frozenset(
    {"ac.vn", "ai.vn", "biz.vn", "com.vn", "edu.vn", "gov.vn", "health.vn", "id.vn", "info.vn", "int.vn", "io.vn"}
    | {"name.vn", "net.vn", "org.vn", "pro.vn"}
)
"""Names under which anyone may be registered: no certificate can stand for all (publicsuffix.org)."""


class CertificateName(Check[TlsService, NoParams]):
    """By RFC 9525: names of subjectAltName only, and ``*`` for exactly the whole first label."""

    id: ClassVar[str] = "tls.certificate-name"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        if isinstance(evidence.peer, Unavailable):
            return unknown("no-certificate", where=evidence.where, detail=evidence.peer.detail)
        return worst_of({p.leaf.fingerprint: _named(p, evidence) for p in (evidence.peer, *evidence.others)})


def _named(peer: Peer, evidence: TlsService) -> Verdict:
    leaf, wanted, where = peer.leaf, evidence.server_name, evidence.where
    names = (*leaf.dns_names, *leaf.ip_names)
    shown = names[:_SHOWN]
    if not names:
        return failed("no-names", expected=wanted, found=shown, where=where, subject=leaf.subject)
    host = _a_label(wanted)
    if wanted in leaf.ip_names or any(_covers(name, host) for name in leaf.dns_names):
        return passed("named", expected=wanted, found=shown, where=where, name=wanted)
    if any(_covers(_a_label(name), host) for name in leaf.dns_names):
        return failed("accented", expected=host, found=shown, where=where, name=wanted)
    return failed("other-names", expected=wanted, found=shown, where=where, name=wanted, names=", ".join(shown))


def _covers(name: str, wanted: str) -> bool:
    pattern, host = name.lower().split("."), wanted.lower().rstrip(".").split(".")
    # No top-level domain is a number: an address is never to be found among DNS names.
    if len(pattern) != len(host) or not name.isascii() or host[-1].isdigit() or ":" in host[-1]:
        return False
    if pattern[0] == "*" and len(pattern) > 2 and ".".join(pattern[1:]) not in _OPEN_TO_ALL:
        return pattern[1:] == host[1:] and host[0] != ""
    return pattern == host


def _a_label(name: str) -> str:
    """As the DNS and certificates have it (RFC 5280 7.2); accents may be composed or not. As it is where it cannot."""
    try:
        return name if name.isascii() else name[:500].encode("idna").decode("ascii")
    except UnicodeError:
        return name
