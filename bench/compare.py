"""Comparing two stored runs: packed states beside the join that a row for each finding would need.

Two runs of 400,000 findings (4,000 targets × 100 rules) are invented, stored by the real writer, and compared
in turn, round by round: by ``states.compare``, from the database to the list of differences; and by SQL, joining
the findings of both runs. Both must name the same findings.

    python bench/compare.py [--rounds 7] [--targets 4000] [--rules 100]
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from auditor import states  # noqa: E402
from auditor.annotate import Annotated, Change  # noqa: E402
from auditor.model import Finding, Result, Say, Verdict  # noqa: E402
from auditor.store import Store  # noqa: E402

JOIN = """
SELECT b.target, b.rule, a.final, b.final, a.ever_failed FROM findings b
LEFT JOIN findings a ON a.run = :before AND a.target = b.target AND a.rule = b.rule
WHERE b.run = :after AND (
    b.final = 'fail' AND (a.last_decided IS NULL OR a.last_decided <> 'fail')
    OR b.final IN ('unknown', 'error', 'notchecked') AND a.last_decided IS NOT NULL
    OR b.final NOT IN ('fail', 'unknown', 'error', 'notchecked') AND a.last_decided = 'fail')
ORDER BY b.target, b.rule
"""
NEVER = date(2026, 11, 1)


def item(target: str, rule: str, result: Result) -> Annotated:
    finding = Finding(target, rule, "patch.x", Verdict(result, Say("a")))
    failed = result is Result.FAIL
    decided = result if result in (Result.PASS, Result.FAIL) else None
    return Annotated(finding, result, Change.SAME, NEVER if failed else None, int(failed), decided, failed)


def fill(store: Store, run_id: str, at: datetime, results: dict[str, list[Result]], rules: list[str]) -> int:
    seq = store.begin(run_id, "tinh", at, at.date(), {})
    with store.writing(seq) as writer:
        for target, found in results.items():
            items = [item(target, rule, result) for rule, result in zip(rules, found, strict=True)]
            for one in items:
                writer.add(one, '{"message": "a", "found": "as long as a usual finding is in the store, about this"}')
            writer.target({"id": target, "agency": None}, {"low": 1.0}, rules, states.letters(items))
        writer.finish("complete", at, {})
    return seq


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--targets", type=int, default=4000)
    arguments.add_argument("--rules", type=int, default=100)
    told = arguments.parse_args()
    dice = random.Random(7)  # noqa: S311  (an invented province, not a secret)
    choice = [Result.PASS] * 70 + [Result.FAIL] * 20 + [Result.UNKNOWN] * 10
    rules = [f"family.rule-{number:03d}" for number in range(told.rules)]
    first = {f"may-{n:05d}": [dice.choice(choice) for _ in rules] for n in range(told.targets)}
    second = {name: list(found) for name, found in first.items()}
    for name in dice.sample(sorted(second), told.targets // 10):  # one host in ten has changed somewhere
        second[name][dice.randrange(len(rules))] = dice.choice(choice)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "a.db"
        with Store(f"sqlite:///{file}") as store:
            before = fill(store, "a", now, first, rules)
            after = fill(store, "b", now + timedelta(days=1), second, rules)

            def packed() -> int:
                return len(states.compare(store.packed(before), store.packed(after)).differences)

            db = sqlite3.connect(file)

            def joined() -> int:
                return len(db.execute(JOIN, {"before": before, "after": after}).fetchall())

            ways: dict[str, Callable[[], int]] = {"packed": packed, "join": joined}
            took: dict[str, list[float]] = {name: [] for name in ways}
            found = {name: way() for name, way in ways.items()}
            assert found["packed"] == found["join"], found
            for _ in range(told.rounds):
                for name, way in ways.items():
                    began = time.perf_counter()
                    way()
                    took[name].append(1000 * (time.perf_counter() - began))
            db.close()
    print(f"{told.targets * told.rules} findings a run, {told.rounds} interleaved rounds; differences: {found}")
    for name, values in took.items():
        print(f"{name:7} {statistics.median(values):8.1f} ms [{min(values):.1f}-{max(values):.1f}]")
    print(f"ratio {statistics.median(took['packed']) / statistics.median(took['join']):.3f} (goal <= 0.1)")


if __name__ == "__main__":
    main()
