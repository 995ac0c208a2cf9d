"""Which ports of a target answer: by nmap where it is installed, by a shorter scan of our own where it is not."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import ClassVar

from auditor.collector import Action, Addressed, ProbeCollector, Reading
from auditor.collectors import _connect_scan, _exposure_looks, _nmap
from auditor.collectors import _exposure_reading as reads
from auditor.collectors._doors import turn
from auditor.collectors._exposure_data import table
from auditor.collectors._nmap_reading import States, states
from auditor.evidence.exposure import Exposure, OpenPort
from auditor.model import CollectError, Evidence, Observation, Reason
from auditor.targets import Target

_Trouble = tuple[Reason, str]
_LOOKING = 8
"""Targets of one site that are looked at more closely at once."""
_CONNECT_S = 600.0


class NmapPorts(ProbeCollector):
    """Open, closed and filtered TCP ports; a few UDP services; what SMB, RDP, telnet and FTP say of themselves."""

    id: ClassVar[str] = "ports.nmap"
    evidence: ClassVar[type[Evidence]] = Exposure
    kinds: ClassVar[frozenset[str]] = frozenset({"server", "device", "link"})
    method: ClassVar[str] = "ports"
    many: ClassVar[bool] = True

    def actions(self, target: Target) -> Sequence[Action]:
        if _unsuited(target):
            return ()
        known = table()
        where = target.link.target if target.link else target.address or target.id
        return (
            Action(
                f"one TCP connection, repeated once if silent, to each of about {_nmap.TOP} ports of {where} "
                f"(nmap, at most {_nmap.RATE} a second for a site; without nmap {len(known.services)} ports)",
                wanted([target], ()),
            ),
            Action("one to three pings (fping), only where no port answers at all"),
            Action("one datagram each: SNMP, TFTP, SSDP, NetBIOS", tuple(known.udp)),
            Action("the first words of SMB, RDP and FTP where they are open; no login", (21, 445, 3389)),
        )

    def probe(self, targets: Sequence[Addressed], now: datetime) -> Mapping[str, Sequence[Observation]]:
        with turn(f"ports of site {targets[0].target.site or ''}"):
            return dict(_probe(targets, now))

    def parse(self, seen: Reading) -> Exposure:
        raw = seen.raw("scan")
        found = reads.connected(raw) if raw.lstrip().startswith(b"{") else states(raw)
        udp, tcp, echo = reads.document(seen.raw("looks"), found.address)
        known = table()
        if udp.keys() != {str(port) for port in known.udp}:
            raise CollectError(Reason.INCOMPLETE, "not all UDP services were asked")
        return Exposure(
            seen=seen.seen,
            address=found.address,
            scanner=found.scanner,
            vantage=seen.observation("scan").vantage,
            login_port=_login(seen.target),
            open=tuple(_open(port, tcp) for port in sorted(found.open)),
            echo=echo,
            closed=found.closed,
            filtered=found.filtered,
            left_out=frozenset(known.fragile),
            udp=tuple(reads.udp_answer(port, name, udp[str(port)]) for port, name in known.udp.items()),
            smb=reads.smb(tcp) if 445 in found.open else None,
            rdp=reads.rdp(tcp) if 3389 in found.open else None,
            ftp_tls=reads.ftp_tls(tcp.get("ftp-tls")),
        )


def wanted(targets: Sequence[Target], top: Sequence[int]) -> tuple[int, ...]:
    """The ports to ask: nmap's own choice, those with a meaning here, and those declared; never a fragile one."""
    known = table()
    asked = {*top, *known.services}
    for target in targets:
        asked |= {*target.ports, *({_login(target) or 22})}
    return tuple(sorted(asked - known.fragile.keys()))


def _login(target: Target) -> int | None:
    """The port by which the audit logs in; a recording was made that way too."""
    return ((target.ssh and target.ssh.port) or 22) if target.connect in ("ssh", "recorded") else None


