"""nmap's XML about one host → the state of every port that was asked. Pure.

python-nmap reads the ports it lists. The rest (was the scan whole, which ports were left out of the list because they
all behaved alike) it drops, and that is read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import nmap

from auditor.collectors._exposure_data import ports_of, spans
from auditor.collectors._nmap import RTT_MS
from auditor.model import CollectError, Reason

_CAP = 1 << 20
_DOCTYPE = b"<!DOCTYPE nmaprun>"
_OPEN, _CLOSED, _FILTERED = "open", "closed", "filtered"


@dataclass(frozen=True, slots=True)
class States:
    """What became of each TCP port asked."""

    scanner: str
    address: str
    open: frozenset[int]
    closed: frozenset[int]
    filtered: frozenset[int]


def states(document: bytes) -> States:
    """Raises ``CollectError``: not nmap's XML, another scan than ours, not whole, or a port not told of."""
    root = _root(document)
    info, hosts = root.findall("scaninfo"), root.findall("host")
    finished = root.find("runstats/finished")
    if len(info) != 1 or info[0].get("protocol") != "tcp" or info[0].get("type") != "connect":
        raise CollectError(Reason.UNPARSABLE, "not a scan of TCP ports by connecting")
    if len(hosts) != 1:
        raise CollectError(Reason.UNPARSABLE, f"{len(hosts)} hosts in the document of one")
    if finished is None or finished.get("exit") != "success":
        raise CollectError(Reason.INCOMPLETE, "nmap did not finish")
    if hosts[0].get("timedout", "false") != "false":
        raise CollectError(Reason.INCOMPLETE, "nmap gave this host up before all ports were asked")
    found = _listed(document)
    for group in hosts[0].iterfind("ports/extraports"):
        _group(group, found)
    asked = frozenset(_ports(info[0].get("services", "")))
    if found.keys() != asked or not asked:
        raise CollectError(Reason.INCOMPLETE, f"nothing told of ports {spans(asked - found.keys())[:100] or 'asked'}")
    _fast_enough(hosts[0])
    by = {state: frozenset(port for port, told in found.items() if told == state) for state in set(found.values())}
    if by.keys() - {_OPEN, _CLOSED, _FILTERED}:
        raise CollectError(Reason.UNPARSABLE, f"states {sorted(by)} of ports")
    address = hosts[0].find("address")
    return States(
        scanner=f"nmap {root.get('version', '')[:20]}".strip(),
        address=(address.get("addr", "") if address is not None else ""),
        open=by.get(_OPEN, frozenset()),
        closed=by.get(_CLOSED, frozenset()),
        filtered=by.get(_FILTERED, frozenset()),
    )


def _root(document: bytes) -> ET.Element:
    """The document, which must be as plain as nmap makes it: no declarations, so no entities."""
    if len(document) > _CAP:
        raise CollectError(Reason.TRUNCATED, f"more than {_CAP} bytes of XML about one host")
    plain = document.replace(_DOCTYPE, b"", 1)
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain or b"\0" in plain:
        raise CollectError(Reason.UNPARSABLE, "declarations in the XML that nmap does not make")
    try:
        root = ET.fromstring(document)  # noqa: S314  (no declarations are left in it)
    except (ET.ParseError, ValueError, LookupError) as exc:
        raise CollectError(Reason.UNPARSABLE, f"not XML: {exc}") from None
    if root.tag != "nmaprun" or root.get("scanner") != "nmap":
        raise CollectError(Reason.UNPARSABLE, f"not nmap's XML but {root.tag[:40]!r}")
    return root


def _listed(document: bytes) -> dict[int, str]:
    """Ports told of one by one, as python-nmap reads them."""
    reader = nmap.PortScanner.__new__(nmap.PortScanner)  # made so, it need not find a binary where one only judges
    try:
        told: Any = reader.analyse_nmap_xml_scan(document.decode("utf-8"))
        (host,) = told["scan"].values()
        return {int(port): str(row["state"]) for port, row in host.get("tcp", {}).items()}
    except Exception as exc:  # noqa: BLE001  (it raises whatever its indexing meets)
        raise CollectError(Reason.UNPARSABLE, f"python-nmap: {type(exc).__name__}: {str(exc)[:100]}") from None


def _group(group: ET.Element, found: dict[int, str]) -> None:
    """Ports that nmap tells of together. Its releases before 7.70 did not say which, and are not understood."""
    state, said = group.get("state", ""), group.findall("extrareasons")
    ports = [port for reason in said for port in _ports(reason.get("ports", ""))]
    if len(ports) != _count(group) or not found.keys().isdisjoint(ports):
        raise CollectError(Reason.UNPARSABLE, f"{len(ports)} of the ports that are {state[:20]} are named")
    found.update(dict.fromkeys(ports, state))


def _count(group: ET.Element) -> int:
    text = group.get("count", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1


def _ports(text: str) -> tuple[int, ...]:
    try:
        return ports_of(text)
    except ValueError as exc:
        raise CollectError(Reason.UNPARSABLE, str(exc)) from None


def _fast_enough(host: ET.Element) -> None:
    """On a line as slow as the time-out an open port may look filtered."""
    times = host.find("times")
    told = [times.get(name, "") for name in ("srtt", "rttvar")] if times is not None else []
    try:
        micros = [int(text[:12]) for text in told]
    except ValueError:
        raise CollectError(Reason.UNPARSABLE, f"round-trip times {told}") from None
    if micros and micros[0] > 0 and micros[0] + 2 * max(0, micros[1]) > RTT_MS * 1000:
        raise CollectError(
            Reason.INCOMPLETE, f"the line is too slow ({micros[0] // 1000} ms) to tell open from filtered"
        )
