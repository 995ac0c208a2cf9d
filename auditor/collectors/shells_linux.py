"""Looks for TMOUT in the start files that every shell reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Reading
from auditor.collectors._text import grepped
from auditor.evidence.shells import ShellSettings, ShellTimeout
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_SETS = re.compile(r"(?:^|[\s;])TMOUT=(?P<value>[^\s;]*)")


class LinuxShells(CommandCollector):
    """Lines that set TMOUT. PATH, umask and PS1 are matched too: some line of /etc/profile always is."""

    id: ClassVar[str] = "shells.linux"
    evidence: ClassVar[type[Evidence]] = ShellSettings

    def commands(self, target: Target) -> Sequence[Command]:
        files = ("/etc/profile", "/etc/profile.d", "/etc/bash.bashrc", "/etc/bashrc")
        return (Command("profile", ("/bin/grep", "-RHnaE", "TMOUT|^[^#]*(PATH|umask|PS1)", *files)),)

    def parse(self, seen: Reading) -> ShellSettings:
        lines = grepped(seen, "profile", ["/etc/profile"])
        timeouts = []
        readonly = False
        for line in lines:
            if line.path.startswith("/etc/profile.d/") and not line.path.endswith(".sh"):
                continue
            said = line.text.partition("#")[0]
            for match in _SETS.finditer(said):
                value = match["value"].strip("\"'")
                if not (value.isascii() and value.isdigit() and len(value) < 10):
                    raise CollectError(Reason.UNPARSABLE, f"{line.where}: TMOUT is {value[:40]!r}, not a number")
                timeouts.append(ShellTimeout(seconds=int(value), where=line.where))
            readonly = readonly or _is_readonly(said)
        return ShellSettings(seen=seen.seen, timeouts=tuple(timeouts), readonly=readonly)


def _is_readonly(said: str) -> bool:
    """``readonly TMOUT``, ``declare -rx TMOUT=…``: some word of a command before the name makes it so."""
    for command in said.split(";"):
        words = command.split()
        if words and any(word.partition("=")[0] == "TMOUT" for word in words[1:]):
            declared = words[0] in ("declare", "typeset") and any(w.startswith("-") and "r" in w for w in words[1:])
            if words[0] == "readonly" or declared:
                return True
    return False
