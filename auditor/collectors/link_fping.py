"""Pings the far ends of links with fping: one process serves a hundred of them."""

from __future__ import annotations

import math
import re
import socket
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from threading import Timer
from typing import ClassVar

from auditor.collector import Action, Addressed, ProbeCollector, Reading
from auditor.evidence.link import LinkState
from auditor.model import CollectError, Evidence, Observation, Reason
from auditor.targets import Target

_TOOLS = ("/usr/bin/fping", "/usr/sbin/fping")
_COUNT, _PERIOD_MS, _TIMEOUT_MS = 100, 100, 1000
"""A hundred echoes in ten seconds: one that is lost is one per cent."""
_SPARE_S = 10.0
"""Wall-clock seconds fping is given beyond what it needs."""
_TOGETHER = 100
"""Addresses of one process: with 1 ms between packets, as many as fit into the period."""
_LINE_CAP = 64 + _COUNT * 12
_NOT_ALLOWED = 4
"""fping's exit status when a system call failed, which with these options is opening its socket."""
_NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?", re.ASCII)


class FpingLink(ProbeCollector):
    """Loss and round-trip times by ICMP echo."""

    id: ClassVar[str] = "link.fping"
    evidence: ClassVar[type[Evidence]] = LinkState
    kinds: ClassVar[frozenset[str]] = frozenset({"link"})
    method: ClassVar[str] = "links"
    many: ClassVar[bool] = True

    def actions(self, target: Target) -> Sequence[Action]:
        address = target.link.target if target.link else target.id
        return (Action(f"{_COUNT} ICMP echo requests to {address}, one every {_PERIOD_MS} ms (fping)"),)

    def probe(self, targets: Sequence[Addressed], now: datetime) -> Mapping[str, Sequence[Observation]]:
        seen: dict[str, Observation] = {}
        for at in range(0, len(targets), _TOGETHER):
            batch = targets[at : at + _TOGETHER]
            ways = {item.address: _no_way(item.address) for item in batch}
            lines, problem = _fping([address for address, missing in ways.items() if not missing])
            for item in batch:
                missing = ways[item.address]
                trouble = (Reason.UNREACHABLE, missing) if missing else problem
                seen[item.target.id] = _observed(item, now, lines.get(item.address), trouble)
        return {target: (observation,) for target, observation in seen.items()}

    def parse(self, seen: Reading) -> LinkState:
        head, _, line = seen.text("echo").partition("\n")
        words, (name, colon, rest) = head.split(" "), line.strip().partition(" : ")
        times = rest.split(" ")
        if len(words) != 2 or words[0] != "sent" or not _NUMBER.fullmatch(words[1]) or not colon:
            raise CollectError(Reason.UNPARSABLE, f"not a line of fping: {line[:100]!r}")
        if str(len(times)) != words[1]:
            raise CollectError(Reason.UNPARSABLE, f"{words[1]} echoes sent, {len(times)} told of")
        back = [float(time) for time in times if _NUMBER.fullmatch(time)]
        if any(time != "-" and not _NUMBER.fullmatch(time) for time in times):
            raise CollectError(Reason.UNPARSABLE, f"not round-trip times: {line[:100]!r}")
        return LinkState(
            seen=seen.seen,
            address=name.strip(),
            sent=len(times),
            received=len(back),
            loss_pct=round(100 * (len(times) - len(back)) / len(times), 3),
            rtt_min_ms=min(back, default=None),
            rtt_avg_ms=round(math.fsum(back) / len(back), 3) if back else None,
            rtt_max_ms=max(back, default=None),
        )


def argv(tool: str, addresses: Sequence[str]) -> list[str]:
    """The one form in which fping is run. Addresses only: no name is ever left for it to resolve."""
    plain = [str(ip_address(address)) for address in addresses]
    return [tool, *f"-C {_COUNT} -q -i 1 -p {_PERIOD_MS} -t {_TIMEOUT_MS} --".split(), *plain]


def _no_way(address: str) -> str:
    """Why nothing can be sent to an address, or an empty text. fping would call that a loss of 100 per cent."""
    try:
        ip = ip_address(address)
        family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.connect((address, 9))  # looks the route up; a datagram socket sends nothing by that
    except (OSError, ValueError) as exc:
        return f"{address}: {exc}"
    return ""


def _fping(addresses: Sequence[str]) -> tuple[Mapping[str, str], tuple[Reason, str] | None]:
    """Run fping; its lines by address, and what was wrong with those that have none."""
    tool = next((path for path in _TOOLS if Path(path).is_file()), None)
    if tool is None:
        return {}, (Reason.NO_TOOL, "fping is not installed on the auditing machine")
    if not addresses:
        return {}, None
    told = {str(ip_address(address)): address for address in addresses}
    deadline = (_COUNT * _PERIOD_MS + _TIMEOUT_MS) / 1000 + _SPARE_S
    cap = _LINE_CAP * len(addresses)
    try:
        process = subprocess.Popen(
            argv(tool, addresses),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"LC_ALL": "C"},
        )
    except OSError as exc:
        return {}, (Reason.DENIED, f"{tool}: {exc}")
    with process:
        alarm = Timer(deadline, process.kill)
        alarm.start()
        try:
            said = process.stderr.read(cap) if process.stderr else b""
            if len(said) < cap:
                process.wait()
        finally:
            alarm.cancel()
            process.kill()  # does nothing once it has ended
    whole, _, _ = said.decode("ascii", "replace").rpartition("\n")
    lines = {told[name]: line for line in whole.splitlines() if (name := line.partition(" ")[0]) in told}
    if process.returncode == _NOT_ALLOWED:
        return lines, (Reason.DENIED, f"{tool} may not open an ICMP socket")
    return lines, (Reason.TIMEOUT, f"{tool} told nothing of this address within {deadline:.0f} s")


def _observed(item: Addressed, now: datetime, line: str | None, trouble: tuple[Reason, str] | None) -> Observation:
    reason, detail = trouble if trouble and line is None else (None, "")
    return Observation(
        key="echo",
        source=" ".join(argv("fping", [item.address])) if not reason else "fping",
        target=item.target.id,
        vantage="auditor",
        collected_at=now,
        stdout=f"sent {_COUNT}\n{line}\n".encode() if line is not None else b"",
        stderr=detail,
        exit=0 if reason is None else None,
        problem=reason,
    )
