"""This very machine, asked as any other: deadlines, caps, and nothing left running."""

from __future__ import annotations

import subprocess
import time

import pytest

from auditor.collector import Command, Privilege, read_file
from auditor.model import Reason
from auditor.transports.local import LocalTransport


def running(words: str) -> bool:
    return bool(subprocess.run(["pgrep", "-xf", words], capture_output=True, timeout=10, check=False).stdout)


def test_answers() -> None:
    got = LocalTransport().run([Command("echo", ("/bin/echo", "x")), read_file("os", "/etc/os-release")], 20)
    assert [out.exit for out in got.outputs] == [0, 0]
    assert got.outputs[0].stdout == b"x\n"
    assert b"ID=" in got.outputs[1].stdout
    assert got.target_clock is not None
    assert abs((got.target_clock - got.asked_at).total_seconds()) < 5


def test_the_deadline_holds_and_what_was_answered_stays() -> None:
    began = time.monotonic()
    commands = [
        Command("echo", ("/bin/echo", "x")),
        Command("sleep", ("/bin/sleep", "41.5"), timeout=60),
        Command("never", ("/bin/echo", "y")),
    ]
    got = LocalTransport().run(commands, 1.5).outputs
    assert time.monotonic() - began < 4
    assert (got[0].stdout, got[0].problem) == (b"x\n", None)
    assert [out.problem for out in got[1:]] == [Reason.TIMEOUT, Reason.TIMEOUT]
    assert [out.stdout for out in got[1:]] == [b"", b""]


def test_the_cap_of_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.transports.local.SESSION_CAP", 100_000)
    flood = Command("flood", ("/usr/bin/yes",), cap=1 << 20)
    got = LocalTransport().run([Command("echo", ("/bin/echo", "x")), flood], 20).outputs
    assert got[0].stdout == b"x\n"
    assert got[1].problem is Reason.TRUNCATED
    assert got[1].stdout == b""


def test_nothing_is_left_running() -> None:
    leaves = Command("leaves", ("/bin/sh", "-c", "/bin/sleep 43.25 & /bin/echo x"))
    got = LocalTransport().run([leaves, Command("echo", ("/bin/echo", "y"))], 20).outputs
    assert [out.stdout for out in got] == [b"x\n", b"y\n"]
    assert not running("/bin/sleep 43.25")


def test_no_commands_at_all() -> None:
    assert LocalTransport().run([], 20).outputs == ()


def test_many_at_once_and_in_order() -> None:
    commands = [Command(f"c{number}", ("/bin/echo", str(number))) for number in range(120)]
    got = LocalTransport().run(commands, 60).outputs
    assert [out.stdout for out in got] == [b"%d\n" % number for number in range(120)]


def test_the_environment_of_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fixed, whatever the auditor's own: no locale, no pager, no home, no rc file."""
    monkeypatch.setenv("LC_ALL", "vi_VN.UTF-8")
    monkeypatch.setenv("ENV", "/tmp/evil.sh")
    monkeypatch.setenv("BASH_ENV", "/tmp/evil.sh")
    monkeypatch.setenv("PATH", "/tmp/evil")
    (out,) = LocalTransport().run([Command("env", ("/usr/bin/env",))], 20).outputs
    told = dict(line.split("=", 1) for line in out.stdout.decode().splitlines())
    assert told["LC_ALL"] == "C"
    assert told["PATH"] == "/usr/sbin:/usr/bin:/sbin:/bin"
    assert told["PAGER"] == "cat"
    assert told["HOME"] == "/nonexistent"
    assert not {"ENV", "BASH_ENV"} & set(told)


def test_stdin_is_empty() -> None:
    (out,) = LocalTransport().run([Command("cat", ("/bin/cat",))], 20).outputs
    assert (out.stdout, out.exit) == (b"", 0)


def test_privileges_are_named() -> None:
    ladder = read_file("hosts", "/etc/hosts", privilege=Privilege.LADDER)
    assert LocalTransport().run([ladder], 20).outputs[0].privilege == "direct"
