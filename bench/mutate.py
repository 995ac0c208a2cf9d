"""How much the tests of a module notice: small faults are put into a copy of the repository, one by one.

Each fault (a mutant) changes one place of the module's syntax tree: a comparison, an operator, a constant, a
condition, a statement, a result. A mutant that no test notices *survives*, and says where a test is missing
or where two ways of writing are the same. Faults that cannot show are left out: of annotations, decorators,
docstrings and ``strict=``. All tests run in a process of their own, forked from this one; hypothesis begins
from one seed and does not shrink.

    python bench/mutate.py auditor/states.py tests/test_states.py tests/test_store.py [--sample 60] [--seed 0]

Tests are run in the order given, the quickest best first, up to the first that fails.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, settings

ROOT = Path(__file__).parent.parent
LEFT_OUT = (".git", ".venv", "out", ".mypy_cache", ".ruff_cache", ".pytest_cache", "__pycache__")

# What stands first may become each of the others.
_SWAPS = (
    "Lt LtE GtE, LtE Lt Gt, Gt GtE LtE, GtE Gt Lt, Eq NotEq, NotEq Eq, Is IsNot, IsNot Is, In NotIn, NotIn In, And Or, "
    "Or And, Add Sub, Sub Add, Mult Add, Div Mult, FloorDiv Mult, BitOr BitAnd, BitAnd BitOr, BitXor BitOr, "
    "LShift RShift, RShift LShift"
)
OPERATORS: dict[type[ast.AST], list[Any]] = {
    getattr(ast, one): [getattr(ast, other) for other in others] for one, *others in map(str.split, _SWAPS.split(","))
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
_CYCLES = (
    "Result PASS FAIL UNKNOWN ERROR NOTCHECKED NOTAPPLICABLE INFORMATIONAL, "
    "Change NEW OPEN FIXED RECURRED NOTMEASURED SAME, Was NOTHING GOOD MENDED FAILING, Now FAIL GOOD UNDECIDED, "
    "words met undecided failed waived covered notmet partial notapplicable"
)
NEXT = {
    kind: dict(zip(members, members[1:] + members[:1], strict=True))
    for kind, *members in map(str.split, _CYCLES.split(","))
}
"""What each member of an enumeration, and each word of the score, becomes."""


class Mutant(NamedTuple):
    """One fault: the line, what stood there and what stands now, and the whole module with it."""

    line: int
    before: str
    after: str
    source: str


def changes(node: ast.AST) -> Iterator[ast.AST]:  # noqa: PLR0912  (one kind of node after the other)
    """What could stand instead of one node of the syntax tree."""
    match node:
        case ast.Compare(ops=[op]):
            yield from (ast.Compare(node.left, [other()], node.comparators) for other in OPERATORS[type(op)])
        case ast.BoolOp(op=op, values=values):
            yield from (ast.BoolOp(other(), values) for other in OPERATORS[type(op)])
            for place in range(len(values)):
                rest = values[:place] + values[place + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.BinOp(op=op) if type(op) in OPERATORS:
            yield from (ast.BinOp(node.left, other(), node.right) for other in OPERATORS[type(op)])
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.IfExp():
            yield ast.IfExp(node.test, node.orelse, node.body)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str(value)) if value in NEXT["words"]:
            yield ast.Constant(NEXT["words"][value])
        case ast.Attribute(value=ast.Name(id=kind), attr=member) if member in NEXT.get(kind, {}):
            yield ast.Attribute(node.value, NEXT[kind][member], ast.Load())
        case ast.Call(func=ast.Name(id=name)) if name in NAMES:
            yield ast.Call(ast.Name(NAMES[name], ast.Load()), node.args, node.keywords if name != "sorted" else [])
        case ast.If() | ast.While() if not isinstance(node.test, (ast.Compare, ast.UnaryOp)):
            turned = copy.copy(node)
            turned.test = ast.UnaryOp(ast.Not(), node.test)
            yield turned
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))
        case ast.AugAssign(op=op):
            yield from (ast.AugAssign(node.target, other(), node.value) for other in OPERATORS[type(op)])
            yield ast.Pass()
        case ast.Expr() | ast.Raise() | ast.Continue() | ast.Break():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Every node by its parent, field and place in it; without what cannot show."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list"):
            continue
        for place, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            documents = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            strict = isinstance(child, ast.keyword) and child.arg == "strict"
            literal = isinstance(child, ast.Subscript) and ast.unparse(child.value) == "Literal"
            checking = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            if isinstance(child, ast.AST) and not (documents or strict or literal or checking):
                yield tree, field, place
                yield from places(child)


def mutants(source: str) -> Iterator[Mutant]:
    """All mutants of a module."""
    tree = ast.parse(source)
    for parent, field, place in list(places(tree)):
        held = getattr(parent, field)
        node = held if place is None else held[place]
        for other in changes(node):
            with contextlib.ExitStack() as back:
                if place is None:
                    setattr(parent, field, other)
                    back.callback(setattr, parent, field, node)
                else:
                    held[place] = other
                    back.callback(held.__setitem__, place, node)
                text = ast.unparse(ast.fix_missing_locations(tree))
            before, after = (" ".join(ast.unparse(one).split())[:120] for one in (node, other))
            yield Mutant(getattr(node, "lineno", getattr(parent, "lineno", 0)), before, after, text)


def passes(tree: Path, tests: list[str], timeout_s: int, *, cached: bool = False) -> bool:
    """Do the tests pass in a tree? One that hangs does not."""
    child = os.fork()
    if not child:
        os.setsid()
        os.chdir(tree)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        sys.dont_write_bytecode = not cached
        os.environ |= {} if cached else {"PYTHONDONTWRITEBYTECODE": "1"}
        os._exit(pytest.main(["-xq", "-pno:cacheprovider", "--assert=plain", "--hypothesis-seed=0", *tests]))
    ends = time.monotonic() + timeout_s
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        if time.monotonic() > ends:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(0.01)


def main() -> int:
    words = argparse.ArgumentParser(description="Put faults into a module, one by one, and see what the tests notice.")
    words.add_argument("module")
    words.add_argument("tests", nargs="+")
    words.add_argument("--sample", type=int, help="so many mutants, chosen at random (all)")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--timeout", type=int, default=60, help="seconds for one mutant")
    asked = words.parse_args()
    settings.register_profile("mutate", phases=[Phase.explicit, Phase.generate], database=None)
    settings.load_profile("mutate")  # what tests/conftest.py registers begins from this one
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LEFT_OUT))
        path = tree / asked.module
        found = list(mutants(path.read_text(encoding="utf-8")))
        chosen = random.Random(asked.seed).sample(found, min(asked.sample or len(found), len(found)))  # noqa: S311
        if not passes(tree, asked.tests, 10 * asked.timeout, cached=True):
            print("the tests do not pass as they are")
            return 2
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
            compiled.unlink()
        survived = 0
        for mutant in sorted(chosen):
            path.write_text(mutant.source, encoding="utf-8")
            if passes(tree, asked.tests, asked.timeout):
                survived += 1
                print(f"{asked.module}:{mutant.line}: {mutant.before}  ->  {mutant.after}", flush=True)
        print(f"{asked.module}: {len(found)} mutants, {len(chosen)} tried, {survived} survived", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
