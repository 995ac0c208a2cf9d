"""How much judging costs, and whether memory grows with the number of targets.

One real host's evidence (this machine's, collected first) is told again for every invented target, from memory,
so that the disk is not measured. Every rule of the pack falls on every target (questions of whole systems too,
which in a real run one target bears), hence a million findings and more. CPU per finding: rules on evidence in
hand; judging, annotating and scoring all targets; the same with every observation parsed again; and the whole
stage with history and an SQLite store. Rounds of 1,000 and 10,000 targets are interleaved, each in a process of
its own, so that its peak memory is its own. Growth is the exponent of cost by size: 1 is linear.

    python bench/judge.py [--rounds 5] [--targets 1000,10000]
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from auditor import registry  # noqa: E402
from auditor.annotate import annotate, day_of  # noqa: E402
from auditor.assess import assess  # noqa: E402
from auditor.folder import Envelope, EvidenceFolder  # noqa: E402
from auditor.head import Circumstances  # noqa: E402
from auditor.judge import Judge  # noqa: E402
from auditor.model import Observation  # noqa: E402
from auditor.packs import default_pack, find_pack, load_pack, ruleset  # noqa: E402
from auditor.pipeline import gather  # noqa: E402
from auditor.score import Scorer  # noqa: E402
from auditor.store import Store  # noqa: E402
from auditor.targets import Inventory  # noqa: E402


class Echo:
    """One host's evidence, told for every target."""

    def __init__(self, folder: EvidenceFolder, of: str) -> None:
        self._names = folder.collected(of)
        self._envelopes = {name: folder.envelope(of, name) for name in self._names}
        self._seen: dict[str, Observation] = {
            digest[16:]: folder.observation(key, digest)
            for envelope in self._envelopes.values()
            for key, digest in envelope.observations
        }
        self._target = ""

    def collected(self, target: str) -> list[str]:
        self._target = target
        return self._names

    def envelope(self, target: str, collector: str) -> Envelope:
        kept = self._envelopes[collector]
        # Each target's observations have digests of their own, as real ones do.
        refs = tuple((key, target[-8:].encode().hex() + digest[16:]) for key, digest in kept.observations)
        return replace(kept, target=target, observations=refs)

    def observation(self, key: str, digest: str) -> Observation:
        return replace(self._seen[digest[16:]], target=self._target)


def inventory(count: int) -> Inventory:
    servers = [
        {
            "id": f"may-{number:05d}",
            "kind": "server",
            "address": "127.0.0.1",
            "connect": "local",
            "platform": "linux",
            "systems": ["he-thong"],
            "agency": f"so-{number % 40:02d}",
            "level": 3,
        }
        for number in range(count)
    ]
    return Inventory.model_validate(
        {
            "province": {"id": "do-dac"},
            "groups": [{"id": "nhom"}],
            "agencies": [{"id": f"so-{number:02d}", "group": "nhom"} for number in range(40)],
            "systems": [{"id": "he-thong", "owner": "so-00", "level": 3}],
            "targets": servers,
        }
    )


def measure(evidence: Path, count: int) -> dict[str, Any]:
    """One round, in this process."""
    folder = EvidenceFolder(evidence)
    now = datetime.fromisoformat(folder.manifest()["finished_at"])
    pack = default_pack(day_of(now))
    packs = [load_pack(find_pack(pack))]
    checks = registry.check_table()
    rules = ruleset(packs, checks, day_of(now))
    many = inventory(count)
    echo = Echo(folder, "may-00000")
    judge = Judge(checks, registry.collectors(), {}, "0" * 64, now)

    first = many.targets[0]
    topics = {collector.evidence.topic for collector in registry.collectors().values()} | {"declared"}
    held, _, _ = judge.read(first, echo, topics)
    chosen = rules.of(first)
    began = time.process_time()
    repeats = 200
    for _ in range(repeats):
        for one in chosen:
            judge.judge(first, one, held)
    in_hand = (time.process_time() - began) / (repeats * len(chosen))

    some = many.targets[:300]
    began = time.process_time()
    findings = sum(len(judge.target(target, rules.of(target), echo).findings) for target in some)
    parsed = (time.process_time() - began) / findings

    scorer = Scorer(rules, many)
    began = time.process_time()
    stream = (judge.judge(target, one, held) for target in many.targets for one in rules.of(target))
    total = 0
    for item in annotate(stream, (), rules=rules, inventory=many, day=day_of(now)):
        scorer.add(item)
        total += 1
    for score in scorer.finish().targets:
        assert score.counts
    pure = (time.process_time() - began) / total
    pure_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    with tempfile.TemporaryDirectory() as home, Store(f"sqlite:///{home}/bench.db") as store:
        known = Circumstances("bench", now, now, now, day_of(now), pack, "0" * 64, True)
        seq = store.begin("bench", "do-dac", now, day_of(now), {})
        began = time.process_time()
        outcome = assess(store, seq, many, echo, packs, rules, known)
        whole = (time.process_time() - began) / sum(outcome.counts.values())
    return {
        "targets": count,
        "findings": sum(outcome.counts.values()),
        "in_hand_us": in_hand * 1e6,
        "parsed_us": parsed * 1e6,
        "pure_us": pure * 1e6,
        "pure_mb": pure_peak,
        "whole_us": whole * 1e6,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _told(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} [{min(values):.1f}-{max(values):.1f}]"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--targets", default="1000,10000")
    arguments.add_argument("--one", help=argparse.SUPPRESS)
    arguments.add_argument("--evidence", type=Path, help=argparse.SUPPRESS)
    told = arguments.parse_args()
    if told.one:
        print(json.dumps(measure(told.evidence, int(told.one))))
        return
    sizes = [int(text) for text in told.targets.split(",")]
    with tempfile.TemporaryDirectory() as home:
        evidence = Path(home) / "evidence"
        gather(inventory(1), evidence, started_at=datetime.now(UTC))
        rounds: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
        for _ in range(told.rounds):
            for size in sizes:
                command = [sys.executable, __file__, "--one", str(size), "--evidence", str(evidence)]
                rounds[size].append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
    heads = {
        "in_hand_us": "rules, evidence in hand",
        "pure_us": "judged, annotated, scored",
        "parsed_us": "rules, evidence parsed anew",
        "whole_us": "whole stage with the store",
        "pure_mb": "peak without the store",
        "peak_mb": "peak",
    }
    for size, made in rounds.items():
        print(f"{size} targets, {made[0]['findings']} findings, {told.rounds} interleaved rounds")
        for key, head in heads.items():
            unit = "MB" if key.endswith("mb") else "µs a finding"
            print(f"  {head:28} {_told([one[key] for one in made])} {unit}")
        middle = statistics.median(one["pure_us"] for one in made)
        print(f"  {'findings a second':28} {1e6 / middle:.0f} (judged, annotated, scored)")
    if len(sizes) > 1:
        least, most = rounds[min(sizes)], rounds[max(sizes)]
        cost = [statistics.median(one["pure_us"] * one["findings"] for one in made) for made in (least, most)]
        print(f"growth {math.log(cost[1] / cost[0]) / math.log(max(sizes) / min(sizes)):.3f} (1 is linear)")
    print("goals: judged, annotated, scored <= 40 µs; peak <= 400 MB and flat but for the inventory itself")


if __name__ == "__main__":
    main()
