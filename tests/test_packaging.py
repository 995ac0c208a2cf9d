"""The wheel: built, installed in an empty environment elsewhere, it must list the same plug-ins as the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(out), str(ROOT)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment elsewhere that holds the wheel, and borrows only the dependencies of this one."""
    home = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home / "venv")], check=True, timeout=120)
    (site,) = (home / "venv" / "lib").glob("python3.*/site-packages")
    with zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            assert not name.startswith("/")
            assert ".." not in name
            packed.extract(name, site)
    (dependencies,) = (Path(sys.prefix) / "lib").glob("python3.*/site-packages")
    (site / "dependencies.pth").write_text(f"{dependencies}\n", "utf-8")
    return home


def listed(command: list[str], cwd: Path) -> list[dict[str, object]]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ended = subprocess.run(
        [*command, "checks", "list", "--json"],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told: list[dict[str, object]] = json.loads(ended.stdout)
    return told


def test_the_installed_program_lists_the_same_checks(installed: Path) -> None:
    python = str(installed / "venv" / "bin" / "python")
    # A stranger's folder named as ours must not be imported in its place.
    (installed / "checks").mkdir()
    (installed / "checks" / "__init__.py").write_text("raise SystemExit('hijacked')\n", "utf-8")
    there = listed([python, "-m", "auditor.cli"], installed)
    here = listed([sys.executable, str(ROOT / "audit.py")], ROOT)
    assert there == here
    assert len(here) >= 30


def test_the_wheel_holds_one_package_and_its_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"auditor"}
    for wanted in (
        "auditor/checks/packs/tcvn-14423-2026/pack.yaml",
        "auditor/data/messages.yaml",
        "auditor/migrations/versions/0001_first.py",
        "auditor/reports/templates/report.css",
        "auditor/locale/vi/LC_MESSAGES/capdo.po",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith("auditor/tests") or "__pycache__" in name]


def test_an_installed_run_needs_no_checkout(installed: Path) -> None:
    python = str(installed / "venv" / "bin" / "python")
    (installed / "inventory.yaml").write_text(
        "province: {id: p}\nservers: [{id: may, address: 127.0.0.1, connect: local}]\n", "utf-8"
    )
    ended = subprocess.run(
        [
            python,
            "-m",
            "auditor.cli",
            "run",
            "inventory.yaml",
            "--db",
            f"sqlite:///{installed / 'a.db'}",
            "--out",
            "out",
        ],
        capture_output=True,
        text=True,
        cwd=installed,
        timeout=120,
        check=False,
    )
    assert ended.returncode in (1, 3), ended.stderr
    assert (installed / "out" / "index.html").is_file()


def test_declared_and_locked_dependencies_agree() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    wanted = [
        line.strip()
        for line in (ROOT / "requirements" / "runtime.in").read_text("utf-8").splitlines()
        if line.strip() and not line.startswith(("#", "-"))
    ]
    assert sorted(line.lower() for line in declared) == sorted(line.lower() for line in wanted)
