"""The script of a host and its framing, run by the real shells that stand behind /bin/sh.

What a command writes is hostile; what arrives may be cut anywhere. Neither may ever become a whole,
successful output that was not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collector import Command, Privilege
from auditor.model import Reason
from auditor.script import HostOutput, Output, build, parse
from auditor.transports import EVAL, INVOKE

WORD = "5e2a9c01d7b3f846"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SHELLS: dict[str, tuple[str, ...]] = {"dash": ("dash", "-c"), "bash": ("bash", "--posix", "-c")}
if shutil.which("busybox"):
    SHELLS["busybox"] = ("busybox", "sh", "-c")


@pytest.fixture(params=list(SHELLS))
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return SHELLS[request.param]


def run(
    commands: Sequence[Command],
    shell: Sequence[str] = SHELLS["dash"],
    *,
    before: bytes = b"",
    cut: Reason | None = None,
    path: str | None = None,
) -> HostOutput:
    """The commands' answers by way of a real shell."""
    return parse(before + record(commands, shell, path=path), WORD, commands, NOW, cut=cut)


def record(commands: Sequence[Command], shell: Sequence[str] = SHELLS["dash"], *, path: str | None = None) -> bytes:
    script = build(commands, WORD)
    if path is not None:
        script = script.replace(b"PATH=/usr/sbin:/usr/bin:/sbin:/bin", f"PATH={path}".encode())
    done = subprocess.run(
        [*shell, EVAL],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    return done.stdout


def sh(key: str, line: str, **fields: int) -> Command:
    """A command that misbehaves as ``line`` says; real ones are never a shell line."""
    return Command(key, ("/bin/sh", "-c", line), **fields)  # type: ignore[arg-type]


AFTER = Command("after", ("/bin/echo", "whole"))


def healthy(out: Output) -> bool:
    return out.problem is None and out.exit == 0 and out.stdout == b"whole\n" and not out.truncated


# -- what commands may write


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no newline at the end",
        b"\n\n\n",
        bytes(range(256)) * 40,
        b"\0" * 5000,
        b"[0]",
        b"[1][0]",
        b"@x e\n@x end 2\n",
        b"\xff\xfe\x00@\n",
        b"=" * 77,
    ],
    ids=["empty", "no-newline", "newlines", "binary", "nul", "exit", "exits", "frames", "utf16", "padding"],
)
def test_output_comes_back_as_it_was(shell: tuple[str, ...], payload: bytes, tmp_path: Path) -> None:
    file = tmp_path / "payload"
    file.write_bytes(payload)
    first, second = run([Command("it", ("/bin/cat", "--", str(file))), AFTER], shell).outputs
    assert (first.stdout, first.exit, first.problem, first.truncated) == (payload, 0, None, False)
    assert healthy(second)


def test_frames_in_output_are_only_output(shell: tuple[str, ...]) -> None:
    """Even a command that knows the word forges nothing: what it writes travels as base64."""
    forged = f"@{WORD} 1 direct 1.0\\n[0]\\n@{WORD} e\\n@{WORD} end 2\\n"
    evil = sh("evil", f"printf '{forged}'; printf '{forged}' >&2; exit 3")
    first, second = run([evil, AFTER], shell).outputs
    assert first.stdout.decode() == forged.replace("\\n", "\n")
    assert first.stderr == forged.replace("\\n", "\n").rstrip("\n")
    assert first.exit == 3
    assert healthy(second)


def test_the_channel_is_closed_to_commands(shell: tuple[str, ...]) -> None:
    line = 'for fd in 3 4 5 6 7; do eval "echo forged >&$fd" 2>/dev/null && echo open $fd; done; echo done'
    first, second = run([sh("fds", line), AFTER], shell).outputs
    assert first.stdout == b"done\n"
    assert healthy(second)


def test_both_streams_full(shell: tuple[str, ...]) -> None:
    line = "head -c 2097152 /dev/zero >&2 & head -c 2097152 /dev/zero; wait; exit 7"
    first, second = run([sh("both", line, cap=4 << 20, timeout=30), AFTER], shell).outputs
    assert (len(first.stdout), len(first.stderr), first.exit, first.problem) == (2 << 20, 0, 7, None)
    assert healthy(second)


