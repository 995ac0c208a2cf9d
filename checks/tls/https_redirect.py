"""Does the service's name without TLS lead to HTTPS, or to nothing at all?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Unavailable, Verdict, failed, notapplicable, passed, unknown
from auditor.evidence.web import Relation, Visit, WebService


class HttpsRedirect(Check[WebService, NoParams]):
    """A closed port is as good as a redirect, as long as the service itself was seen to answer."""

    id: ClassVar[str] = "tls.https-redirect"
    evidence: ClassVar[type] = WebService

    def judge(self, evidence: WebService, params: NoParams) -> Verdict:
        if not evidence.is_web:
            return notapplicable("no-web", scheme=evidence.scheme)
        answers = evidence.home.answers if isinstance(evidence.home, Visit) else ()
        if back := [one.url for one in answers if one.url.startswith("http:")]:
            return failed("stays-clear", expected="https://", found=back[0], where=answers[0].url, goal=back[0])
        plain = evidence.plain
        if plain is None:
            return notapplicable("no-port", where=evidence.where)
        if evidence.plain_closed and isinstance(evidence.home, Visit):
            return passed("closed", where=evidence.where)
        if isinstance(plain, Unavailable):
            return unknown("no-answer", where=evidence.where, detail=plain.detail)
        return _judged(plain)


def _judged(plain: Visit) -> Verdict:
    last, goal = plain.last, plain.elsewhere
    if plain.ending == "elsewhere" and goal.startswith("https://"):
        if plain.leads is Relation.OWN:
            return passed("redirects", found=goal, where=last.url, status=last.status, goal=goal)
        return unknown("leads-away", found=goal, where=last.url, goal=goal)
    if plain.ending == "elsewhere":
        return failed("stays-clear", expected="https://", found=goal, where=last.url, goal=goal)
    if (plain.ending == "done" and last.status < 400) or last.status == 401:
        return failed("served", expected="https://", found=last.status, where=last.url, status=last.status)
    if plain.ending == "done":
        return unknown("error-only", found=last.status, where=last.url, status=last.status)
    return unknown("no-answer", where=last.url, detail=plain.ending)
