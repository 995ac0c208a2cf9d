"""Reads package sources and missing updates of a host that uses apt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from auditor.collector import Command, CommandCollector, Reading
from auditor.collectors import _apt
from auditor.evidence.patch import Missing, PatchState, Source
from auditor.model import CollectError, Evidence, Reason, Unavailable
from auditor.targets import Target

_LISTS = "/var/lib/apt/lists"
# What would come if nothing stood in the way: no holds, no pins, no phasing. Security archives are preferred,
# so that a newer version elsewhere (a point release, -updates, a vendor) cannot hide a missing security update.
_SIMULATE = (
    *("/usr/bin/apt-get", "-s", "-o", "Debug::NoLocking=1", "--ignore-hold"),
    *("-o", "APT::Get::Always-Include-Phased-Updates=1"),
    *("-o", "Dir::Etc::Preferences=/dev/null", "-o", "Dir::Etc::PreferencesParts=/dev/null"),
    *("-t", "a=*-security", "dist-upgrade"),
)
_FORMAT = "$(FILENAME)|$(ORIGIN)|$(LABEL)|$(SUITE)"
_RELEASES = ("--include=*Release", "--exclude-dir=partial", "--exclude-dir=auxfiles")


class Apt(CommandCollector):
    """Simulates an upgrade, as no particular user and without a lock; nothing is fetched or written."""

    id: ClassVar[str] = "patch.apt"
    evidence: ClassVar[type[Evidence]] = PatchState

    def commands(self, target: Target) -> Sequence[Command]:
        return (
            Command("simulate", _SIMULATE, timeout=90),
            Command("sources", ("/usr/bin/apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages")),
            Command("lists", ("/bin/grep", "-r", "-m", "1", "-H", *_RELEASES, "^Date: ", _LISTS)),
            Command("packages", ("/usr/bin/dpkg-query", "-W", "-f", "${db:Status-Want} ${binary:Package}\\n")),
            Command(
                "settings", ("/usr/bin/apt-config", "dump", "APT::Architecture", "Acquire::http", "Acquire::https")
            ),
        )

    def parse(self, seen: Reading) -> PatchState:
        if seen.missing_tool("simulate"):
            raise CollectError(Reason.UNSUPPORTED, "no apt-get on this host; other package managers are not read yet")
        missing: Missing | Unavailable
        try:
            missing = _apt.missing(seen.text("simulate"))
        except CollectError as exc:
            missing = Unavailable(exc.reason, exc.detail)
        return PatchState(
            seen=seen.seen,
            sources=_sources(seen.lines("sources"), _dates(seen.lines("lists", ok=(0, 1)))),
            missing=missing,
            held=_held(seen.lines("packages")),
            proxies=_proxies(seen.lines("settings")),
        )


def _dates(lines: Sequence[str]) -> dict[str, datetime]:
    """Beginning of list file names → the date their archive was signed, which no mirror can make younger."""
    found = {}
    for line in lines:
        path, _, said = line.partition(":Date:")
        try:
            dated = parsedate_to_datetime(said.strip())
        except ValueError:
            raise CollectError(Reason.UNPARSABLE, f"{_LISTS}: {line[-100:]!r}") from None
        file = path.rpartition("/")[2]
        found[re.sub(r"(In)?Release$", "", file)] = dated if dated.tzinfo else dated.replace(tzinfo=UTC)
    return found


def _sources(lines: Sequence[str], dates: dict[str, datetime]) -> tuple[Source, ...]:
    found = {}
    for line in lines:
        parts = line.split("|")
        if len(parts) != 4 or not parts[0].startswith("/"):
            raise CollectError(Reason.UNPARSABLE, f"apt-get indextargets: {line[:150]!r}")
        path, origin, label, suite = parts
        file = path.rpartition("/")[2]
        prefix = max((each for each in dates if file.startswith(each)), key=len, default=None)
        found[prefix or file] = Source(
            # The name is made from the address, without user and password. It has no host for a local folder.
            host=unquote(file.partition("_")[0]),
            origin=origin,
            label=label,
            suite=suite,
            security=_apt.is_security(label, suite),
            dated=dates[prefix] if prefix else None,
        )
    return tuple(found[name] for name in sorted(found))


def _held(lines: Sequence[str]) -> tuple[str, ...]:
    wanted: dict[str, str] = {}
    for line in lines:
        want, space, package = line.partition(" ")
        if not space or not package:
            raise CollectError(Reason.UNPARSABLE, f"dpkg-query: {line[:100]!r}")
        wanted[package] = want
    if "dpkg" not in wanted:
        raise CollectError(Reason.INCOMPLETE, "dpkg-query does not list dpkg itself")
    return tuple(sorted(package for package, want in wanted.items() if want == "hold"))


def _proxies(lines: list[str]) -> tuple[str, ...]:
    settings = _apt.settings(lines)
    if not any(name == "APT::Architecture" for name, _ in settings):
        raise CollectError(Reason.INCOMPLETE, "apt-config names no architecture")
    found = set()
    for name, value in settings:
        if name.partition("::Proxy")[0] in ("Acquire::http", "Acquire::https") and "::Proxy" in name:
            try:
                host = urlsplit(value).hostname
            except ValueError:
                raise CollectError(Reason.UNPARSABLE, f"apt-config: {name} is no address") from None
            if host and value != "DIRECT":
                found.add(host)
    return tuple(sorted(found))
