"""Reads what rsyslog or syslog-ng writes and sends: only the parts of lines that name files and places.

``grep -o`` leaves out what follows them on the line, which may be a password of a log store.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from auditor.collector import Command, CommandCollector, Reading
from auditor.collectors._text import Line, grepped
from auditor.evidence.logging import Forward, LogFile, SyslogConfig
from auditor.model import Evidence
from auditor.targets import Target

_RSYSLOG, _SYSLOG_NG = "/etc/rsyslog.conf", "/etc/syslog-ng/syslog-ng.conf"
_PARTS = (
    r"""^[^#]*(type="om[a-z0-9]+"|target="[^"]*"|:om(fwd|relp):[^ ;]+|@@?(\([^)]*\))?[][A-Za-z0-9_.:-]+"""
    r"""|/var/log/[A-Za-z0-9_./%$-]+|imuxsock|imjournal|imklog|[Ii]nclude[^#]*"""
    r"""|(network|syslog|tcp|udp|tcp6|udp6)\("[^"]+"|@version|system\(\)|internal\(\))"""
)
_SENDS = re.compile(r"(?:^|\s)@@?(?:\([^)]*\))?(?P<to>[\w.:\[\]-]+)|:om(?:fwd|relp):(?P<old>[^\s;]+)")
_MODULE = re.compile(r'type="(?P<name>om[a-z0-9]+)"')
_TARGET = re.compile(r'target="(?P<to>[^"]{1,200})"', re.IGNORECASE)
_NG_SENDS = re.compile(r'\b(?:network|syslog|tcp|udp|tcp6|udp6)\("(?P<to>[^"]{1,200})"')
_WRITES = re.compile(r"/var/log/[A-Za-z0-9_./%$-]+")
# Output modules that leave the host; omfile, ompipe, omusrmsg … stay on it.
_REMOTE = frozenset({"omfwd", "omrelp", "omelasticsearch", "omkafka", "omhttp", "omamqp1", "omrabbitmq", "omczmq",
                     "omhiredis", "omgssapi", "omclickhouse", "ommysql", "ompgsql", "ommongodb"})  # fmt: skip
_DROP_INS = {"/etc/rsyslog.d/*.conf", "rsyslog.d/*.conf", "/etc/syslog-ng/conf.d/*.conf", "conf.d/*.conf", "scl.conf"}
_INCLUDE = re.compile(r"""include(?:config)? ?\(? ?(?:file ?= ?)?["']?(?P<what>[^\s"')]+)""", re.IGNORECASE)


class LinuxSyslog(CommandCollector):
    """Files written and places sent to, with file and line."""

    id: ClassVar[str] = "syslog.linux"
    evidence: ClassVar[type[Evidence]] = SyslogConfig

    def commands(self, target: Target) -> Sequence[Command]:
        paths = ("/etc/rsyslog.d", "/etc/syslog-ng/conf.d", _RSYSLOG, _SYSLOG_NG)
        return (Command("conf", ("/bin/grep", "-RHnaoE", _PARTS, *paths)),)

    def parse(self, seen: Reading) -> SyslogConfig:
        lines = [line for line in grepped(seen, "conf", [_RSYSLOG, _SYSLOG_NG]) if line.path.endswith(".conf")]
        configured: list[Literal["rsyslogd", "syslog-ng"]] = []
        files: dict[str, LogFile] = {}
        forwards: list[Forward] = []
        for line in lines:
            ng = line.path.startswith("/etc/syslog-ng/")
            name: Literal["rsyslogd", "syslog-ng"] = "syslog-ng" if ng else "rsyslogd"
            if line.path in (_RSYSLOG, _SYSLOG_NG) and name not in configured:
                configured.append(name)
            forwards.extend(_ng_sends(line) if ng else _sends(line))
            if "imfile" not in line.text and not (ng and "source" in line.text):
                for path in _WRITES.findall(line.text):
                    files.setdefault(path, LogFile(path=path, where=line.where))
        return SyslogConfig(
            seen=seen.seen,
            configured=tuple(configured),
            files=tuple(files.values()),
            forwards=tuple(_named(forwards, lines)),
            unread=tuple(line.where for line in lines if _leads_elsewhere(line)),
        )


def _sends(line: Line) -> list[Forward]:
    found = [
        Forward(to=match["to"] or match["old"], where=line.where)
        for match in _SENDS.finditer(line.text)
        if not line.text.lstrip().startswith("$")
    ]
    module = _MODULE.search(line.text)
    if module is not None and module["name"] in _REMOTE:
        target = _TARGET.search(line.text)
        found.append(Forward(to=target["to"] if target else module["name"], where=line.where))
    return found


def _ng_sends(line: Line) -> list[Forward]:
    """A syslog-ng driver with a quoted host is a destination: sources name theirs by ``ip()``."""
    if line.text.lstrip().startswith(("source", "@")):
        return []
    return [Forward(to=match["to"], where=line.where) for match in _NG_SENDS.finditer(line.text)]


def _named(forwards: list[Forward], lines: list[Line]) -> list[Forward]:
    """Where an action stretches over lines, its target stands on one of the next five."""
    targets = {(line.path, line.number): match["to"] for line in lines if (match := _TARGET.search(line.text))}
    found = []
    for forward in forwards:
        to, (path, _, number) = forward.to, forward.where.rpartition(":")
        if to in _REMOTE:
            near = (targets.get((path, int(number) + step)) for step in range(1, 6))
            to = next((name for name in near if name), to)
        found.append(Forward(to=to, where=forward.where))
    return found


def _leads_elsewhere(line: Line) -> bool:
    match = _INCLUDE.search(" ".join(line.text.split()))
    return match is not None and match["what"] not in _DROP_INS
