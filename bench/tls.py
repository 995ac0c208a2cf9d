"""Looking at TLS services: ours beside sslyze, testssl.sh and nmap's ssl-enum-ciphers, at the same 20 servers.

The 20 are the first of the zoo (tests/zoo) that every scanner can read: nginx, apache, haproxy and ``openssl s_server``
with good and bad settings, on loopback. Rounds are interleaved: in each, every scanner has its turn, so that a busy
machine slows them all. CPU is what the scanner and its children used (user and system), not the servers.

``ours``: the prober and its reading in a process of their own, from questions to facts, Python's start and all imports
included; ``(work)``: the same without these. ``collect`` and ``judge``: the whole program with evidence, rules and
report, twice started. sslyze does all it can (suites, curves, certificates and every vulnerability it knows);
``sslyze-0`` is what it needs to start and do nothing. Ours looks at four services at a time, as at a site about which
the inventory says nothing (more gains nothing on few cores); sslyze and nmap choose for themselves, testssl.sh takes
one after another.

Also 1,000 endpoints on loopback, by the engine of ``collect`` with this one collector, and the same with one in twenty
of them dead: their packets are dropped by nft in a network namespace of our own. What the dead cost is the difference
in wall time.

    python bench/tls.py [--rounds 5] [--testssl-rounds 3] [--testssl-endpoints 20] [--many 1000] [--only small|many]

Needs root for the namespace, the Debian packages nginx-light, apache2-bin, haproxy, nmap, testssl.sh, nftables, and
sslyze, which is installed into an environment of its own (requirements/witness.txt).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from auditor.folder import EvidenceFolder  # noqa: E402
from tests.zoo import truth, witnesses  # noqa: E402
from tests.zoo.keeper import Animal, animals, zoo  # noqa: E402
from tests.zoo.papers import NAME  # noqa: E402

T = TypeVar("T")
SOFTWARE = ("nginx", "haproxy", "apache", "openssl")
SMALL, MANY, DEAD_SHARE = 20, 1000, 0.05
GOALS = {  # what must hold, as (left, right, factor): left <= right * factor
    "ours 20 CPU <= sslyze 1 CPU": ("ours-20 cpu", "sslyze-1 cpu", 1.0),
    "ours 20 CPU <= sslyze 1 CPU, both without their start": ("ours-20 (work) cpu", "sslyze-1 (work) cpu", 1.0),
    "ours 20 wall <= 1/10 of sslyze's 20": ("ours-20 wall", "sslyze-20 wall", 0.1),
    "ours 20 wall < nmap's 20": ("ours-20 wall", "nmap-20 wall", 1.0),
}
LOOK = """
import json, sys, time
sys.path[:0] = [{root!r}]
from datetime import UTC, datetime
from auditor.collector import Addressed, Reading
from auditor.collectors.tls_prober import TlsProber
from auditor.model import CollectError, Seen
from auditor.targets import Target

wall, cpu = time.perf_counter(), time.process_time()
told, trust, workers = json.loads(sys.stdin.read())
now, collector = datetime.now(UTC), TlsProber()
doors = [
    Addressed(Target(id=one["id"], kind="service", url=f"https://{{one['address']}}:{{one['port']}}/",
                     limits={{"max_parallel": workers}}, tls={{"trust": [trust], "server_name": {name!r}}}),
              one["address"])
    for one in told
]
stored = collector.probe(doors, now)
found = {{}}
for door in doors:
    seen = {{item.key: item for item in stored[door.target.id]}}
    try:
        facts = collector.parse(Reading(door.target, Seen(now, now, None, ("0" * 64,)), seen))
        found[door.target.id] = {{p.version: [s.name for s in p.suites] for p in facts.offered}}
    except CollectError as exc:
        found[door.target.id] = str(exc.reason)
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, found]))
"""
ENGINE = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}]
from auditor.collect import Collection
from auditor.collectors.tls_prober import TlsProber
from auditor.folder import FolderWriter
from auditor.inventories import load_inventory

writer = FolderWriter(Path(sys.argv[2]))
Collection(load_inventory(Path(sys.argv[1])), {{TlsProber.id: TlsProber()}}, writer).run()
writer.finish({{}})
"""


