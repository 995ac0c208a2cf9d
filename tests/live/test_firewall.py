"""The verdict about a packet filter against the packets themselves.

A host and a stranger live in two network namespaces, joined by a cable. Each rule set is loaded into the
host by the real tool; the collector's own commands are run there; then the stranger (and an administrator
with a private address) really knock at every port, over IPv4 and IPv6. What the evidence calls open must
answer, what it does not call open must not.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from auditor.collectors.firewall_linux import LinuxFirewall
from auditor.evidence.firewall import FirewallPolicy, Opening
from tests.support import reading, target

pytestmark = [pytest.mark.root, pytest.mark.net, pytest.mark.live]

TCP = (22, 80, 443, 3389, 5432, 8080, 8081)
UDP = (53, 68, 161)
HOST = {4: "198.51.100.10", 6: "2001:db8:1::10"}
STRANGER = {4: "198.51.100.1", 6: "2001:db8:1::1"}
ADMIN = {4: "10.1.0.5", 6: "fd00:1::5"}

LISTENER = """
import json, select, socket, sys
tcp, udp = json.loads(sys.argv[1])
socks = []
for kind, ports in ((socket.SOCK_STREAM, tcp), (socket.SOCK_DGRAM, udp)):
    for port in ports:
        s = socket.socket(socket.AF_INET6, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            s.listen(50)
        socks.append(s)
print("ready", flush=True)
while True:
    for s in select.select(socks, [], [])[0]:
        if s.type == socket.SOCK_STREAM:
            s.accept()[0].close()
        else:
            data, peer = s.recvfrom(64)
            try:
                s.sendto(data, peer)
            except OSError:
                pass  # the answer may be filtered
"""

PROBER = """
import json, select, socket, sys, time
asked = json.loads(sys.argv[1])
waiting, answers = {}, {}
for number, (version, source, host, kind, port) in enumerate(asked):
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    s = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    s.setblocking(False)
    s.bind((source, 67 if port == 68 and sys.argv[2] == "dhcp" else 0))
    try:
        s.connect((host, port))
        if kind == "udp":
            s.send(b"x")
    except BlockingIOError:
        pass
    waiting[s] = (number, kind)
    answers[number] = False
end = time.monotonic() + 0.7
while waiting and time.monotonic() < end:
    tcp = [s for s, (_, kind) in waiting.items() if kind == "tcp"]
    udp = [s for s, (_, kind) in waiting.items() if kind == "udp"]
    readable, writable, _ = select.select(udp, tcp, [], max(0, end - time.monotonic()))
    for s in (*readable, *writable):
        number, kind = waiting.pop(s)
        if kind == "tcp":
            answers[number] = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        else:
            try:
                answers[number] = s.recv(64) == b"x"
            except OSError:
                answers[number] = False
        s.close()
print(json.dumps([answers[number] for number in range(len(asked))]))
"""


def run(*argv: str, stdin: str | None = None) -> str:
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout


@dataclass
class Lab:
    """The two namespaces; ``ufw`` is a private copy of /etc/ufw, where there is one."""

    host: str
    world: str
    ufw: Path

    def on_host(self, *argv: str, stdin: str | None = None) -> str:
        return run("ip", "netns", "exec", self.host, *argv, stdin=stdin)

    def clear(self) -> None:
        self.on_host("nft", "flush", "ruleset")
        for tool in ("iptables-legacy", "ip6tables-legacy"):
            for table in ("filter", "nat", "raw"):
                if shutil.which(tool):
                    restored = "".join(f":{name} ACCEPT\n" for name in BUILTIN[table])
                    self.on_host(f"{tool}-restore", stdin=f"*{table}\n{restored}COMMIT\n")

    def collect(self) -> dict[str, dict[str, Any]]:
        """Runs exactly the collector's commands on the host."""
        outputs: dict[str, dict[str, Any]] = {}
        for command in LinuxFirewall().commands(target()):
            if not Path(command.argv[0]).exists():
                outputs[command.key] = {"problem": "no-tool"}
                continue
            # With the ufw configuration that this host runs by, not that of the machine under it.
            inner = (
                "unshare",
                "-m",
                "sh",
                "-c",
                'mount --bind "$0" /etc/ufw && exec "$@"',
                str(self.ufw),
                *command.argv,
            )
            done = subprocess.run(
                ["ip", "netns", "exec", self.host, *(inner if self.ufw.is_dir() else command.argv)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=command.timeout,
                check=False,
                env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            )
            outputs[command.key] = {"stdout": done.stdout, "stderr": done.stderr.decode(), "exit": done.returncode}
        return outputs

    def knock(self, *, dhcp: bool = False) -> Mapping[tuple[int, str, str, int], bool]:
        asked = [
            (version, who[version], HOST[version], kind, port)
            for version in (4, 6)
            for who in (STRANGER, ADMIN)
            for kind, ports in (("tcp", TCP), ("udp", UDP))
            for port in ports
        ]
        how = "dhcp" if dhcp else ""  # as a DHCP server answers: from port 67
        argv = ("ip", "netns", "exec", self.world, sys.executable, "-c", PROBER, json.dumps(asked), how)
        told = json.loads(run(*argv))
        return {(v, source, kind, port): answer for (v, source, _, kind, port), answer in zip(asked, told, strict=True)}


BUILTIN = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
}


def need(*tools: str) -> None:
    missing = [tool for tool in tools if not shutil.which(tool)]
    why = "needs root" if os.geteuid() else f"{', '.join(missing)} not installed" if missing else ""
    if why and os.environ.get("CAPDO_CI"):
        pytest.fail(why)
    if why:
        pytest.skip(why)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    need("ip", "nft", "unshare")
    ufw = tmp_path_factory.mktemp("etc") / "ufw"
    if Path("/etc/ufw").is_dir():
        shutil.copytree("/etc/ufw", ufw)
    made = Lab(f"capdo-h{os.getpid()}", f"capdo-w{os.getpid()}", ufw)
    listener: subprocess.Popen[str] | None = None
    try:
        for name in (made.host, made.world):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", made.host, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", made.world)
        for name, mine, length in ((made.host, HOST, 24), (made.world, STRANGER, 24)):
            run("ip", "-n", name, "addr", "add", f"{mine[4]}/{length}", "dev", "eth0")
            run("ip", "-n", name, "addr", "add", f"{mine[6]}/64", "dev", "eth0", "nodad")
            run("ip", "-n", name, "link", "set", "eth0", "up")
        run("ip", "-n", made.world, "addr", "add", f"{ADMIN[4]}/32", "dev", "eth0")
        run("ip", "-n", made.world, "addr", "add", f"{ADMIN[6]}/128", "dev", "eth0", "nodad")
        run("ip", "-n", made.host, "route", "add", "default", "via", STRANGER[4])
        run("ip", "-n", made.host, "-6", "route", "add", "default", "via", STRANGER[6])
        listener = subprocess.Popen(
            ["ip", "netns", "exec", made.host, sys.executable, "-c", LISTENER, json.dumps([TCP, UDP])],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert listener.stdout is not None
        assert listener.stdout.readline() == "ready\n"
        yield made
    finally:
        if listener is not None:
            listener.terminate()
            listener.communicate(timeout=10)
        for name in (made.host, made.world):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def listed(opening: Opening, source: str) -> bool:
    """Is an address among an opening's sources?"""
    address = ip_address(source)
    if opening.sources == ("any",):
        return True
    within = any(address in ip_network(item.lstrip("!")) for item in opening.sources)
    return within != opening.sources[0].startswith("!")


def contradictions(policy: FirewallPolicy, seen: Mapping[tuple[int, str, str, int], bool]) -> list[str]:
    """Where the evidence says one thing and the packets another."""
    wrong = []
    for (version, source, kind, port), answered in seen.items():
        openings = [
            item
            for item in policy.way("inbound", version).openings
            if item.protocol == kind and item.first <= port <= item.last and listed(item, source)
        ]
        surely = any(item.sure for item in openings)
        if (surely and not answered) or (answered and not openings):
            wrong.append(f"IPv{version} {source} {kind}/{port}: answered {answered}, evidence {openings}")
    return wrong


def check(lab: Lab, *, dhcp: bool = False) -> FirewallPolicy:
    policy = LinuxFirewall().parse(reading(lab.collect()))
    assert contradictions(policy, lab.knock(dhcp=dhcp)) == []
    return policy


def nft(text: str) -> list[tuple[tuple[str, ...], str]]:
    return [(("nft", "-f", "-"), textwrap.dedent(text))]


BASE = """
    iif lo accept
    ct state vmap { established : accept, related : accept, invalid : drop }
    meta l4proto { icmp, ipv6-icmp } accept
"""
IPTABLES_4 = """*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT ACCEPT
:adm -
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
-A INPUT -p tcp --dport 22 -g adm
-A INPUT -p udp -m udp --dport 161 -m iprange --src-range 10.1.0.1-10.1.0.9 -j ACCEPT
-A adm ! -s 10.1.0.0/16 -j RETURN
-A adm -j ACCEPT
COMMIT
"""
IPTABLES_6 = """*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp --dport 443 -m comment --comment "web -j DROP" -j ACCEPT
COMMIT
"""
LEGACY_4 = """*filter
:INPUT ACCEPT
:FORWARD DROP
:OUTPUT ACCEPT
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp --syn --dport 22 -j ACCEPT
-A INPUT -p tcp --dport 3389 -m mac --mac-source 02:00:00:00:00:01 -j ACCEPT
-A INPUT -d 203.0.113.9 -p tcp --dport 80 -j ACCEPT
-A INPUT -d 198.51.100.0/24 -p tcp --dport 443 -j ACCEPT
-A INPUT -j REJECT
COMMIT
"""
RULE_SETS: dict[str, tuple[list[tuple[tuple[str, ...], str]], str | None, str | None]] = {
    "nothing": ([], "accept", "accept"),
    "nft drop": (
        nft(f"""
        table inet filter {{ chain input {{ type filter hook input priority 0; policy drop;
        {BASE}
        tcp dport {{ 22, 80, 443 }} accept
        udp dport 53 accept
        }}
        }}"""),
        "drop",
        "drop",
    ),
    "nft drop for ipv4 only": (
        nft("""
        table ip filter { chain input { type filter hook input priority 0; policy drop;
        iif lo accept
        ct state established,related accept
        tcp dport 22 accept
        }
        }"""),
        "drop",
        "accept",
    ),
    "nft accept with a last reject": (
        nft(f"""
        table inet filter {{
        set admins4 {{ type ipv4_addr; flags interval; elements = {{ 10.1.0.0/16 }}
        }}
        set admins6 {{ type ipv6_addr; flags interval; elements = {{ fd00:1::/64 }}
        }}
        chain input {{ type filter hook input priority 0; policy accept;
        {BASE}
        ip saddr @admins4 tcp dport {{ 22, 3389 }} accept
        ip6 saddr @admins6 tcp dport {{ 22, 3389 }} accept
        tcp dport 80 accept
        reject with icmpx type admin-prohibited
        }}
        }}"""),
        "drop",
        "drop",
    ),
    "two tables, the later one open": (
        nft(f"""
        table inet one {{ chain input {{ type filter hook input priority -10; policy drop;
        {BASE}
        tcp dport {{ 22, 80 }} accept
        }}
        }}
        table inet two {{ chain input {{ type filter hook input priority 10; policy accept;
        tcp dport 80 drop
        }}
        }}"""),
        "drop",
        "drop",
    ),
    "verdict maps, jumps and a way back": (
        nft(f"""
        table inet filter {{
        chain web {{ tcp dport 8080 return
        tcp dport {{ 80, 8080 }} accept
        }}
        chain admin {{ ip saddr 10.0.0.0/8 accept
        ip6 saddr fd00::/8 accept
        drop
        }}
        chain input {{ type filter hook input priority 0; policy drop;
        {BASE}
        jump web
        tcp dport vmap {{ 22 : goto admin, 443 : accept, 3389 : drop }}
        ip saddr . tcp dport {{ 10.1.0.0/24 . 5432, 10.1.0.9 . 3389 }} accept
        }}
        }}"""),
        "drop",
        "drop",
    ),
    "a hole for whoever sends from port 53": (
        nft(f"""
        table inet filter {{ chain input {{ type filter hook input priority 0; policy drop;
        {BASE}
        tcp dport 22 ct state new limit rate 100/second accept
        tcp flags & (fin|syn|rst|ack) == syn tcp dport 443 accept
        tcp flags & (syn|ack) == syn|ack tcp dport 80 accept
        }}
        }}"""),
        "drop",
        "drop",
    ),
    "redirect past the input chain": (
        nft(f"""
        table inet nat {{ chain pre {{ type nat hook prerouting priority -100;
        tcp dport 8080 redirect to :80
        tcp dport 8081 redirect to :5432
        }}
        }}
        table inet filter {{ chain input {{ type filter hook input priority 0; policy drop;
        {BASE}
        tcp dport 80 accept
        }}
        }}"""),
        "drop",
        "drop",
    ),
    "iptables-nft": (
        [(("iptables-nft-restore",), IPTABLES_4), (("ip6tables-nft-restore",), IPTABLES_6)],
        "drop",
        "drop",
    ),
    "iptables-legacy": ([(("iptables-legacy-restore",), LEGACY_4)], "drop", "accept"),
    "legacy open, nft closed": (
        [
            (
                ("iptables-legacy-restore",),
                "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n-A INPUT -p tcp --dport 80 -j DROP\nCOMMIT\n",
            ),
            *nft(f"""
            table inet filter {{ chain input {{ type filter hook input priority 0; policy drop;
            {BASE}
            tcp dport {{ 80, 443 }} accept
            }}
            }}"""),
        ],
        "drop",
        "drop",
    ),
}


@pytest.mark.parametrize("name", RULE_SETS)
def test_what_is_said_to_be_open_answers_and_nothing_else_does(lab: Lab, name: str) -> None:
    loads, four, six = RULE_SETS[name]
    need(*(argv[0] for argv, _ in loads))
    lab.clear()
    for argv, text in loads:
        lab.on_host(*argv, stdin=text)
    policy = check(lab)
    assert (policy.inbound_v4.default, policy.inbound_v6.default) == (four, six)


def test_ufw(lab: Lab) -> None:
    need("ufw")
    lab.clear()
    script = """
    mount --bind "$0" /etc/ufw
    ufw --force reset && ufw allow 80,443/tcp && ufw limit 22/tcp && ufw deny 53
    ufw allow from 10.1.0.0/16 to any port 5432 proto tcp && ufw --force enable
    """
    lab.on_host("unshare", "-m", "sh", "-ec", script, str(lab.ufw))
    policy = check(lab, dhcp=True)
    assert (policy.inbound_v4.default, policy.inbound_v6.default, policy.forward_v4.default) == ("drop", "drop", "drop")
    assert policy.not_understood == ()
    assert {(item.ports, item.world) for item in policy.inbound_v4.openings if item.protocol == "tcp"} == {
        ("22", True),
        ("80", True),
        ("443", True),
        ("5432", False),
    }
    kept = [item for item in policy.keepers or () if item.unit == "ufw.service"]
    assert [item.rules for item in kept] in ([True], [])


def a_rule(dice: random.Random) -> str:
    ports = sorted(dice.sample([*TCP, *UDP], dice.randint(1, 4)))
    match = dice.choice(
        [
            f"tcp dport {{ {', '.join(map(str, ports))} }}",
            f"udp dport {{ {', '.join(map(str, ports))} }}",
            f"th dport {ports[0]}",
            f"tcp dport {ports[0]}-{ports[0] + dice.choice([0, 10, 4000])}",
            f"tcp dport != {ports[0]}",
            f"ip saddr {dice.choice(['10.0.0.0/8', '198.51.100.0/24', '0.0.0.0/1', '10.1.0.4-10.1.0.5'])}",
            f"ip saddr != {dice.choice(['10.0.0.0/8', '198.51.100.1'])} tcp dport {ports[0]}",
            f"ip6 saddr {dice.choice(['fd00::/8', '2001:db8::/32'])} meta l4proto {dice.choice(['tcp', 'udp'])}",
            f"ip6 daddr {dice.choice([HOST[6], '2001:db8:2::1'])} tcp dport {ports[0]}",
            f"iifname {dice.choice(['eth0', 'eth1', 'eth*'])} tcp dport {ports[0]}",
            f"meta nfproto {dice.choice(['ipv4', 'ipv6'])} tcp dport {ports[0]}",
            f"tcp dport {ports[0]} meta mark {dice.choice([0, 7])}",
            f"tcp dport < {ports[0]} ct state new",
            f"ip protocol {dice.choice(['tcp', 'udp', 'icmp'])} th dport {ports[0]}",
        ]
    )
    verdict = dice.choice(
        [
            "accept",
            "accept",
            "accept",
            "drop",
            "reject",
            "reject with tcp reset",
            "return",
            "counter",
            "jump a",
            "goto b",
        ]
    )
    if verdict == "reject with tcp reset" and not match.startswith("tcp"):
        verdict = "reject" if "ip " in match or "ipv4" in match else "reject with icmpv6 admin-prohibited"
    return f"{match} {verdict}"


@pytest.mark.parametrize("seed", range(16))
def test_rule_sets_nobody_thought_of(lab: Lab, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    chains = {name: [a_rule(dice) for _ in range(dice.randint(2, 5))] for name in ("b", "a", "input", "second")}
    chains["b"] = [rule for rule in chains["b"] if not rule.endswith((" a", " b"))]
    chains["a"] = [rule.replace("jump a", "jump b") for rule in chains["a"]]
    hooks = {
        "input": f"type filter hook input priority 0; policy {dice.choice(['accept', 'drop', 'drop'])};",
        "second": "type filter hook input priority 5; policy accept;",
    }
    if dice.random() < 0.5:
        del chains["second"]
    allowed = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
    body = "\n".join(
        f"chain {name} {{ {hooks.get(name, '')}\n{allowed if name in hooks else ''}\n" + "\n".join(rules) + "\n}"
        for name, rules in chains.items()
    )
    lab.clear()
    lab.on_host("nft", "-f", "-", stdin=f"table inet filter {{\n{body}\n}}\n")
    check(lab)
