"""Which hosts answer in the networks that a target serves, beyond those that the inventory had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from auditor.model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptNetwork:
    """How far one network was swept. What the inventory knew was not asked, and needed not be."""

    network: str
    asked: int
    known: int
    """Addresses in it that the inventory had when it was swept."""
    excluded: int
    """Addresses that an authority excludes: nobody knows what is there."""
    trouble: str
    """Why some of the others were not asked, or not wholly; empty where all were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveHost:
    """A host that answered. ``mac`` and ``maker`` are known only on the auditor's own network segment."""

    address: str
    how: str
    """The scanner's word for its answer: arp-response, echo-reply, syn-ack …"""
    mac: str
    maker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSweep(Evidence):
    """Made of addresses that the inventory did not have; the machine that swept is not counted."""

    topic: ClassVar[str] = "network-sweep"

    networks: tuple[SweptNetwork, ...]
    live: tuple[LiveHost, ...]
    named: int
    """Machines at its site, or at none, that the inventory knew by name only: any of them may be among ``live``."""
    means: Literal["nmap-root", "nmap", "connect"]
    """Without root no ARP is heard; without nmap one's own scan connects."""
