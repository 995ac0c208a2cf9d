"""What collecting costs beside bare OpenSSH clients that run the very same script, and beside stock paramiko.

A real sshd listens in a network namespace of its own, where a hundred or three hundred loopback addresses
stand for hosts. In turn, round by round: our own collecting, fifty sessions at a time; ``ssh`` under
``xargs -P 50`` with the same script, key exchange and cipher; and one host after the other by our transport
and by a stock ``SSHClient``. All hosts share this machine's processors with the clients, so what the
script asks of a host is most of the time: hence a cheap script (two collectors) and the real one (all;
the update tool is left out, since it takes seconds of processor time on every host).

Needs root, sshd, ssh and ip. Run: python -m bench.ssh_fanout [ROUNDS [HOSTS few|all]]
"""

from __future__ import annotations

import base64
import json
import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.transports.sshd import USER, Sshd

ROOT = Path(__file__).parent.parent
FEW = ("accounts.linux", "system.linux")
ANY = "0.0.0.0"  # noqa: S104  (inside a namespace that has nothing but loopback)
WORD = "0123456789abcdef"
AT_ONCE = 50
SERIES = ((100, "few"), (300, "few"), (100, "all"))
CHEAP = "[ ! -x /usr/bin/apt-get ] || mount --bind /bin/true /usr/bin/apt-get"
KEX, CIPHER = "curve25519-sha256", "aes128-gcm@openssh.com"


def addresses(hosts: int) -> list[str]:
    return [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(hosts)]


def main(rounds: int = 5, series: Sequence[tuple[int, str]] = SERIES) -> None:
    """Make the namespace and the server, and measure from inside."""
    namespace = f"capdo-bench-{os.getpid()}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(["ip", "netns", "add", namespace], check=True)
        try:
            subprocess.run(["ip", "-n", namespace, "link", "set", "lo", "up"], check=True)
            with Sshd(folder / "sshd", [ANY], netns=namespace, setup=CHEAP, options=["LogLevel INFO"]) as server:
                server.known_hosts.write_text(f"[127.1.*]:{server.port} {server.host_key}\n")
                told = json.dumps({"ssh": server.ssh(USER), "folder": str(folder), "rounds": rounds, "series": series})
                inside = [sys.executable, "-m", "bench.ssh_fanout", "inside", told]
                subprocess.run(["ip", "netns", "exec", namespace, *inside], cwd=ROOT, check=True)
        finally:
            subprocess.run(["ip", "netns", "del", namespace], check=True)


class Bed:
    """Inventories, scripts and the ways to run them, inside the namespace."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.ssh: dict[str, Any] = told["ssh"]
        self.folder = Path(told["folder"])
        self.rounds = int(told["rounds"])
        self.series: list[tuple[int, str]] = told["series"]
        self._number = 0

    def fresh(self) -> Path:
        self._number += 1
        return self.folder / f"out{self._number}"

    def inventory(self, hosts: int) -> Path:
        path = self.folder / f"hosts{hosts}.yaml"
        servers = [
            {"id": f"h{n}", "address": a, "systems": ["cong"], "site": "dc", "platform": "linux", "connect": "ssh"}
            for n, a in enumerate(addresses(hosts))
        ]
        told = {
            "province": {"id": "binh-minh"},
            "groups": [{"id": "so-nganh"}],
            "agencies": [{"id": "so-a", "group": "so-nganh"}],
            "systems": [{"id": "cong", "owner": "so-a", "level": 3}],
            "sites": [{"id": "dc", "limits": {"max_parallel": AT_ONCE, "deadline_s": 600}}],
            "defaults": {"ssh": self.ssh},
            "servers": servers,
        }
        path.write_text(json.dumps(told))
        return path

    def ours(self, hosts: int, script: str) -> Callable[[], None]:
        path = self.inventory(hosts)

        def run() -> None:
            out = self.fresh()
            words = ["audit.py", "collect", str(path), "--out", str(out), "--workers", str(AT_ONCE)]
            if script == "few":
                words = ["-m", "bench.ssh_fanout", "few", str(path), str(out)]
            subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
            envelopes = list(out.glob("envelopes/*/*.json"))
            assert len({one.parent for one in envelopes}) == hosts
            assert not any(json.loads(one.read_bytes())["reason"] for one in envelopes)

        return run

    def openssh(self, hosts: int, script: str) -> Callable[[], None]:
        from auditor.transports import INVOKE

        file = self.folder / f"{script}.sh"
        file.write_bytes(script_of(script))
        names = "\n".join(addresses(hosts))
        command = (
            f"exec ssh -F none -p {self.ssh['port']} -l {self.ssh['user']} -i {self.ssh['key_file']} "
            f"-o UserKnownHostsFile={self.ssh['known_hosts']} -o StrictHostKeyChecking=yes -o BatchMode=yes "
            f"-o IdentitiesOnly=yes -o KexAlgorithms={KEX} -o Ciphers={CIPHER} $1 {shlex.quote(INVOKE)} <{file} >$0/$1"
        )

        def run() -> None:
            out = self.fresh()
            out.mkdir()
            each = ["xargs", "-P", str(AT_ONCE), "-n", "1", "sh", "-c", command, str(out)]
            subprocess.run(each, input=names.encode(), check=True)
            ended = [file for file in out.iterdir() if b"@%s end " % WORD.encode() in file.read_bytes()[-64:]]
            assert len(ended) == hosts, f"{len(ended)} of {hosts}"

        return run


def script_of(which: str) -> bytes:
    """The script that our collecting sends to such a host."""
    from auditor import registry
    from auditor.collect import distinct
    from auditor.plan import host_commands
    from auditor.script import build
    from auditor.targets import Target

    known = registry.collectors()
    chosen = [known[name] for name in FEW] if which == "few" else list(known.values())
    one = Target(id="h0", kind="server", address="127.1.0.1", platform="linux", connect="ssh", level=3)
    return build(list(distinct(command for _, command in host_commands(one, chosen)).values()), WORD)


def few(path: str, out: str) -> None:
    """As ``audit.py collect``, with two collectors."""
    from auditor import registry
    from auditor.collect import Collection
    from auditor.folder import FolderWriter
    from auditor.inventories import load_inventory

    known = registry.collectors()
    writer = FolderWriter(Path(out))
    Collection(load_inventory(Path(path)), {name: known[name] for name in FEW}, writer, workers=AT_ONCE).run()
    writer.finish({})


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """Wall and processor seconds; the server is no child of ours and does not count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    work()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def shown(values: Sequence[float], unit: float = 1.0) -> str:
    middle, least, most = (unit * one for one in (statistics.median(values), min(values), max(values)))
    return f"{middle:.2f} [{least:.2f}-{most:.2f}]" if unit == 1.0 else f"{middle:.1f} [{least:.1f}-{most:.1f}]"


