"""Sends what a sweep sends: probes for live hosts, then a short look at those that answered.

Live hosts are found by ARP on the own segment (as root), an ICMP echo, and SYNs or connections to ports where no
fragile thing listens. The look connects to the ports that have a name in ``data/exposure.yaml``, hears what they say
unasked, and offers TLS where that is allowed. Rates are those of ``ports.nmap``: one process, so many a second.
"""

from __future__ import annotations

import base64
import os
import re
import socket
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree as ET

from auditor.collectors import _connect_scan, _exposure_looks, _nmap
from auditor.collectors import _exposure_reading as reads
from auditor.collectors._doors import turn
from auditor.collectors._nmap_reading import states
from auditor.collectors._tls.knock import speaks_tls
from auditor.collectors.ports_nmap import wanted
from auditor.model import CollectError
from auditor.sweep import TLS_PORTS, Live, Look

KNOCK = (22, 80, 443, 445, 3389)
"""Ports of the sweep. Nothing that prints, rings or moves listens there."""
TOGETHER = 1024
"""Addresses of one process of the sweep."""
_RTT_MS = 500
_PROBES = len(KNOCK) + 1
_SPARE_S = 30.0
_HOST_CAP = 1024
_EARS = _exposure_looks.LISTEN - _exposure_looks.FIRST_WORDS.keys() - {21}
"""Ports that are only listened to."""
_TLS_S = 3.0
_OURS = re.compile(r"sendto|failed to|not permitted|unreachable|No targets", re.IGNORECASE)
"""In what nmap complains of: packets that never left, so that silence says nothing."""
_DOCTYPE = b"<!DOCTYPE nmaprun>"


def argv(path: str, addresses: Sequence[str], *, root: bool) -> list[str]:
    """The one form in which nmap sweeps. Addresses only: no name is ever left for it to resolve."""
    plain = [ip_address(address) for address in addresses]
    if not plain or len({ip.version for ip in plain}) != 1:
        raise ValueError("nmap needs addresses of one protocol")
    six = ["-6"] if plain[0].version == 6 else []
    ways = ["-PE", f"-PS{','.join(map(str, KNOCK))}"] if root else ["--unprivileged", f"-PS{','.join(map(str, KNOCK))}"]
    limits = f"--max-rate {_nmap.RATE} --min-parallelism {_nmap.IN_FLIGHT} --max-parallelism {_nmap.IN_FLIGHT}"
    times = f"--max-retries 1 --initial-rtt-timeout {_RTT_MS}ms --max-rtt-timeout {_RTT_MS}ms"
    return [path, *six, "-n", "-sn", *ways, *limits.split(), *times.split(), "-oX", "-", "--", *map(str, plain)]


def means() -> Literal["nmap-root", "nmap", "connect"]:
    """How hosts are found here: who is not root hears no ARP, and without nmap one's own scan connects."""
    if _nmap.tool() is None:
        return "connect"
    return "nmap-root" if os.geteuid() == 0 else "nmap"


def live(addresses: Sequence[str]) -> tuple[list[Live], str]:
    """Which of the addresses (of one protocol) answered; and what kept the answer from being whole, if anything."""
    tool, root = _nmap.tool(), means() == "nmap-root"
    missing = [address for address in addresses if not _way(address)]
    rest = [address for address in addresses if address not in set(missing)]
    trouble = f"no route to {missing[0]} and {len(missing) - 1} others" if missing else ""
    if not rest:
        return [], trouble
    found, more = _by_nmap(tool, rest, root=root) if tool else _by_connecting(rest)
    if not root:
        silent = [address for address in rest if address not in found]
        found |= {address: Live(address, "echo-reply") for address in _echoes(silent)}
    made = [Live(one.address, one.how, one.mac, one.maker, _way(one.address) == one.address) for one in found.values()]
    return made, trouble or more


