"""What case files cannot say of antivirus, backup and patch checks: every message is filled, and edges of time."""

from __future__ import annotations

import string
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor import registry, texts
from auditor.evidence.backup import BackupState, Copy, JobState, Series, Storage
from auditor.evidence.patch import Missing, PatchState, Source, SupportState
from auditor.model import Reason, Result, Say, Unavailable
from tests import test_cases
from tests.support import NOW, seen

FAMILIES = ("antivirus", "backup", "patch", "patch-automatic", "restart", "support")
CASES = [path for path in test_cases.FILES if path.parent.name.partition(".")[0] in FAMILIES]


def run(check_id: str, evidence: Any, **params: Any) -> Any:
    check, _ = registry.checks()[check_id]
    return check.judge(evidence, check.params(**params))


def said(check_id: str, message: Say) -> None:
    """Every placeholder of both languages has its value."""
    words = texts.of_check(check_id).messages[message.code]
    for lang in ("vi", "en"):
        names = {name for _, name, _, _ in string.Formatter().parse(words[lang]) if name}
        assert names <= set(message.values), (check_id, message.code, lang)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_verdict_can_be_said(path: Path) -> None:
    case = test_cases.load(path)
    collector = registry.collectors()[path.parent.name]
    found = test_cases.parse(collector, case, test_cases.observations(case))
    if isinstance(found, Unavailable):
        return
    for check_id, _, _, params in test_cases.wanted(case):
        verdict = test_cases.judge(check_id, found, collector, case, params).verdict
        said(check_id, verdict.message)
        for instance in verdict.instances:
            assert instance.message is not None
            said(check_id, instance.message)


def job(*copies: Copy, **more: Any) -> BackupState:
    told: dict[str, Any] = {
        "id": "ngay",
        "tool": "files",
        "place": "/mnt/kho",
        "max_age_hours": 26.0,
        "min_copies": 2,
        "separate": True,
        "series": (Series(("/mnt/kho/*",), copies),) if copies else (),
        "names": tuple(f"{number}.gpg" for number, _ in enumerate(copies)),
        "storage": Storage("/dev/vdb1", False, ()),
        **more,
    }
    return BackupState(seen=seen(), jobs=(JobState(**told),))


@pytest.mark.parametrize(
    ("hours", "result"), [(0, "pass"), (26, "pass"), (26.1, "fail"), (-0.5, "pass"), (-2, "unknown"), (1e5, "fail")]
)
def test_the_age_of_a_copy_has_a_sharp_edge(hours: float, result: str) -> None:
    assert run("backup.recency", job(Copy(NOW - timedelta(hours=hours), 5))).result == result


@pytest.mark.parametrize(
    ("newest", "result"), [(50, "pass"), (49, "fail"), (300, "pass"), (301, "fail"), (0, "fail"), (None, "unknown")]
)
def test_size_against_the_median_before(newest: int | None, result: str) -> None:
    earlier = (Copy(NOW, size) for size in (100, 90, 110, 1_000_000, 100))
    assert run("backup.size-trend", job(Copy(NOW, newest), *earlier)).result == result


def test_one_job_in_trouble_does_not_hide_another() -> None:
    good = job(Copy(NOW, 5)).jobs[0]
    bad = job(Copy(NOW - timedelta(days=9), 5), id="tuan").jobs[0]
    blind = job(id="xa", series=Unavailable(Reason.DENIED, "sudo")).jobs[0]
    verdict = run("backup.recency", BackupState(seen=seen(), jobs=(good, bad, blind)))
    assert verdict.result is Result.FAIL
    assert [(each.id, each.result) for each in verdict.instances] == [
        ("ngay", "pass"),
        ("tuan", "fail"),
        ("xa", "unknown"),
    ]


