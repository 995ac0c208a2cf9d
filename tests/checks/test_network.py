"""What the inventory says of a target, held against itself and against what was found."""

from __future__ import annotations

from typing import Any

import pytest

from auditor import registry
from auditor.check import Judged, needs, run_check
from auditor.declared import declared
from auditor.evidence.system import SystemState
from auditor.model import Evidence, Reason, Result, Unavailable
from auditor.targets import System
from tests.support import NOW, seen, target

COMPLETE = {"site": "dc", "role": "web", "agency": "so-khcn", "systems": ("cong-dvc",)}


def judge(check_id: str, held: dict[str, Evidence | Unavailable]) -> Judged:
    check, _ = registry.checks()[f"network.{check_id}"]
    return run_check(check, needs(type(check)), held, check.params())


def said(*systems: System, **fields: Any) -> dict[str, Evidence | Unavailable]:
    on = target(**COMPLETE | {"systems": tuple(item.id for item in systems) or ("cong-dvc",)} | fields)
    return {"declared": declared(on, {item.id: item for item in systems}, "0" * 64, NOW)}


def system(name: str, status: str = "approved", **fields: Any) -> System:
    decision = {"no": "12/QĐ-UBND", "date": "2026-02-03"}
    return System.model_validate(
        {"id": name, "owner": "so-khcn", "level_status": status, "decision": decision} | fields
    )


def test_a_complete_record() -> None:
    assert judge("inventory-record", said()).verdict.result is Result.PASS


@pytest.mark.parametrize("field", ["site", "role", "agency", "systems"])
def test_a_missing_field_is_named(field: str) -> None:
    on = target(**COMPLETE | {field: () if field == "systems" else None})
    found = judge("inventory-record", {"declared": declared(on, {}, "0" * 64, NOW)}).verdict
    assert found.result is Result.FAIL
    assert found.message.values["fields"] == field


@pytest.mark.parametrize(
    ("systems", "result"),
    [
        ([system("a")], Result.PASS),
        ([system("a"), system("b", "proposed")], Result.FAIL),
        ([system("a", "assumed")], Result.FAIL),
        ([system("a", decision=None)], Result.FAIL),
        ([], Result.FAIL),
    ],
)
def test_level_dossier(systems: list[System], result: Result) -> None:
    assert judge("level-dossier", said(*systems)).verdict.result is result


def test_each_system_is_an_instance() -> None:
    found = judge("level-dossier", said(system("a"), system("b", decision=None))).verdict
    assert [(item.id, item.message.code if item.message else "") for item in found.instances] == [
        ("a", "approved"),
        ("b", "no-decision"),
    ]


def host(os_id: str) -> SystemState:
    return SystemState(
        seen=seen(),
        os_id=os_id,
        os_version="12",
        os_codename="",
        os_name=os_id.title(),
        kernel_running="6.1.0-9",
        kernels_installed=(),
        uptime_s=1.0,
        hostname="may-01",
        virtualisation=None,
    )


@pytest.mark.parametrize(
    ("platform", "os_id", "result"),
    [
        ("linux", "debian", Result.PASS),
        ("linux", "windows", Result.FAIL),
        ("windows", "windows", Result.PASS),
        ("windows", "ubuntu", Result.FAIL),
        (None, "debian", Result.NOTAPPLICABLE),
    ],
)
def test_declared_platform(platform: str | None, os_id: str, result: Result) -> None:
    assert judge("declared-platform", said(platform=platform) | {"system": host(os_id)}).verdict.result is result


def test_a_host_that_did_not_answer_has_no_platform() -> None:
    held = said() | {"system": Unavailable(Reason.TIMEOUT)}
    assert judge("declared-platform", held).verdict.result is Result.UNKNOWN