def _way(address: str) -> str:
    """The address packets to ``address`` leave from; empty where no route leads. Sends nothing."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect((address, 9))  # looks the route up; a datagram socket sends nothing by that
            return str(asked.getsockname()[0])
    except OSError:
        return ""


def _by_nmap(tool: str, addresses: Sequence[str], *, root: bool) -> tuple[dict[str, Live], str]:
    deadline = 2 * 2 * _PROBES * len(addresses) / _nmap.RATE + _SPARE_S
    told, complaint, problem = _nmap.run(
        argv(tool, addresses, root=root), deadline, _HOST_CAP * len(addresses) + (1 << 16)
    )
    if problem is not None:
        return {}, problem[1]
    found, trouble = read(told, addresses)
    ours = next((line for line in complaint.splitlines() if _OURS.search(line)), "")
    return found, trouble or ours


def read(told: bytes, addresses: Collection[str]) -> tuple[dict[str, Live], str]:
    """The live hosts of nmap's document about a sweep of ``addresses``, and what it lacks. Any bytes may be given."""
    plain = told.replace(_DOCTYPE, b"", 1)
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        return {}, "declarations in the XML that nmap does not make"
    try:
        root = ET.fromstring(told)  # noqa: S314  (no declarations are left in it)
    except (ET.ParseError, ValueError, LookupError) as exc:
        return {}, f"not XML: {exc}"
    asked = set(addresses)
    found: dict[str, Live] = {}
    for host in root.iterfind("host"):
        status = host.find("status")
        named = {one.get("addrtype", ""): one for one in host.iterfind("address")}
        ip = next((named[kind].get("addr", "") for kind in ("ipv4", "ipv6") if kind in named), "")
        if status is None or status.get("state") != "up" or ip not in asked:
            continue
        mac = named.get("mac")
        found[ip] = Live(
            ip,
            _word(status.get("reason", "")),
            _word(mac.get("addr", "")) if mac is not None else "",
            _word(mac.get("vendor", "")) if mac is not None else "",
        )
    finished, count = root.find("runstats/finished"), root.find("runstats/hosts")
    if finished is None or finished.get("exit") != "success" or count is None:
        return found, "nmap did not finish"
    if count.get("total") != str(len(asked)):
        return found, f"nmap asked {_word(count.get('total', ''))} of {len(asked)} addresses"
    return found, ""


def _word(said: str) -> str:
    return reads.printable(said.encode())


def _by_connecting(addresses: Sequence[str]) -> tuple[dict[str, Live], str]:
    """Without nmap: a host that took or refused a connection is there."""
    deadline = 2.0 * _connect_scan.TRIES * len(KNOCK) * len(addresses) / _connect_scan.RATE + _SPARE_S
    try:
        documents = _connect_scan.scan(addresses, KNOCK, deadline)
    except OSError as exc:
        return {}, str(exc)
    found, trouble = {}, ""
    for address, document in documents.items():
        try:
            seen = reads.connected(document)
        except CollectError as exc:
            trouble = trouble or exc.detail
            continue
        if seen.open or seen.closed:
            found[address] = Live(address, "connection")
    return found, trouble


def _echoes(addresses: Sequence[str]) -> set[str]:
    """Which addresses answer a ping, where fping is installed; it is allowed that to whoever runs it."""
    tool = next((path for path in _exposure_looks.FPING if Path(path).is_file()), None)
    if tool is None or not addresses:
        return set()
    words = [tool, "-a", "-r", "1", "-t", "500", "-i", "2", "--", *addresses]
    told, _, _ = _nmap.run(words, 0.01 * len(addresses) + _SPARE_S, 64 * len(addresses))
    return set(told.decode("ascii", "replace").split()) & set(addresses)


# --- the short look -----------------------------------------------------------------------------------------


def look(addresses: Sequence[str], tls: Collection[str], parallel: int) -> dict[str, Look]:
    """A short look at live hosts of one protocol, ``parallel`` at once; TLS is offered to those in ``tls`` only."""
    ports = wanted((), ())
    made: dict[str, Look] = {}
    for at in range(0, len(addresses), _nmap.TOGETHER):
        batch = addresses[at : at + _nmap.TOGETHER]
        opened = _ports(batch, ports)
        with ThreadPoolExecutor(max_workers=parallel) as pool:
            looks = pool.map(lambda one, known=opened: _one(one, known[one], tls=one in tls), batch)
            made.update(zip(batch, looks, strict=True))
    return made


def _ports(batch: Sequence[str], ports: Sequence[int]) -> dict[str, frozenset[int] | str]:
    """The open ports of each address, or why they could not be seen."""
    tool = _nmap.tool()
    try:
        if tool:
            documents, problem = _nmap.scan(tool, batch, ports)
        else:
            documents, problem = _connect_scan.scan(batch, ports, 600.0), None
    except OSError as exc:
        return dict.fromkeys(batch, str(exc))
    made: dict[str, frozenset[int] | str] = {}
    for address in batch:
        document = documents.get(address)
        try:
            if document is None:
                made[address] = problem[1] if problem else "nothing was told of it"
            else:
                made[address] = (states(document) if tool else reads.connected(document)).open
        except CollectError as exc:
            made[address] = exc.detail
    return made


def _one(address: str, opened: frozenset[int] | str, *, tls: bool) -> Look:
    if isinstance(opened, str):
        return Look(trouble=opened, tls_asked=tls)
    with turn(address):
        heard: dict[str, Any] = _exposure_looks.tcp(address, opened & _EARS)
        answering = {port for port in opened & TLS_PORTS.keys() if tls and speaks_tls(address, port, _TLS_S)}
    said = {int(port): reads.printable(base64.b64decode(one.get("b64", ""))) for port, one in heard.items()}
    return Look(opened, {port: words for port, words in said.items() if words}, frozenset(answering), tls)