@dataclass
class Measured:
    """Seconds of one scanner over its rounds."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, run: Callable[[], T]) -> T:
        before, began = _children(), time.perf_counter()
        made = run()
        self.wall.append(time.perf_counter() - began)
        self.cpu.append(_children() - before)
        return made


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(command: Sequence[str], told: str = "") -> str:
    """Its standard output; the servers are never children that end meanwhile, so that their CPU is not counted."""
    return subprocess.run(command, input=told, capture_output=True, text=True, check=False, timeout=3600).stdout


def ours(members: Sequence[Animal], trust: Path, workers: int) -> tuple[float, float, dict[str, object]]:
    """Seconds of wall and CPU without the start, and what was found."""
    told = [{"id": one.id, "address": one.address, "port": one.port} for one in members]
    program = LOOK.format(root=str(ROOT), name=NAME)
    said = _run([sys.executable, "-c", program], json.dumps([told, str(trust), workers]))
    if not said:
        raise SystemExit("ours said nothing")
    wall, cpu, found = json.loads(said)
    return wall, cpu, found


def inventory(path: Path, members: Sequence[Animal], trust: Path, workers: int) -> Path:
    """For the whole program."""
    held = {"max_parallel": workers}
    scope = {"agencies": ["so-a"], "networks": ["127.0.0.0/8"]}
    document = {"no": "1/KH", "date": "2026-01-01", "signer": "A"}
    tls = {"trust": [str(trust)], "server_name": NAME}
    told = {
        "province": {"id": "binh-minh"},
        "groups": [{"id": "so-nganh"}],
        "agencies": [{"id": "so-a", "group": "so-nganh"}],
        "systems": [{"id": "cong", "owner": "so-a", "level": 3}],
        "sites": [{"id": "dc", "limits": held}],
        "authorities": [{"id": "kh", "basis": "operator-selfcheck", "document": document, "scope": scope,
                         "methods": ["tls"], "from": "2026-01-01", "until": "2099-12-31"}],
        "services": [
            {"id": one.id, "url": f"https://{one.address}:{one.port}/", "systems": ["cong"], "site": "dc",
             "limits": held, "tls": tls}
            for one in members
        ],
    }  # fmt: skip
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def collect(told: Path) -> Path:
    """The whole program's collecting (which reads a page of each service too); gives the folder."""
    out = Path(tempfile.mkdtemp(dir=told.parent)) / "evidence"
    _run([sys.executable, str(ROOT / "audit.py"), "collect", str(told), "--out", str(out)])
    return out


def collect_tls(told: Path, inside: Sequence[str]) -> Path:
    """As ``audit.py collect``, with one collector."""
    out = Path(tempfile.mkdtemp(dir=told.parent)) / "evidence"
    _run([*inside, sys.executable, "-c", ENGINE.format(root=str(ROOT)), str(told), str(out)])
    return out


def judge(evidence: Path) -> None:
    out = evidence.parent
    _run([sys.executable, str(ROOT / "audit.py"), "judge", str(evidence), "--out", str(out / "out"), "--format", "json",
          "--db", f"sqlite:///{out / 'runs.db'}"])  # fmt: skip
    if not (out / "out" / "run.json").exists():
        raise SystemExit("judge made no document")


def testssl(members: Sequence[Animal]) -> None:
    """One after another, as it works."""
    for one in members:
        where = ["--ip", one.address, f"{NAME}:{one.port}"]
        _run(["testssl", "--quiet", "--color", "0", "--warnings", "batch", *where])