def inside(text: str) -> None:
    bed = Bed(json.loads(text))
    serial(bed)
    print(f"\n{bed.rounds} interleaved rounds, median [least-most]; {AT_ONCE} sessions at a time")
    print(
        f"{'hosts script':13} {'ours wall s':20} {'ssh wall s':20} {'ratio':6} {'ours CPU ms/host':18} ssh CPU ms/host"
    )
    for hosts, script in bed.series:
        ways = (bed.ours(hosts, script), bed.openssh(hosts, script), bed.ours(1, script))
        took: list[list[tuple[float, float]]] = [[], [], []]
        for number in range(bed.rounds):
            for way, kept in zip(ways, took, strict=True):
                kept.append(measured(way))
            ours, bare = took[0][-1], took[1][-1]
            print(f"  round {number + 1}: ours {ours[0]:.1f} s, ssh {bare[0]:.1f} s", file=sys.stderr, flush=True)
        walls = [[wall for wall, _ in kept] for kept in took]
        start = statistics.median(cpu for _, cpu in took[2])
        each = [(cpu - start) / (hosts - 1) for _, cpu in took[0]]
        clients = [cpu / hosts for _, cpu in took[1]]
        ratio = statistics.median(walls[0]) / statistics.median(walls[1])
        print(
            f"{hosts:5} {script:7} {shown(walls[0]):20} {shown(walls[1]):20} {ratio:<6.2f} "
            f"{shown(each, 1000):18} {shown(clients, 1000)}",
            flush=True,
        )
    print("goals: ratio <= 1.15, ours CPU <= 15 ms a host (starting the program, seen with one host, taken off)")


def serial(bed: Bed) -> None:
    """One host after the other: connect, log in, one small script; keys are loaded beforehand."""
    import paramiko

    from auditor.collector import Command
    from auditor.script import build
    from auditor.targets import SshSettings
    from auditor.transports import INVOKE
    from auditor.transports.ssh import SshTransport

    commands = [Command("uname", ("/bin/uname", "-r"))]
    host = addresses(1)[0]
    key = paramiko.PKey.from_path(bed.ssh["key_file"])
    stock = paramiko.SSHClient()
    kind, blob = Path(bed.ssh["known_hosts"]).read_text().split()[1:3]
    known = paramiko.PKey.from_type_string(kind, base64.b64decode(blob))
    stock.get_host_keys().add(f"[{host}]:{bed.ssh['port']}", kind, known)
    script = build(commands, WORD)

    def theirs() -> None:
        stock.connect(
            host, bed.ssh["port"], bed.ssh["user"], pkey=key, allow_agent=False, look_for_keys=False, timeout=20
        )
        stdin, stdout, _ = stock.exec_command(INVOKE)
        stdin.write(script)
        stdin.channel.shutdown_write()
        assert b" end 1" in stdout.read()
        stock.close()

    settings = SshSettings.model_validate(bed.ssh)

    def ours() -> None:
        assert SshTransport(host, host, settings).run(commands, 20).outputs[0].exit == 0

    took: dict[str, list[float]] = {"ours": [], "stock": []}
    for number in range(4 * bed.rounds + 1):
        for name, way in (("ours", ours), ("stock", theirs)):
            began = time.perf_counter()
            way()
            if number:
                took[name].append(time.perf_counter() - began)
    ratio = statistics.median(took["ours"]) / statistics.median(took["stock"])
    print(f"serial, ms, {4 * bed.rounds} interleaved rounds: ours {shown(took['ours'], 1000)}, ", end="")
    print(f"stock SSHClient {shown(took['stock'], 1000)}, ratio {ratio:.2f} (goal <= 0.30)", flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["inside", text]:
            inside(text)
        case ["few", path, out]:
            few(path, out)
        case [number, hosts, script]:
            main(int(number), [(int(hosts), script)])
        case words:
            main(int(words[0]) if words else 5)
