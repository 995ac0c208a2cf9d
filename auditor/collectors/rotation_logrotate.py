"""Reads logrotate's configuration: for how long rotated logs stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Reading
from auditor.collectors._text import Line, grepped
from auditor.evidence.logging import LogRotation, Rotation
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_MAIN, _FOLDER = "/etc/logrotate.conf", "/etc/logrotate.d"
_PERIODS = {"hourly": 1 / 24, "daily": 1.0, "weekly": 7.0, "monthly": 30.0, "yearly": 365.0}
_SCRIPTS = frozenset({"prerotate", "postrotate", "firstaction", "lastaction", "preremove"})
_IGNORED = (".bak", ".disabled", ".dpkg-dist", ".dpkg-new", ".dpkg-old", ".dpkg-tmp", ".orig", ".rpmnew", ".rpmorig",
            ".rpmsave", ".swp", ".ucf-dist", ".ucf-new", ".ucf-old", "~", ",v")  # fmt: skip


class Logrotate(CommandCollector):
    """/etc/logrotate.conf and /etc/logrotate.d."""

    id: ClassVar[str] = "rotation.logrotate"
    evidence: ClassVar[type[Evidence]] = LogRotation

    def commands(self, target: Target) -> Sequence[Command]:
        return (Command("conf", ("/bin/grep", "-RHna", "^", _MAIN, _FOLDER)),)

    def parse(self, seen: Reading) -> LogRotation:
        files: dict[str, list[Line]] = {}
        for line in grepped(seen, "conf", [_MAIN]):
            files.setdefault(line.path, []).append(line)
        if _MAIN not in files:  # drop-ins of packages may lie there without it
            return LogRotation(seen=seen.seen, installed=False)
        usual, found = _read(files[_MAIN], _Terms())
        for path in sorted(files):
            if path.startswith(f"{_FOLDER}/") and not path.endswith(_IGNORED):
                found += _read(files[path], usual)[1]
        return LogRotation(seen=seen.seen, installed=True, rotations=tuple(found))


@dataclass(frozen=True, slots=True)
class _Terms:
    """Directives in force; logrotate's own defaults."""

    count: int = 0
    period_days: float | None = None
    by_size: bool = False
    max_age_days: int | None = None


def _read(lines: Iterable[Line], usual: _Terms) -> tuple[_Terms, list[Rotation]]:
    """The terms after a file's global lines, and its rotations."""
    found: list[Rotation] = []
    pending: list[str] = []
    begun: Line | None = None
    terms = usual
    script = False
    for line in lines:
        said = line.text.strip()
        words = said.split()
        if not words or said.startswith("#"):
            continue
        if script or words[0] in _SCRIPTS:
            script = words[0] != "endscript"
        elif words[0] == "}" and begun is not None:
            found.append(
                Rotation(
                    paths=tuple(pending),
                    count=terms.count,
                    period_days=terms.period_days,
                    by_size=terms.by_size,
                    max_age_days=terms.max_age_days,
                    where=begun.where,
                )
            )
            begun, pending, terms = None, [], usual
        elif begun is None and (said.startswith(("/", '"', "'")) or said == "{"):
            pending += [word.strip("\"'") for word in said.removesuffix("{").split()]
            if said.endswith("{"):
                begun = line
        elif begun is None:
            usual = terms = _directive(usual, words, line)
        else:
            terms = _directive(terms, words, line)
    if begun is not None or script:
        raise CollectError(Reason.UNPARSABLE, "logrotate: a block is not closed")
    return usual, found


def _directive(terms: _Terms, words: Sequence[str], line: Line) -> _Terms:
    name, value = words[0].partition("=")[0], (words[1] if len(words) > 1 else words[0].partition("=")[2])
    if name in _PERIODS:
        return replace(terms, period_days=_PERIODS[name], by_size=False)
    if name in ("rotate", "maxage"):
        if not value.removeprefix("-").isdigit() or len(value) > 6:
            raise CollectError(Reason.UNPARSABLE, f"{line.where}: {name} {value[:20]!r}")
        number = int(value)
        return replace(terms, count=max(number, -1)) if name == "rotate" else replace(terms, max_age_days=number)
    if name in ("size", "maxsize"):
        return replace(terms, by_size=True)
    if name == "include" and value != _FOLDER:
        raise CollectError(Reason.INCOMPLETE, f"{line.where}: cannot follow include {value[:80]}")
    return terms
