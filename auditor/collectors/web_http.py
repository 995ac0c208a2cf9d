"""Visits a web service as a browser would: a few GETs, honest about who asks, following nothing off the host."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from auditor.collector import Action, Addressed, ProbeCollector, Reading
from auditor.collectors import _web_reading as reading
from auditor.collectors._doors import turn
from auditor.collectors._http import AGENT
from auditor.collectors._web_walk import PORTS, REQUEST_S, REQUESTS, Site, Walk
from auditor.evidence.web import Visit, WebService
from auditor.model import CollectError, Evidence, Observation, Reason, Unavailable
from auditor.targets import Target

_SEARCH = "https://www.google.com/"


class HttpWeb(ProbeCollector):
    """Redirects, headers, cookies, and what the page loads and links to."""

    id: ClassVar[str] = "web.http"
    evidence: ClassVar[type[Evidence]] = WebService
    kinds: ClassVar[frozenset[str]] = frozenset({"service"})
    method: ClassVar[str] = "web"

    def actions(self, target: Target) -> Sequence[Action]:
        site = _site(target)
        if site is None:
            return ()
        ports = (site.port, site.http_port) if site.plain and site.http_port else (site.port,)
        return (Action(f"at most {REQUESTS} HTTP GET requests as “{AGENT}”, none of them off this host", ports),)

    def probe(self, targets: Sequence[Addressed], now: datetime) -> Mapping[str, Sequence[Observation]]:
        return {item.target.id: _look(item, now) for item in targets}

    def parse(self, seen: Reading) -> WebService:
        site = Site.of(seen.target)
        if site.scheme not in PORTS:
            return _no_web(seen, site)
        partners = seen.target.web.partners if seen.target.web else ()
        plain_closed, plain = False, None
        if site.plain is not None:
            plain = _visit(seen, "plain", site.plain, ())
            plain_closed = isinstance(plain, Unavailable) and _closed(seen, "plain", site.plain)
        home = _visit(seen, "home", site.home, partners)
        if isinstance(home, Unavailable) and not isinstance(plain, Visit):
            raise CollectError(home.reason, home.detail)
        answers = [one for one in home.answers] if isinstance(home, Visit) else []  # noqa: C416
        secure = [one for one in answers if one.url.startswith("https://")]
        return WebService(
            seen=seen.seen,
            scheme=site.scheme,
            host=site.name,
            port=site.port,
            home=home,
            search=_visit(seen, "search", site.home, partners),
            plain=plain,
            plain_closed=plain_closed,
            hsts=tuple((text, reading.hsts(text)) for one in secure for text in one.all(_HSTS)[:1]),
            cookies=tuple(reading.cookie(text, one.url) for one in answers for text in one.all("set-cookie")),
        )


_HSTS = "strict-transport-security"


def _site(target: Target) -> Site | None:
    try:
        site = Site.of(target)
    except CollectError:
        return None
    return site if site.scheme in PORTS else None


def _no_web(seen: Reading, site: Site) -> WebService:
    if seen.text("scheme") != site.scheme:
        raise CollectError(Reason.STALE, "collected for another URL")
    nothing = Unavailable(Reason.UNSUPPORTED, f"{site.scheme} is no web service")
    return WebService(
        seen=seen.seen, scheme=site.scheme, host=site.name, port=site.port, home=nothing, search=nothing,
        plain=None, plain_closed=False, hsts=(), cookies=(),
    )  # fmt: skip


def _visit(seen: Reading, key: str, start: str, partners: Sequence[str]) -> Visit | Unavailable:
    try:
        return reading.visit(seen, key, start, partners)
    except CollectError as exc:
        return Unavailable(exc.reason, exc.detail)


def _closed(seen: Reading, key: str, start: str) -> bool:
    try:
        return reading.closed(seen, key, start)
    except CollectError:
        return False


# --- looking


def _look(item: Addressed, now: datetime) -> list[Observation]:
    site = Site.of(item.target)
    if site.scheme not in PORTS:
        return [_made("scheme", item, now, site.scheme.encode(), f"the inventory: {site.scheme} is no web service")]
    with turn(item.address):
        walk = Walk(item.address, site, time.monotonic() + 4 * REQUEST_S)
        looks = {"plain": (site.plain, ""), "home": (site.home, ""), "search": (site.home, _SEARCH)}
        told = {key: walk.visit(start, referer) for key, (start, referer) in looks.items() if start}
    source = f"HTTP GET by {item.address} of "
    return [_seen(key, item, now, document, source + document["start"]) for key, document in told.items()]


def _seen(key: str, item: Addressed, now: datetime, document: Mapping[str, Any], source: str) -> Observation:
    stdout = json.dumps(document, ensure_ascii=True, sort_keys=True).encode("ascii")
    word = document["ending"]
    if document["answers"] or word == "refused":
        return _made(key, item, now, stdout, source)
    reason = {"timeout": Reason.TIMEOUT, "not-http": Reason.UNPARSABLE}.get(word, Reason.UNREACHABLE)
    reason = Reason.UNPARSABLE if word.startswith("head-") else reason
    return _made(key, item, now, b"", source, reason, f"{document['start']}: {word}")


def _made(
    key: str, item: Addressed, now: datetime, stdout: bytes, source: str, problem: Reason | None = None, why: str = ""
) -> Observation:
    return Observation(
        key=key, source=source, target=item.target.id, vantage="auditor", collected_at=now, stdout=stdout,
        stderr=why, exit=None if problem else 0, problem=problem,
    )  # fmt: skip
