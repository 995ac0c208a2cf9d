"""Is what the service shows a page of its own?"""

from __future__ import annotations

import re
from typing import ClassVar

from auditor import Check, NoParams, Unavailable, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.web import WebService

_LISTING = re.compile(r"(index of|directory listing (for|of|--)|directory: ) ?/", re.IGNORECASE)
_DEFAULT = re.compile(
    r"welcome to (nginx|tengine|openresty|caddy|jetty)|(apache2?|nginx).{0,40}(default|test) page"
    r"|iis windows( server)?$|^iis ?\d|apache tomcat/\d|test page for the|^placeholder page|it works!",
    re.IGNORECASE,
)


class WebDefaultPage(Check[WebService, NoParams]):
    """By the page's title, as the common servers write theirs."""

    id: ClassVar[str] = "hardening.web-default-page"
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
        if _LISTING.match(page.title):
            return failed("listing", found=page.title, where=page.url, title=page.title)
        if _DEFAULT.search(page.title):
            return failed("default", found=page.title, where=page.url, title=page.title)
        if not page.title:
            return unknown("no-title", where=page.url)
        return passed("own", found=page.title, where=page.url)