@pytest.mark.parametrize(
    ("separate", "storage", "result"),
    [
        (True, Storage("/dev/vdb1", False, ()), "pass"),
        (None, Storage("/dev/vdb1", False, ()), "unknown"),
        (False, Storage("/dev/vdb1", False, ()), "fail"),
        (None, Storage("nas:/vol", True, ()), "pass"),
        (False, Storage("nas:/vol", True, ()), "fail"),
        (True, Storage("/dev/vda1", False, ("/",)), "fail"),
        (True, Storage("nas:/vol", True, ("/srv",)), "fail"),
    ],
)
def test_the_owners_word_against_the_mount_table(separate: bool | None, storage: Storage, result: str) -> None:
    assert run("backup.separate-storage", job(Copy(NOW, 5), separate=separate, storage=storage)).result == result


def support(*ends: tuple[str, date], dated: date = date(2026, 4, 25)) -> SupportState:
    return SupportState(
        seen=seen(),
        os_id="debian",
        os_version="12",
        os_name="Debian 12",
        ends=ends,
        data_source="x",
        data_dated=dated,
        data_stale_after_days=400,
    )


@pytest.mark.parametrize(
    ("ends", "dated", "result", "code"),
    [
        ((("standard", date(2026, 11, 22)),), date(2026, 4, 25), "pass", "standard"),
        ((("standard", date(2026, 11, 21)),), date(2026, 4, 25), "fail", "ended"),
        ((("standard", date(2026, 11, 21)), ("lts", date(2028, 1, 1))), date(2026, 4, 25), "pass", "extended"),
        ((("standard", date(2026, 11, 21)), ("elts", date(2028, 1, 1))), date(2026, 4, 25), "fail", "ended-but-paid"),
        ((("elts", date(2028, 1, 1)),), date(2026, 4, 25), "fail", "ended-but-paid"),
        ((("standard", date(2026, 11, 21)),), date(2020, 1, 1), "fail", "ended"),
        ((("standard", date(2028, 11, 21)),), date(2020, 1, 1), "unknown", "data-old"),
        ((), date(2026, 4, 25), "unknown", "not-in-table"),
    ],
)
def test_support_by_the_day(ends: Any, dated: date, result: str, code: str) -> None:
    verdict = run("patch.supported-release", support(*ends, dated=dated))
    assert (verdict.result, verdict.message.code) == (result, code)
    said("patch.supported-release", verdict.message)


def patched(host: str, *, proxies: tuple[str, ...] = (), days: float = 0) -> PatchState:
    source = Source(host, "Debian", "Debian-Security", "x-security", True, NOW - timedelta(days=days))
    return PatchState(seen=seen(), sources=(source,), missing=Missing((), 0, ()), held=(), proxies=proxies)


@pytest.mark.parametrize(
    ("host", "proxies", "result"),
    [
        ("10.1.9.9", (), "pass"),
        ("10.1.9.9:8080", (), "pass"),
        ("kho.binh-minh.local", (), "pass"),
        ("deb.debian.org", (), "fail"),
        ("security.debian.org", ("10.1.9.8",), "unknown"),
        ("security.debian.org", ("203.0.113.8",), "fail"),
        ("notdebian.org", (), "unknown"),
        ("evil-debian.org.example", (), "unknown"),
        ("127.0.0.1", (), "unknown"),
        ("8.8.8.8", (), "unknown"),
        ("", (), "unknown"),
    ],
)
def test_where_updates_come_from(host: str, proxies: tuple[str, ...], result: str) -> None:
    verdict = run("patch.central-server", patched(host, proxies=proxies))
    assert verdict.result == result
    said("patch.central-server", verdict.message)


@pytest.mark.parametrize(
    ("days", "result"), [(0, "pass"), (7, "pass"), (7.1, "unknown"), (-0.5, "pass"), (-2, "unknown")]
)
def test_old_lists_never_show_that_nothing_is_missing(days: float, result: str) -> None:
    assert run("patch.security-updates", patched("x", days=days)).result == result
