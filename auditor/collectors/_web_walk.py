"""Walks through a web service: which requests are made, which redirects are followed, what is kept of the answers."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from auditor.collectors._http import AGENT, Answer, Ended, Headers, Request, fetch
from auditor.collectors._page import brief, charset_of, extract, host_of
from auditor.model import CollectError, Reason
from auditor.targets import Target

REQUEST_S = 10.0
"""Wall-clock seconds of one request, and of all together four times that."""
REQUESTS = 8
REDIRECTS = 3
PORTS = {"https": 443, "http": 80}
_KEPT = frozenset({
    "location", "strict-transport-security", "set-cookie", "server", "x-powered-by", "x-aspnet-version",
    "x-aspnetmvc-version", "x-generator", "via", "content-security-policy",
    "content-security-policy-report-only", "x-content-type-options", "x-frame-options", "referrer-policy",
    "permissions-policy", "feature-policy", "content-type", "content-encoding", "transfer-encoding",
    "content-length", "x-drupal-cache", "x-varnish",
})  # fmt: skip
"""Header fields that are kept; others may hold what is nobody's business."""
_ATTRIBUTES = frozenset({"secure", "httponly", "samesite", "path", "max-age", "expires", "partitioned"})
_VALUE = 2000


@dataclass(frozen=True, slots=True)
class Site:
    """Where a service is, by its inventory entry. Raises ``CollectError`` where that says too little."""

    scheme: str
    name: str
    port: int
    path: str
    http_port: int | None

    @classmethod
    def of(cls, target: Target) -> Site:
        if not target.url:
            raise CollectError(Reason.UNSUPPORTED, f"{target.id} has no URL")
        parts = urlsplit(target.url)
        port = parts.port or PORTS.get(parts.scheme, 0)
        name = (target.tls and target.tls.server_name) or parts.hostname or ""
        plain = (target.web and target.web.http_port) or (80 if (parts.scheme, port) == ("https", 443) else None)
        return cls(parts.scheme, name.lower().rstrip("."), port, parts.path or "/", plain)

    def url(self, scheme: str, port: int, path: str) -> str:
        host = f"[{self.name}]" if ":" in self.name else self.name
        return f"{scheme}://{host}" + ("" if port == PORTS[scheme] else f":{port}") + path

    @property
    def home(self) -> str:
        return self.url(self.scheme, self.port, self.path)

    @property
    def plain(self) -> str | None:
        return self.url("http", self.http_port, "/") if self.http_port and self.scheme == "https" else None


@dataclass(slots=True)
class Walk:
    """Visits of one service: at one address, with one budget of requests and of time for all."""

    address: str
    site: Site
    until: float
    asked: int = 0

    def visit(self, start: str, referer: str) -> dict[str, Any]:
        """Where ``start`` leads, as it is stored; queries are used for asking and not kept."""
        url, answers, answer = start, list[dict[str, Any]](), None
        ending, elsewhere = "done", ""
        for hop in range(REDIRECTS + 1):
            try:
                answer = self._ask(url, referer)
            except Ended as exc:
                ending, answer = str(exc), None
                break
            answers.append({"url": brief(url), "status": answer.status, "headers": kept(answer.headers)})
            goal = _goal(url, answer)
            if not goal:
                break
            follow = self._ours(goal) and not (start.startswith("http:") and goal.startswith("https:"))
            if not follow or hop == REDIRECTS:
                ending, elsewhere = ("too-many" if follow else "elsewhere"), brief(goal)
                break
            url = goal
        page, body = _page_of(answer, brief(url)) if answer is not None and ending == "done" else (None, "")
        if ending not in ("done", "elsewhere", "too-many"):
            elsewhere = elsewhere or "-"
        return {"start": start, "agent": AGENT, "answers": answers, "ending": ending, "elsewhere": elsewhere,
                "page": page, "body": body}  # fmt: skip

    def _ask(self, url: str, referer: str) -> Answer:
        if self.asked == REQUESTS:
            raise Ended("too-many-requests")
        self.asked += 1
        parts = urlsplit(url)
        path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe="/?&=%:@!$'()*+,;~.-_")
        port = parts.port or PORTS[parts.scheme]
        until = min(self.until, time.monotonic() + REQUEST_S)
        return fetch(Request(self.address, port, self.site.name, parts.scheme == "https", path, referer), until)

    def _ours(self, url: str) -> bool:
        """Is this the same door of the same host, where the authority lets us in?"""
        parts = urlsplit(url)
        try:
            port = parts.port or PORTS.get(parts.scheme, 0)
        except ValueError:
            return False
        doors = {(self.site.scheme, self.site.port), ("http", self.site.http_port)}
        return host_of(url) == self.site.name and (parts.scheme, port) in doors and parts.username is None


def _goal(url: str, answer: Answer) -> str:
    """Where an answer sends us, in full; an empty text where it does not."""
    places = answer.all("location")
    if answer.status not in (301, 302, 303, 307, 308) or not places:
        return ""
    try:
        return urljoin(url, re.sub(r"[\x00-\x20\x7f]", "", places[0])[:_VALUE])
    except ValueError:
        return "-"


def kept(headers: Headers) -> list[tuple[str, str]]:
    """The header fields that are stored: no values of cookies, no queries."""
    found = []
    for name, given in headers:
        value = given[:_VALUE]
        if name == "location":
            value = brief(value)
        elif name == "set-cookie":
            first, *rest = value.split(";")
            known = [part.strip() for part in rest if part.partition("=")[0].strip().lower() in _ATTRIBUTES]
            # With its semicolon even at the end: the masker of secrets would take what follows "token=" for one.
            value = f"{first.partition('=')[0].strip()[:80]}=; {'; '.join(known)}".strip()
        if name in _KEPT:
            found.append((name, value))
    return found


def _page_of(answer: Answer, url: str) -> tuple[dict[str, Any] | None, str]:
    """What is kept of the page, and how far it was seen."""
    kind = next(iter(answer.all("content-type")), "text/html")
    if kind.partition(";")[0].strip().lower() not in ("text/html", "application/xhtml+xml"):
        return None, f"content-type {kind}"[:100]
    charset = charset_of(kind, answer.body)
    if charset is None or answer.body_end == "encoded":
        return None, "encoded"
    return extract(answer.body.decode(charset, "replace"), url), answer.body_end
