"""Do updates come from a central server inside the organisation?"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Verdict, failed, param, passed, unknown
from auditor.evidence.patch import PatchState

# RFC 1918 and RFC 4193. Python's is_private takes in loopback and documentation addresses too.
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


@dataclass(frozen=True)
class Params:
    internal: tuple[str, ...] = param((".local", ".lan", ".internal", ".intranet", ".home.arpa"), stricter="fewer")
    """Ends of host names inside the organisation; a province adds its own."""
    public: tuple[str, ...] = param(
        ("debian.org", "ubuntu.com", "debian.net", "canonical.com", "freexian.com"), stricter="more"
    )
    """Domains of public archives."""


class CentralServer(Check[PatchState, Params]):
    """By the hosts the package lists came from. A proxy passes updates on but does not choose them."""

    id: ClassVar[str] = "patch.central-server"
    evidence: ClassVar[type] = PatchState
    params: ClassVar[type] = Params

    def judge(self, evidence: PatchState, params: Params) -> Verdict:
        hosts = tuple(sorted({source.host for source in evidence.sources}))
        if not evidence.sources:
            return unknown("no-lists", where="/var/lib/apt/lists")
        public = tuple(host for host in hosts if _within(host, params.public))
        if public and any(_internal(proxy, params) for proxy in evidence.proxies):
            return unknown("proxy", found=evidence.proxies, where="apt-config dump", host=public[0])
        if public:
            return failed("public", found=public, where="/etc/apt/sources.list*", host=public[0])
        other = tuple(host for host in hosts if not _internal(host, params))
        if other:
            code = "not-known" if other[0] else "on-disk"
            return unknown(code, found=other, where="/etc/apt/sources.list*", host=other[0])
        return passed("internal", found=hosts, where="/etc/apt/sources.list*", host=hosts[0])


def _within(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain.lstrip(".") or host.endswith("." + domain.lstrip(".")) for domain in domains)


def _internal(host: str, params: Params) -> bool:
    name = host if host.count(":") > 1 else host.partition(":")[0]
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return _within(name, params.internal)
    return any(address in net for net in _PRIVATE)
