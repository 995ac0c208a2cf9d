"""``inventory discover --network`` with real nmap and fping, in network namespaces that count every packet."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor import registry
from auditor.check import needs, run_check
from auditor.collectors._exposure_data import spans, table
from auditor.folder import EvidenceFolder
from auditor.inventories import load_inventory
from auditor.inventoryfile import mistakes_of_addition
from auditor.judge import Judge
from auditor.sweep import address_texts
from tests.live.tls_lab import issue

pytestmark = [pytest.mark.net, pytest.mark.live, pytest.mark.root, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
BROTHER = "00:1b:a9:00:00:01"
GATHER = """
import sys
from pathlib import Path
from auditor.inventories import load_inventory
from auditor.pipeline import Wish, gather, limited
whole = load_inventory(Path(sys.argv[1]))
topics = frozenset({"network-sweep"})
gather(limited(whole, Wish(limit="fw")), Path(sys.argv[2]), topics=topics, whole=whole)
"""
INVENTORY = """
province: {id: tinh, name: Tỉnh}
groups: [{id: nhom, name: Nhóm}]
agencies: [{id: so-a, name: Sở A, group: nhom}]
authorities:
  - id: kh-1
    basis: operator-selfcheck
    document: {no: 1/KH, date: 2026-01-01, signer: Giám đốc}
    scope:
      networks: [198.51.100.0/24, 192.0.2.0/28, 10.50.0.0/23]
      exclude: [198.51.100.128/25]
    methods: [ports, tls]
    from: 2026-01-01
    until: 2099-12-31
sites: [{id: phong-may, agency: so-a}]
servers:
  - {id: web, address: 198.51.100.10, connect: network, site: phong-may}
  - {id: may-in, address: 198.51.100.11, connect: network, role: printer}
  - {id: found-198-51-100-14, address: 198.51.100.12, connect: network}
services:
  - {id: cong, url: "https://cong.tinh.example/"}
"""
LISTEN = """
import contextlib, socket, sys, threading, time
def serve(server, said):
    while True:
        line, _ = server.accept()
        with contextlib.suppress(OSError):
            line.settimeout(2)
            line.sendall(said.encode() + b"\\r\\n" if said else b"")
            if not said and line.recv(4096):
                line.sendall(b"HTTP/1.0 400 Bad Request\\r\\n\\r\\n")
        line.close()
for word in sys.argv[1:]:
    address, port, said = word.split("/")
    kept = socket.create_server((address, int(port)), backlog=50)
    threading.Thread(target=serve, args=(kept, said), daemon=True).start()
