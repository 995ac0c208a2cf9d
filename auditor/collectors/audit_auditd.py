"""Asks the kernel, through auditctl, for the state and the loaded rules of its audit system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Privilege, Reading
from auditor.collectors._text import whole_lines
from auditor.evidence.audit import AuditRule, AuditState
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_TOOL = "/sbin/auditctl"


class Auditd(CommandCollector):
    """``auditctl -s`` and ``auditctl -l``: what is in force, not what a file would load."""

    id: ClassVar[str] = "audit.auditd"
    evidence: ClassVar[type[Evidence]] = AuditState

    def commands(self, target: Target) -> Sequence[Command]:
        return (
            Command("status", (_TOOL, "-s"), Privilege.ROOT),
            Command("rules", (_TOOL, "-l"), Privilege.ROOT),
        )

    def parse(self, seen: Reading) -> AuditState:
        if seen.missing_tool("status") and seen.missing_tool("rules"):
            return AuditState(seen=seen.seen, installed=False)
        status = _status(whole_lines(seen.text("status"), "auditctl -s"))
        lines = whole_lines(seen.text("rules"), "auditctl -l")
        if not lines:
            raise CollectError(Reason.INCOMPLETE, "auditctl -l says neither a rule nor 'No rules'")
        rules = () if lines == ["No rules"] else tuple(_rule(line) for line in lines)
        return AuditState(
            seen=seen.seen, installed=True, enabled=status["enabled"], daemon_pid=status["pid"], rules=rules
        )


def _status(lines: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in lines:
        name, _, value = line.partition(" ")
        if name in ("enabled", "pid"):
            if not (value.isascii() and value.isdigit() and len(value) < 11):
                raise CollectError(Reason.UNPARSABLE, f"auditctl -s: {name} is {value[:20]!r}")
            found[name] = int(value)
    if len(found) != 2:
        raise CollectError(Reason.UNPARSABLE, "auditctl -s does not tell enabled and pid")
    return found


def _rule(line: str) -> AuditRule:
    """``-w PATH -p PERMS -k KEY`` or ``-a always,exit -F field=value -S call,call``."""
    words = line.split()
    if len(words) < 2 or len(words) % 2 or words[0] not in ("-w", "-a", "-A"):
        raise CollectError(Reason.UNPARSABLE, f"auditctl -l: not a rule: {line[:80]!r}")
    path, folder, permissions = None, False, "rwxa"
    calls: list[str] = []
    filters: list[str] = []
    for option, value in zip(words[::2], words[1::2], strict=True):
        if option == "-w":
            path, folder = value, True  # a watch on a folder holds for all below it
        elif option == "-p":
            permissions = value
        elif option == "-S":
            calls += value.split(",")
        elif option == "-F" and value.startswith(("path=", "dir=")):
            path, folder = value.partition("=")[2], value.startswith("dir=")
        elif option == "-F" and value.startswith("perm="):
            permissions = value.partition("=")[2]
        elif option in ("-F", "-C"):
            if not value.startswith(("arch=", "key=")):
                filters.append(value)
        elif option not in ("-a", "-A", "-k"):
            raise CollectError(Reason.UNPARSABLE, f"auditctl -l: unknown word {option!r} in {line[:80]!r}")
    return AuditRule(
        text=line,
        never=words[0] != "-w" and "never" in words[1].split(","),
        path=path,
        folder=folder,
        permissions=permissions,
        calls=tuple(calls),
        filters=tuple(filters),
    )