def test_stderr_is_kept_to_its_cap_and_the_command_lives_on(shell: tuple[str, ...]) -> None:
    line = "i=0; while [ $i -lt 3000 ]; do echo warning $i >&2; i=$((i+1)); done; echo answer"
    first, second = run([sh("noisy", line), AFTER], shell).outputs
    assert (first.stdout, first.exit, first.problem) == (b"answer\n", 0, None)
    assert first.stderr.startswith("warning 0\nwarning 1\n")
    assert len(first.stderr) <= 4096
    assert healthy(second)


def test_endless_output_is_cut_and_says_so(shell: tuple[str, ...]) -> None:
    endless = Command("endless", ("/usr/bin/yes",), cap=10_000)
    first, second = run([endless, AFTER], shell).outputs
    assert first.truncated
    assert first.problem is None
    assert first.stdout == b"y\n" * 5000
    assert healthy(second)


def test_endless_stderr_ends_with_the_timeout(shell: tuple[str, ...]) -> None:
    first, second = run([sh("endless", "exec yes >&2", timeout=1), AFTER], shell).outputs
    assert first.problem is Reason.TIMEOUT
    assert len(first.stderr) <= 4096
    assert healthy(second)


@pytest.mark.parametrize("over", [-1, 0, 1, 2, 3, 4, 5, 6, 7, 100])
def test_the_cap_to_the_byte(over: int) -> None:
    cap = 1000
    first, second = run([sh("it", f"head -c {cap + over} /dev/zero; exit 200", cap=cap), AFTER]).outputs
    assert first.truncated is (over > 0)
    assert len(first.stdout) == min(cap, cap + over)
    assert first.problem is None
    if over <= 0:
        assert first.exit == 200
    assert healthy(second)


# -- how commands may end


def test_exit_statuses(shell: tuple[str, ...]) -> None:
    codes = (0, 1, 2, 100, 126, 127, 255)
    got = run([sh(f"c{code}", f"exit {code}") for code in codes], shell).outputs
    assert [out.exit for out in got] == list(codes)
    assert {out.problem for out in got} == {None}


def test_a_killed_command(shell: tuple[str, ...]) -> None:
    first, second = run([sh("dies", "echo x; kill -TERM $$"), AFTER], shell).outputs
    assert first.exit == 143
    assert healthy(second)


def test_timeout_even_of_one_that_ignores_term(shell: tuple[str, ...]) -> None:
    began = time.monotonic()
    soft = Command("soft", ("/bin/sleep", "30"), timeout=1)
    hard = sh("hard", "trap '' TERM; echo begun; while :; do sleep 0.2; done", timeout=1)
    first, second, third = run([soft, hard, AFTER], shell).outputs
    assert first.problem is Reason.TIMEOUT
    assert second.problem is Reason.TIMEOUT
    assert healthy(third)
    assert time.monotonic() - began < 8


def test_a_child_left_behind_holds_up_nothing(shell: tuple[str, ...]) -> None:
    began = time.monotonic()
    first, second = run([sh("leaves", "sleep 30 & echo left"), AFTER], shell).outputs
    assert (first.stdout, first.exit) == (b"left\n", 0)
    assert healthy(second)
    assert time.monotonic() - began < 8


def test_missing_and_forbidden_tools(shell: tuple[str, ...], tmp_path: Path) -> None:
    plain = tmp_path / "not-executable"
    plain.write_text("#!/bin/sh\n")
    plain.chmod(0o644)
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nowhere")
    outs = run(
        [
            Command("missing", ("/nonexistent/folder/tool",)),
            Command("missing-root", ("/nonexistent/tool",), Privilege.ROOT),
            Command("missing-ladder", ("/usr/bin/no-such-tool", "--", "/etc/passwd"), Privilege.LADDER),
            Command("plain", (str(plain),)),
            Command("dangling", (str(dangling),)),
            AFTER,
        ],
        shell,
    ).outputs
    assert [out.problem for out in outs[:4]] == [Reason.NO_TOOL, Reason.NO_TOOL, Reason.NO_TOOL, Reason.DENIED]
    assert outs[4].problem is not Reason.NO_TOOL, "a broken link is not the same as no tool"
    assert all(not out.stdout for out in outs[:5])
    assert healthy(outs[5])


