"""The exposure prober: real nmap against real services, in network namespaces of our own that count every packet."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from auditor.collector import Reading
from auditor.collectors._exposure_data import spans, table
from auditor.collectors.ports_nmap import NmapPorts
from auditor.evidence.exposure import Exposure
from auditor.model import CollectError
from tests.support import reading, target

pytestmark = [pytest.mark.net, pytest.mark.live, pytest.mark.root, pytest.mark.slow]
ROOT = str(Path(__file__).parents[2])


def need(*tools: str) -> None:
    where = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    missing = [tool for tool in tools if not shutil.which(tool, path=where)]
    why = "needs root" if os.geteuid() else f"{', '.join(missing)} not installed" if missing else ""
    if why:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(why)


INSIDE = """
import json, sys
from datetime import UTC, datetime
told = json.load(sys.stdin)
sys.path.insert(0, told["root"])
from auditor.collector import Addressed
from auditor.collectors import _exposure_looks, _nmap, ports_nmap
from tests.support import target
if told["top"] is not None:
    _nmap.top_ports = lambda path: tuple(told["top"])
if told["only"] is not None:
    ports_nmap.wanted = lambda targets, top: tuple(told["only"])
if told["connect"]:
    _nmap.TOOLS = ()
_exposure_looks.UDP_WAIT_S = _exposure_looks.TCP_WAIT_S = 1.0
items = [Addressed(target(**fields), fields["address"]) for fields in told["targets"]]
found = ports_nmap.NmapPorts().probe(items, datetime.now(UTC))
print(json.dumps({key: {o.key: {"stdout": o.stdout.decode(), "stderr": o.stderr, "exit": o.exit, "problem": o.problem}
    for o in seen} for key, seen in found.items()}))
"""


@dataclass
class Cable:
    """The auditor's end is .1; the far end has .2 to .9."""

    near: str = f"capdo-see-{os.getpid()}"
    far: str = f"capdo-seen-{os.getpid()}"
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *words: str, text: str | None = None) -> str:
        return subprocess.run(words, check=True, capture_output=True, text=True, input=text, timeout=60).stdout

    def start(self, *words: str) -> None:
        made = ["ip", "netns", "exec", self.far, *words]
        env = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        quiet = subprocess.DEVNULL
        self.started.append(subprocess.Popen(made, stdin=quiet, stdout=quiet, stderr=quiet, env=env))

    def rules(self, *lines: str) -> None:
        chain = "\n".join(("chain i {", "type filter hook input priority 0", *lines, "}"))
        self.run(
            "ip", "netns", "exec", self.far, "nft", "-f", "-", text=f"flush ruleset\ntable inet seen {{\n{chain}\n}}\n"
        )

    def counted(self) -> dict[str, int]:
        """Packets of each rule that has a comment."""
        told = self.run("ip", "netns", "exec", self.far, "nft", "list", "ruleset")
        return {name: int(count) for count, name in re.findall(r'packets (\d+) bytes \d+ .*?comment "(\w+)"', told)}

    def probe(
        self,
        *targets: dict[str, Any],
        space: str = "",
        top: list[int] | None = None,
        only: list[int] | None = None,
        connect: bool = False,
    ) -> dict[str, Reading]:
        told = {"root": ROOT, "targets": targets, "top": top, "only": only, "connect": connect}
        inside = ["ip", "netns", "exec", space or self.near, sys.executable, "-c", INSIDE]
        found = json.loads(self.run(*inside, text=json.dumps(told)))
        return {fields["id"]: reading(found[fields["id"]], target(**fields)) for fields in targets}

    def wait_for(self, *ports: str) -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            told = self.run("ip", "netns", "exec", self.far, "ss", "-Hlntu")
            missing = [port for port in ports if f"{port} " not in told]
            if not missing:
                return
            time.sleep(0.05)
        raise AssertionError(f"not listening: {missing}")


def on(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"may-{number}", "address": f"198.51.100.{number}", "connect": "network", **fields}


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    need("ip", "nft", "nmap", "ss")
    made = Cable()
    try:
        for space in (made.near, made.far):
            made.run("ip", "netns", "add", space)
            made.run("ip", "-n", space, "link", "set", "lo", "up")
        made.run("ip", "-n", made.near, "link", "add", "eth0", "type", "veth", "peer", "eth0", "netns", made.far)
        made.run("ip", "-n", made.near, "addr", "add", "198.51.100.1/24", "dev", "eth0")
        for host in range(2, 10):
            made.run("ip", "-n", made.far, "addr", "add", f"198.51.100.{host}/24", "dev", "eth0")
        for space in (made.near, made.far):
            made.run("ip", "-n", space, "link", "set", "eth0", "up")
        yield made
    finally:
        for process in made.started:
            process.terminate()
        for process in made.started:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for space in (made.near, made.far):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


