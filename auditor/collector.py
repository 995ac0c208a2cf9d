"""What a collector is: what it will do, declared; and how its observations become evidence, purely.

Three kinds. A *command* collector declares read-only commands, which the engine joins into one
script a host. A *probe* does its own I/O from a vantage and may serve many targets at once.
An *import* reads a file that somebody brought.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from auditor.model import CollectError, Evidence, Observation, Privacy, Reason, Seen

if TYPE_CHECKING:
    from auditor.sweep import Errand
    from auditor.targets import Target


class Privilege(StrEnum):
    """Which rungs of the ladder a command may climb."""

    NONE = "none"
    """Run as is; what it cannot see is not needed."""
    LADDER = "ladder"
    """As is when the file named last may be read, else ``sudo -n``."""
    ROOT = "root"
    """Straight to ``sudo -n`` unless root: without it the output would look complete and not be."""


_KEY = re.compile(r"^[a-z0-9][a-z0-9.-]*$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Command:
    """One read-only command, as an argv; never a shell line.

    ``cap`` is the largest stdout kept, in bytes; ``timeout`` wall-clock seconds.
    Raises ``ValueError`` for an argv whose tool is not absolute or that holds control characters.
    """

    key: str
    argv: tuple[str, ...]
    privilege: Privilege = Privilege.NONE
    timeout: int = 10
    cap: int = 1 << 20
    privacy: Privacy = Privacy.TECHNICAL

    def __post_init__(self) -> None:
        if not _KEY.match(self.key):
            raise ValueError(f"command key {self.key!r} is not kebab-case")
        if not self.argv or not self.argv[0].startswith("/"):
            raise ValueError(f"{self.argv!r}: the tool must be an absolute path")
        if _CONTROL.search("".join(self.argv)):
            raise ValueError(f"{self.argv!r}: control characters in an argument")
        if self.privilege is Privilege.LADDER and not self.argv[-1].startswith("/"):
            raise ValueError(f"{self.argv!r}: a ladder command must end with the path it reads")


def read_file(key: str, path: str, *, privilege: Privilege = Privilege.NONE, cap: int = 1 << 20) -> Command:
    """A command that reads one file; see ``Reading.file`` for its absence."""
    return Command(key, ("/bin/cat", "--", path), privilege, cap=cap)


class Reading:
    """What a parser is given: the observations of one collector on one target, and nothing else.

    Its methods fail closed: whatever was not fully and successfully seen raises ``CollectError``.
    """

    def __init__(self, target: Target, seen: Seen, observations: Mapping[str, Observation]) -> None:
        self.target = target
        self.seen = seen
        self._observations = observations

    def __iter__(self) -> Iterator[Observation]:
        return iter(self._observations.values())

    def __contains__(self, key: str) -> bool:
        return key in self._observations

    def observation(self, key: str) -> Observation:
        """The observation itself, whatever became of it; ``incomplete`` when it was never made."""
        try:
            return self._observations[key]
        except KeyError:
            raise CollectError(Reason.INCOMPLETE, f"{key} was not collected") from None

    def raw(self, key: str, ok: Sequence[int] = (0,)) -> bytes:
        """The whole stdout of a command that ran and ended with one of ``ok``."""
        seen = self.observation(key)
        if seen.problem is not None:
            raise CollectError(seen.problem, _detail(seen))
        if seen.truncated:
            raise CollectError(Reason.TRUNCATED, f"{seen.source}: output cut after {len(seen.stdout)} bytes")
        if seen.exit not in ok:
            raise CollectError(_why(seen), _detail(seen))
        return seen.stdout

    def text(self, key: str, ok: Sequence[int] = (0,)) -> str:
        """As ``raw``, decoded; ``unparsable`` when it is not UTF-8."""
        try:
            return self.raw(key, ok).decode("utf-8")
        except UnicodeDecodeError as exc:
            raise CollectError(Reason.UNPARSABLE, f"{key}: not UTF-8 at byte {exc.start}") from None

    def lines(self, key: str, ok: Sequence[int] = (0,)) -> list[str]:
        return self.text(key, ok).splitlines()

    def missing_tool(self, key: str) -> bool:
        """True when the tool is not on the target: a complete look that found nothing."""
        return self.observation(key).problem is Reason.NO_TOOL

    def file(self, key: str) -> str | None:
        """A file's text, or None when it does not exist; unreadable raises."""
        seen = self.observation(key)
        if seen.problem is None and seen.exit != 0 and "No such file or directory" in seen.stderr:
            return None
        return self.text(key)


def _why(seen: Observation) -> Reason:
    refused = ("permission denied", "not permitted", "must be root", "are you root", "need to be root")
    return Reason.DENIED if any(word in seen.stderr.lower() for word in refused) else Reason.INCOMPLETE


def _detail(seen: Observation) -> str:
    first = next((line for line in seen.stderr.splitlines() if line.strip()), "")
    return f"{seen.source}: exit {seen.exit}" + (f": {first[:200]}" if first else "")


class Collector(ABC):
    """Turns one topic of one kind of target into one type of evidence."""

    id: ClassVar[str]
    """``<topic>.<tool>``, equal in meaning to the file name ``<topic>_<tool>.py``."""
    version: ClassVar[int] = 1
    """Raised when the parser's meaning changes; it is written into the envelope."""
    evidence: ClassVar[type[Evidence]]
    kinds: ClassVar[frozenset[str]] = frozenset({"server", "endpoint"})
    platforms: ClassVar[frozenset[str]] = frozenset({"linux"})
    """Declared platforms served; an undeclared platform of a server is taken to be linux."""

    def serves(self, target: Target) -> bool:
        """Does this collector apply, by inventory alone?"""
        if target.kind not in self.kinds:
            return False
        return not self.platforms or (target.platform or "linux") in self.platforms

    @abstractmethod
    def parse(self, seen: Reading) -> Evidence:
        """Pure: observations to evidence. Raises ``CollectError`` rather than guess."""


class CommandCollector(Collector):
    """Asks a host by commands that the engine runs together with those of other collectors."""

    @abstractmethod
    def commands(self, target: Target) -> Sequence[Command]:
        """All it may run on this target; values come only from typed inventory fields."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a probe will do to a target, for ``plan``: a sentence, and the ports it touches."""

    what: str
    ports: tuple[int, ...] = ()
    network: str = ""
    """The network it goes to, where that is not the target."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """A target with the one address that was resolved, checked against the authority, and may be used."""

    target: Target
    address: str
    """Empty where the networks that it serves are asked."""
    errand: Errand | None = None
    """What may be asked of those networks."""


class ProbeCollector(Collector):
    """Looks from a vantage by its own I/O; kept apart so that networks are touched in few places."""

    platforms: ClassVar[frozenset[str]] = frozenset()
    method: ClassVar[str]
    """The authority's method it needs: tls, web, ports, links, snmp."""
    many: ClassVar[bool] = False
    """May one call serve many targets?"""
    sweeps: ClassVar[bool] = False
    """Does it ask the networks that a target serves, and not the target?"""

    def contact(self, target: Target) -> str | None:
        """Name or address it talks to, which the authority gate admits: the target's own, unless another answers
        for it."""
        return target.link.target if target.link else target.address

    @abstractmethod
    def actions(self, target: Target) -> Sequence[Action]: ...

    @abstractmethod
    def probe(self, targets: Sequence[Addressed], now: datetime) -> Mapping[str, Sequence[Observation]]:
        """Observations by target id. A target left out was not seen. Must bound its own time and bytes."""
