"""Runs the nmap binary: one careful form of it, bounded in time, output and rate.

python-nmap's own ``scan`` is not used for that: it starts whatever ``nmap`` PATH holds, keeps output of any length,
loses everything at a timeout, and puts hosts before the options. It reads the XML (``_nmap_reading.py``).
"""

from __future__ import annotations

import selectors
import subprocess
import time
from collections.abc import Sequence
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from auditor.collectors._exposure_data import ports_of, spans
from auditor.model import Reason

TOOLS = ("/usr/bin/nmap", "/usr/local/bin/nmap")
TOP = 1000
RATE = 600
"""Most connection attempts a second of one process; one process runs at a time for a site."""
RTT_MS = 500
"""How long an answer is waited for. A line slower than this is told by nmap's own round-trip times."""
IN_FLIGHT = 250
TOGETHER = 32
"""Addresses of one process."""
_HOST_CAP = 256 * 1024
_SPARE_S = 30.0
_COMPLAINT = 4096


def tool() -> str | None:
    """The nmap that is installed, if any."""
    return next((path for path in TOOLS if Path(path).is_file()), None)


def argv(path: str, addresses: Sequence[str], ports: Sequence[int]) -> list[str]:
    """The one form in which nmap is run. Addresses only: no name is ever left for it to resolve.

    Whole connections (-sT) as an ordinary program makes them, also for root: the same answers and the same trace
    whoever runs it. No ping, no scripts, no versions, no names looked up.
    """
    plain = [ip_address(address) for address in addresses]
    if not plain or not ports or len({ip.version for ip in plain}) != 1:
        raise ValueError("nmap needs ports, and addresses of one protocol")
    limits = f"--max-rate {RATE} --min-parallelism {IN_FLIGHT} --max-parallelism {IN_FLIGHT} --max-retries 1"
    times = (
        f"--initial-rtt-timeout {RTT_MS}ms --max-rtt-timeout {RTT_MS}ms --host-timeout {int(_host_s(plain, ports))}s"
    )
    six = ["-6"] if plain[0].version == 6 else []
    words = [*six, *f"-n -Pn -sT --unprivileged {limits} {times}".split()]
    return [path, *words, "-p", f"T:{spans(ports)}", "-oX", "-", "--", *map(str, plain)]


def _host_s(addresses: Sequence[object], ports: Sequence[int]) -> float:
    """Seconds within which a host must be done: twice what the rate needs if every port of every host is silent."""
    return 2 * 2 * len(addresses) * len(ports) / RATE + _SPARE_S


@cache
def top_ports(path: str) -> tuple[int, ...]:
    """The ports nmap itself asks first, from its own table; empty when it will not tell."""
    told, _, _ = run([path, "-n", "-sT", "--top-ports", str(TOP), "-oX", "-"], 10.0, 1 << 16)
    _, _, rest = told.partition(b'<scaninfo type="connect" protocol="tcp"')
    services = rest.partition(b' services="')[2].partition(b'"')[0]
    try:
        return ports_of(services.decode("ascii"))
    except (UnicodeDecodeError, ValueError):
        return ()


def scan(
    path: str, addresses: Sequence[str], ports: Sequence[int]
) -> tuple[dict[str, bytes], tuple[Reason, str] | None]:
    """nmap's XML for each address, each a whole document; and what was wrong with those that have none."""
    words = argv(path, addresses, ports)
    deadline = _host_s(addresses, ports) + _SPARE_S
    told, complaint, problem = run(words, deadline, _HOST_CAP * len(addresses))
    if problem is not None:
        return {}, problem
    documents = split(told)
    if documents is None:
        return {}, (Reason.INCOMPLETE, f"nmap ended early: {complaint[:300]}")
    return documents, (Reason.INCOMPLETE, f"nmap told nothing of this address: {complaint[:300]}")


def split(told: bytes) -> dict[str, bytes] | None:
    """One document for each host of nmap's document, by address; None when it is not a whole one.

    What targets said is escaped in it, so no target can end an element.
    """
    head, _, rest = told.partition(b"\n<host ")
    hosts, found, tail = rest.rpartition(b"</host>")
    if not found or b"<runstats>" not in tail or b"</nmaprun>" not in tail:
        return None
    made = {}
    for part in hosts.split(b"\n<host "):
        body = part.partition(b"</host>")[0]
        address = body.partition(b'<address addr="')[2].partition(b'"')[0].decode("ascii", "replace")
        made[address] = head + b"\n<host " + body + b"</host>" + tail
    return made


def run(words: Sequence[str], deadline: float, cap: int) -> tuple[bytes, str, tuple[Reason, str] | None]:
    """stdout, the beginning of stderr, and what went wrong. It is ended at ``deadline`` seconds or ``cap`` bytes."""
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"LC_ALL": "C", "PATH": "/nonexistent", "HOME": "/nonexistent"},
        )
    except OSError as exc:
        return b"", "", (Reason.DENIED, f"{words[0]}: {exc}")
    until = time.monotonic() + deadline
    kept: dict[str, bytearray] = {"out": bytearray(), "err": bytearray()}
    problem: tuple[Reason, str] | None = None
    with process, selectors.DefaultSelector() as both:
        for pipe, name in ((process.stdout, "out"), (process.stderr, "err")):
            if pipe is not None:
                both.register(pipe, selectors.EVENT_READ, name)
        try:
            while both.get_map() and problem is None:
                ready = both.select(max(0.0, until - time.monotonic()))
                if not ready:
                    problem = Reason.TIMEOUT, f"not done within {deadline:.0f} s"
                for key, _ in ready:
                    data = key.fileobj.read1(1 << 16)  # type: ignore[union-attr]
                    if not data:
                        both.unregister(key.fileobj)
                    room = cap + 1 if key.data == "out" else _COMPLAINT
                    kept[key.data] += data[: room - len(kept[key.data])]
                    if len(kept["out"]) > cap:
                        problem = Reason.TRUNCATED, f"more than {cap} bytes of output"
        finally:
            if problem is not None:
                process.kill()
    said = bytes(kept["err"]).decode("utf-8", "replace").strip()
    if problem is None and process.returncode:
        problem = Reason.INCOMPLETE, f"exit {process.returncode}: {said[:300]}"
    return bytes(kept["out"]), said, problem
