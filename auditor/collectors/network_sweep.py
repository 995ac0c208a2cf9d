"""Which hosts that the inventory does not know answer in the networks that a target serves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from itertools import pairwise
from typing import Any, ClassVar

from auditor.authority import parse_ip
from auditor.collector import Action, Addressed, ProbeCollector, Reading
from auditor.collectors import _nmap, _sweep
from auditor.collectors._doors import turn
from auditor.evidence.network_sweep import LiveHost, NetworkSweep, SweptNetwork
from auditor.fields import MOST_ADDRESSES
from auditor.model import CollectError, Evidence, Observation, Reason
from auditor.sweep import Errand, hosts_of
from auditor.targets import Target

_MEANS = ("nmap-root", "nmap", "connect")


class SweptNetworks(ProbeCollector):
    """ARP, pings and knocks at ports where nothing fragile listens; only addresses that an authority with networks
    covers and that the inventory does not have."""

    id: ClassVar[str] = "network.sweep"
    evidence: ClassVar[type[Evidence]] = NetworkSweep
    kinds: ClassVar[frozenset[str]] = frozenset({"server", "device", "link"})
    method: ClassVar[str] = "ports"
    sweeps: ClassVar[bool] = True

    def serves(self, target: Target) -> bool:
        return super().serves(target) and bool(target.networks)

    def actions(self, target: Target) -> Sequence[Action]:
        return tuple(
            Action(
                f"a sweep of {network} for live hosts: ARP or a ping, and one TCP connection attempt, each "
                f"repeated once if silent, to {len(_sweep.KNOCK)} ports of every address that an authority covers "
                f"and the inventory does not have (nmap, at most {_nmap.RATE} packets a second for a site)",
                _sweep.KNOCK,
                network,
            )
            for network in target.networks
        )

    def probe(self, targets: Sequence[Addressed], now: datetime) -> Mapping[str, Sequence[Observation]]:
        made = {}
        for one in targets:
            if one.errand is not None:
                with turn(f"ports of site {one.target.site or ''}"):
                    told = _swept(one.errand)
                made[one.target.id] = (_observed(one.target, now, told),)
        return made

    def parse(self, seen: Reading) -> NetworkSweep:
        try:
            told = json.loads(seen.raw("sweep"))
            live = tuple(
                LiveHost(
                    address=_ip(one["address"]), how=_text(one["how"]), mac=_text(one["mac"]), maker=_text(one["maker"])
                )
                for one in told["live"]
            )
            done = _done(told["batches"])
            networks = tuple(_network(one, done) for one in told["networks"])
            if told["means"] not in _MEANS or not networks:
                raise ValueError("no means or no networks")
            asked = {address for spans in told["networks"] for address in _spread(spans["asked"])}
            if any(int(ip_address(one.address)) not in asked for one in live):
                raise ValueError("an answer from an address that was not asked")
            named = _count(told["named"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise CollectError(Reason.UNPARSABLE, f"sweep: {type(exc).__name__}: {exc}"[:200]) from None
        return NetworkSweep(seen=seen.seen, networks=networks, live=live, named=named, means=told["means"])


# --- sweeping -----------------------------------------------------------------------------------------------


def _swept(errand: Errand) -> dict[str, Any]:
    """Batch after batch, each only where it is allowed at that very instant: hours may have ended since."""
    batches: list[dict[str, Any]] = []
    live: list[dict[str, Any]] = []
    addresses = dict.fromkeys(address for one in errand.wanted for address in one.asked)
    for batch in _batches(list(addresses)):
        may, why = errand.gate.allowed(batch, "ports", datetime.now(UTC))
        found, trouble = _sweep.live(may) if may else ([], "")
        batches.append({"asked": _spans(may), "trouble": trouble, "left_out": why})
        live += [
            {"address": one.address, "how": one.how, "mac": one.mac, "maker": one.maker} for one in found if not one.own
        ]
    networks = [
        {
            "network": one.network,
            "asked": _spans(one.asked),
            "known": one.known,
            "excluded": one.excluded,
            "refused": dict(one.refused),
        }
        for one in errand.wanted
    ]
    return {"means": _sweep.means(), "named": errand.named, "networks": networks, "batches": batches, "live": live}


def _batches(addresses: Sequence[str]) -> Iterator[list[str]]:
    """A few at a time, each of one protocol."""
    for version in (4, 6):
        alike = [one for one in addresses if (":" in one) == (version == 6)]
        for at in range(0, len(alike), _sweep.TOGETHER):
            yield alike[at : at + _sweep.TOGETHER]


def _spans(addresses: Sequence[str]) -> list[str]:
    """Addresses in order, as first and last of each run of neighbours."""
    plain = sorted(map(ip_address, addresses), key=int)
    ends = [0, *(n for n, (one, after) in enumerate(pairwise(plain), 1) if int(after) != int(one) + 1), len(plain)]
    return [f"{plain[first]}-{plain[end - 1]}" for first, end in pairwise(ends) if first < end]


def _observed(target: Target, now: datetime, told: Mapping[str, Any]) -> Observation:
    return Observation(
        key="sweep",
        source=f"sweep of {', '.join(target.networks)}",
        target=target.id,
        vantage="auditor",
        collected_at=now,
        stdout=json.dumps(told, separators=(",", ":")).encode(),
    )


# --- reading ------------------------------------------------------------------------------------------------


def _spread(spans: Sequence[str]) -> set[int]:
    found: set[int] = set()
    for span in spans:
        first, last = map(ip_address, span.split("-"))
        if not 0 <= int(last) - int(first) < MOST_ADDRESSES or first.version != last.version:
            raise ValueError(f"{span} is no span of addresses")
        found.update(range(int(first), int(last) + 1))
        if len(found) > MOST_ADDRESSES:
            raise ValueError("too many addresses")
    return found


def _done(batches: Sequence[Mapping[str, Any]]) -> tuple[set[int], str]:
    """The addresses that were wholly asked, and the first reason why others were not."""
    done: set[int] = set()
    why = ""
    for batch in batches:
        trouble, left_out = _text(batch["trouble"]), _text(batch["left_out"])
        why = why or trouble or left_out
        done |= set() if trouble else _spread(batch["asked"])
    return done, why


def _network(told: Mapping[str, Any], done: tuple[set[int], str]) -> SweptNetwork:
    """Every address that can be a host's must be accounted for, or the network was not wholly swept."""
    network = ip_network(told["network"])
    asked = _spread(told["asked"])
    base = int(network.network_address)
    if any(not base <= address < base + network.num_addresses for address in asked):
        raise ValueError(f"addresses outside {network} were asked")
    refused = {_text(why): _count(count) for why, count in told["refused"].items()}
    known, excluded = _count(told["known"]), _count(told["excluded"])
    if len(asked) + known + excluded + sum(refused.values()) != hosts_of(network):
        raise ValueError(f"{network}: not every address is accounted for")
    trouble = next(iter(refused), "")
    if not trouble and not asked <= done[0]:
        trouble = done[1] or "not every address was asked"
    return SweptNetwork(network=str(network), asked=len(asked), known=known, excluded=excluded, trouble=trouble)


def _ip(value: object) -> str:
    found = parse_ip(_text(value))
    if found is None:
        raise ValueError("an answer without an address")
    return str(found)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("not printable text")
    return value[:200]


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a count")
    return value
