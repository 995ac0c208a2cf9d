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
_READONLY = re.compile(r"(?:^|[\s;])(?:readonly|(?:declare|typeset)\s+-\w*r\w*)\s+TMOUT(?![\w])")


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
            readonly = readonly or _READONLY.search(said) is not None
        return ShellSettings(seen=seen.seen, timeouts=tuple(timeouts), readonly=readonly)