def _open(port: int, tcp: Mapping[str, reads.Heard]) -> OpenPort:
    service, heard = table().services.get(port), tcp.get(str(port), reads.Heard("silent"))
    return OpenPort(
        port=port,
        name=service.name if service else "",
        family=service.family if service else "",
        seen=reads.recognised(port, heard),
        said=reads.printable(heard.data),
    )


def _unsuited(target: Target) -> str:
    """Why a target is not looked at, by inventory alone; empty for most."""
    word = table().why_fragile(target)
    if word:
        return f"fragile ({word}): not one packet is sent to it"
    return "looked at from itself a machine shows what nobody else can reach" if target.connect == "local" else ""


def _no_way(address: str) -> _Trouble | None:
    """No route to an address; or it is one of this very machine, which its own filter does not hold from itself."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect((address, 9))  # looks the route up; a datagram socket sends nothing by that
            mine = asked.getsockname()[0] == address
    except OSError as exc:
        return Reason.UNREACHABLE, f"{address}: {exc}"
    return (Reason.UNSUPPORTED, f"{address} is this machine: looked at from itself it shows too much") if mine else None


def _probe(targets: Sequence[Addressed], now: datetime) -> Iterator[tuple[str, Sequence[Observation]]]:
    able: list[Addressed] = []
    for item in targets:
        unsuited = _unsuited(item.target)
        trouble = (Reason.UNSUPPORTED, unsuited) if unsuited else _no_way(item.address)
        if trouble:
            yield item.target.id, (_observed(item, now, "scan", "ports", b"", trouble),)
        else:
            able.append(item)
    for version in (4, 6):
        alike = [item for item in able if (":" in item.address) == (version == 6)]
        for at in range(0, len(alike), _nmap.TOGETHER):
            yield from _batch(alike[at : at + _nmap.TOGETHER], now)


def _batch(batch: Sequence[Addressed], now: datetime) -> Iterator[tuple[str, Sequence[Observation]]]:
    addresses = list(dict.fromkeys(item.address for item in batch))
    tool = _nmap.tool()
    top = _nmap.top_ports(tool) if tool else ()
    ports = wanted([item.target for item in batch], top)
    trouble: _Trouble | None = None
    if tool and top:
        documents, trouble = _nmap.scan(tool, addresses, ports)
        words = _nmap.argv("nmap", addresses[:1], ports)
        source = " ".join(f"({len(ports)} ports)" if word.startswith("T:") else word for word in words[:-1])
    else:
        documents, source = _connect_scan.scan(addresses, ports, _CONNECT_S), f"connect scan of {len(ports)} ports:"
    with ThreadPoolExecutor(max_workers=_LOOKING) as pool:
        looks = dict(zip(addresses, pool.map(lambda each: _look(each, documents.get(each)), addresses), strict=True))
    for item in batch:
        document = documents.get(item.address, b"")
        made = [_observed(item, now, "scan", f"{source} {item.address}", document, None if document else trouble)]
        if document:
            made.append(_observed(item, now, "looks", f"looks at {item.address}", looks[item.address], None))
        yield item.target.id, made


def _look(address: str, document: bytes | None) -> bytes:
    """A closer look at a target whose scan was had; only at ports that are open by it."""
    if not document:
        return b""
    try:
        found: States = reads.connected(document) if document.startswith(b"{") else states(document)
    except CollectError:
        return b"{}"  # judged unknown by its scan already
    with turn(address):
        tcp = _exposure_looks.tcp(address, found.open)
        udp = _exposure_looks.udp(address, tuple(table().udp))
        alive = bool(found.open or found.closed) or _exposure_looks.echo(address)
    return json.dumps({"address": address, "alive": alive, "udp": udp, "tcp": tcp}).encode()


def _observed(
    item: Addressed, now: datetime, key: str, source: str, stdout: bytes, trouble: _Trouble | None
) -> Observation:
    reason, detail = trouble or (None, "")
    return Observation(
        key=key,
        source=source,
        target=item.target.id,
        vantage="auditor",
        collected_at=now,
        stdout=stdout,
        stderr=detail,
        exit=None if reason else 0,
        problem=reason,
    )
