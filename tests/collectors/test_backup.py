"""Reading what restic, find and df say of backups, honest or not."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.collector import Privilege
from auditor.collectors import _mounts, _restic
from auditor.collectors.backup_linux import LinuxBackup
from auditor.model import CollectError, Reason, Unavailable
from tests.support import reading, target


def snapshot(time: str, *paths: str, host: str = "may-01", size: int | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"time": time, "paths": list(paths), "hostname": host, "username": "root", "id": "0"}
    return made if size is None else {**made, "summary": {"total_bytes_processed": size}}


def series(*snapshots: dict[str, Any]) -> list[tuple[str, int]]:
    return [(each.name, len(each.copies)) for each in _restic.series(json.dumps(snapshots), "may-01")]


def test_a_path_saved_within_another_is_covered() -> None:
    assert series(snapshot("2026-11-20T01:00:00Z", "/srv/a"), snapshot("2026-11-21T01:00:00Z", "/srv")) == [("/srv", 1)]


def test_a_path_that_only_begins_alike_is_not_covered() -> None:
    found = series(snapshot("2026-11-20T01:00:00Z", "/srv-old"), snapshot("2026-11-21T01:00:00Z", "/srv"))
    assert found == [("/srv", 1), ("/srv-old", 1)]


def test_a_path_dropped_from_a_job_keeps_its_age() -> None:
    old, new = snapshot("2026-10-20T01:00:00Z", "/etc", "/srv"), snapshot("2026-11-21T01:00:00Z", "/etc")
    found = _restic.series(json.dumps([old, new]), "may-01")
    assert [(each.name, each.copies[0].at.month) for each in found] == [("/etc", 11), ("/etc /srv", 10)]
    assert len(found[0].copies) == 2


def test_sizes_count_only_for_the_very_same_paths() -> None:
    both = snapshot("2026-11-20T01:00:00Z", "/etc", "/srv", size=900)
    found = _restic.series(json.dumps([both, snapshot("2026-11-21T01:00:00Z", "/etc", size=5)]), "may-01")
    assert [copy.size for copy in found[0].copies] == [5, None]


def test_other_hosts_snapshots_do_not_stand_for_this_one() -> None:
    own, other = snapshot("2026-10-01T01:00:00Z", "/srv"), snapshot("2026-11-21T01:00:00Z", "/srv", host="may-02")
    found = _restic.series(json.dumps([own, other]), "may-01")
    assert [copy.at.month for copy in found[0].copies] == [10]


def test_two_other_hosts_cannot_be_told_apart() -> None:
    others = [snapshot("2026-11-21T01:00:00Z", "/srv", host=host) for host in ("may-02", "may-03")]
    with pytest.raises(CollectError) as caught:
        _restic.series(json.dumps(others), "may-01")
    assert caught.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    "time", ["2026-11-22T10:09:24.367219149Z", "2026-11-22T17:09:24.3+07:00", "2026-11-22T10:09:24Z"]
)
def test_times_as_go_writes_them(time: str) -> None:
    found = _restic.series(json.dumps([snapshot(time, "/srv")]), "may-01")
    assert found[0].copies[0].at.utctimetuple()[:6] == (2026, 11, 22, 10, 9, 24)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "{}",
        "[1]",
        "[{}]",
        "[" * 100_000,
        json.dumps([snapshot("2026-11-22T10:09:24", "/srv")]),
        json.dumps([snapshot("yesterday", "/srv")]),
        json.dumps([snapshot("2026-11-22T10:09:24Z")]),
        json.dumps([{**snapshot("2026-11-22T10:09:24Z", "/srv"), "summary": {"total_bytes_processed": "9"}}]),
        json.dumps([{**snapshot("2026-11-22T10:09:24Z", "/srv"), "summary": 7}]),
        json.dumps([{**snapshot("2026-11-22T10:09:24Z", "/srv"), "hostname": None}]),
    ],
)
def test_what_restic_never_writes_is_refused(text: str) -> None:
    with pytest.raises(CollectError):
        _restic.series(text, "may-01")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["time", "paths", "hostname", "summary"]), inner)
    ),
    max_leaves=10,
)


@given(json_values)
def test_any_json_gives_series_or_a_reason(value: Any) -> None:
    with contextlib.suppress(CollectError):
        _restic.series(json.dumps([value]), "may-01")


FILES = {"id": "csdl", "tool": "files", "path": "/mnt/kho"}
TABLE = "/dev/vda1 / ext4 rw 0 0\n/dev/vdb1 /mnt/kho ext4 rw 0 0\n/dev/vdb1 /srv/d\\303\\040u ext4 rw 0 0\ncat\n"
DF = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vdb1 100 1 99 1% /mnt/kho\n"
END = "c 1795200000.0 0 null\n"


def files(listed: Any, **more: Any) -> Any:
    told = {"hostname": "may-01\n", "mounts": TABLE, "job.csdl": listed, "place.csdl": DF, **more}
    return LinuxBackup().parse(reading(told, target(backups=[FILES]))).jobs[0]


@given(st.binary(max_size=300), st.sampled_from([0, 1]))
def test_any_listing_gives_copies_or_a_reason(listed: bytes, code: int) -> None:
    job = files({"stdout": listed, "exit": code})
    assert isinstance(job.series, (tuple, Unavailable))


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_mounts_and_df(mounts: bytes, df: bytes) -> None:
    with contextlib.suppress(CollectError):
        files("d 1795300000.0 4096 kho\n" + END, mounts=mounts, **{"place.csdl": df})


def test_a_file_that_vanished_while_listed_is_not_an_absent_folder() -> None:
    listed = {
        "stdout": "d 1795300000.0 4096 kho\n" + END,
        "exit": 1,
        "stderr": "find: 'x': No such file or directory\n",
    }
    assert isinstance(files(listed).series, Unavailable)


def test_a_name_with_a_line_break_is_refused() -> None:
    listed = "d 1795300000.0 4096 kho\nf 1795300000.0 5 a\nb\n" + END
    assert files(listed).series.reason is Reason.UNPARSABLE


def test_storage_shared_with_the_saved_path_through_a_second_mount() -> None:
    mounts = _mounts.table(TABLE.splitlines())
    found = _mounts.storage(DF.splitlines(), mounts, ("/srv/d\u00c3 u/x", "/srv/other"))
    assert found.shared_with == ("/srv/d\u00c3 u/x",)


def test_jobs_whose_ids_look_alike_keep_apart() -> None:
    jobs = [{**FILES, "id": name, "path": f"/mnt/{name}"} for name in ("A_b", "a-b", "a.b")]
    keys = [command.key for command in LinuxBackup().commands(target(backups=jobs))]
    assert len(keys) == len(set(keys)) == 8


def test_secrets_stay_where_they_are_and_nothing_is_written() -> None:
    job = {"id": "ngay", "tool": "restic", "repo": "/mnt/kho/r", "password_file": "/root/.restic"}
    command = LinuxBackup().commands(target(backups=[job]))[2]
    assert command.privilege is Privilege.ROOT
    assert {"--no-lock", "--no-cache", "--password-file"} <= set(command.argv)
    assert "cat" not in command.argv


@pytest.mark.parametrize(
    "job",
    [
        {"id": "a", "tool": "restic", "repo": "rclone:x", "password_file": "/root/p"},
        {"id": "a", "tool": "restic", "repo": "/srv/r"},
    ],
)
def test_a_job_that_cannot_be_looked_at_runs_nothing(job: dict[str, str]) -> None:
    host = target(backups=[job])
    assert [command.key for command in LinuxBackup().commands(host)] == ["hostname", "mounts"]
    found = LinuxBackup().parse(reading({"hostname": "may-01\n", "mounts": TABLE}, host)).jobs[0]
    assert isinstance(found.series, Unavailable)
    assert isinstance(found.storage, Unavailable)
