"""Holds the arrows of docs/architecture.md: who may import what, and patterns nobody may use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENGINE = sorted(p for p in (ROOT / "auditor").rglob("*.py"))
SOCKETS = sorted(p for name in ("checks", "inventory", "reports") for p in (ROOT / name).rglob("*.py"))
ALL = [*ENGINE, *SOCKETS, ROOT / "audit.py"]

CHECKS_MAY = {
    "auditor",
    "auditor.evidence",
    "__future__",
    "collections",
    "dataclasses",
    "datetime",
    "typing",
    "itertools",
}
CHECKS_MAY |= {"functools", "fnmatch", "ipaddress", "re", "statistics", "math", "enum", "operator"}
# Each library that touches a network or a process, and the only places that may.
ONLY_IN = {
    "paramiko": ("auditor/transports/",),
    "jinja2": ("reports/",),
    "nmap": ("auditor/collectors/",),
    "socket": ("auditor/transports/", "auditor/collectors/", "auditor/collect.py", "auditor/discover.py"),
    "ssl": ("auditor/collectors/", "auditor/discover.py"),
    "subprocess": ("auditor/transports/", "auditor/collectors/"),
    "sqlalchemy": ("auditor/store.py", "auditor/tables.py", "auditor/runwriter.py", "auditor/migrations/"),
    "alembic": ("auditor/store.py", "auditor/migrations/"),
    "dns": ("auditor/collectors/",),
    "openpyxl": ("auditor/attest_sheet.py", "auditor/attest_read.py", "inventory/", "reports/"),
    "rich": ("auditor/commands/",),
    "typer": ("auditor/cli.py", "auditor/commands/"),
}
# Pure stages: the same input gives the same output.
PURE = (
    "annotate",
    "applicability",
    "assets",
    "authority",
    "bearers",
    "check",
    "codec",
    "cover",
    "declared",
    "grades",
    "grants",
    "levelcriteria",
    "levelview",
    "lift",
    "model",
    "overlay",
    "packdiff",
    "papers",
    "plan",
    "questionnaire",
    "rulepack",
    "score",
    "score_words",
    "script",
    "sharing",
    "standings",
    "states",
    "sweep",
    "tally",
    "tls_grade",
    "transition",
)
# The judging side must also run where there is no POSIX: an inspector's laptop.
PORTABLE = (
    *PURE,
    "assess",
    "attest_answers",
    "attest_read",
    "attest_sheet",
    "evidences",
    "folder",
    "head",
    "inventories",
    "inventoryfile",
    "judge",
    "packfile",
    "packparams",
    "packs",
    "passing",
    "rundoc",
    "runwriter",
    "tables",
    "texts",
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Modules a file imports; for ``from a import b`` both ``a`` and ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for item in node.names:
                yield item.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno


def calls(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


@pytest.mark.parametrize("path", [p for p in SOCKETS if name_of(p).startswith("checks/")], ids=name_of)
def test_checks_are_pure_and_import_public_names_only(path: Path) -> None:
    for module, line in imports(path):
        top = module if module.startswith("auditor") else module.split(".")[0]
        public = top in ("auditor", "auditor.tls_grade") or top.startswith(("auditor.evidence.", "auditor.tls_grade."))
        assert public or top in CHECKS_MAY, f"{name_of(path)}:{line} imports {module}"
    for call, line in calls(path):
        assert call not in {
            "open",
            "eval",
            "exec",
            "print",
            "input",
            "datetime.now",
            "date.today",
            "datetime.utcnow",
        }, f"{name_of(path)}:{line} calls {call}"


@pytest.mark.parametrize("path", SOCKETS, ids=name_of)
def test_plugins_do_not_import_one_another(path: Path) -> None:
    for module, line in imports(path):
        assert module.split(".")[0] not in {"checks", "inventory", "reports"}, (
            f"{name_of(path)}:{line} imports {module}"
        )
        assert not module.startswith("auditor._sockets"), f"{name_of(path)}:{line} imports {module}"


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_only_their_own_places_touch_networks_processes_and_templates(path: Path) -> None:
    for module, line in imports(path):
        allowed = ONLY_IN.get(module.split(".")[0])
        if allowed is not None:
            assert name_of(path).startswith(allowed), f"{name_of(path)}:{line} imports {module}"


@pytest.mark.parametrize("path", ENGINE, ids=name_of)
def test_the_engine_never_imports_a_plugin_folder(path: Path) -> None:
    for module, line in imports(path):
        assert module.split(".")[0] not in {"checks", "inventory", "reports", "tests", "bench"}, (
            f"{name_of(path)}:{line}"
        )


@pytest.mark.parametrize("name", PURE)
def test_pure_stages_read_no_clock_and_open_nothing(name: str) -> None:
    path = ROOT / "auditor" / f"{name}.py"
    for call, line in calls(path):
        assert call not in {"open", "datetime.now", "date.today", "time.time", "print"}, (
            f"{name_of(path)}:{line}: {call}"
        )
        assert not call.endswith((".read_text", ".read_bytes", ".write_text")), f"{name_of(path)}:{line}: {call}"


@pytest.mark.parametrize("name", PORTABLE)
def test_the_judging_side_needs_no_posix(name: str) -> None:
    path = ROOT / "auditor" / f"{name}.py"
    for module, line in imports(path):
        assert module.split(".")[0] not in {"fcntl", "pwd", "grp", "resource", "termios", "signal"}, f"{path}:{line}"
    for call, line in calls(path):
        assert call not in {"os.fork", "os.getuid", "os.geteuid", "os.killpg", "os.umask"}, (
            f"{name_of(path)}:{line}: {call}"
        )


def test_the_words_import_nothing_of_ours() -> None:
    assert not [m for m, _ in imports(ROOT / "auditor" / "model.py") if m.split(".")[0] == "auditor"]


REFUSED = re.compile(
    r"AutoAddPolicy|WarningPolicy|shell=True|os\.system|yaml\.load\(|verify=False|\bpickle\b|\beval\(|\bMarkup\(|extractall"
    r"|\|\s*safe\b|except:\s*$"
)


@pytest.mark.parametrize("path", [*ALL, *sorted((ROOT / "reports").rglob("*.j2"))], ids=name_of)
def test_refused_patterns(path: Path) -> None:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if name_of(path).startswith("reports/_html/") and ("noqa: S704" in line or 'Markup("<' in line):
            continue  # our own css, js, constants and escaped JSON; data go in by format(), which escapes
        assert not REFUSED.search(line), f"{name_of(path)}:{number}: {line.strip()}"


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_files_are_small_rooms(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    most = 60 if name_of(path).startswith("checks/") else 400
    assert lines <= most, f"{name_of(path)}: {lines} lines"


def test_every_check_has_texts_and_is_named_as_its_file() -> None:
    from auditor import registry, texts

    for check_id, (_, path) in registry.checks().items():
        family, _, name = check_id.partition(".")
        assert path == ROOT / "checks" / family / (name.replace("-", "_") + ".py"), check_id
        texts.of_check(check_id)
