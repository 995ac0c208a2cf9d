"""Reads what apt prints: the simulated upgrade, the list of sources, configuration."""

from __future__ import annotations

import re

from auditor.evidence.patch import Missing, Update
from auditor.model import CollectError, Reason

_SUMMARY = re.compile(
    r"^(\d{1,7}) upgraded, (\d{1,7}) newly installed, (?:(\d{1,7}) reinstalled, )?(?:(\d{1,7}) downgraded, )?"
    r"(\d{1,7}) to remove and (\d{1,7}) not upgraded\.$",
    re.ASCII,
)
# Inst NAME [OLD] (NEW LABEL:VERSION/SUITE, … [ARCH]) [what else changes]
_INST = re.compile(r"^Inst (\S+) (?:\[([^\]]*)\] )?\((\S+) (?:([^\[\]]*) )?\[([^\]]*)\]\)(?: \[.*\])?$")
_KEPT = "The following packages have been kept back:"
_LONGEST_LINE = 1 << 16


def is_security(label: str, suite: str) -> bool:
    """Debian names its security archive by label, Ubuntu (and its ESM archives) by suite."""
    return label == "Debian-Security" or (label.startswith("Ubuntu") and suite.endswith("-security"))


def missing(text: str) -> Missing:
    """Parse ``apt-get -s dist-upgrade``. Its closing line must be there, and its counts must be those seen."""
    security: list[Update] = []
    kept: list[str] = []
    count = 0
    closing: re.Match[str] | None = None
    in_kept = False
    for line in text.splitlines():
        if len(line) > _LONGEST_LINE:
            raise CollectError(Reason.UNPARSABLE, f"apt-get: a line of {len(line)} characters")
        in_kept = in_kept and line.startswith("  ")
        if in_kept:
            kept.extend(line.split())
        elif line == _KEPT:
            in_kept = True
        elif line.startswith("Inst "):
            update, secure = _inst(line)
            count += 1
            if secure:
                security.append(update)
        elif found := _SUMMARY.match(line):
            if closing is not None:
                raise CollectError(Reason.UNPARSABLE, "apt-get: two closing lines")
            closing = found
    if closing is None:
        raise CollectError(Reason.INCOMPLETE, "apt-get: no closing line")
    upgraded, new, again, down, _, left = (int(number or 0) for number in closing.groups())
    if upgraded + new + again + down != count:
        raise CollectError(Reason.INCOMPLETE, f"apt-get: {count} packages listed, {closing[0]!r}")
    if left and not kept:
        kept.append(f"({left})")
    return Missing(tuple(security), count - len(security), tuple(kept))


def _inst(line: str) -> tuple[Update, bool]:
    match = _INST.match(line)
    if match is None:
        raise CollectError(Reason.UNPARSABLE, f"apt-get: {line[:150]!r}")
    update = Update(match[1], match[2] or "", match[3])
    return update, any(_secure(origin) for origin in (match[4] or "").split(", "))


def _secure(origin: str) -> bool:
    """``Debian-Security:12/oldstable-security``; without the version where a Release file gives none."""
    release, slash, suite = origin.rpartition("/")
    label, _, last = (release if slash else origin).rpartition(":")
    return is_security(label, suite if slash else last)


def settings(lines: list[str]) -> list[tuple[str, str]]:
    """Parse ``apt-config dump``: ``Name::Part "value";`` on each line."""
    found = []
    for line in lines:
        name, space, value = line.partition(" ")
        if not space or not value.startswith('"') or not value.endswith('";'):
            raise CollectError(Reason.UNPARSABLE, f"apt-config: {line[:150]!r}")
        found.append((name, value[1:-2]))
    return found
