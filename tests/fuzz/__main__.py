"""Run one harness for some seconds; ends with status 1 at the first input that breaks its promise, which it prints."""

from __future__ import annotations

import random
import signal
import sys
import tempfile
import time
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fuzz.harnesses import Harness

SLOWEST_S = 2.0
"""CPU time for any one input; none is longer than ``LONGEST``."""
LONGEST = 65536


class TooSlowError(BaseException):
    """Nothing on the way is to catch it."""


def one(harness: Harness, data: bytes) -> None:
    """Raises what the harness must not, or ``TooSlowError`` in the midst of an input that takes too long."""

    def stop(_number: int, _frame: object) -> None:
        raise TooSlowError(f"{len(data)} bytes took {SLOWEST_S} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SLOWEST_S)
    try:
        harness(data)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """A few changes: bits, bytes, pieces doubled, cut or moved, numbers at the edge."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 6)):
        at, size = chance.randrange(len(data) + 1), chance.randint(1, 16)
        match chance.randrange(6):
            case 0:
                data[at : at + 1] = bytes((chance.randrange(256),))
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size] * chance.choice((1, 2, 50))
            case 3:
                data[at : at + 2] = chance.choice((b"\0\0", b"\xff\xff", b"\x7f\xff", b"\x80\0"))
            case 4:
                data[at:at] = chance.randbytes(size)
            case _:
                del data[at:]
    return bytes(data[:LONGEST])


def plainly(harness: Harness, seconds: float) -> int:
    """By chance, from the seeds; always the same inputs in the same order."""
    chance, seeds, runs = random.Random(7), list(harness.seeds()), 0  # noqa: S311
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        known = chance.random() < 0.95
        data = mutated(chance.choice(seeds), chance) if known else chance.randbytes(chance.randrange(300))
        try:
            one(harness, data)
        except BaseException:
            sys.stderr.write(f"after {runs} inputs: {data!r}\n")
            raise
        runs += 1
    return runs


def guided(atheris: Any, name: str, harness: Harness, seconds: int) -> None:
    """Coverage leads. It ends the process itself."""
    with tempfile.TemporaryDirectory() as corpus:
        for at, seed in enumerate(harness.seeds()):
            (Path(corpus) / str(at)).write_bytes(seed)
        options = [name, corpus, f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-artifact_prefix={corpus}-"]
        atheris.Setup(options, lambda data: one(harness, data))
        atheris.Fuzz()


def main() -> int:
    try:
        atheris: Any = import_module("atheris")
        watched = atheris.instrument_imports(include=["auditor"])
    except ImportError:
        atheris, watched = None, nullcontext()
    with watched:
        harnesses: dict[str, Harness] = import_module("tests.fuzz.harnesses").HARNESSES
    if len(sys.argv) != 3 or sys.argv[1] not in harnesses:
        sys.stderr.write(f"python -m tests.fuzz NAME SECONDS; names: {', '.join(harnesses)}\n")
        return 2
    name, seconds = sys.argv[1], int(sys.argv[2])
    if atheris is not None:
        guided(atheris, name, harnesses[name], seconds)
    sys.stdout.write(f"{name}: {plainly(harnesses[name], seconds)} inputs, without atheris\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
