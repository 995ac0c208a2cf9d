"""What the name service says of a service's name and of its mail domain, as one resolver told it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from auditor.model import Evidence, Unavailable

__all__ = ["DkimKey", "Dmarc", "DomainRecords", "MailDomain", "Pointer", "Spf", "State"]


class State(StrEnum):
    """What became of looking something up."""

    FOUND = "found"
    MISSING = "missing"
    """The resolver said that there is none: no such name, or no such record of it."""
    UNTESTED = "untested"
    """No answer, or one that says nothing (SERVFAIL, REFUSED)."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """A name, and whether what it leads to exists."""

    kind: str
    """``name``: the service's own; ``cname``: what it is another name of; ``mx``: a mail server of the mail domain."""
    owner: str
    goal: str
    state: State
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spf:
    """An SPF record, RFC 7208, with those it includes."""

    text: str
    errors: tuple[str, ...]
    """What is wrong with it, in short words; a receiver then takes it for none (permerror)."""
    all: str
    """What is said of everybody else: ``-``, ``~``, ``?``, ``+``; ``?`` where nothing is, as the RFC has it."""
    lookups: int
    """Terms that make a receiver look something up; more than ten are an error."""
    whole: bool
    """Could everything it includes be read?"""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dmarc:
    """A DMARC record, RFC 7489."""

    domain: str
    """Where it was found: the mail domain, or one above it."""
    text: str
    policy: str
    """What is asked for mail of the mail domain that fails: none, quarantine, reject; empty where it is not one."""
    percent: int
    reports: tuple[str, ...]
    """Where reports on its mail go (rua)."""
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DkimKey:
    """The key of one selector."""

    selector: str
    state: State
    problem: str
    """Empty; or ``revoked``, ``malformed``; or why it is untested."""
    bits: int | None
    """Of an RSA key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailDomain:
    """What is said of the domain behind the @; None: the resolver said that there is no such record."""

    domain: str
    mx: tuple[str, ...] | Unavailable
    spf: Spf | Unavailable | None
    dmarc: Dmarc | Unavailable | None
    keys: tuple[DkimKey, ...]
    """Of the selectors the inventory names."""
    mta_sts: str | Unavailable | None
    """The TXT record alone; its policy lies on a web server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRecords(Evidence):
    """Records of one service's name and mail domain."""

    topic: ClassVar[str] = "domain"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    resolver: str
    name: str
    """The service's host; empty for an IP address, which has nothing to look up."""
    pointers: tuple[Pointer, ...]
    caa: tuple[str, ...] | Unavailable
    """CAs that may issue for the name, by itself or the names above it; empty where nobody is kept from it."""
    mail: MailDomain | None