time.sleep(60)
"""
HOW = {
    "nmap as root": "",
    "without root": "import os; os.geteuid = lambda: 1000; ",
    "without nmap": "from auditor.collectors import _connect_scan as c, _nmap; _nmap.TOOLS = (); c.WAIT_S = 0.3; ",
}


def need(*tools: str) -> None:
    where = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    missing = [tool for tool in tools if not shutil.which(tool, path=where)]
    why = "needs root" if os.geteuid() else f"{', '.join(missing)} not installed" if missing else ""
    if why:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(why)


@dataclass
class Lab:
    """The auditor's bridge is .1; hosts .10 to .21 and a neighbour network live behind it, a printer by itself."""

    folder: Path
    near: str = f"capdo-sw-{os.getpid()}"
    far: str = f"capdo-sf-{os.getpid()}"
    printer: str = f"capdo-sp-{os.getpid()}"
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *words: str, text: str | None = None) -> str:
        return subprocess.run(words, check=True, capture_output=True, text=True, input=text, timeout=60).stdout

    def start(self, space: str, *words: str) -> None:
        quiet = subprocess.DEVNULL
        env = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        made = ["ip", "netns", "exec", space, *words]
        self.started.append(subprocess.Popen(made, stdin=quiet, stdout=quiet, stderr=quiet, env=env))

    def count(self) -> None:
        fragile = spans(table().fragile).replace(",", ", ")
        known = "198.51.100.10, 198.51.100.11, 198.51.100.12"
        rules = f"""
flush ruleset
table inet seen {{ chain i {{
  type filter hook prerouting priority -300
  tcp dport {{ {fragile} }} counter comment "fragile"
  udp dport {{ {fragile} }} counter comment "fragile_udp"
  ip daddr 203.0.113.0/24 counter comment "outside"
  ip daddr 198.51.100.128/25 counter comment "excluded"
  ip daddr {{ {known} }} counter comment "known"
  ip daddr 192.0.2.0/28 counter comment "routed"
  ip daddr 192.0.2.0/28 drop
  ip daddr 198.51.100.15 drop
  ip daddr 198.51.100.21 tcp dport {{ 22, 80, 443, 445, 3389 }} drop
  ip daddr 198.51.100.16 counter comment "printer"
}}
}}
table arp told {{ chain i {{
  type filter hook input priority 0
  arp daddr ip 198.51.100.128/25 counter comment "excluded_arp"
  arp daddr ip {{ {known} }} counter comment "known_arp"
  arp daddr ip 10.50.0.0/23 counter comment "many"
}}
}}
"""
        for space in (self.far, self.printer):
            self.run("ip", "netns", "exec", space, "nft", "-f", "-", text=rules)

    def counted(self, space: str) -> dict[str, int]:
        told = self.run("ip", "netns", "exec", space, "nft", "list", "ruleset")
        return {name: int(count) for count, name in re.findall(r'packets (\d+) bytes \d+ .*?comment "(\w+)"', told)}

    def discover(self, *words: str, how: str = "nmap as root") -> tuple[int, str, str]:
        inventory = self.folder / "tinh.yaml"
        inventory.write_text(INVENTORY, "utf-8")
        code = HOW[how] + "from auditor.cli import main; main()"
        made = ["ip", "netns", "exec", self.near, sys.executable, "-c", code, "inventory", "discover", str(inventory)]
        done = subprocess.run(
            [*made, *words, "--lang", "en"], check=False, capture_output=True, text=True, timeout=90, cwd=ROOT
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    need("ip", "nft", "nmap", "fping", "openssl")
    made = Lab(tmp_path_factory.mktemp("sweep"))
    spaces = (made.near, made.far, made.printer)
    try:
        for space in spaces:
            made.run("ip", "netns", "add", space)
            made.run("ip", "-n", space, "link", "set", "lo", "up")
        near = ("ip", "-n", made.near)
        made.run(*near, "link", "add", "br0", "type", "bridge")
        for name, space, mac in (("far", made.far, ""), ("prn", made.printer, BROTHER)):
            made.run(*near, "link", "add", name, "type", "veth", "peer", "eth0", "netns", space)
            made.run(*near, "link", "set", name, "master", "br0", "up")
            made.run("ip", "-n", space, "link", "set", "eth0", *(("address", mac) if mac else ()), "up")
        for address in ("198.51.100.1/24", "10.50.0.1/23"):
            made.run(*near, "addr", "add", address, "dev", "br0")
        made.run(*near, "link", "set", "br0", "up")
        batch = "".join(f"addr add 198.51.100.{n}/24 dev eth0\n" for n in (*range(10, 16), *range(17, 22), 200))
        batch += "addr add 10.50.0.77/23 dev eth0\naddr add 203.0.113.5/24 dev eth0\n"
        made.run("ip", "-n", made.far, "-batch", "-", text=batch)
        made.run("ip", "-n", made.printer, "addr", "add", "198.51.100.16/24", "dev", "eth0")
        for network in ("203.0.113.0/24", "192.0.2.0/28"):
            made.run(*near, "route", "add", network, "via", "198.51.100.10")
        pair, files = issue("web"), (made.folder / "web.crt", made.folder / "web.key")
        files[0].write_bytes(pair.chain_pem())
        files[1].write_bytes(pair.key_pem())
        words = ["openssl", "s_server", "-www", "-quiet", "-accept", "198.51.100.13:443"]
        made.start(made.far, *words, "-cert", str(files[0]), "-key", str(files[1]))
        speakers = ("14/22/SSH-2.0-OpenSSH_9.2p1", "17/9100/", "17/80/", "18/22/SSH-2.0-Cisco-1.25", "19/6379/")
        told = [f"198.51.100.{word}" for word in (*speakers, "20/443/", "20/9100/")]
        made.start(made.far, sys.executable, "-c", LISTEN, *told)
        made.start(made.printer, sys.executable, "-c", LISTEN, "198.51.100.16/9100/", "198.51.100.16/80/")
        _wait(made, made.far, "198.51.100.13:443", "198.51.100.20:9100")
        _wait(made, made.printer, "198.51.100.16:80")
        yield made
    finally:
        for process in made.started:
            process.terminate()
        for process in made.started:
            process.wait(5)
        for space in spaces:
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


def _wait(lab: Lab, space: str, *ports: str) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        told = lab.run("ip", "netns", "exec", space, "ss", "-Hlnt")
        if all(f"{port} " in told for port in ports):
            return
        time.sleep(0.05)
    raise AssertionError(f"not listening: {ports}")


def by_address(told: str) -> dict[str, tuple[str, dict[str, Any]]]:
    found = yaml.safe_load(told)  # noqa: TID251
    return {
        entry["address"].rpartition(".")[2]: (section, entry)
        for section in ("servers", "devices")
        for entry in found[section]
    }


NOBODY = {"fragile", "fragile_udp", "outside", "excluded", "excluded_arp"}


def test_twelve_hosts_of_which_three_are_known(lab: Lab) -> None:
    lab.count()
    code, told, said = lab.discover("--network", "198.51.100.0/24", "--site", "phong-may")
    assert code == 0, said
    found = by_address(told)
    assert set(found) == {"1", *map(str, range(13, 22))}
    assert found["1"][1]["connect"] == "local"
    assert found["14"] == (
        "servers",
        {
            "id": "found-198-51-100-14-2",
            "address": "198.51.100.14",
            "site": "phong-may",
            "platform": "linux",
            "connect": "ssh",
        },
    )
    assert found["16"][1]["role"] == "printer"
    assert "Brother" in told
    kinds = {number: section for number, (section, _entry) in found.items()}
    assert [kinds[one] for one in ("13", "15", "17", "18", "19", "21")] == [
        *("devices", "devices", "devices", "devices", "servers", "devices")
    ]
    assert [one["url"] for one in yaml.safe_load(told)["services"]] == ["https://198.51.100.13/"]  # noqa: TID251
    assert "cong.tinh.example" in told
    for space in (lab.far, lab.printer):
        counted = lab.counted(space)
        assert {name: counted[name] for name in NOBODY} == dict.fromkeys(NOBODY, 0)
        assert (counted["known"], counted["known_arp"]) == (0, 0)
    assert lab.counted(lab.printer)["printer"] == 0, "by its maker a printer: ARP and nothing more"


def test_what_is_proposed_may_be_added_to_the_inventory(lab: Lab) -> None:
    out = lab.folder / "proposed.yaml"
    code, _told, said = lab.discover("--network", "198.51.100.16/30", "--out", str(out))
    assert code == 0, said
    proposed = yaml.safe_load(out.read_text("utf-8"))  # noqa: TID251
    assert [one["id"] for one in proposed["devices"]] == ["found-198-51-100-17", "found-198-51-100-18"]
    for section in ("servers", "devices", "services"):
        assert not mistakes_of_addition(lab.folder / "tinh.yaml", section, proposed[section])
    kept = out.read_bytes()
    lab.count()
    code, _told, said = lab.discover("--network", "198.51.100.16/30", "--out", str(out))
    assert (code, out.read_bytes()) == (2, kept)
    assert "never written over" in said
    assert lab.counted(lab.printer)["printer"] == 0


def test_outside_of_the_authority_not_one_packet_leaves(lab: Lab) -> None:
    lab.count()
    outside = ("--network", "203.0.113.0/24", "--network", "198.51.100.128/25")
    with ThreadPoolExecutor() as pool:
        none, part = pool.map(lambda words: lab.discover(*outside, *words), ((), ("--network", "198.51.100.20/31")))
    assert none[:2] == (2, "")
    assert "203.0.113.0/24" in none[2]
    code, told, _said = part
    assert code == 3
    assert list(by_address(told)) == ["20", "21"]
    assert "# not swept: 254 addresses of 203.0.113.0/24" in told
    counted = lab.counted(lab.far)
    assert {name: counted[name] for name in NOBODY} == dict.fromkeys(NOBODY, 0)


def test_five_hundred_addresses_are_asked_twice_at_most_and_no_faster_than_a_site_bears(lab: Lab) -> None:
    lab.count()
    began = time.monotonic()
    code, told, said = lab.discover("--network", "10.50.0.0/23", "--network", "192.0.2.0/28")
    took = time.monotonic() - began
    assert code == 0, said
    assert list(by_address(told)) == ["1", "77"]
    counted = lab.counted(lab.far)
    assert 508 <= counted["many"] <= 2 * 509 + 10
    assert 14 * 6 <= counted["routed"] <= 14 * 6 * 2
    assert (counted["many"] + counted["routed"]) / took <= 600


def test_with_less_at_hand_less_is_seen_and_that_is_said(lab: Lab) -> None:
    """Host 15 answers ARP only, host 21 a ping only."""
    lab.count()
    asked = [word for number in (15, 18, 21) for word in ("--network", f"198.51.100.{number}/32")]
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda how: lab.discover(*asked, how=how), ("without root", "without nmap")))
    for code, told, said in done:
        assert code == 0, said
        found = by_address(told)
        assert set(found) == {"18", "21"}
        assert found["18"][0] == "devices"
        assert "answered: echo-reply" in told
        assert "stays unseen" in told
    counted = lab.counted(lab.far)
    assert {name: counted[name] for name in NOBODY} == dict.fromkeys(NOBODY, 0)


