"""Antivirus, backup and patch collectors on this very machine, against the real programs and other ways to ask them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor import registry, script
from auditor.collector import CommandCollector
from auditor.collectors.antivirus_clamav import Clamav
from auditor.collectors.backup_linux import LinuxBackup
from auditor.collectors.patch_apt import Apt
from auditor.collectors.patch_automatic_apt import AptAutomatic
from auditor.collectors.restart_dpkg import DpkgRestart
from auditor.collectors.support_linux import LinuxSupport
from auditor.evidence.antivirus import AntivirusState
from auditor.evidence.backup import BackupState
from auditor.evidence.patch import PatchState
from auditor.model import Result, Unavailable
from tests.support import reading, target

pytestmark = [pytest.mark.live, pytest.mark.slow]

WRITING = re.compile(
    r"O_WRONLY|O_RDWR|O_CREAT|^\d+ (?:un)?link|rename|mkdir|rmdir|chmod|chown|truncate|utimens|symlink"
)
CALLS = "trace=openat,open,creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,fchmodat,fchownat"


def need(*programs: str, root: bool = True) -> None:
    """Skip where a program or the rights are missing; under CI that is a failure."""
    missing = [name for name in programs if shutil.which(name) is None]
    if root and os.geteuid() != 0:
        missing.append("root")
    if missing and os.environ.get("CAPDO_CI"):
        pytest.fail(f"missing: {missing}")
    if missing:
        pytest.skip(f"missing: {missing}")


def ask(collector: CommandCollector, *before: str, **fields: Any) -> tuple[Any, bytes]:
    """Run a collector's commands by the engine's own script, after ``before``; evidence and raw answer."""
    on = target(**fields)
    commands = list(collector.commands(on))
    told = subprocess.run(
        [*before, "/bin/sh", "-c", 'eval "$(cat)"'],
        input=script.build(commands, "w0rd"),
        capture_output=True,
        timeout=300,
        check=False,
    ).stdout
    now = datetime.now(UTC)
    host = script.parse(told, "w0rd", commands, now)
    outputs: Mapping[str, Any] = {
        each.command.key: {
            "stdout": each.stdout,
            "stderr": each.stderr,
            "exit": each.exit,
            "problem": each.problem,
            "truncated": each.truncated,
        }
        for each in host.outputs
    }
    return collector.parse(reading(outputs, on, now=now, collected_at=now)), told


def judged(check_id: str, evidence: Any, **params: Any) -> Any:
    check, _ = registry.checks()[check_id]
    return check.judge(evidence, check.params(**params))


# --- patch --------------------------------------------------------------------------------------------------


def test_missing_security_updates_against_apts_other_list() -> None:
    need("apt-get", "apt", root=False)
    found, _ = ask(Apt())
    assert isinstance(found, PatchState)
    assert not isinstance(found.missing, Unavailable)
    listed = subprocess.run(
        ["apt", "list", "--upgradable"], capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}
    ).stdout
    secure = {line.partition("/")[0] for line in listed.splitlines() if "-security" in line.partition(" ")[0]}
    assert secure <= {update.package.partition(":")[0] for update in found.missing.security}
    assert found.sources
    verdict = judged("patch.security-updates", found)
    assert (verdict.result is Result.FAIL) == bool(found.missing.security) or not any(s.security for s in found.sources)


@pytest.mark.root
def test_nothing_is_written_but_unnamed_temporary_files(tmp_path: Path) -> None:
    need("strace", "apt-get", "restic")
    repository, secret = _repository(tmp_path, "-2 hour")
    job = {"id": "ngay", "tool": "restic", "repo": str(repository), "password_file": str(secret)}
    folder = {"id": "tep", "tool": "files", "path": str(tmp_path)}
    before = _tree(repository)
    log = tmp_path / "calls"
    traced = ("strace", "-f", "-qq", "-e", CALLS, "-o", str(log))
    written = []
    for collector in (Apt(), AptAutomatic(), DpkgRestart(), LinuxSupport(), Clamav(), LinuxBackup()):
        ask(collector, *traced, backups=[job, folder])
        written += [
            line
            for line in log.read_text("utf-8", "replace").splitlines()
            if WRITING.search(line) and "= -1 " not in line and '"/dev/null"' not in line and "O_TMPFILE" not in line
        ]
    assert written == []
    assert _tree(repository) == before


# --- backup -------------------------------------------------------------------------------------------------


def _repository(folder: Path, *ages: str) -> tuple[Path, Path]:
    """A real restic repository with one snapshot for each age (``-40 day``)."""
    secret, repository, data = folder / "secret", folder / "repo", folder / "data"
    secret.write_text("mat-khau\n")
    data.mkdir()
    (data / "a").write_bytes(os.urandom(5000))
    restic = ["restic", "-q", "--no-cache", "--repo", str(repository), "--password-file", str(secret)]
    subprocess.run([*restic, "init"], check=True, capture_output=True)
    for age in ages:
        number, unit = age.split()
        at = datetime.now().astimezone() + timedelta(**{f"{unit}s": int(number)})
        subprocess.run(
            [*restic, "backup", "--time", f"{at:%Y-%m-%d %H:%M:%S}", str(data)], check=True, capture_output=True
        )
    return repository, secret


def _tree(folder: Path) -> list[tuple[str, int, int]]:
    found = ((str(path), path.stat()) for path in folder.rglob("*"))
    return sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)


def _job(repository: Path, secret: Path) -> dict[str, Any]:
    return {"id": "ngay", "tool": "restic", "repo": str(repository), "password_file": str(secret), "min_copies": 2}


@pytest.mark.root
@pytest.mark.parametrize(
    ("ages", "recency", "copies"),
    [
        (("-25 hour", "-1 hour"), "pass", "pass"),
        (("-41 day", "-40 day"), "fail", "pass"),
        (("-1 hour",), "pass", "fail"),
        ((), "fail", "fail"),
    ],
)
def test_real_repositories(tmp_path: Path, ages: Sequence[str], recency: str, copies: str) -> None:
    need("restic")
    found, _ = ask(LinuxBackup(), backups=[_job(*_repository(tmp_path, *ages))])
    assert isinstance(found, BackupState)
    assert judged("backup.recency", found).result == recency
    assert judged("backup.copies", found).result == copies


@pytest.mark.root
def test_a_repository_on_a_read_only_medium_is_read_all_the_same(tmp_path: Path) -> None:
    need("restic", "unshare", "mount")
    repository, secret = _repository(tmp_path, "-1 hour")
    read_only = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    within = ("unshare", "-m", "/bin/sh", "-c", read_only, str(repository))
    found, _ = ask(LinuxBackup(), *within, backups=[_job(repository, secret)])
    assert judged("backup.recency", found).result is Result.PASS


@pytest.mark.root
@pytest.mark.parametrize("part", ["snapshots", "keys", "config"])
def test_a_flipped_byte_is_never_a_pass(tmp_path: Path, part: str) -> None:
    need("restic")
    repository, secret = _repository(tmp_path, "-25 hour", "-1 hour")
    path = repository / part
    file = path if path.is_file() else sorted(path.iterdir())[0]
    body = bytearray(file.read_bytes())
    body[20] ^= 0xFF
    file.chmod(0o600)
    file.write_bytes(body)
    found, _ = ask(LinuxBackup(), backups=[_job(repository, secret)])
    for check_id in ("backup.recency", "backup.copies", "backup.encryption"):
        assert judged(check_id, found).result is Result.UNKNOWN, check_id


@pytest.mark.root
def test_a_wrong_password_is_unknown(tmp_path: Path) -> None:
    need("restic")
    repository, secret = _repository(tmp_path, "-1 hour")
    secret.write_text("khac\n")
    found, _ = ask(LinuxBackup(), backups=[_job(repository, secret)])
    assert judged("backup.recency", found).result is Result.UNKNOWN


@pytest.mark.root
def test_files_named_to_deceive(tmp_path: Path) -> None:
    for name in ("db-1.gpg", "db-$(touch x).gpg", "db- 2 'q' \".gpg", "-exec", "db-ấ.gpg"):
        (tmp_path / name).write_text("x")
    found, _ = ask(LinuxBackup(), backups=[{"id": "tep", "tool": "files", "path": str(tmp_path), "pattern": "db-*"}])
    assert sorted(found.jobs[0].names) == sorted(path.name for path in tmp_path.glob("db-*"))
    (tmp_path / "db-3\nf 1 5 db-4").write_text("x")
    found, _ = ask(LinuxBackup(), backups=[{"id": "tep", "tool": "files", "path": str(tmp_path), "pattern": "db-*"}])
    assert judged("backup.encryption", found).result is not Result.PASS


# --- antivirus ----------------------------------------------------------------------------------------------


@pytest.mark.root
def test_a_real_clamd_is_seen_running_and_then_stopped(tmp_path: Path) -> None:
    need("clamd", "unshare", "ps")
    database = tmp_path / "db"
    database.mkdir()
    (database / "own.hdb").write_text("44d88612fea8a8f36de82e1278abb02f:68:Eicar-Own\n")
    config = tmp_path / "clamd.conf"
    config.write_text(f"DatabaseDirectory {database}\nLocalSocket {tmp_path}/socket\nUser root\n")
    # In process and network namespaces of its own: it ends with them, and reaches nobody.
    begin = f"clamd -c {config} >/dev/null 2>&1 </dev/null; "
    within = ("unshare", "-fpmn", "--kill-child", "--mount-proc", "/bin/sh", "-c")
    running, _ = ask(Clamav(), *within, begin + '"$@"; exit $?', "init")
    assert isinstance(running, AntivirusState)
    assert judged("antivirus.running", running).message.code == "daemon"
    assert judged("antivirus.running", running, on_access=True).result is Result.FAIL
    stopped, _ = ask(Clamav(), *within, '"$@"; exit $?', "init")
    assert judged("antivirus.running", stopped).result is Result.FAIL
