"""Parsers of the hardening collector that recorded cases do not reach."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collectors.hardening_linux import LinuxHardening
from auditor.evidence.hardening import HostHardening
from auditor.model import CollectError
from tests.support import reading

CASE = Path(__file__).parents[1] / "cases" / "hardening.linux" / "hardened-network.yaml"


def outputs() -> dict[str, Any]:
    told = yaml.load(CASE.read_text("utf-8"), Loader=yaml.CSafeLoader)  # noqa: TID251 (our own file)
    observations: dict[str, Any] = told["observations"]
    return observations


def with_logins(lines: str) -> HostHardening:
    logins = {"stdout": f"{lines}/etc/os-release:6:ID=debian\n", "exit": 0}
    return LinuxHardening().parse(reading({**outputs(), "logins": logins}))


@pytest.mark.parametrize(
    ("line", "account"),
    [
        ("/etc/systemd/system/getty@.service:3:ExecStart=-/sbin/agetty -a kiosk %I", "kiosk"),
        ("/etc/systemd/system/getty@.service:3:ExecStart=-/sbin/agetty --autologin=kiosk %I", "kiosk"),
        ("/etc/inittab:9:1:2345:respawn:/sbin/agetty --autologin kiosk 38400 tty1", "kiosk"),
        ("/etc/systemd/system/getty@.service:3:ExecStart=-/sbin/agetty -o '-p -- \\u' --noclear %I", None),
        ("/etc/systemd/system/x.service:3:User=kiosk", None),
        ("/etc/sddm.conf:2:User=kiosk", "kiosk"),
        ("/etc/sddm.conf:2:User=", None),
        ("/etc/gdm3/daemon.conf:2:AutomaticLoginEnable=False", None),
        ("/etc/gdm3/custom.conf:2:TimedLoginEnable=true", ""),
        ("/etc/lightdm/lightdm.conf:2:autologin-user-timeout=0", None),
        ("/etc/lightdm/lightdm.conf:2:#autologin-user=kiosk", None),
    ],
)
def test_automatic_logins(line: str, account: str | None) -> None:
    found = with_logins(f"{line}\n").auto_logins
    assert found is not None
    assert [item.account for item in found] == ([] if account is None else [account])


@settings(max_examples=60)
@given(
    st.sampled_from(["sysctls", "interfaces", "mandatory", "profiles", "logins"]),
    st.text(max_size=200),
    st.integers(0, 2),
)
def test_any_output_gives_evidence_or_a_reason(key: str, text: str, status: int) -> None:
    spoilt = {**outputs(), key: {"stdout": text, "exit": status}}
    with suppress(CollectError):
        LinuxHardening().parse(reading(spoilt))
