"""Reads whether a host that uses apt updates itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Reading
from auditor.collectors import _apt
from auditor.evidence.patch import UpdateAutomation
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_TIMERS = ("apt-daily.timer", "apt-daily-upgrade.timer")
_PROGRAM, _JOB = "/usr/bin/unattended-upgrade", "/etc/cron.daily/apt-compat"
# systemctl is-enabled says one word a unit. What it can say besides counts as not enabled.
_ENABLED = frozenset({"enabled", "enabled-runtime", "static", "alias", "indirect", "generated", "transient"})
_DISABLED = frozenset({"disabled", "masked", "masked-runtime", "linked", "linked-runtime", "not-found", "bad"})


class AptAutomatic(CommandCollector):
    """apt's periodic settings, the allowed origins, and what starts them."""

    id: ClassVar[str] = "patch-automatic.apt"
    evidence: ClassVar[type[Evidence]] = UpdateAutomation

    def commands(self, target: Target) -> Sequence[Command]:
        wanted = ("APT::Architecture", "APT::Periodic", "Unattended-Upgrade")
        return (
            Command("settings", ("/usr/bin/apt-config", "dump", *wanted)),
            Command("programs", ("/bin/ls", "-1", "-d", "/", _PROGRAM, _JOB, "/usr/sbin/cron", "/var")),
            Command("timers", ("/bin/systemctl", "is-enabled", *_TIMERS)),
        )

    def parse(self, seen: Reading) -> UpdateAutomation:
        if seen.missing_tool("settings"):
            raise CollectError(Reason.UNSUPPORTED, "no apt on this host; other package managers are not read yet")
        pairs = _apt.settings(seen.lines("settings"))
        settings = dict(pairs)
        if not settings.get("APT::Architecture"):
            raise CollectError(Reason.INCOMPLETE, "apt-config names no architecture")
        programs = seen.lines("programs", ok=(0, 2))
        if not {"/", "/var"} <= set(programs):  # ls sorts: these are the first and the last
            raise CollectError(Reason.INCOMPLETE, "ls does not list / and /var")
        lists = ("Unattended-Upgrade::Allowed-Origins::", "Unattended-Upgrade::Origins-Pattern::")
        return UpdateAutomation(
            seen=seen.seen,
            installed=_PROGRAM in programs,
            enabled=_on(settings.get("APT::Periodic::Enable", "1")),
            refresh=_on(settings.get("APT::Periodic::Update-Package-Lists", "0")),
            upgrade=_on(settings.get("APT::Periodic::Unattended-Upgrade", "0")),
            origins=tuple(value for name, value in pairs if name in lists),
            timers=() if seen.missing_tool("timers") else _timers(seen.lines("timers", ok=(0, 1, 4))),
            cron={_JOB, "/usr/sbin/cron"} <= set(programs),
        )


def _on(value: str) -> bool:
    """``0`` is off; a number of days, one with a unit, and ``always`` are on. Anything else is not understood."""
    if value in ("", "0"):
        return False
    if value == "always" or value.rstrip("smhd").isdecimal():
        return value.rstrip("smhd").strip("0") != ""
    raise CollectError(Reason.UNPARSABLE, f"APT::Periodic: {value[:40]!r}")


def _timers(states: Sequence[str]) -> tuple[tuple[str, str], ...]:
    if len(states) != len(_TIMERS) or not set(states) <= _ENABLED | _DISABLED:
        raise CollectError(Reason.UNPARSABLE, f"systemctl: {' '.join(states)[:100]!r}")
    return tuple(zip(_TIMERS, states, strict=True))
