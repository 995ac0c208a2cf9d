"""A host that drops what is sent to 999 of 1,000 ports: our flags beside nmap's defaults, with the same open set.

Default nmap asks 25 well-known ports first, and goes faster once one port has answered. So it matters which port is
open: 8443 here, not among the 25, as a management page may be; ``--open 443`` shows the other case, with less to gain.

In a network namespace of its own, root only; nft drops everything but one port. Rounds are interleaved, and the same
thousand ports are asked of each. Prints the wall time of each round and the medians, and exits 1 when ours takes more
than a tenth of default nmap's or finds another set.

    python bench/ports.py [--rounds 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from auditor.collectors import _nmap  # noqa: E402
from auditor.collectors._nmap_reading import states  # noqa: E402

ADDRESS = "198.51.100.2"
FAR = """
import socket, sys, time
kept = socket.create_server(("198.51.100.2", int(sys.argv[1])), backlog=100)
time.sleep(3600)
"""
RULES = """table inet only {
chain i {
type filter hook input priority 0
tcp dport OPEN accept
drop
}
}
"""
_TENTH = 0.1


def main() -> int:
    args = argparse.ArgumentParser()
    args.add_argument("--rounds", type=int, default=3)
    args.add_argument("--open", type=int, default=8443)
    args.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    told = args.parse_args()
    return (measure if told.inside else with_namespaces)(told.rounds, told.open)


def with_namespaces(rounds: int, port: int) -> int:
    """Two namespaces with a cable between them; the measuring runs in the near one."""
    near, far = f"capdo-bench-near-{os.getpid()}", f"capdo-bench-far-{os.getpid()}"
    server: subprocess.Popen[bytes] | None = None
    try:
        for space in (near, far):
            ip("netns", "add", space)
        ip("-n", near, "link", "add", "eth0", "type", "veth", "peer", "eth0", "netns", far)
        for space, host in ((near, 1), (far, 2)):
            ip("-n", space, "addr", "add", f"198.51.100.{host}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", space, "link", "set", device, "up")
        rules = RULES.replace("OPEN", str(port))
        subprocess.run(["ip", "netns", "exec", far, "nft", "-f", "-"], input=rules.encode(), check=True)
        server = subprocess.Popen(["ip", "netns", "exec", far, sys.executable, "-c", FAR, str(port)])
        time.sleep(0.5)
        inside = [sys.executable, __file__, "--inside", "--rounds", str(rounds), "--open", str(port)]
        return subprocess.run(["ip", "netns", "exec", near, *inside], check=False).returncode
    finally:
        if server is not None:
            server.terminate()
            server.wait()
        for space in (near, far):
            subprocess.run(["ip", "netns", "del", space], check=False)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def measure(rounds: int, port: int) -> int:
    tool = _nmap.tool()
    if tool is None:
        raise SystemExit("nmap is not installed")
    top = _nmap.top_ports(tool)

    def default() -> frozenset[int]:
        words = [tool, "-n", "-Pn", "-sT", "-p", f"T:{','.join(map(str, top))}", "-oX", "-", "--", ADDRESS]
        documents = _nmap.split(subprocess.run(words, capture_output=True, check=True).stdout)
        return states((documents or {})[ADDRESS]).open

    def ours() -> frozenset[int]:
        documents, problem = _nmap.scan(tool, [ADDRESS], top)
        if ADDRESS not in documents:
            raise SystemExit(f"nmap: {problem}")
        return states(documents[ADDRESS]).open

    ways: dict[str, Callable[[], frozenset[int]]] = {"default nmap": default, "our nmap": ours}
    took: dict[str, list[float]] = {name: [] for name in ways}
    same = True
    for number in range(1, rounds + 1):
        for name, scan in ways.items():
            began = time.perf_counter()
            found = scan()
            took[name].append(time.perf_counter() - began)
            same &= found == {port}
            print(f"round {number}  {name:<13} {took[name][-1]:7.2f} s  open {sorted(found)}", flush=True)
    median = {name: statistics.median(times) for name, times in took.items()}
    share = median["our nmap"] / median["default nmap"]
    print(", ".join(f"{name} {value:.2f} s" for name, value in median.items()))
    print(
        f"our nmap takes {share:.3f} of default nmap's wall ({len(top)} ports, {rounds} rounds); same open set: {same}"
    )
    return 0 if share <= _TENTH and same else 1


if __name__ == "__main__":
    raise SystemExit(main())