def small(rounds: int, testssl_rounds: int, testssl_endpoints: int, workers: int) -> None:
    if witnesses.sslyze_program() is None:
        raise SystemExit("sslyze cannot be installed")
    usable = [one for one in animals() if one.software in SOFTWARE and one.id not in witnesses.UNREAD_BY_SSLYZE]
    chosen = _spread([one for one in usable if "client-certificate" not in one.id and "strict" not in one.id], SMALL)
    with tempfile.TemporaryDirectory() as folder, zoo(Path(folder), [one.id for one in chosen]) as running:
        members = list(running.animals.values())
        trust = running.office.trust
        told = inventory(Path(folder) / "bench.yaml", members, trust, workers)
        slow = f"testssl-{testssl_endpoints}"
        scanners: dict[str, Callable[[], object]] = {
            "sslyze-0": lambda: _run([str(witnesses.sslyze_program()), "--help"]),
            "sslyze-1": lambda: _run(witnesses.sslyze_command(members[:1], witnesses.SSLYZE_ALL)),
            "sslyze-20": lambda: _run(witnesses.sslyze_command(members, witnesses.SSLYZE_ALL)),
            "nmap-20": lambda: _run(witnesses.nmap_command(members)),
        }
        times: dict[str, Measured] = defaultdict(Measured)
        for run in (scanners["sslyze-1"], lambda: ours(members[:1], trust, 1)):
            run()  # warm: byte code, page cache
        for at in range(rounds):
            for count in (SMALL, 1):
                wall, cpu, found = times[f"ours-{count}"].add(
                    lambda count=count: ours(members[:count], trust, workers)  # type: ignore[misc]
                )
                times[f"ours-{count} (work)"].wall.append(wall)
                times[f"ours-{count} (work)"].cpu.append(cpu)
                _compare(members[:count], found)
            evidence = times["collect-20"].add(lambda: collect(told))
            times["judge-20"].add(lambda evidence=evidence: judge(evidence))  # type: ignore[misc]
            for name, run in scanners.items():
                times[name].add(run)
            work = zip(times["sslyze-1"].cpu, times["sslyze-0"].cpu, strict=True)
            times["sslyze-1 (work)"].cpu = [whole - start for whole, start in work]
            work = zip(times["sslyze-1"].wall, times["sslyze-0"].wall, strict=True)
            times["sslyze-1 (work)"].wall = [whole - start for whole, start in work]
            if at < testssl_rounds:
                times[slow].add(lambda: testssl(members[:testssl_endpoints]))
    share = SMALL / testssl_endpoints / 100
    _print(
        times, GOALS | {f"ours 20 wall <= 1/100 of testssl.sh's, by {slow}": ("ours-20 wall", f"{slow} wall", share)}
    )


