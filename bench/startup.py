"""What ``audit.py --help`` costs beyond starting Python at all.

Run: python -m bench.startup [ROUNDS]
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
GOAL_S = 0.25


def cpu(argv: Sequence[str]) -> float:
    """Processor seconds of one run of ``argv``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, cwd=ROOT, stdout=subprocess.DEVNULL, check=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(rounds: int = 9) -> None:
    cases = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "audit.py --help": [sys.executable, "audit.py", "--help"],
        "audit.py run --help": [sys.executable, "audit.py", "run", "--help"],
    }
    for argv in cases.values():
        cpu(argv)  # byte code is written once
    took: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, argv in cases.items():
            took[name].append(cpu(argv))
    bare = statistics.median(took["python -c pass"])
    print(f"CPU seconds, median of {rounds} interleaved rounds [least-most]; goal {GOAL_S} s over bare Python")
    for name, values in took.items():
        middle = statistics.median(values)
        print(f"{name:22} {middle:.3f} [{min(values):.3f}-{max(values):.3f}]  over bare {middle - bare:+.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
