"""Reads a host's release and lays this program's end-of-life data beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from auditor import eol
from auditor.collector import Command, CommandCollector, Reading, read_file
from auditor.collectors.system_linux import os_release
from auditor.evidence.patch import SupportState
from auditor.model import Evidence
from auditor.targets import Target


class LinuxSupport(CommandCollector):
    """os-release, against ``data/eol.yaml``: judging again later uses the data of the program that judges."""

    id: ClassVar[str] = "support.linux"
    evidence: ClassVar[type[Evidence]] = SupportState

    def commands(self, target: Target) -> Sequence[Command]:
        return (read_file("os-release", "/etc/os-release"),)

    def parse(self, seen: Reading) -> SupportState:
        told = os_release(seen.text("os-release"))
        table = eol.table()
        # Only VERSION_ID: the codename stays the same on Debian's testing, which is not a release.
        release = table.release(told["ID"], told.get("VERSION_ID", ""))
        return SupportState(
            seen=seen.seen,
            os_id=told["ID"],
            os_version=told.get("VERSION_ID", ""),
            os_name=told.get("PRETTY_NAME", told["ID"]),
            ends=release.ends if release else (),
            data_source=table.source,
            data_dated=table.dated,
            data_stale_after_days=table.stale_after_days,
        )
