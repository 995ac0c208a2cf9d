"""Logging and time checks over whole hosts, and what no recorded host shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from auditor.evidence.logging import JournalState, LogRotation, Rotation, SyslogConfig
from auditor.evidence.processes import Processes
from auditor.evidence.timesync import TimeSync
from auditor.model import Reason, Result, Seen, Unavailable
from tests.checks.scenes import Held, held, judge, passes_made_by_robbing
from tests.support import NOW, seen

CHECKS: dict[str, dict[str, Any]] = {
    "logging.system-log": {},
    "logging.retention": {"days": 30},
    "logging.forwarding": {},
    "logging.audit-trail": {},
    "logging.process-audit": {},
    "logging.time-sync": {},
}
BARE = (
    "processes.linux/bare", "syslog.linux/bare", "journal.systemd/bare", "rotation.logrotate/bare",
    "audit.auditd/bare", "timesync.linux/bare",
)  # fmt: skip
DEFAULT = (
    "processes.linux/booted", "syslog.linux/bookworm-default", "journal.systemd/booted",
    "rotation.logrotate/bookworm-default", "audit.auditd/not-running", "timesync.linux/booted-adrift",
)  # fmt: skip
TUNED = (
    "processes.linux/chrony", "syslog.linux/forwarding", "journal.systemd/one-month",
    "rotation.logrotate/fourteen-weeks", "audit.auditd/execve", "timesync.linux/chrony-in-step",
)  # fmt: skip
VOLATILE = (
    "processes.linux/journald-only", "syslog.linux/forwarding", "journal.systemd/volatile",
    "rotation.logrotate/fourteen-weeks", "audit.auditd/silenced", "timesync.linux/chrony-alone",
)  # fmt: skip
JOURNAL_ONLY = (
    "processes.linux/journald-only", "syslog.linux/bare", "journal.systemd/booted", "rotation.logrotate/bare",
    "audit.auditd/container", "timesync.linux/ntpd-in-step",
)  # fmt: skip
BY_SIZE = (
    "processes.linux/chrony", "syslog.linux/to-itself", "journal.systemd/volatile", "rotation.logrotate/by-size",
    "audit.auditd/reads-only", "timesync.linux/chrony-adrift",
)  # fmt: skip
HIDDEN = ("processes.linux/without-root", *DEFAULT[1:])


@pytest.mark.parametrize(
    ("cases", "results"),
    [
        # A bare machine is judged, not excused: a whole list of processes shows that nothing runs.
        (BARE, ["fail", "fail", "fail", "fail", "fail", "fail"]),
        (DEFAULT, ["pass", "unknown", "fail", "fail", "fail", "fail"]),
        (TUNED, ["pass", "pass", "pass", "pass", "pass", "pass"]),
        (VOLATILE, ["fail", "fail", "fail", "fail", "fail", "fail"]),
        (JOURNAL_ONLY, ["pass", "unknown", "fail", "unknown", "unknown", "pass"]),
        (BY_SIZE, ["pass", "unknown", "unknown", "fail", "fail", "fail"]),
        (HIDDEN, ["unknown", "unknown", "unknown", "fail", "fail", "fail"]),
    ],
)
def test_hosts(cases: tuple[str, ...], results: list[str]) -> None:
    found = held(cases)
    assert [judge(check, found, **params).verdict.result.value for check, params in CHECKS.items()] == results
    assert passes_made_by_robbing(cases, CHECKS) == []


def test_daemon_of_a_container_is_not_the_hosts() -> None:
    found = held(("processes.linux/container", *BARE[1:]))
    assert judge("logging.system-log", found).verdict.message.code == "no-daemon"


def test_retention_by_level() -> None:
    found = held(TUNED)
    results = [judge("logging.retention", found, days=days).verdict.result.value for days in (30, 90, 180, 365)]
    assert results == ["pass", "pass", "fail", "fail"]


def test_journal_shows_its_age_by_its_oldest_file() -> None:
    young = judge("logging.retention", held(JOURNAL_ONLY, now="2026-12-01T00:00:00+00:00"), days=90)
    old = judge("logging.retention", held(JOURNAL_ONLY, now="2027-03-01T00:00:00+00:00"), days=90)
    assert (young.verdict.result, old.verdict.result) == (Result.UNKNOWN, Result.PASS)
    short = held((*JOURNAL_ONLY[:2], "journal.systemd/one-month", *JOURNAL_ONLY[3:]))
    assert judge("logging.retention", short, days=90).verdict.result is Result.FAIL


def rotation(**fields: Any) -> Rotation:
    usual: dict[str, Any] = {"count": 4, "period_days": 7.0, "by_size": False, "max_age_days": None}
    return Rotation(paths=("/var/log/syslog",), where="x:1", **usual | fields)


@pytest.mark.parametrize(
    ("terms", "kept"),
    [
        (rotation(), 28),
        (rotation(count=-1), float("inf")),
        (rotation(count=-1, max_age_days=20), 20),
        (rotation(max_age_days=20), 20),
        (rotation(by_size=True), None),
        (rotation(period_days=None), None),
        (rotation(count=0), 0),
        (rotation(count=-1, by_size=True), float("inf")),
    ],
)
def test_days_kept(terms: Rotation, kept: float | None) -> None:
    assert terms.kept_days == kept


def tool(*names: str, **parts: Any) -> Held:
    return {"processes": Processes(seen=seen(), names=tuple(sorted(names))), **parts}


def test_forwarding_by_agent_and_by_upload() -> None:
    syslog = SyslogConfig(seen=seen(), configured=(), files=(), forwards=(), unread=())
    journal = JournalState(seen=seen(), installed=True, upload_url="https://log.tinh.example:19532")
    assert judge("logging.forwarding", tool("filebeat", syslog=syslog, journal=journal)).verdict.message.code == "agent"
    one = tool("systemd-journal", syslog=syslog, journal=journal)
    two = tool("systemd-journal", "systemd-journal", syslog=syslog, journal=journal)
    assert judge("logging.forwarding", one).verdict.result is Result.FAIL
    assert judge("logging.forwarding", two).verdict.result is Result.PASS
    unread = replace(syslog, unread=("/etc/rsyslog.conf:9",))
    assert judge("logging.forwarding", tool("rsyslogd", syslog=unread, journal=journal)).verdict.result == "unknown"
    lost = Unavailable(Reason.DENIED, "no")
    assert judge("logging.forwarding", tool("rsyslogd", syslog=lost, journal=journal)).verdict.result == "unknown"


def test_system_log_by_a_daemon_unknown_here() -> None:
    syslog = SyslogConfig(seen=seen(), configured=(), files=(), forwards=(), unread=())
    journal = JournalState(seen=seen(), installed=False)
    found = tool("syslogd", syslog=syslog, journal=journal, rotation=LogRotation(seen=seen(), installed=False))
    assert judge("logging.system-log", found).verdict.result is Result.UNKNOWN
    lost = Unavailable(Reason.DENIED, "no")
    assert judge("logging.system-log", tool("rsyslogd", syslog=lost, journal=lost)).verdict.result is Result.UNKNOWN


def test_audit_by_another_tool_is_unknown_only_where_it_runs() -> None:
    audit = held(("audit.auditd/bare",))["audit"]
    for check in ("logging.audit-trail", "logging.process-audit"):
        assert judge(check, tool("auditbeat", audit=audit)).verdict.result is Result.UNKNOWN
        assert judge(check, tool("sh", audit=audit)).verdict.result is Result.FAIL


def test_time_daemon_that_cannot_be_asked() -> None:
    silent = TimeSync(seen=seen(), answers=(), silent=("chronyc: 506 Cannot talk to daemon",))
    assert judge("logging.time-sync", tool("chronyd", timesync=silent)).verdict.result is Result.UNKNOWN
    assert judge("logging.time-sync", tool("sh", timesync=silent)).verdict.result is Result.FAIL
    lost = Unavailable(Reason.NO_TOOL, "no ps")
    assert judge("logging.time-sync", {"timesync": silent, "processes": lost}).verdict.result is Result.UNKNOWN


@pytest.mark.parametrize(("apart", "result"), [(0, "pass"), (5, "pass"), (-5, "pass"), (5.2, "fail"), (-90, "fail")])
def test_clock_offset(apart: float, result: str) -> None:
    when = Seen(NOW, NOW, NOW + timedelta(seconds=apart), ("0" * 64,))
    assert (
        judge("logging.clock-offset", {"timesync": TimeSync(seen=when, answers=(), silent=())}).verdict.result == result
    )


def test_clock_that_was_not_read_is_unknown() -> None:
    when = Seen(NOW, NOW, None, ("0" * 64,))
    found = judge("logging.clock-offset", {"timesync": TimeSync(seen=when, answers=(), silent=())})
    assert found.verdict.result is Result.UNKNOWN
