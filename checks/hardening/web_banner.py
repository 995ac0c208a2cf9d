"""Does the service keep the versions of its software to itself?"""

from __future__ import annotations

import re
from typing import ClassVar

from auditor import Check, NoParams, Unavailable, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.web import Visit, WebService

_TELLING = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator")
_VERSION = re.compile(r"\d\.\d|/\d|^\d+$")


class WebBanner(Check[WebService, NoParams]):
    """A product's name alone is not counted: it can be told by other means."""

    id: ClassVar[str] = "hardening.web-banner"
    evidence: ClassVar[type] = WebService

    def judge(self, evidence: WebService, params: NoParams) -> Verdict:
        if not evidence.is_web:
            return notapplicable("no-web", scheme=evidence.scheme)
        if isinstance(evidence.home, Unavailable):
            return unknown("no-answer", where=evidence.where, detail=evidence.home.detail)
        visits = [visit for visit in (evidence.home, evidence.plain) if isinstance(visit, Visit)]
        told = {
            f"{name}: {value[:100]}": answer.url
            for visit in visits
            for answer in visit.answers
            for name, value in answer.headers
            if name in _TELLING and _VERSION.search(value)
        }
        if told:
            banners = tuple(told)
            return failed("told", found=banners, where=next(iter(told.values())), banners="; ".join(banners))
        return passed("silent", where=evidence.home.last.url)
