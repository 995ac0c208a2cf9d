"""Without root the audit of this machine still ends with a report, and what only root may read is said to be unseen."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
INVENTORY = (
    "province: {id: p}\nsystems: []\nservers: [{id: may, address: 127.0.0.1, connect: local, platform: linux}]\n"
)


@pytest.mark.root
@pytest.mark.live
def test_as_nobody(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become nobody")
    work = tmp_path / "work"
    tree = tmp_path / "tree"
    python_home = tmp_path / "python"
    for folder in (work, tree, python_home, tmp_path / "packages"):
        folder.mkdir()
    (work / "inventory.yaml").write_text(INVENTORY, "utf-8")
    subprocess.run(["chmod", "-R", "a+rX", str(work)], check=True)
    subprocess.run(["chown", "-R", "65534:65534", str(work)], check=True)
    (packages,) = (Path(sys.prefix) / "lib").glob("python3.*/site-packages")
    python = Path(sys.executable).resolve().relative_to(Path(sys.base_prefix).resolve())
    become = ["exec", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "-i"]
    become += ["HOME=/nonexistent", "PATH=/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE=1"]
    become += [f"LD_LIBRARY_PATH={python_home}/lib", f"PYTHONPATH={tmp_path / 'packages'}"]
    run = [str(python_home / python), f"{tree}/audit.py", "run", "inventory.yaml"]
    run += ["--db", f"sqlite:///{work}/a.db", "--out", "out"]
    # The interpreter and the tree may lie where nobody may not go; in a mount namespace of its own they lie elsewhere.
    steps = [
        f"mount --bind {shlex.quote(str(Path(sys.base_prefix).resolve()))} {python_home}",
        f"mount --bind {shlex.quote(str(ROOT))} {tree}",
        f"mount --bind {shlex.quote(str(packages))} {tmp_path / 'packages'}",
        f"cd {work}",
        shlex.join(become) + " " + shlex.join(run),
    ]
    for parent in [tmp_path, *tmp_path.parents][:-2]:
        parent.chmod(parent.stat().st_mode | 0o011)
    ended = subprocess.run(
        ["unshare", "-m", "sh", "-ec", "\n".join(steps)], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode in (1, 3), (ended.stdout, ended.stderr)
    assert "Traceback" not in ended.stderr, ended.stderr
    told = json.loads((work / "out" / "run.json").read_text("utf-8"))
    assert (work / "out" / "index.html").is_file()
    by_rule = {one["rule"]: one for one in told["findings"]}
    for rule in ("firewall.default-deny", "access.empty-passwords"):
        assert (by_rule[rule]["result"], by_rule[rule]["reason"]) == ("unknown", "denied"), by_rule[rule]
    assert by_rule["access.uid-zero"]["result"] in ("pass", "fail")
    assert told["targets"][0]["state"] == "partial"
