"""Joins the commands of a host into one POSIX sh script, and takes its output apart again.

Framing. Every byte a command writes travels as base64, whose alphabet holds neither ``@`` nor ``[``,
so no output can forge a frame; a random word in each frame keeps out what a login shell printed
before us. A frame reads ``@WORD N RUNG UPTIME``, then base64 of stdout with ``[EXIT]`` somewhere
in it (written by the shell when the command ends), then ``@WORD e`` and base64 of stderr.
The last line ``@WORD end N`` shows that nothing was cut. Nothing is written on the target.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from auditor.collector import Command, Privilege
from auditor.model import Reason

STDERR_CAP = 4096

# c: index, rung, timeout, cap, argv…   Captures stderr in $e; stdout goes straight to fd 5, encoded.
# The command sees neither fd 5 (the channel) nor fd 3/4, so it cannot write a frame by itself.
_PRELUDE = r"""
exec 5>&1 </dev/null 2>/dev/null
export LC_ALL=C LANG=C PATH=/usr/sbin:/usr/bin:/sbin:/bin PAGER=cat HOME=/nonexistent
unset ENV BASH_ENV
umask 077
renice -n 10 -p $$ >/dev/null 2>&1
u=$(id -u)
r() {
e=$( { { timeout -k 1 "$t" "$@" 2>&4 3>&- 4>&- 5>&-; printf '[%s]' "$?" >&5; } | head -c "$k" | base64 >&5; } 4>&1 | head -c 4096 )
}
f() { read -r up x </proc/uptime; printf '@%s %s %s %s\n' "$w" "$i" "$1" "$up" >&5; }
g() { printf '\n@%s e\n' "$w" >&5; [ -z "$e" ] || printf '%s' "$e" | base64 >&5; }
"""


@dataclass(frozen=True, slots=True)
class Output:
    """What became of one command on one host."""

    command: Command
    stdout: bytes
    stderr: str
    exit: int | None
    truncated: bool
    problem: Reason | None
    privilege: str
    duration: float


@dataclass(frozen=True, slots=True)
class HostOutput:
    """All of one script's answers, with the target's own clock at its start."""

    outputs: tuple[Output, ...]
    target_clock: datetime | None
    asked_at: datetime
    """The auditor's clock when the script was sent; the target's clock is held against it."""


def build(commands: Sequence[Command], word: str) -> bytes:
    """The script for ``commands``. ``word`` must be random letters and digits, new for each session."""
    if not word.isalnum():
        raise ValueError("the frame word must be alphanumeric")
    parts = [f"w={word}", _PRELUDE.strip("\n"), 'printf \'@%s start %s\\n\' "$w" "$(date -u +%s)" >&5']
    for number, command in enumerate(commands):
        parts.append(_block(number, command))
    parts.append(f"printf '@%s end {len(commands)}\\n' \"$w\" >&5")
    return ("\n".join(parts) + "\n").encode()


def _block(number: int, command: Command) -> str:
    argv = " ".join(shlex.quote(word) for word in command.argv)
    tool = shlex.quote(command.argv[0])
    head = f"i={number} t={command.timeout} k={command.cap + 1}"
    direct = f"f direct; r {argv}; g"
    if command.privilege is Privilege.NONE:
        run = direct
    elif command.privilege is Privilege.ROOT:
        run = f'if [ "$u" = 0 ]; then f root; r {argv}; g; else {_sudo(argv)}; fi'
    else:
        # Readable, or truly absent (its folder can be searched): as is. Otherwise the next rung.
        path = command.argv[-1]
        folder = shlex.quote(path.rpartition("/")[0] or "/")
        file = shlex.quote(path)
        plain = f"[ -r {file} ] || {{ [ ! -e {file} ] && [ -x {folder} ]; }}"
        run = f"if {plain}; then {direct}; else {_sudo(argv)}; fi"
    return f"{head}\nif [ -x {tool} ]; then {run}; else e=; f missing; printf '[127]' >&5; g; fi"


def _sudo(argv: str) -> str:
    return f"if [ -x /usr/bin/sudo ]; then f sudo; r /usr/bin/sudo -n -- {argv}; g; else e=; f denied; printf '[1]' >&5; g; fi"


_FRAME = re.compile(rb"^@\w+ (\d+) (\w+) ([\d.]*)$")
_EXIT = re.compile(rb"\[(\d{1,3})\]")
_REFUSED = re.compile(r"^(sudo: |Sorry, user )|is not in the sudoers file|may not run sudo", re.MULTILINE)


def parse(
    raw: bytes, word: str, commands: Sequence[Command], asked_at: datetime, *, cut: Reason | None = None
) -> HostOutput:
    """Take a session's bytes apart. ``cut`` says why the session ended early, if it did.

    Commands without a whole frame come back with a problem, never as empty output.
    """
    mark = b"@" + word.encode() + b" "
    start = raw.find(b"\n" + mark)
    body = raw[start + 1 :] if start >= 0 else (raw if raw.startswith(mark) else b"")
    frames: dict[int, _Frame] = {}
    clock: datetime | None = None
    ended = False
    current: _Frame | None = None
    for line in body.split(b"\n"):
        if not line.startswith(mark):
            if current is not None:
                current.take(line)
            continue
        rest = line[len(mark) :]
        if rest.startswith(b"start "):
            clock = _clock(rest[6:])
        elif rest == b"e":
            if current is not None:
                current.stderr = []
        elif rest == b"end %d" % len(commands):
            ended = True
        elif match := _FRAME.match(line):
            current = _Frame(match[2].decode(), float(match[3] or 0))
            frames[int(match[1])] = current
    reason = None if ended else (cut or Reason.INCOMPLETE)
    last = max(frames, default=-1)
    uptimes = [frames[n].uptime if n in frames else 0.0 for n in range(len(commands))]
    outputs = []
    for number, command in enumerate(commands):
        frame = frames.get(number)
        whole = frame is not None and (ended or number < last)
        if frame is None or not whole:
            outputs.append(Output(command, b"", "", None, False, reason or Reason.INCOMPLETE, "none", 0.0))
            continue
        following = uptimes[number + 1] if number + 1 < len(uptimes) else 0.0
        outputs.append(frame.output(command, max(0.0, following - frame.uptime) if following else 0.0))
    return HostOutput(tuple(outputs), clock, asked_at)


class _Frame:
    """One command's lines while they are read."""

    def __init__(self, rung: str, uptime: float) -> None:
        self.rung = rung
        self.uptime = uptime
        self.stdout: list[bytes] = []
        self.stderr: list[bytes] | None = None

    def take(self, line: bytes) -> None:
        (self.stdout if self.stderr is None else self.stderr).append(line)

    def output(self, command: Command, duration: float) -> Output:
        joined = b"".join(self.stdout)
        match = _EXIT.search(joined)
        try:
            stdout = base64.b64decode(_EXIT.sub(b"", joined), validate=True)
            stderr = base64.b64decode(b"".join(self.stderr or []), validate=True)
        except (binascii.Error, ValueError):
            return Output(command, b"", "", None, False, Reason.UNPARSABLE, self.rung, duration)
        said = stderr[:STDERR_CAP].decode("utf-8", "backslashreplace")
        code = int(match[1]) if match else None
        truncated = len(stdout) > command.cap
        return Output(
            command, stdout[: command.cap], said, code, truncated, self._problem(code, said), self.rung, duration
        )

    def _problem(self, code: int | None, stderr: str) -> Reason | None:
        if self.rung == "missing":
            return Reason.NO_TOOL
        if self.rung == "denied" or (self.rung == "sudo" and code == 1 and _REFUSED.search(stderr)):
            return Reason.DENIED
        if code is None:
            return Reason.INCOMPLETE
        # timeout(1) answers 124 when it stopped the command, 137 when it had to kill it.
        return Reason.TIMEOUT if code in (124, 137) else None


def _clock(text: bytes) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(text.strip()), UTC)
    except (ValueError, OverflowError, OSError):
        return None
