"""What the web prober stored, read back as facts. Pure, and strict: what does not fit is unparsable."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from auditor.collector import Reading
from auditor.collectors._gambling import words
from auditor.collectors._page import host_of, is_own
from auditor.evidence.web import Answer, Cookie, Hsts, Link, Page, Relation, Resource, Visit
from auditor.model import CollectError, Reason, Unavailable

_DIRECTIVE = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*(?:\"([^\"]*)\"|([^\s\";,]+))\s*)?")
_MOST = 400


def visit(seen: Reading, key: str, start: str, partners: Iterable[str]) -> Visit:
    """One visit, if it began at ``start``. Raises ``CollectError``."""
    told = _document(seen, key)
    if told.get("start") != start:
        raise CollectError(Reason.STALE, f"{key}: collected for {str(told.get('start'))[:100]}")
    answers = tuple(_answer(key, item) for item in _items(told, key, "answers"))
    ending, elsewhere = _text(told, key, "ending"), _text(told, key, "elsewhere")
    if not answers:
        raise CollectError(Reason.UNREACHABLE, f"{start}: {ending}")
    if (ending == "done") == bool(elsewhere):
        raise _unparsable(f"{key}: an ending that contradicts itself")
    page: Page | Unavailable
    try:
        page = _page(told, key, answers[-1], ending, tuple(partners))
    except CollectError as exc:
        page = Unavailable(exc.reason, exc.detail)
    leads = _relation(host_of(elsewhere), host_of(start), tuple(partners)) if ending == "elsewhere" else Relation.OWN
    return Visit(answers=answers, elsewhere=elsewhere, leads=leads, ending=ending, page=page)


def closed(seen: Reading, key: str, start: str) -> bool:
    """Was the port found closed?"""
    told = _document(seen, key)
    return told.get("start") == start and told.get("ending") == "refused" and told.get("answers") == []


def hsts(text: str) -> Hsts | None:
    """A Strict-Transport-Security field by RFC 6797 6.1: each directive once, max-age a number; else None."""
    found: dict[str, str | None] = {}
    for part in text[:1000].split(";"):
        if not part.strip():
            continue
        one = _DIRECTIVE.fullmatch(part)
        if one is None or one[1].lower() in found:
            return None
        found[one[1].lower()] = one[2] if one[2] is not None else one[3]
    age = found.get("max-age")
    if age is None or not (age.isascii() and age.isdigit()) or found.get("includesubdomains") is not None:
        return None
    return Hsts(int(age[:12]), "includesubdomains" in found, "preload" in found)


def cookie(text: str, url: str) -> Cookie:
    """A Set-Cookie field whose value was taken out. The last of several equal attributes counts (RFC 6265 5.3)."""
    first, *rest = text.split(";")
    told = {name.strip().lower(): value.strip() for name, _, value in (part.partition("=") for part in rest)}
    site = told.get("samesite", "").lower()
    return Cookie(
        name=first.partition("=")[0].strip()[:80],
        secure="secure" in told,
        http_only="httponly" in told,
        same_site=site if site in ("strict", "lax", "none") else "",
        persistent="max-age" in told or "expires" in told,
        url=url,
    )


def _page(told: dict[str, Any], key: str, last: Answer, ending: str, partners: tuple[str, ...]) -> Page:
    if ending != "done":
        raise CollectError(Reason.INCOMPLETE, f"no page was reached: {ending} {told.get('elsewhere', '')}".strip())
    if not 200 <= last.status <= 299:
        raise CollectError(Reason.INCOMPLETE, f"{last.url} answers with status {last.status}")
    body, raw = _text(told, key, "body"), told.get("page")
    if not isinstance(raw, dict):
        raise CollectError(Reason.UNSUPPORTED, f"{last.url}: no page that can be read ({body})")
    full, ends = raw.get("full"), raw.get("ends")
    if not isinstance(full, bool) or not isinstance(ends, bool) or type(raw.get("anchors")) is not int:
        raise _unparsable(f"{key}: page without its marks")
    own = host_of(last.url)
    seen_whole = body == "whole" or (body == "closed" and ends)
    return Page(
        url=last.url,
        title=_text(raw, key, "title"),
        generator=_text(raw, key, "generator"),
        links=tuple(_link(key, item, own, partners) for item in _items(raw, key, "links")),
        resources=tuple(_resource(key, item, own, partners) for item in _items(raw, key, "resources")),
        anchors=raw["anchors"],
        whole=seen_whole and not full,
        why="" if seen_whole and not full else "more links than are kept" if seen_whole else f"body: {body}",
    )


def _link(key: str, item: Any, own: str, partners: tuple[str, ...]) -> Link:
    line, kind, url, text, hidden = _row(key, item, (int, str, str, str, str))
    relation = _relation(host_of(url), own, partners) if url else Relation.OWN
    return Link(line, kind, url, text, relation, hidden, words().of(f"{text} {url}"))


def _resource(key: str, item: Any, own: str, partners: tuple[str, ...]) -> Resource:
    line, tag, url, active = _row(key, item, (int, str, str, bool))
    return Resource(line, tag, url, active, _relation(host_of(url), own, partners))


def _relation(host: str, own: str, partners: tuple[str, ...]) -> Relation:
    if is_own(host, own):
        return Relation.OWN
    return Relation.PARTNER if any(host == one or host.endswith(f".{one}") for one in partners) else Relation.FOREIGN


def _row(key: str, item: Any, kinds: tuple[type, ...]) -> tuple[Any, ...]:
    if not isinstance(item, list) or [type(one) for one in item] != list(kinds):
        raise _unparsable(f"{key}: a row of another shape")
    return tuple(item)


def _answer(key: str, item: Any) -> Answer:
    if not isinstance(item, dict) or type(item.get("status")) is not int:
        raise _unparsable(f"{key}: an answer without status")
    rows = [_row(key, row, (str, str)) for row in _items(item, key, "headers")]
    return Answer(_text(item, key, "url"), item["status"], tuple((name, value) for name, value in rows))


def _document(seen: Reading, key: str) -> dict[str, Any]:
    try:
        told = json.loads(seen.text(key))
    except (ValueError, RecursionError):
        raise _unparsable(f"{key}: not JSON") from None
    if not isinstance(told, dict):
        raise _unparsable(f"{key}: not an object")
    return told


def _items(told: dict[str, Any], key: str, name: str) -> list[Any]:
    items = told.get(name)
    if not isinstance(items, list) or len(items) > _MOST:
        raise _unparsable(f"{key}: {name} is not a list")
    return items


def _text(told: dict[str, Any], key: str, name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or len(value) > 500:
        raise _unparsable(f"{key}: {name} is not a short text")
    return value


def _unparsable(detail: str) -> CollectError:
    return CollectError(Reason.UNPARSABLE, detail)
