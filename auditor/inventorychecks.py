"""What must hold across a whole inventory: ids that exist and differ, dates in order, no circles.

Works on plain data that may be wrong in other ways too, so that these mistakes are named along with
those of shape; whatever is not of the right type is passed over, for its shape is named already.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final, TypeGuard

from auditor.fields import MOST_ADDRESSES
from auditor.mistakes import Mistake
from auditor.model import Say
from auditor.papers import same_person
from auditor.shape import MAX_GUESSES, Located, Path, near, note

KINDS: Final = {
    "servers": "server",
    "services": "service",
    "devices": "device",
    "links": "link",
    "endpoints": "endpoint",
}
"""Sections of targets, and the kind each makes."""
RELATIONS: Final = ("runs_on", "stores_on", "backed_up_by", "protected_by", "hosted_by", "depends_on")
SECRET: Final = "secret-standalone"  # noqa: S105 - a way of handling, not a password

_TARGETS: Final = "targets"
_SERVING: Final = ("servers", "devices", "links")
"""Sections of what may serve networks."""
_CARRIERS: Final = ("runs_on", "hosted_by")
"""Relations in which nothing can stand on itself."""
_OF_TARGETS: Final[dict[str, tuple[str, ...]]] = {
    "agency": ("agencies",),
    "systems": ("systems",),
    "site": ("sites",),
    **dict.fromkeys(RELATIONS, (_TARGETS,)),
}
_REFERENCES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "agencies": {"group": ("groups",)},
    "sites": {"agency": ("agencies",)},
    "systems": {"owner": ("agencies",), "operator": ("agencies",)},
    **dict.fromkeys(KINDS, _OF_TARGETS),
    "links": {**_OF_TARGETS, "from": ("sites", "agencies"), "backup": ("links",)},
    "authorities": {
        "scope.agencies": ("agencies",),
        "scope.systems": ("systems",),
        "scope.sites": ("sites",),
        "scope.targets": (_TARGETS,),
    },
    "shared_controls": {"provider": (_TARGETS,), "covers": (_TARGETS,), "covers_agencies": ("agencies",)},
    "waivers": {"targets": (_TARGETS,), "groups": ("groups",), "compensating.target": (_TARGETS,)},
    "attestations": {"targets": (_TARGETS,), "systems": ("systems",), "agencies": ("agencies",)},
}
"""Which keys of which sections name what; all kinds of targets share one space of ids."""
_SCOPES: Final = {
    "waivers": ("targets", "groups", "tags"),
    "attestations": ("targets", "systems", "agencies"),
    "shared_controls": ("covers", "covers_agencies"),
}
"""What says whom a grant is for; without any it would be for nobody."""
_NAMED: Final = (
    "groups",
    "agencies",
    "authorities",
    "systems",
    "sites",
    *KINDS,
    *("shared_controls", "waivers", "attestations", "retired"),
)


def cross_check(source: Located) -> list[Mistake]:
    """Every mistake that only the file as a whole shows, in no order."""
    return list(_Checks(source).run()) if isinstance(source.data, dict) else []


class _Checks:
    def __init__(self, source: Located) -> None:
        self._source = source
        self._entries = {section: list(self._items(section)) for section in _NAMED}
        self._ids: dict[str, dict[str, Path]] = defaultdict(dict)
        """By space of ids: where each is declared."""
        self._secret: set[str] = set()
        self._guesses = 0

    def _items(self, section: str) -> Iterator[tuple[Path, dict[str, Any]]]:
        listed = self._source.data.get(section)
        for number, entry in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(entry, dict):
                yield (section, number), entry

    def run(self) -> Iterator[Mistake]:
        for section in _NAMED:
            yield from self._unique(section)
        for section, references in _REFERENCES.items():
            for path, entry in self._entries[section]:
                yield from self._references(path, entry, references)
        for section in KINDS:
            for path, entry in self._entries[section]:
                yield from self._target(section, path, entry)
        yield from self._circles()
        yield from self._links()
        yield from self._papers()

    # --- ids

    def _unique(self, section: str) -> Iterator[Mistake]:
        space = _TARGETS if section in KINDS else section
        known = self._ids[space]
        folded = {one.casefold(): one for one in known}
        for path, entry in self._entries[section]:
            one = entry.get("id")
            if not isinstance(one, str):
                continue
            if entry.get("handling") == SECRET and section in KINDS:
                self._secret.add(one)
            first = folded.setdefault(one.casefold(), one)
            if one in known or first != one:
                line = self._source.at((*known[first], "id"))[1]
                code = "duplicate-id" if first == one else "duplicate-id-case"
                yield self._note((*path, "id"), code, id=one, other=first, line=line)
            known.setdefault(one, path)
            if section == "links":
                self._ids["links"].setdefault(one, path)
            yield from self._unique_jobs(path, entry)

    def _unique_jobs(self, path: Path, entry: dict[str, Any]) -> Iterator[Mistake]:
        seen: dict[str, int] = {}
        jobs = entry.get("backups")
        for number, job in enumerate(jobs if isinstance(jobs, list) else ()):
            one = job.get("id") if isinstance(job, dict) else None
            if isinstance(one, str) and seen.setdefault(one, number) != number:
                line = self._source.at((*path, "backups", seen[one], "id"))[1]
                yield self._note((*path, "backups", number, "id"), "duplicate-id", id=one, line=line)

    def _references(
        self, path: Path, entry: dict[str, Any], references: dict[str, tuple[str, ...]]
    ) -> Iterator[Mistake]:
        for key, spaces in references.items():
            value: Any = entry
            where = path
            for part in key.split("."):
                value = value.get(part) if isinstance(value, dict) else None
                where = (*where, part)
            if value is None:
                continue
            for at, one in _texts(where, value):
                if one in self._secret and _TARGETS in spaces:
                    yield self._note(at, "secret-reference", id=one)
                elif not any(one in self._ids[space] for space in spaces):
                    yield self._unknown(at, one, spaces)

    def _unknown(self, path: Path, one: str, spaces: tuple[str, ...]) -> Mistake:
        sections = ", ".join(", ".join(KINDS) if space == _TARGETS else space for space in spaces)
        self._guesses += 1
        guess = None
        if self._guesses <= MAX_GUESSES:
            known = (other for space in spaces for other in self._ids[space] if other not in self._secret)
            guess = near(one, (other for other in known if abs(len(other) - len(one)) <= 2))
        code = "expect-id-of-near" if guess else "expect-id-of"
        expected = Say(code, {"section": sections, "near": guess})
        return note(self._source, path, Say("no-such-id", {"id": one}), expected)

    # --- targets

    def _target(self, section: str, path: Path, entry: dict[str, Any]) -> Iterator[Mistake]:
        connect = entry.get("connect")
        secret = entry.get("handling") == SECRET
        if section in ("servers", "devices") and "address" not in entry and not secret:
            reached = connect or ("ssh" if section == "servers" else "file" if entry.get("config") else "network")
            if reached in ("ssh", "network"):
                yield self._note((*path, "address"), "needs-address", connect=reached)
        if connect == "file" and not entry.get("config"):
            yield self._note((*path, "connect"), "needs-config")
        if secret and not self._has_agency(entry):
            yield self._note((*path, "handling"), "secret-no-agency")
        if secret and entry.get("address"):
            yield self._note((*path, "address"), "secret-address")
        if section in _SERVING:
            yield from self._served((*path, "networks"), entry.get("networks"))
        one = entry.get("id")
        for key in RELATIONS:
            if one is not None and key in entry:
                for at, other in _texts((*path, key), entry[key]):
                    if other == one:
                        yield self._note(at, "refers-to-itself", id=one)

    def _has_agency(self, entry: dict[str, Any]) -> bool:
        if entry.get("agency"):
            return True
        if str(entry.get("from")) in self._ids["agencies"]:
            return True
        site = self._ids["sites"].get(str(entry.get("site") or entry.get("from")))
        if site is not None and self._source.data["sites"][site[1]].get("agency"):
            return True
        return any(one in self._ids["systems"] for _, one in _texts((), entry.get("systems")))

    def _circles(self) -> Iterator[Mistake]:
        """Each circle of carriers once, at the word that closes it. Iterative: chains may be long."""
        edges: dict[str, list[tuple[Path, str]]] = {}
        for section in KINDS:
            for path, entry in self._entries[section]:
                for key in _CARRIERS:
                    if key in entry and isinstance(entry.get("id"), str):
                        edges.setdefault(entry["id"], []).extend(_texts((*path, key), entry[key]))
        done: set[str] = set()
        for start, first in edges.items():
            way: dict[str, Iterator[tuple[Path, str]]] = {} if start in done else {start: iter(first)}
            while way:
                here = next(reversed(way))
                step = next(way[here], None)
                if step is None:
                    way.popitem()
                    done.add(here)
                elif step[1] in way and step[1] != here:
                    names = list(way)
                    circle = [*names[names.index(step[1]) :], step[1]]
                    yield self._note(step[0], "cycle", way=" → ".join(circle))
                elif step[1] not in done and step[1] not in way:
                    way[step[1]] = iter(edges.get(step[1], ()))

    def _links(self) -> Iterator[Mistake]:
        for path, entry in self._entries["links"]:
            one = entry.get("id")
            if one is not None and entry.get("backup") == one:
                yield self._note((*path, "backup"), "refers-to-itself", id=one)
            if isinstance(entry.get("from"), str) and entry.get("from") == entry.get("to"):
                yield self._note((*path, "to"), "link-to-itself", id=entry["from"])

    # --- papers: what is dated and signed

    def _papers(self) -> Iterator[Mistake]:
        for section, start in (
            ("agencies", "from"),
            ("authorities", "from"),
            ("waivers", "from"),
            ("attestations", "on"),
        ):
            for path, entry in self._entries[section]:
                since, until = entry.get(start), entry.get("until")
                if _is_day(since) and _is_day(until) and until < since:
                    yield self._note((*path, "until"), "until-before-from", start=start, since=since, until=until)
        for section, scope in _SCOPES.items():
            for path, entry in self._entries[section]:
                if not any(entry.get(key) for key in scope):
                    yield note(self._source, path, Say("no-scope"), Say("expect-one-of", {"choices": scope}))
        yield from self._waivers()
        for path, entry in self._entries["authorities"]:
            given = entry.get("scope")
            for key in ("networks", "exclude"):
                listed = given.get(key) if isinstance(given, dict) else None
                yield from self._networks((*path, "scope", key), listed)
        for path, entry in self._entries["retired"]:
            gone = str(entry.get("id"))
            if gone in self._secret:
                yield self._note((*path, "id"), "secret-reference", id=gone)
            elif gone in self._ids[_TARGETS]:
                yield self._note((*path, "id"), "still-declared", id=gone)

    def _waivers(self) -> Iterator[Mistake]:
        for path, entry in self._entries["waivers"]:
            asks, grants = entry.get("requester"), entry.get("approver")
            if isinstance(asks, str) and isinstance(grants, str) and same_person(asks, grants):
                yield self._note((*path, "approver"), "own-approval", name=grants)
            kind, measure = entry.get("reason_class"), entry.get("compensating")
            if kind == "compensating-control" and measure is None:
                yield self._note((*path, "compensating"), "compensating-missing")
            elif kind in ("accepted-risk", "not-relevant") and isinstance(measure, dict):
                yield self._note((*path, "compensating"), "compensating-alone", reason_class=kind)

    def _served(self, path: Path, listed: object) -> Iterator[Mistake]:
        wrong = list(self._networks(path, listed))
        yield from wrong
        if not wrong and sum(ip_network(text).num_addresses for _, text in _texts((), listed)) > MOST_ADDRESSES:
            yield self._note(path, "too-many-addresses", most=MOST_ADDRESSES)

    def _networks(self, path: Path, listed: object) -> Iterator[Mistake]:
        for at, text in _texts(path, listed):
            try:
                ip_network(text)
            except ValueError:
                yield note(self._source, at, Say("bad-network", {"network": text}), _nearest_network(text))

    def _note(self, path: Path, code: str, **values: Any) -> Mistake:
        return note(self._source, path, Say(code, values))


def _texts(path: Path, value: Any) -> list[tuple[Path, str]]:
    """The texts in one text or a list of them, each with its place."""
    if isinstance(value, str):
        return [(path, value)]
    if not isinstance(value, list):
        return []
    return [((*path, number), one) for number, one in enumerate(value) if isinstance(one, str)]


def _is_day(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is not None


def _nearest_network(text: str) -> Say:
    try:
        return Say("expect-network-near", {"near": str(ip_network(text, strict=False))})
    except ValueError:
        return Say("expect-network")
