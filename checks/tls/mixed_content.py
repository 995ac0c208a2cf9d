"""Does the service's page load everything over TLS?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Unavailable, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.web import WebService

_SHOWN = 10
_UPGRADES = ("upgrade-insecure-requests", "block-all-mixed-content")


class MixedContent(Check[WebService, NoParams]):
    """Of the one page that was fetched; what its scripts load later is not seen."""

    id: ClassVar[str] = "tls.mixed-content"
    evidence: ClassVar[type] = WebService

    def judge(self, evidence: WebService, params: NoParams) -> Verdict:
        if not evidence.is_web:
            return notapplicable("no-web", scheme=evidence.scheme)
        home = evidence.home
        if isinstance(home, Unavailable):
            return unknown("no-page", where=evidence.where, detail=home.detail)
        if isinstance(home.page, Unavailable):
            return unknown("no-page", where=home.last.url, detail=home.page.detail)
        page = home.page
        clear = [one for one in page.resources if one.url.startswith("http://")]
        found = tuple(f"{one.line}: <{one.tag}> {one.url}" for one in clear[:_SHOWN])
        policy = " ".join(home.last.all("content-security-policy")).lower()
        if clear and any(word in policy for word in _UPGRADES):
            return passed("upgraded", found=found, where=page.url, count=len(clear))
        if clear:
            code = "active" if any(one.active for one in clear) else "passive"
            return failed(code, found=found, where=page.url, count=len(clear))
        if not page.whole:
            return unknown("cut", where=page.url, detail=page.why)
        return passed("clean", where=page.url)
