"""Are memory images of privileged programs kept from the disk?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Verdict, failed, param, passed, unknown
from auditor.evidence.hardening import HostHardening

_PATH = "fs/suid_dumpable"


@dataclass(frozen=True)
class Params:
    """``accepted``: 0 writes none; 2 writes them for root alone, as systemd sets it for its own handler."""

    accepted: tuple[int, ...] = param((0,), stricter="fewer")


class SuidCoreDumps(Check[HostHardening, Params]):
    """Such an image can hold password hashes and keys."""

    id: ClassVar[str] = "hardening.suid-core-dumps"
    evidence: ClassVar[type] = HostHardening
    params: ClassVar[type] = Params

    def judge(self, evidence: HostHardening, params: Params) -> Verdict:
        value = evidence.sysctl(_PATH)
        where = f"/proc/sys/{_PATH}"
        if value is None:
            return unknown("no-setting", expected=params.accepted, where=where)
        say = passed if int(value) in params.accepted else failed
        code = "kept-off" if say is passed else "written"
        return say(code, expected=params.accepted, found=int(value), where=where, value=int(value))
