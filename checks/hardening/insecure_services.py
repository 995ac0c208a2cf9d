"""Are services that speak in clear text, or that nobody needs any more, off?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, over, param, passed
from auditor.evidence.sockets import ListeningSockets

_OLD = {
    "tcp/7": "echo",
    "udp/7": "echo",
    "tcp/9": "discard",
    "tcp/13": "daytime",
    "tcp/19": "chargen",
    "udp/19": "chargen",
    "tcp/21": "FTP",
    "tcp/23": "Telnet",
    "udp/69": "TFTP",
    "tcp/79": "finger",
    "udp/137": "NetBIOS name service",
    "tcp/512": "rexec",
    "tcp/513": "rlogin",
    "tcp/514": "rsh",
    "udp/5355": "LLMNR",
    "tcp/6000": "X11",
}


@dataclass(frozen=True)
class Params:
    """``services``: name by protocol and port, as assigned by IANA."""

    services: Mapping[str, str] = param(_OLD, stricter="more")


class InsecureServices(Check[ListeningSockets, Params]):
    """Sockets that only the host itself can reach do not count."""

    id: ClassVar[str] = "hardening.insecure-services"
    evidence: ClassVar[type] = ListeningSockets
    params: ClassVar[type] = Params

    def judge(self, evidence: ListeningSockets, params: Params) -> Verdict:
        found: dict[str, Instance] = {}
        for item in evidence.sockets:
            name = params.services.get(key := f"{item.protocol}/{item.port}")
            if name and not item.loopback:
                said = Say("listens", {"service": name, "port": key})
                found[key] = Instance(key, Result.FAIL, said, None, item.program, f"ss: {item.address}:{item.port}")
        if found:
            return over(found.values(), "services")
        return passed("none", found=len(evidence.sockets), where="ss -lntu", count=len(evidence.sockets))
