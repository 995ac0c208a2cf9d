"""Is the service's page free of advertisements that others have slipped into it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Unavailable, Verdict, failed, notapplicable, param, passed, unknown
from auditor.evidence.web import Link, Page, Relation, Visit, WebService


@dataclass(frozen=True)
class Params:
    hidden_hosts: int = param(5, stricter="lower")  # so many strangers behind hidden links are a sign in themselves
    trusted: tuple[str, ...] = param((".gov.vn", ".edu.vn"), stricter="fewer")


class InjectedLinks(Check[WebService, Params]):
    """Phrases of advertisements anywhere; other words of the trade in hidden links to strangers and in hosts' names."""

    id: ClassVar[str] = "integrity.injected-links"
    evidence: ClassVar[type] = WebService
    params: ClassVar[type] = Params

    def judge(self, evidence: WebService, params: Params) -> Verdict:
        if not evidence.is_web:
            return notapplicable("no-web", scheme=evidence.scheme)
        both = (evidence.home, evidence.search)
        visits = [one for one in both if isinstance(one, Visit)]
        pages = [one.page for one in visits if isinstance(one.page, Page)]
        where, links = evidence.where, list(dict.fromkeys(link for page in pages for link in page.links))
        if guilty := [link for link in links if _guilty(link, params)]:
            return failed("gambling", found=tuple(map(_shown, guilty[:10])), where=where, count=len(guilty))
        goals = [one.elsewhere if one.leads is Relation.FOREIGN else "" for one in visits]
        if len(goals) == 2 and goals[1] and goals[0] != goals[1]:
            return failed("search-only", found=goals[1], where=where, goal=goals[1])
        hidden = [one for one in links if one.hidden and _strange(one, params)]
        if len({one.host for one in hidden}) >= params.hidden_hosts:
            return failed("hidden", found=tuple(map(_shown, hidden[:10])), where=where, count=len(hidden))
        for page in [one.page if isinstance(one, Visit) else one for one in both]:
            if isinstance(page, Unavailable):
                return unknown("no-page", where=where, detail=page.detail)
            if not page.whole or not (page.title or page.anchors):
                return unknown("cut", where=where, detail=page.why or "empty")
        scripts = {one.url for page in pages for one in page.scripts if one.relation is Relation.FOREIGN}
        return passed("clean", found=tuple(sorted(scripts)[:10]), where=where, scripts=len(scripts))


def _guilty(link: Link, params: Params) -> bool:
    lured = any(kind == "lure" for kind, _ in link.words)
    in_host = any(word.replace(" ", "") in link.host for _, word in link.words)
    return lured or (bool(link.words and (link.hidden or in_host)) and _strange(link, params))


def _strange(link: Link, params: Params) -> bool:
    return link.relation is Relation.FOREIGN and not link.host.endswith(params.trusted)


def _shown(link: Link) -> str:
    return f"{link.line}: {link.text[:60]} {link.url[:100]} {link.hidden}".strip()