LISTEN = """
import socket, sys, time
kept = [socket.create_server((sys.argv[1], int(port)), backlog=50) for port in sys.argv[2:]]
time.sleep(60)
"""


def evidence(seen: Reading) -> Exposure:
    return NmapPorts().parse(seen)


# --- nothing outside, nothing fragile -----------------------------------------------------------------------


@pytest.mark.parametrize("connect", [False, True], ids=["nmap", "connect"])
def test_neighbours_and_fragile_things_get_no_packet(cable: Cable, connect: bool) -> None:
    fragile = spans(table().fragile).replace(",", ", ")
    cable.rules(
        'ip daddr 198.51.100.2 counter comment "asked"',
        f'tcp dport {{ {fragile} }} counter comment "fragile"',
        f'udp dport {{ {fragile} }} counter comment "fragile_udp"',
        'ip daddr 198.51.100.3 counter comment "printer"',
        'ip daddr != { 198.51.100.2, 198.51.100.3 } counter comment "outside"',
    )
    found = cable.probe(
        on(2, ports=[9100, 502, 8443]), on(3, kind="device", role="printer", platform=None), connect=connect
    )
    counted = cable.counted()
    assert counted.pop("asked") >= len(table().services)
    assert counted == {"fragile": 0, "fragile_udp": 0, "printer": 0, "outside": 0}
    assert not (evidence(found["may-2"]).closed & table().fragile.keys())
    assert 8443 in evidence(found["may-2"]).closed
    with pytest.raises(CollectError, match="fragile"):
        evidence(found["may-3"])


COUNTING = """
import selectors, socket, sys, time
ports = [int(port) for port in sys.argv[1:]]
ears = selectors.DefaultSelector()
for port in ports:
    made = socket.create_server(("0.0.0.0", port), backlog=4096)
    made.setblocking(False)
    ears.register(made, selectors.EVENT_READ)
print("ready", flush=True)
until = time.monotonic() + 50
while time.monotonic() < until:
    for key, _ in ears.select(0.5):
        try:
            line, _ = key.fileobj.accept()
        except OSError:
            continue
        print(f"{time.monotonic():.3f} {line.getsockname()[0]}", flush=True)
        line.close()
"""


