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
# As root, apt would renew its caches and leave a log of its plan; these keep it from writing anything.
_NO_WRITES = (
    *("-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="),
    *("-o", "Dir::Log::Planner=", "-o", "Dir::Log::Solver="),
)
# What would come if nothing stood in the way: no holds, no pins, no phasing. Security archives are preferred,
# so that a newer version elsewhere (a point release, -updates, a vendor) cannot hide a missing security update.
_SIMULATE = (
    *("/usr/bin/apt-get", "-s", "-o", "Debug::NoLocking=1", *_NO_WRITES, "--ignore-hold"),
    *("-o", "APT::Get::Always-Include-Phased-Updates=1"),
    *("-o", "Dir::Etc::Preferences=/dev/null", "-o", "Dir::Etc::PreferencesParts=/dev/null"),
    *("-t", "a=*-security", "dist-upgrade"),
)
_FORMAT = "$(CREATED_BY)|$(FILENAME)|$(ORIGIN)|$(LABEL)|$(SUITE)"
_STATUS = ("^Status: hold ", "/var/lib/dpkg/status")
_RELEASES = ("--include=*Release", "--exclude-dir=partial", "--exclude-dir=auxfiles")


class Apt(CommandCollector):
    """Simulates an upgrade, as no particular user and without a lock; nothing is fetched or written."""

    id: ClassVar[str] = "patch.apt"
    evidence: ClassVar[type[Evidence]] = PatchState

    def commands(self, target: Target) -> Sequence[Command]:
        return (
            Command("simulate", _SIMULATE, timeout=90),
            Command("sources", ("/usr/bin/apt-get", *_NO_WRITES, "indextargets", "--format", _FORMAT)),
            Command("lists", ("/bin/grep", "-r", "-m", "1", "-H", *_RELEASES, "^Date: ", _LISTS)),
            # The count says "0" aloud where the list would only be empty.
            Command("held", ("/bin/grep", "-B", "3", *_STATUS)),
            Command("held-count", ("/bin/grep", "-c", *_STATUS)),
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
            held=_held(seen),
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
    named = set()
    for line in lines:
        parts = line.split("|")
        if len(parts) != 5 or not parts[1].startswith("/"):
            raise CollectError(Reason.UNPARSABLE, f"apt-get indextargets: {line[:150]!r}")
        # What an archive does not say of itself, apt leaves as it stands in the format.
        made_by, path, origin, label, suite = ("" if part.startswith("$(") else part for part in parts)
        file = path.rpartition("/")[2]
        prefix = max((each for each in dates if file.startswith(each)), key=len, default=None)
        named.add(prefix)
        if made_by != "Packages":  # sources, translations …: no packages to install
            continue
        found[prefix or file] = Source(
            # The name is made from the address, without user and password. It has no host for a local folder.
            host=unquote(file.partition("_")[0]),
            origin=origin,
            label=label,
            suite=suite,
            security=_apt.is_security(label, suite),
            dated=dates[prefix] if prefix else None,
        )
    if unnamed := dates.keys() - named:
        raise CollectError(Reason.INCOMPLETE, f"apt-get indextargets does not tell of {min(unnamed)}")
    return tuple(found[name] for name in sorted(found))


def _held(seen: Reading) -> tuple[str, ...]:
    """Of dpkg's status file, the packages on hold: each is named a few lines before its status."""
    names: list[str] = []
    package = ""
    for line in seen.lines("held", ok=(0, 1)):
        key, _, value = line.partition(": ")
        if key == "Package":
            package = value
        elif key == "Status" and package:
            names.append(package)
            package = ""
    said = seen.text("held-count", ok=(0, 1)).strip()
    if not said.isdecimal() or int(said) != len(names):
        raise CollectError(Reason.INCOMPLETE, f"dpkg: {said[:20]!r} packages on hold, {len(names)} named")
    return tuple(sorted(set(names)))


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