def _spread(usable: Sequence[Animal], count: int) -> list[Animal]:
    """Evenly over all that can be used, so that each software and both good and bad are among them."""
    return [usable[at * len(usable) // count] for at in range(count)]


def _compare(members: Sequence[Animal], found: dict[str, object]) -> None:
    """Ours against the truth, on the very servers that were timed."""
    for one in members:
        true = {version: sorted(names) for version, names in truth.versions(one).items()}
        own = found[one.id]
        if not isinstance(own, dict) or {version: sorted(names) for version, names in own.items()} != true:
            print(f"WRONG {one.id}: {own} instead of {true}")


def _print(times: dict[str, Measured], goals: dict[str, tuple[str, str, float]] | None = None) -> None:
    print(f"{'':17}{'n':>3}{'wall s':>9}{'min-max':>16}{'CPU s':>8}{'min-max':>16}")
    known: dict[str, float] = {}
    for name, one in times.items():
        known[f"{name} wall"], known[f"{name} cpu"] = statistics.median(one.wall), statistics.median(one.cpu)
        wall, cpu = (f"{min(some):.2f}-{max(some):.2f}" for some in (one.wall, one.cpu))
        print(
            f"{name:17}{len(one.wall):>3}{known[f'{name} wall']:>9.2f}{wall:>16}{known[f'{name} cpu']:>8.2f}{cpu:>16}"
        )
    for goal, (left, right, factor) in (goals or {}).items():
        if left in known and right in known:
            met = known[left] <= known[right] * factor
            print(f"{'met   ' if met else 'MISSED'} {goal}: 1/{known[right] / known[left]:.2f}")


# --- a thousand, and some of them dead -----------------------------------------------------------------------

_MANY_SERVER = """
import asyncio, ssl, sys
async def main(chain, key, count):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    async def serve(reader, writer):
        try:
            await reader.read(1)
        except OSError:
            pass
        writer.close()
    for at in range(count):
        await asyncio.start_server(serve, f"127.0.{80 + at // 250}.{at % 250 + 1}", 4433, ssl=context)
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def many(rounds: int, count: int, workers: int) -> None:
    """All alive, and one in twenty dead, in turn."""
    name = f"capdo-bench-{os.getpid()}"
    inside = ["ip", "netns", "exec", name]
    addresses = [f"127.0.{80 + at // 250}.{at % 250 + 1}" for at in range(count)]
    members = [Animal(f"n{at}", "nginx", (), "", {}, "", address, 4433) for at, address in enumerate(addresses)]
    dead = members[:: round(1 / DEAD_SHARE)]
    with tempfile.TemporaryDirectory() as folder:
        from tests.zoo.papers import Office

        office = Office(Path(folder))
        chain, key = Path(folder) / "crt", Path(folder) / "key"
        chain.write_bytes(office["ec"].chain_pem)
        key.write_bytes(office["ec"].key_pem)
        subprocess.run(["ip", "netns", "add", name], check=True)
        try:
            subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
            command = [*inside, sys.executable, "-c", _MANY_SERVER, str(chain), str(key), str(count)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
                try:
                    assert server.stdout is not None
                    server.stdout.readline()
                    times = {"alive": Measured(), "some dead": Measured()}
                    told = inventory(Path(folder) / "bench.yaml", members, office.trust, workers)
                    for _ in range(rounds):
                        _seen(times["alive"].add(lambda: collect_tls(told, inside)), members)
                        _drop(inside, dead)
                        _seen(times["some dead"].add(lambda: collect_tls(told, inside)), members, dead)
                        subprocess.run([*inside, "nft", "flush", "ruleset"], check=True)
                finally:
                    server.terminate()
        finally:
            subprocess.run(["ip", "netns", "del", name], check=False)
    print(f"{count} endpoints, {len(dead)} of them dead in every second turn, {workers} at once")
    _print(times)
    alive, some = (statistics.median(times[name].wall) for name in ("alive", "some dead"))
    print(f"the dead cost {some - alive:+.2f} s of {alive:.2f} s")


def _seen(evidence: Path, members: Sequence[Animal], dead: Sequence[Animal] = ()) -> None:
    """The dead are known to be dead, and nobody else is."""
    held, gone = EvidenceFolder(evidence), {one.id for one in dead}
    for one in members:
        seen = held.observation(*held.envelope(one.id, "tls.prober").observations[0])
        if (seen.problem is not None) != (one.id in gone):
            print(f"WRONG {one.id}: {seen.problem} {seen.stderr}")


def _drop(inside: Sequence[str], dead: Sequence[Animal]) -> None:
    rules = "table inet dead { chain inwards { type filter hook input priority 0; ip daddr {"
    rules += ", ".join(one.address for one in dead) + "} drop; }; }"
    subprocess.run([*inside, "nft", "-f", "-"], input=rules, text=True, check=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--testssl-rounds", type=int, default=3)
    asked.add_argument("--testssl-endpoints", type=int, default=SMALL, help="one takes about a minute")
    asked.add_argument("--many", type=int, default=MANY, help="endpoints of the second part")
    asked.add_argument("--workers", type=int, default=4, help="services looked at at once")
    asked.add_argument("--many-workers", type=int, default=4)
    asked.add_argument("--only", choices=("small", "many"))
    told = asked.parse_args()
    if told.only != "many":
        small(told.rounds, told.testssl_rounds, told.testssl_endpoints, told.workers)
    if told.only != "small":
        many(told.rounds, told.many, told.many_workers)


if __name__ == "__main__":
    main()
