"""Are the cookies the service sets kept from thieves?"""

from __future__ import annotations

import re
from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Unavailable, Verdict, notapplicable, over, passed, unknown
from auditor.evidence.web import Cookie, WebService

_SESSION = re.compile(r"sess|^sid|sid$|auth|token|login|ticket|jwt", re.IGNORECASE)
_FOR_SCRIPTS = re.compile(r"csrf|xsrf|requestverification", re.IGNORECASE)


class WebCookies(Check[WebService, NoParams]):
    """``Secure`` for all; ``HttpOnly`` for those that look like sessions, but for tokens made for scripts."""

    id: ClassVar[str] = "hardening.web-cookies"
    evidence: ClassVar[type] = WebService

    def judge(self, evidence: WebService, params: NoParams) -> Verdict:
        if not evidence.is_web:
            return notapplicable("no-web", scheme=evidence.scheme)
        if isinstance(evidence.home, Unavailable):
            return unknown("no-answer", where=evidence.where, detail=evidence.home.detail)
        last = evidence.home.last
        if not evidence.cookies:
            if last.status >= 400 or evidence.home.ending != "done":
                return unknown("no-answer", where=last.url, detail=f"{last.status} {evidence.home.ending}")
            return passed("none-set", where=last.url)
        latest = {cookie.name: cookie for cookie in evidence.cookies}
        return over([_judged(cookie) for cookie in latest.values()], "cookies")


def _judged(cookie: Cookie) -> Instance:
    lacks = [] if cookie.secure else ["Secure"]
    if not cookie.http_only and _SESSION.search(cookie.name) and not _FOR_SCRIPTS.search(cookie.name):
        lacks.append("HttpOnly")
    if not lacks:
        return Instance(cookie.name, Result.PASS, Say("kept", {"name": cookie.name}), where=cookie.url)
    missing = ", ".join(lacks)
    said = Say("lacks", {"name": cookie.name, "missing": missing})
    return Instance(cookie.name, Result.FAIL, said, "Secure, HttpOnly", f"- {missing}", cookie.url)