def test_a_run_finds_three_strangers_among_five_hosts(lab: Lab) -> None:
    """The inventory has the firewall that serves the network, and a server that --limit leaves out."""
    lab.count()
    rules = """
table inet two { chain i {
  type filter hook prerouting priority -300
  ip daddr { 198.51.100.18, 198.51.100.20 } counter comment "two"
}
}
table arp two { chain i {
  type filter hook input priority 0
  arp daddr ip { 198.51.100.18, 198.51.100.20 } counter comment "two_arp"
}
}
"""
    lab.run("ip", "netns", "exec", lab.far, "nft", "-f", "-", text=rules)
    path, out = lab.folder / "run.yaml", lab.folder / "evidence"
    firewall = "{id: fw, address: 198.51.100.18, connect: network, networks: [198.51.100.16/29, 198.51.100.128/30]}"
    server = "{id: web, address: 198.51.100.20, connect: network}"
    path.write_text(INVENTORY.partition("servers:")[0] + f"devices: [{firewall}]\nservers: [{server}]\n", "utf-8")
    lab.run("ip", "netns", "exec", lab.near, sys.executable, "-c", GATHER, str(path), str(out))
    counted = lab.counted(lab.far)
    assert {name: counted[name] for name in (*NOBODY, "two", "two_arp")} == dict.fromkeys(
        (*NOBODY, "two", "two_arp"), 0
    )
    inventory, check = load_inventory(path), registry.check_table()["network.unknown-hosts"]
    judge = Judge({}, registry.collectors(), {}, "1" * 64, datetime.now(UTC), address_texts(inventory))
    (on,) = (one for one in inventory.targets if one.id == "fw")
    held, _, _ = judge.read(on, EvidenceFolder(out), {"declared", "network-sweep", "known-hosts"})
    found = run_check(check, needs(type(check)), held, check.params()).verdict
    assert {one.id: one.result.value for one in found.instances} == {
        "198.51.100.16/29": "pass",
        "198.51.100.128/30": "unknown",
        **{f"198.51.100.{number}": "fail" for number in (17, 19, 21)},
    }


def test_where_no_route_leads_nothing_is_said_to_be_silent(lab: Lab) -> None:
    lab.run("ip", "-n", lab.near, "route", "del", "192.0.2.0/28")
    code, _told, said = lab.discover("--network", "192.0.2.0/28")
    assert code == 3
    assert "no route to 192.0.2.1" in said


def test_packets_that_a_filter_of_our_own_holds_back_are_no_silence(lab: Lab) -> None:
    rules = "table inet own { chain o {\n type filter hook output priority 0\n ip daddr 192.0.2.0/28 drop\n}\n}\n"
    lab.run("ip", "-n", lab.near, "route", "add", "192.0.2.0/28", "via", "198.51.100.10")
    lab.run("ip", "netns", "exec", lab.near, "nft", "-f", "-", text=rules)
    try:
        code, _told, said = lab.discover("--network", "192.0.2.0/30")
    finally:
        lab.run("ip", "netns", "exec", lab.near, "nft", "flush", "ruleset")
    assert code == 3
    assert "Operation not permitted" in said
