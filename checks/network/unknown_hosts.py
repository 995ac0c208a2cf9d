"""Does anything answer in the networks that a target serves which the inventory does not know?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Bundle, Check, Instance, NoParams, Result, Say, Unavailable, Verdict, notapplicable, over, unknown
from auditor.evidence.declared import DeclaredTarget
from auditor.evidence.known_hosts import KnownHosts
from auditor.evidence.network_sweep import LiveHost, NetworkSweep, SweptNetwork

_SHOWN = 200
_BY = {"nmap-root": "by-root", "nmap": "by-nmap", "connect": "by-connecting"}


@dataclass(frozen=True)
class Facts(Bundle):
    declared: DeclaredTarget
    sweep: NetworkSweep | Unavailable
    known: KnownHosts | Unavailable


class UnknownHosts(Check[Facts, NoParams]):
    """A host nobody wrote down is patched, watched and answered for by nobody."""

    id: ClassVar[str] = "network.unknown-hosts"
    evidence: ClassVar[type] = Facts

    def judge(self, evidence: Facts, params: NoParams) -> Verdict:
        networks, seen = evidence.declared.networks, evidence.sweep
        if not networks:
            return notapplicable("no-networks")
        if isinstance(seen, Unavailable):
            return unknown("not-swept", where=", ".join(networks), why=seen.detail or seen.reason.value)
        since = evidence.known.addresses if isinstance(evidence.known, KnownHosts) else frozenset()
        strangers = [one for one in seen.live if one.address not in since]
        swept = {one.network: one for one in seen.networks}
        items = [_network(name, swept.get(name), Say(_BY[seen.means])) for name in networks]
        items += [_stranger(one, seen, len(strangers)) for one in strangers[:_SHOWN]]
        return over(items, "hosts", networks=len(networks), unlisted=len(strangers))


def _network(name: str, swept: SweptNetwork | None, means: Say) -> Instance:
    why = "not asked" if swept is None else swept.trouble
    if swept is None or why:
        return Instance(name, Result.UNKNOWN, Say("network-not-whole", {"why": why}), where=name)
    if swept.excluded:
        return Instance(name, Result.UNKNOWN, Say("network-excluded", {"excluded": swept.excluded}), where=name)
    said = Say("network-whole", {"asked": swept.asked, "known": swept.known})
    return Instance(name, Result.PASS, said, None, means, name)


def _stranger(host: LiveHost, seen: NetworkSweep, strangers: int) -> Instance:
    """Where so many machines are known by name only, each of the strangers may be one of them."""
    maybe = strangers <= seen.named
    said = Say("maybe-named" if maybe else "stranger", {"named": seen.named})
    told = " ".join(filter(None, (host.how, host.mac, host.maker)))
    return Instance(host.address, Result.UNKNOWN if maybe else Result.FAIL, said, None, told, host.address)