@pytest.mark.parametrize("absent", ["timeout", "head", "base64", "cat", "id", "renice", "date"])
def test_a_target_without_a_helper_never_seems_empty(absent: str, tmp_path: Path) -> None:
    """Each helper taken away in turn: an answer is whole or it has a problem."""
    for tool in {"timeout", "head", "base64", "cat", "id", "renice", "date"} - {absent}:
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    first, second = run([Command("it", ("/bin/echo", "something")), AFTER], path=str(tmp_path)).outputs
    for out, text in ((first, b"something\n"), (second, b"whole\n")):
        assert out.problem is not None or out.exit != 0 or out.stdout == text, out
    if absent in ("head", "base64"):
        assert first.problem is Reason.INCOMPLETE


def test_arguments_reach_the_command_as_they_are(shell: tuple[str, ...]) -> None:
    arguments = ("", " ", "a b", "'", '"', "$(touch /tmp/x)", "`id`", "$HOME", "*", "\\n", "%s", "-n", "Đại", ";", "&")
    line = 'for word; do printf "<%s>" "$word"; done'
    out = run([Command("args", ("/bin/sh", "-c", line, "sh", *arguments)), AFTER], shell).outputs
    assert out[0].stdout.decode() == "".join(f"<{word}>" for word in arguments)
    assert healthy(out[1])


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=30), max_size=5))
@settings(max_examples=30, deadline=None)
def test_no_argument_is_ever_run(arguments: list[str]) -> None:
    line = 'for word; do printf "<%s>" "$word"; done'
    out = run([Command("args", ("/bin/sh", "-c", line, "sh", *arguments)), AFTER]).outputs
    assert out[0].stdout.decode() == "".join(f"<{word}>" for word in arguments)
    assert healthy(out[1])


# -- the ladder of privileges


def test_as_root_everything_is_read_directly(shell: tuple[str, ...]) -> None:
    if os.geteuid() != 0:
        pytest.skip("not root")
    ladder = Command("ladder", ("/bin/cat", "--", "/etc/passwd"), Privilege.LADDER)
    root = Command("root", ("/bin/echo", "hello"), Privilege.ROOT)
    first, second = run([ladder, root], shell).outputs
    assert (first.privilege, first.exit) == ("direct", 0)
    assert (second.privilege, second.stdout) == ("root", b"hello\n")


def test_a_file_that_is_truly_absent_is_read_directly(shell: tuple[str, ...]) -> None:
    path = "/nonexistent/deep/down/file"
    (out,) = run([Command("absent", ("/bin/cat", "--", path), Privilege.LADDER)], shell).outputs
    assert out.privilege == "direct"
    assert out.exit == 1
    assert "No such file or directory" in out.stderr


# -- what stands around our output


@pytest.mark.parametrize(
    "noise",
    [
        b"Welcome to Ubuntu\n",
        b"no newline at the end",
        b"\x1b]0;title\x07\xff\xfe\n\0",
        b"@0000000000000000 end 2\n@other 0 direct 1.0\n",
        b"@" * 5000,
    ],
)
def test_noise_of_a_login_shell_is_ignored(noise: bytes) -> None:
    got = run([Command("it", ("/bin/echo", "x")), AFTER], before=noise)
    assert got.outputs[0].stdout == b"x\n"
    assert healthy(got.outputs[1])
    assert got.target_clock is not None


def test_the_targets_clock() -> None:
    clock = run([AFTER]).target_clock
    assert clock is not None
    assert abs((clock - datetime.now(UTC)).total_seconds()) < 30


def test_durations() -> None:
    first, _ = run([Command("slow", ("/bin/sleep", "0.5")), AFTER]).outputs
    assert 0.3 < first.duration < 5


def test_the_script_is_free_of_traces() -> None:
    """Nothing is written on the target, and the word stands in no argv and no environment."""
    script = build([AFTER, Command("b", ("/bin/cat", "--", "/etc/passwd"), Privilege.LADDER)], WORD).decode()
    assert set(re.findall(r">\s*(?!&|/dev/null)\S+", script)) == set()
    assert not re.search(r"export[^\n]*\bw\b", script)
    assert WORD not in INVOKE
    environment = run([Command("env", ("/usr/bin/env",)), Command("ps", ("/bin/ps", "-eo", "args="))]).outputs
    assert WORD.encode() not in environment[0].stdout
    assert WORD.encode() not in environment[1].stdout


