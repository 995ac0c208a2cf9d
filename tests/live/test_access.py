"""Access, logging and time collectors on the very machine that runs the tests: they read, and change nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from auditor import registry
from auditor.collector import CommandCollector, Reading
from auditor.evidence.accounts import Accounts, Credentials
from auditor.evidence.processes import Processes
from auditor.evidence.sshd import SshdState
from auditor.model import CollectError, Evidence, Observation, Seen
from auditor.transports.local import LocalTransport
from tests.support import NOW, target

pytestmark = [pytest.mark.live, pytest.mark.root]


def need(*tools: str) -> None:
    missing = [tool for tool in tools if not shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin")]
    why = f"{', '.join(missing)} not installed" if missing else "needs root" if os.geteuid() else ""
    if why:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(why)


def collect(collector_id: str) -> Evidence:
    collector = registry.collectors()[collector_id]
    assert isinstance(collector, CommandCollector)
    made = {
        each.command.key: Observation(
            key=each.command.key,
            source=" ".join(each.command.argv),
            target="may-01",
            vantage="auditor",
            collected_at=NOW,
            stdout=each.stdout,
            stderr=each.stderr,
            exit=each.exit,
            truncated=each.truncated,
            problem=each.problem,
        )
        for each in LocalTransport().run(collector.commands(target())).outputs
    }
    return collector.parse(Reading(target(), Seen(NOW, NOW), made))


def test_processes_hold_this_one() -> None:
    need("ps")
    found = collect("processes.linux")
    assert isinstance(found, Processes)
    assert Path("/proc/self/comm").read_text("utf-8").strip() in found.names


def test_accounts_are_those_of_getent() -> None:
    need("passwd", "getent", "find")
    accounts, credentials = collect("accounts.linux"), collect("credentials.linux")
    assert isinstance(accounts, Accounts)
    assert isinstance(credentials, Credentials)
    listed = subprocess.run(["getent", "-s", "files", "passwd"], capture_output=True, text=True, check=True).stdout
    assert [account.name for account in accounts.accounts] == [line.split(":")[0] for line in listed.splitlines()]
    assert {account.name for account in accounts.accounts} <= {status.name for status in credentials.passwords}


def test_sshd_is_read_or_says_why_not() -> None:
    need("sshd")
    if not Path("/run/sshd").is_dir():  # the service was never started here
        with pytest.raises(CollectError, match="privilege separation"):
            collect("sshd.openssh")
        return
    found = collect("sshd.openssh")
    assert isinstance(found, SshdState)
    assert found.logins[0].name == "any user"


@pytest.mark.parametrize(
    "collector_id", ["passwords.linux", "shells.linux", "journal.systemd", "syslog.linux", "rotation.logrotate"]
)
def test_configurations_of_this_machine_are_understood(collector_id: str) -> None:
    need("grep")
    assert collect(collector_id).seen.now == NOW
