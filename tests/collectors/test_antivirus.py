"""Reading what ClamAV leaves on a host, honest or not."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.collectors.antivirus_clamav import Clamav
from auditor.evidence.antivirus import AntivirusState, Scan, Schedule
from auditor.model import CollectError, Reason, Unavailable
from tests.support import reading

ABSENT = {"exit": 1, "stderr": "/usr/bin/head: cannot open 'x' for reading: No such file or directory"}
WHOLE: Mapping[str, Any] = {
    "processes": "    1 4026532240 systemd\n  500 4026532240 clamd\n  900 4026532240 ps\n",
    "products": {
        "stdout": "/\n/usr/sbin/clamd\n/var\n",
        "exit": 2,
        "stderr": "/bin/ls: cannot access '/opt/x': No such file or directory",
    },
    "daily-cvd": "ClamAV-VDB:21 Nov 2026 08-24 -0500:27823:9:90:md5:sig:tao:1795267440" + " " * 400,
    "daily-cld": ABSENT,
    "database-folder": "/etc/clamav/freshclam.conf:DatabaseDirectory /var/lib/clamav\n",
    "timer": {"stdout": "disabled\n", "exit": 1},
    "schedules": {"exit": 1},
    "scans": {"exit": 1},
    "zone": "+0700\n",
}


def parse(**more: Any) -> AntivirusState:
    return Clamav().parse(reading({**WHOLE, **{key.replace("_", "-"): value for key, value in more.items()}}))


def test_the_newer_of_two_databases_counts() -> None:
    cld = "ClamAV-VDB:22 Nov 2026 08-24 -0500:27824:9:90:md5:sig:tao:1795353840"
    found = parse(daily_cld=cld).signatures
    assert (found.version, found.built_at) == (27824, datetime(2026, 11, 22, 13, 24, tzinfo=UTC))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "header",
    ["", "ClamAV-VDB:x", "PK\x03\x04", "ClamAV-VDB:t:1:2:3:4:5:6:soon", "ClamAV-VDB:t:1:2:3:4:5:6:" + "9" * 40],
)
def test_a_file_that_is_no_database_has_no_date(header: str) -> None:
    found = parse(daily_cvd=header).signatures
    assert isinstance(found, Unavailable)
    assert found.reason is Reason.UNPARSABLE


def test_logs_tell_local_time() -> None:
    log = "/var/log/clamav/a.log:Scanned files: 12\n/var/log/clamav/a.log:End Date:   2026:11:22 09:00:00\n"
    found = parse(scans=log).last_scan
    assert isinstance(found, Scan)
    assert found.ended_at == datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
    assert (found.ended_at.utcoffset(), found.files) == (timedelta(hours=7), 12)


def test_a_scan_of_nothing_is_no_scan() -> None:
    log = "/var/log/clamav/a.log:Scanned files: 0\n/var/log/clamav/a.log:End Date:   2026:11:22 09:00:00\n"
    assert parse(scans=log).last_scan is None


def test_comments_start_nothing() -> None:
    lines = "/etc/cron.d/a:# 0 1 * * * root freshclam\n/etc/cron.d/b:0 1 * * * root clamscan /\n"
    assert parse(schedules=lines).schedule == Schedule((), ("/etc/cron.d/b",))


def test_a_unit_alone_does_not_update() -> None:
    assert parse(schedules="/etc/systemd/system/a.service:ExecStart=/usr/bin/freshclam\n").schedule == Schedule((), ())


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "reason"),
    [
        (2, "", "/bin/grep: /var/spool/cron/crontabs: Permission denied", Reason.DENIED),
        (2, "", "", Reason.INCOMPLETE),
        (0, "", "", Reason.INCOMPLETE),
        (1, "a:b\n", "", Reason.INCOMPLETE),
    ],
)
def test_an_incomplete_look_at_schedules_is_none(code: int, stdout: str, stderr: str, reason: Reason) -> None:
    found = parse(schedules={"exit": code, "stdout": stdout, "stderr": stderr}).schedule
    assert isinstance(found, Unavailable)
    assert found.reason is reason


@pytest.mark.parametrize(
    "processes",
    [
        "",
        "  500 4026532240 clamd\n  900 4026532240 ps\n",
        "    1 4026532240 systemd\n  500 4026532240 clamd\n",
        "    1 4026532240 systemd\nclamd\n  900 4026532240 ps\n",
    ],
)
def test_a_partial_process_list_is_refused(processes: str) -> None:
    with pytest.raises(CollectError):
        parse(processes=processes)


def test_a_product_beside_an_idle_clamav_is_what_protects() -> None:
    found = parse(processes="    1 4026532240 systemd\n  500 4026532240 kesl\n  900 4026532240 ps\n")
    assert (found.engine(), found.others_running()) == ("other", ("Kaspersky",))
    assert parse().engine() == "clamav"
    assert (
        parse(processes="    1 4026532240 systemd\n  500 4026532240 bkav\n  900 4026532240 ps\n").engine(("bkav",))
        == "other"
    )


@pytest.mark.parametrize("key", sorted(WHOLE))
@given(body=st.binary(max_size=300), code=st.sampled_from([0, 1, 2]), stderr=st.text(max_size=40))
def test_any_bytes_give_evidence_or_a_reason(key: str, body: bytes, code: int, stderr: str) -> None:
    with contextlib.suppress(CollectError):
        Clamav().parse(reading({**WHOLE, key: {"stdout": body, "exit": code, "stderr": stderr}}))


@given(st.lists(st.sampled_from(["Scanned files: ", "End Date:   ", "2026:11:22 ", "99:99:99", "12", ":", "\n", "a"])))
def test_any_log_gives_a_scan_or_a_reason(parts: list[str]) -> None:
    parse(scans="/var/log/clamav/a.log:" + "".join(parts))