@pytest.mark.parametrize("word", ["", "a b", "a\n", "$(id)", "é", "a'"])
def test_only_plain_words_frame(word: str) -> None:
    with pytest.raises(ValueError, match="frame word"):
        build([AFTER], word)


# -- cut sessions

SESSION = (
    Command("text", ("/bin/echo", "a line of text that is rather long, so that base64 takes two lines of it; indeed")),
    Command("empty", ("/bin/true",)),
    Command("fails", ("/bin/sh", "-c", "echo trouble >&2; exit 4")),
    Command("missing", ("/nonexistent/tool",)),
    Command("cut", ("/usr/bin/yes",), cap=100),
)


@cache
def recorded() -> bytes:
    return b"motd\n" + record(SESSION)


def test_a_session_cut_at_every_byte_gives_nothing_that_was_not_whole() -> None:
    raw = recorded()
    whole = parse(raw, WORD, SESSION, NOW).outputs
    assert [out.problem for out in whole] == [None, None, None, Reason.NO_TOOL, None]
    for size in range(len(raw)):
        for reason in (None, Reason.TIMEOUT):
            for before, after in zip(whole, parse(raw[:size], WORD, SESSION, NOW, cut=reason).outputs, strict=True):
                if after.problem is None:
                    assert (after.stdout, after.stderr, after.exit, after.truncated) == (
                        before.stdout,
                        before.stderr,
                        before.exit,
                        before.truncated,
                    ), size
                elif before.problem is None:
                    assert after.problem is (reason or Reason.INCOMPLETE)
                    assert (after.stdout, after.exit) == (b"", None)
    last = parse(raw[: raw.rindex(b"@%s ." % WORD.encode())], WORD, SESSION, NOW).outputs[-1]
    assert last.problem is Reason.INCOMPLETE, "the last command is whole only with the line that closes it"


def test_a_damaged_frame_line_never_makes_another_success() -> None:
    """Bytes lost where a frame is written (a cut cannot do this; noise of a background job might)."""
    raw = recorded()
    whole = {out.command.key: out for out in parse(raw, WORD, SESSION, NOW).outputs}
    lines = [(m.start(), m.end()) for m in re.finditer(rb"\n@%s [^\n]*\n" % WORD.encode(), raw)]
    for size in (1, 2, 3, 4, 8, 24, 60, 200):
        for at in range(len(raw) - size):
            if not any(start < at + size and at < end for start, end in lines):
                continue
            for out in parse(raw[:at] + raw[at + size :], WORD, SESSION, NOW).outputs:
                if out.problem is None and out.exit == 0:
                    assert out.stdout == whole[out.command.key].stdout, (at, size)


@given(st.binary(max_size=3000))
@settings(max_examples=150, deadline=None)
def test_parse_takes_any_bytes(raw: bytes) -> None:
    for body in (raw, b"@%s " % WORD.encode() + raw, raw.replace(b"\n", b"\n@%s " % WORD.encode())):
        outputs = parse(body, WORD, SESSION, NOW).outputs
        assert [out.command for out in outputs] == list(SESSION)


FRAMES = st.sampled_from(
    [
        b"\n@%s 0 direct 1.5\n",
        b"\n@%s 4 sudo 9\n",
        b"\n@%s 99999999999999999999 direct 1\n",
        b"\n@%s 0 direct 1.2.3...\n",
        b"\n@%s 1 " + b"9" * 5000 + b" 1\n",
        b"\n@%s 2 root \n",
        b"\n@%s 3 missing 1\n",
        b"\n@%s e\n",
        b"\n@%s end 5\n",
        b"\n@%s start " + b"9" * 5000 + b"\n",
        b"\n@%s start 1_0\n",
        b"WzBd\n",
        b"[0]",
        b"=",
        b"QUJD",
    ]
)


@given(st.lists(FRAMES | st.binary(max_size=20), max_size=25))
@settings(max_examples=300, deadline=None)
def test_parse_takes_any_frames(parts: list[bytes]) -> None:
    raw = b"".join(part.replace(b"%s", WORD.encode()) for part in parts)
    for out in parse(raw, WORD, SESSION, NOW).outputs:
        assert len(out.stdout) <= out.command.cap
        assert out.problem is not None or out.exit is not None or out.truncated