def test_five_hundred_targets_at_once_are_asked_one_by_one_at_the_rate_of_a_site(cable: Cable) -> None:
    """Every port is open on every address, so that each connection that is made is counted."""
    space, ports = f"capdo-many-{os.getpid()}", [7001, 7002, 7003, 7004]
    cable.run("ip", "netns", "add", space)
    try:
        cable.run("ip", "-n", space, "link", "set", "lo", "up")
        words = ["ip", "netns", "exec", space, sys.executable, "-u", "-c", COUNTING, *map(str, ports)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            many = [on(n, address=f"127.1.{n // 250}.{n % 250 + 1}") for n in range(500)]
            found = cable.probe(*many, space=space, only=ports)
            server.terminate()
            told = [line.split() for line in server.stdout if line.count(" ") == 1]
    finally:
        cable.run("ip", "netns", "del", space)
    assert all(item.port in ports for seen in found.values() for item in evidence(seen).open)
    assert {len(evidence(seen).open) for seen in found.values()} == {len(ports)}
    per_target = [address for _, address in told]
    assert len(set(per_target)) == 500
    assert max(map(per_target.count, set(per_target))) == len(ports), "each port of each target once"
    times = [float(at) for at, _ in told]
    busiest = max(sum(at <= other < at + 1 for other in times) for at in times[::20])
    assert busiest <= 1.25 * 600, f"{busiest} connections within a second"


# --- filters ------------------------------------------------------------------------------------------------


def test_a_host_that_filters_all_but_one_port_is_whole_and_quick(cable: Cable) -> None:
    cable.start(sys.executable, "-c", LISTEN, "198.51.100.4", "443")
    cable.wait_for("198.51.100.4:443")
    cable.rules(
        "ip daddr 198.51.100.4 tcp dport 443 accept", "ip daddr 198.51.100.4 drop", "ip daddr 198.51.100.5 drop"
    )
    began = time.monotonic()
    found = cable.probe(on(4, ports=[443]))
    took = time.monotonic() - began
    seen = evidence(found["may-4"])
    assert ([item.port for item in seen.open], seen.closed) == ([443], frozenset())
    assert len(seen.filtered) > 1000
    assert took < 20
    silent = evidence(cable.probe(on(5), top=[7])["may-5"])
    assert (silent.alive, silent.open) == (False, ())


# --- real services ------------------------------------------------------------------------------------------


def samba(cable: Cable, folder: Path, address: str, *lines: str) -> None:
    folder.mkdir()
    told = [
        "[global]",
        "server role = standalone server",
        f"interfaces = {address}",
        "bind interfaces only = yes",
        "smb ports = 445",
        "disable netbios = yes",
        "load printers = no",
        *(f"{name} = {folder}" for name in ("private dir", "lock directory", "state directory")),
        *(f"{name} = {folder}" for name in ("cache directory", "pid directory", "ncalrpc dir")),
        f"log file = {folder}/log",
        *lines,
    ]
    (folder / "smb.conf").write_text("\n".join(told) + "\n")
    cable.start("smbd", "-F", "-s", str(folder / "smb.conf"), "-l", str(folder))


@pytest.mark.parametrize("connect", [False, True], ids=["nmap", "connect"])
def test_real_old_services_show_themselves(cable: Cable, connect: bool, tmp_path: Path) -> None:
    need("smbd", "xrdp", "snmpd", "in.tftpd", "vsftpd", "telnetd", "inetutils-inetd")
    cable.rules("accept")
    bad, good = ("198.51.100.6", "198.51.100.7") if connect else ("198.51.100.8", "198.51.100.9")
    samba(cable, tmp_path / "old", bad, "server min protocol = NT1", "server signing = disabled")
    samba(cable, tmp_path / "new", good, "server signing = mandatory")
    (tmp_path / "snmpd.conf").write_text(f"agentAddress udp:{bad}:161\nrocommunity public\nsmuxsocket 127.0.0.1:199\n")
    cable.start("snmpd", "-f", "-Lo", "-C", "-c", str(tmp_path / "snmpd.conf"), "-p", str(tmp_path / "snmpd.pid"))
    (tmp_path / "ftp").mkdir()
    cable.start("in.tftpd", "-L", "-s", "-a", f"{bad}:69", str(tmp_path / "ftp"))
    (tmp_path / "vsftpd.conf").write_text(
        f"listen=YES\nlisten_address={bad}\nanonymous_enable=YES\nlocal_enable=NO\nsecure_chroot_dir={tmp_path}/ftp\n"
    )
    cable.start("vsftpd", str(tmp_path / "vsftpd.conf"))
    (tmp_path / "inetd.conf").write_text(f"{bad}:23 stream tcp nowait root /usr/sbin/telnetd telnetd\n")
    cable.start("inetutils-inetd", "-d", "-p", str(tmp_path / "inetd.pid"), str(tmp_path / "inetd.conf"))
    ini = re.sub("(?m)^port=3389$", f"port=tcp://{bad}:3389", Path("/etc/xrdp/xrdp.ini").read_text("utf-8"))
    (tmp_path / "xrdp.ini").write_text(ini)
    cable.start("xrdp", "--nodaemon", "-c", str(tmp_path / "xrdp.ini"))
    cable.wait_for(*(f"{bad}:{port}" for port in (21, 23, 69, 161, 445, 3389)), f"{good}:445")

    number, other = (int(address.rpartition(".")[2]) for address in (bad, good))
    found = cable.probe(on(number), on(other), connect=connect)
    old, new = evidence(found[f"may-{number}"]), evidence(found[f"may-{other}"])
    assert old.scanner.startswith("connect" if connect else "nmap 7")
    assert [item.port for item in old.open] == [21, 23, 445, 3389]
    # The kernel tells of refusals at a bounded rate, so that the other two may look silent.
    assert {item.name for item in old.udp if item.state == "answered"} == {"snmp", "tftp"}
    assert (old.open[0].seen, old.open[1].seen, old.ftp_tls) == ("ftp", "telnet", False)
    assert old.smb is not None
    assert new.smb is not None
    assert (old.smb.smb1, old.smb.signing_required) == (True, False)
    assert (new.smb.smb1, new.smb.dialect, new.smb.signing_required) == (False, "3.1.1", True)
    assert old.rdp is not None
    assert (old.rdp.standard, old.rdp.tls, old.rdp.nla) == (True, True, False)
    assert [item.port for item in new.open] == [445]
    for process in cable.started:
        process.terminate()
