"""What will be done to whom, before anything is done: tasks, and the commands to put in sudoers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.collector import Collector, Command, CommandCollector, Privilege, ProbeCollector
from auditor.targets import Inventory, Target

VANTAGE = "auditor"
MANY = 256
"""Most targets one probe call serves."""


@dataclass(frozen=True, slots=True)
class Task:
    """The unit of work: collectors, the targets they serve, from where, and the site whose limit holds."""

    collectors: tuple[str, ...]
    targets: tuple[str, ...]
    vantage: str
    site: str
    kind: str
    """``host`` (one script), ``probe`` (own I/O) or ``recorded`` (copied from recordings)."""


def make_tasks(
    inventory: Inventory,
    collectors: Mapping[str, Collector],
    done: Iterable[tuple[str, str]] = (),
    only: frozenset[str] | None = None,
) -> list[Task]:
    """Every (target, collector) that inventory and declarations ask for, less those ``done``.

    ``only`` limits to these target ids.
    """
    finished = set(done)
    tasks: list[Task] = []
    gathered: dict[tuple[str, str], list[str]] = {}
    for target in inventory.targets:
        if only is not None and target.id not in only:
            continue
        open_ = [c for c in collectors.values() if c.serves(target) and (target.id, c.id) not in finished]
        if target.connect == "recorded":
            if open_:
                tasks.append(Task(tuple(c.id for c in open_), (target.id,), VANTAGE, "", "recorded"))
            continue
        hosted = [c.id for c in open_ if isinstance(c, CommandCollector)]
        if hosted:
            tasks.append(Task(tuple(hosted), (target.id,), VANTAGE, target.site or "", "host"))
        for probe in (c for c in open_ if isinstance(c, ProbeCollector)):
            if probe.many:
                gathered.setdefault((probe.id, target.site or ""), []).append(target.id)
            else:
                tasks.append(Task((probe.id,), (target.id,), VANTAGE, target.site or "", "probe"))
    for (probe_id, site), ids in gathered.items():
        for start in range(0, len(ids), MANY):
            tasks.append(Task((probe_id,), tuple(ids[start : start + MANY]), VANTAGE, site, "probe"))
    return tasks


def host_commands(target: Target, collectors: Iterable[Collector]) -> list[tuple[Collector, Command]]:
    """All commands the command collectors will run on ``target``."""
    return [
        (collector, command)
        for collector in collectors
        if isinstance(collector, CommandCollector) and collector.serves(target)
        for command in collector.commands(target)
    ]


def sudoers(target: Target, user: str, commands: Sequence[Command]) -> str:
    """A sudoers file that lets ``user`` run exactly the privileged commands, with no wildcard.

    A command without arguments is written with ``""`` so that none can be added.
    """
    lines = [
        f"# Capdo: exactly what an audit of {target.id} runs as root, read-only. Install with: visudo -cf FILE",
        f"# then: install -m 0440 -o root FILE /etc/sudoers.d/capdo-{target.id.replace('.', '_')}",
        f"Defaults:{_word(user)} !requiretty, !mail_no_user, !mail_no_perms, !use_pty",
    ]
    for argv in dict.fromkeys(c.argv for c in commands if c.privilege is not Privilege.NONE):
        lines.append(f"{_word(user)} ALL=(root) NOPASSWD: NOEXEC: {_word(argv[0])} {_arguments(argv[1:])}")
    return "\n".join(lines) + "\n"


def _word(text: str) -> str:
    """A user or a tool in a sudoers line: every character with a meaning of its own is escaped."""
    return "".join(f"\\{ch}" if ch in "\\,:=!\"'*?[]{}()#~%@+ \t" else ch for ch in text)


def _arguments(words: Sequence[str]) -> str:
    """Arguments in a sudoers line, which are read twice: by its lexer, then as one fnmatch pattern.

    The lexer takes a backslash before ``,:=#`` and blanks as its own, and hands one before ``*?[]!`` on
    to fnmatch; before anything else it is a syntax error. A backslash itself must survive both.
    """
    if not words:
        return '""'
    text = " ".join("".join(_ESCAPED.get(ch, ch) for ch in word).replace(" ", "\\ ") for word in words)
    # Since sudo 1.9.10 arguments from ^ to $ are a regular expression.
    return "\\" + text if text.startswith("^") and text.endswith("$") else text


_ESCAPED = {"\\": "\\" * 4, "\t": "\\\t"} | {ch: "\\" + ch for ch in ",:=#*?[]!"}
