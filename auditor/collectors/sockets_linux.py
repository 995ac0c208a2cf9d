"""Reads with ``ss`` what a Linux host listens on, and which program does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Privilege, Reading
from auditor.collectors._text import whole_lines
from auditor.evidence.sockets import Listening, ListeningSockets
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_PROGRAM = re.compile(r'^users:\(\("((?:[^"\\]|\\.){1,64})"')
_LIST = ("-l", "-n", "-t", "-u")


class LinuxSockets(CommandCollector):
    """Listening TCP sockets and unconnected UDP sockets; owners where root may be asked."""

    id: ClassVar[str] = "sockets.linux"
    evidence: ClassVar[type[Evidence]] = ListeningSockets

    def commands(self, target: Target) -> Sequence[Command]:
        return (
            Command("listening", ("/usr/bin/ss", *_LIST)),
            Command("listening-rhel", ("/usr/sbin/ss", *_LIST)),
            Command("owners", ("/usr/bin/ss", *_LIST, "-p"), Privilege.ROOT),
            Command("owners-rhel", ("/usr/sbin/ss", *_LIST, "-p"), Privilege.ROOT),
        )

    def parse(self, seen: Reading) -> ListeningSockets:
        suffix = "-rhel" if seen.missing_tool("listening") else ""
        sockets = _sockets(seen, f"listening{suffix}")
        try:
            owned = {_place(item): item.program for item in _sockets(seen, f"owners{suffix}")}
        except CollectError:
            owned = {}  # whose it is, is a help and no more
        named = {
            Listening(
                protocol=item.protocol,
                address=item.address,
                port=item.port,
                interface=item.interface,
                program=owned.get(_place(item)),
            )
            for item in sockets
        }
        return ListeningSockets(seen=seen.seen, sockets=tuple(sorted(named, key=_place)))


def _place(item: Listening) -> tuple[str, int, str, str]:
    return item.protocol, item.port, item.address, item.interface


def _sockets(seen: Reading, key: str) -> list[Listening]:
    """The header proves that ss looked; without it an empty listing says nothing."""
    lines = whole_lines(seen.text(key), key)
    if not lines or lines[0].split()[:2] != ["Netid", "State"]:
        raise CollectError(Reason.UNPARSABLE, f"{key}: ss gave no header")
    return [_socket(line) for line in lines[1:]]


def _socket(line: str) -> Listening:
    words = line.split(maxsplit=6)
    if len(words) < 6 or words[0] not in ("tcp", "udp") or words[1] not in ("LISTEN", "UNCONN"):
        raise CollectError(Reason.UNPARSABLE, f"ss: {line[:200]}")
    host, _, port = words[4].rpartition(":")
    address, _, interface = host.partition("%")
    address = address.strip("[]")
    interface = interface.strip("[]")
    try:
        if address != "*":
            ip_address(address)
        number = int(port)
        if not 0 < number < 65536:
            raise ValueError(port)
    except ValueError:
        raise CollectError(Reason.UNPARSABLE, f"ss: {line[:200]}") from None
    owner = _PROGRAM.match(words[6]) if len(words) > 6 else None
    program = owner[1] if owner else None
    return Listening(protocol=words[0], address=address, port=number, interface=interface, program=program)
