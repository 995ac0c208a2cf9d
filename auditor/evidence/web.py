"""What a web service answers: its redirects, headers and cookies, and what its page holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from auditor.model import Evidence, Unavailable

__all__ = ["Answer", "Cookie", "Hsts", "Link", "Page", "Relation", "Resource", "Visit", "WebService"]


class Relation(StrEnum):
    """Whose host a link leads to."""

    OWN = "own"
    PARTNER = "partner"
    """One that the inventory names."""
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the server; header names in lower case, in the order sent, those that are judged only."""

    url: str
    """What was asked for, without its query."""
    status: int
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True)
class Hsts:
    """A Strict-Transport-Security field, read by RFC 6797 6.1."""

    max_age: int
    """Seconds."""
    subdomains: bool
    preload: bool


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie the service sets; its value is never kept."""

    name: str
    secure: bool
    http_only: bool
    same_site: str
    """``strict``, ``lax``, ``none``, or empty where it is left to the browser."""
    persistent: bool
    url: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link or a piece of text in a page that may be worth a look; ordinary ones of its own are not kept."""

    line: int
    kind: str
    """``link``, ``text``, ``title``, ``description``, ``refresh``."""
    url: str
    """Without its query; empty for text."""
    text: str
    """Shortened."""
    relation: Relation
    hidden: str
    """How it is kept from sight (``display:none`` …); empty where nothing says so."""
    words: tuple[tuple[str, str], ...]
    """Gambling words in it: (kind, word); kinds are those of ``data/gambling.yaml``."""

    @property
    def host(self) -> str:
        return self.url.partition("://")[2].partition("/")[0].partition(":")[0]


@dataclass(frozen=True, slots=True)
class Resource:
    """Something a page loads of itself."""

    line: int
    tag: str
    url: str
    active: bool
    """Can it change the page (a script, a frame, a style sheet, the goal of a form)?"""
    relation: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What was read of one page."""

    url: str
    title: str
    generator: str
    links: tuple[Link, ...]
    resources: tuple[Resource, ...]
    """Those that are not the service's own, and all that come without TLS."""
    anchors: int
    """How many links the page has in all."""
    whole: bool
    """Was it seen to its end, and everything worth a look kept?"""
    why: str
    """Where it was not: why."""

    @property
    def scripts(self) -> tuple[Resource, ...]:
        return tuple(one for one in self.resources if one.tag == "script")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One way of coming to the service, and where its redirects led."""

    answers: tuple[Answer, ...]
    """At least one; each but the last is a redirect that was followed on the same host."""
    elsewhere: str
    """Where the last redirect leads that was not followed, without its query; empty where there is none."""
    leads: Relation
    """Whose that place is; its own where there is none."""
    ending: str
    """``done``, ``elsewhere``, or in a word what kept us from the end."""
    page: Page | Unavailable

    @property
    def last(self) -> Answer:
        return self.answers[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebService(Evidence):
    """One service spoken to as a browser would, by GET alone and without giving anything back."""

    topic: ClassVar[str] = "web"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    scheme: str
    """Of the service's URL; all else is empty or Unavailable where this is not ``https`` or ``http``."""
    host: str
    port: int
    home: Visit | Unavailable
    """The service's URL."""
    search: Visit | Unavailable
    """The same, as if coming from a search engine: injected pages often show themselves to those alone."""
    plain: Visit | Unavailable | None
    """The same name without TLS; None where the inventory gives no port for that."""
    plain_closed: bool
    """Nothing listens there."""
    hsts: tuple[tuple[str, Hsts | None], ...]
    """(text, what it says) of the first Strict-Transport-Security field of each answer; None: not a proper one."""
    cookies: tuple[Cookie, ...]

    @property
    def where(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_web(self) -> bool:
        return self.scheme in ("http", "https")
