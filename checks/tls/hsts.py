"""Does the service tell browsers to come by HTTPS only, and for long enough?"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar

from auditor import Check, Unavailable, Verdict, failed, notapplicable, param, passed, unknown
from auditor.evidence.web import WebService

_DAY = 86400


@dataclass(frozen=True)
class Params:
    days: int = param(180, stricter="higher")
    """Shortest max-age; a tool default, as common graders ask it."""
    subdomains: bool = param(False, stricter="true")


class Hsts(Check[WebService, Params]):
    """By RFC 6797: the first field counts, a broken one not at all, and never for an IP address."""

    id: ClassVar[str] = "tls.hsts"
    evidence: ClassVar[type] = WebService
    params: ClassVar[type] = Params

    def judge(self, evidence: WebService, params: Params) -> Verdict:
        if not evidence.is_web:
            return notapplicable("no-web", scheme=evidence.scheme)
        if _is_ip(evidence.host):
            return notapplicable("address", where=evidence.where)
        if isinstance(evidence.home, Unavailable):
            return unknown("no-answer", where=evidence.where, detail=evidence.home.detail)
        if not evidence.hsts and all(one.status >= 400 for one in evidence.home.answers):
            return unknown("error-only", where=evidence.home.last.url, status=evidence.home.last.status)
        return _judged(evidence, evidence.home.last.url, params)


def _judged(evidence: WebService, where: str, params: Params) -> Verdict:
    wanted = f"max-age={params.days * _DAY}"
    good = [(told, text) for text, told in evidence.hsts if told is not None]
    if not evidence.hsts:
        return failed("absent", expected=wanted, where=where)
    if not good:
        return failed("malformed", expected=wanted, found=evidence.hsts[0][0], where=where)
    told, text = max(good, key=lambda one: one[0].max_age)
    if (days := told.max_age // _DAY) < params.days:
        return failed("short", expected=wanted, found=text, where=where, days=days, wanted=params.days)
    if params.subdomains and not told.subdomains:
        return failed("no-subdomains", expected="includeSubDomains", found=text, where=where)
    return passed("told", expected=wanted, found=text, where=where, days=days)


def _is_ip(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False
