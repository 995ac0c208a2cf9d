"""Does a target offer services that anyone on the way can read or forge?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, over, param, passed, unknown
from auditor.evidence.exposure import Exposure, OpenPort


@dataclass(frozen=True)
class Params:
    """``allowed``: names of services that are accepted here (tftp, say, where machines are installed by network)."""

    allowed: tuple[str, ...] = param((), stricter="fewer")


class InsecureServices(Check[Exposure, Params]):
    """A port's number alone condemns nothing: what did not show itself stays undecided."""

    id: ClassVar[str] = "network.insecure-services"
    evidence: ClassVar[type] = Exposure
    params: ClassVar[type] = Params

    def judge(self, evidence: Exposure, params: Params) -> Verdict:
        if not evidence.alive:
            return unknown("silent", where=evidence.address, asked=evidence.asked)
        items = [self._allowed(item, params.allowed) for item in self._instances(evidence)]
        return over(items, "services") if items else passed("none", where=evidence.address, asked=evidence.asked)

    def _allowed(self, item: Instance, names: tuple[str, ...]) -> Instance:
        if item.id.rpartition("/")[2] not in names:
            return item
        return replace(item, result=Result.PASS, message=Say("allowed", {"service": item.id}))

    def _instances(self, seen: Exposure) -> Iterator[Instance]:
        for item in seen.open:
            if item.seen == "telnet" or (item.family == "legacy" and item.seen not in ("ssh", "vnc")):
                result, code = self._tcp(item, seen.ftp_tls)
                said = Say(code, {"port": item.label})
                yield Instance(f"tcp/{item.port}/{item.name}", result, said, None, item.said or None, seen.address)
        if seen.smb is not None and seen.smb.smb1 is not False:
            result, code = (Result.FAIL, "smb1") if seen.smb.smb1 else (Result.UNKNOWN, "smb-unclear")
            yield Instance("tcp/445/smb1", result, Say(code), None, seen.smb.dialect or None, seen.address)
        for heard in seen.heard("snmp", "tftp", "upnp"):
            sure = heard.state == "answered"
            said = Say(heard.name if sure else "unclear", {} if sure else {"port": heard.label})
            result = Result.FAIL if sure else Result.UNKNOWN
            yield Instance(f"udp/{heard.port}/{heard.name}", result, said, None, heard.said or None, seen.address)

    def _tcp(self, item: OpenPort, ftp_tls: bool | None) -> tuple[Result, str]:
        if item.seen == "ftp" and ftp_tls is not None:
            return (Result.PASS, "ftp-tls") if ftp_tls else (Result.FAIL, "plain")
        return (Result.FAIL, "plain") if item.seen and item.seen != "ftp" else (Result.UNKNOWN, "unclear")
