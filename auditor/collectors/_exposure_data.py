"""Which ports are asked, which are never, and what they are customarily for: ``data/exposure.yaml``, read once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from auditor.dated import made_of, text_of
from auditor.evidence.exposure import Family
from auditor.targets import Target

_FILE = "exposure.yaml"

_WORDS = re.compile(r"[a-z0-9]+")
_SPAN = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Service:
    """What a TCP port number is customarily for."""

    name: str
    family: Family


@dataclass(frozen=True, slots=True)
class Exposures:
    """The whole table."""

    fragile: dict[int, str]
    """TCP ports that are never sent a packet, and why."""
    fragile_words: frozenset[str]
    services: dict[int, Service]
    udp: dict[int, str]
    """UDP ports asked by one datagram each, and the service it is meant for."""

    def why_fragile(self, target: Target) -> str:
        """The word of a target's role, platform or tags for which it is not touched; empty for all others."""
        said = (target.role or "", target.platform or "", *target.tags)
        return next((word for text in said for word in _WORDS.findall(text.lower()) if word in self.fragile_words), "")


@cache
def table() -> Exposures:
    """The table that came with this program. Raises ``CapdoError`` when its file is damaged."""
    return read(text_of(_FILE))


def read(text: str) -> Exposures:
    """A table from YAML text. Raises ``CapdoError`` for anything that is not one."""
    return made_of(_FILE, text, _table)


def _table(told: Any) -> Exposures:
    made = Exposures(
        fragile={port: str(row["why"]) for row in told["fragile_ports"] for port in ports_of(row["ports"])},
        fragile_words=frozenset(map(str, told["fragile_words"])),
        services={
            port: Service(str(row["name"]), _family(row["family"]))
            for row in told["services"]
            for port in ports_of(row["ports"])
        },
        udp={int(row["port"]): str(row["name"]) for row in told["udp"]},
    )
    both = made.fragile.keys() & made.services.keys()
    if both:
        raise ValueError(f"both asked and never asked: {spans(both)}")
    return made


def _family(word: str) -> Family:
    found: Family | None = next((name for name in get_args(Family) if name == word), None)
    if not found:
        raise ValueError(f"no family {word!r}")
    return found


def ports_of(text: str) -> tuple[int, ...]:
    """The ports of a text as nmap writes them: ``1,3-4``. Raises ``ValueError`` for any other."""
    found: list[int] = []
    for part in str(text).split(",") if text else ():
        match = _SPAN.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 0 < first <= last <= 65535 or len(found) + last - first > 65535:
            raise ValueError(f"not ports: {part[:40]!r}")
        found.extend(range(first, last + 1))
    return tuple(found)


def spans(ports: Iterable[int]) -> str:
    """Ports as nmap takes them, in order: ``1,3-4``."""
    said: list[str] = []
    first = last = -1
    for port in [*sorted(set(ports)), -1]:
        if port == last + 1 and first > 0:
            last = port
            continue
        if first > 0:
            said.append(str(first) if first == last else f"{first}-{last}")
        first = last = port
    return ",".join(said)
