"""Joins the commands of a host into one POSIX sh script, and takes its output apart again.

Framing. Every byte a command writes travels as base64, whose alphabet does not hold ``@``, so no
output can forge a frame; a random word in each frame keeps out what a login shell printed before us.
A frame reads ``@WORD N RUNG UPTIME``, then base64 of stdout, then ``@WORD e`` and base64 of stderr.
Behind its last byte, stdout carries ``[EXIT]`` through the same pipe, so that an exit status stands
only where everything before it arrived: a missing ``base64`` or a killed ``head`` on the target can
never make output empty in silence. ``@WORD .`` closes the frames before it, and the last line,
``@WORD end N``, shows that nothing was cut.
Nothing is written on the target.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from auditor.collector import Command, Privilege
from auditor.model import Reason

STDERR_CAP = 4096
_MARK = 6
"""Room for ``[EXIT]`` behind stdout, and one byte more: who fills it wrote more than the cap."""
_SLOW = 10
"""A command that may take longer than this, in seconds, does not keep the answers before it waiting."""

# Of a command: $i its number, $t its seconds, $k the most bytes of stdout taken, $e its stderr.
# r   runs it. It sees neither fd 5 (the channel) nor 3 and 4. What it leaves running in its process
#     group ends with it, lest a child that keeps the pipe open hold up the script. Endless stdout
#     ends it by SIGPIPE; of stderr the first 4 KB are kept and the rest is thrown away.
# m   is the file truly absent, as opposed to hidden from us: can its nearest existing folder be searched?
# q   gathers answers; p sends them, by 24 KB or every four seconds: a packet each costs more than the answer.
# N L R   the privileges of a command: none, ladder, root. S climbs to sudo. z: it was not run at all.
_PRELUDE = r"""
exec 5>&1 </dev/null 2>/dev/null
export LC_ALL=C LANG=C PATH=/usr/sbin:/usr/bin:/sbin:/bin PAGER=cat HOME=/nonexistent
unset ENV BASH_ENV
umask 077
renice -n 10 -p $$ >/dev/null 2>&1
u=$(id -u) b= s=0 y=
r() {
e=$( { { timeout -k 1 "$t" "$@" 2>&4 3>&- 4>&- 5>&- & wait $!; x=$?; kill -9 -$!; printf '[%s]' "$x"; } |
head -c "$k" | base64 >&5; } 4>&1 | { head -c 4096; read -r x && cat >/dev/null; } )
}
f() { read -r up x </proc/uptime; printf '
@%s %s %s %s
' "$w" "$i" "$1" "$up" >&5; }
g() { printf '
@%s e
' "$w" >&5; [ -z "$e" ] || printf '%s' "$e" | base64 >&5; }
m() {
[ ! -e "$1" ] || return 1
d=$1
while [ ! -e "$d" ]; do case $d in /*/*) d=${d%/*};; *) d=/;; esac; done
[ -x "$d" ]
}
n() { m "$1" && [ ! -L "$1" ]; }
z() { f "$1"; e=; g; }
S() { if [ -x /usr/bin/sudo ]; then f sudo; r /usr/bin/sudo -n -- "$@"; g; else z denied; fi; }
N() { if n "$1"; then z missing; elif [ -x "$1" ]; then f direct; r "$@"; g; else z denied; fi; }
R() { if n "$1"; then z missing; elif [ "$u" = 0 ]; then f root; r "$@"; g; else S "$@"; fi; }
p() { printf '%s\n@%s .\n' "$b" "$w" >&5; b= s=${y%.*}; s=${s:-0}; }
q() {
b=$b$( "$@" 5>&1 )
read -r y x </proc/uptime
[ "${#b}" -lt 24576 ] && [ $((${y%.*} - s)) -lt 4 ] || p
}
L() {
for p; do :; done
if n "$1"; then z missing; elif [ -r "$p" ] || m "$p"; then f direct; r "$@"; g; else S "$@"; fi
}
"""
_RUN = {Privilege.NONE: "N", Privilege.LADDER: "L", Privilege.ROOT: "R"}


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
    if not (word.isascii() and word.isalnum()):
        raise ValueError("the frame word must be alphanumeric")
    return b"w=%s\n%s" % (word.encode(), _body(tuple(commands)))


@lru_cache(maxsize=256)
def _body(commands: tuple[Command, ...]) -> bytes:
    """The script behind its word; hosts are asked much the same."""
    parts = [_PRELUDE.strip("\n"), 'printf \'\\n@%s start %s\\n\' "$w" "$(date -u +%s)" >&5']
    for number, command in enumerate(commands):
        argv = " ".join(shlex.quote(word) for word in command.argv)
        if command.timeout > _SLOW:
            parts.append("p")
        parts.append(f"i={number} t={command.timeout} k={command.cap + _MARK}; q {_RUN[command.privilege]} {argv}")
    parts.append(f"p; printf '@%s end {len(commands)}\\n' \"$w\" >&5")
    return ("\n".join(parts) + "\n").encode()


_FRAME = re.compile(rb"(\d{1,6}) (\w{1,20}) (\d{1,12}(?:\.\d{0,6})?)?")
_EXIT = re.compile(rb"\[(\d{1,3})\]\Z")
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
    current: _Frame | None = None
    for line in body.split(b"\n"):
        if not line.startswith(mark):
            if current is not None:
                current.take(line)
            continue
        rest = line[len(mark) :]
        if rest == b"e" and current is not None and current.stderr is None:
            current.stderr = []
            continue
        match = _FRAME.fullmatch(rest)
        number = int(match[1]) if match else len(commands) if rest == b"end %d" % len(commands) else -1
        if current is not None:
            # Only the frame that must follow closes this one; any other sign is one of damage.
            current.closed = current.stderr is not None and (rest == b"." or number == current.number + 1)
            current = None
        if match is not None and number < len(commands):
            current = frames[number] = _Frame(number, match[2].decode(), float(match[3] or 0))
        elif rest.startswith(b"start "):
            clock = _clock(rest[6:])
    missing = cut or Reason.INCOMPLETE
    outputs = []
    for number, command in enumerate(commands):
        frame = frames.get(number)
        if frame is None or not frame.closed:
            outputs.append(Output(command, b"", "", None, False, missing, "none", 0.0))
            continue
        following = frames.get(number + 1)
        outputs.append(frame.output(command, max(0.0, following.uptime - frame.uptime) if following else 0.0))
    return HostOutput(tuple(outputs), clock, asked_at)


class _Frame:
    """One command's lines while they are read."""

    def __init__(self, number: int, rung: str, uptime: float) -> None:
        self.number = number
        self.closed = False
        self.rung = rung
        self.uptime = uptime
        self.stdout: list[bytes] = []
        self.stderr: list[bytes] | None = None

    def take(self, line: bytes) -> None:
        (self.stdout if self.stderr is None else self.stderr).append(line)

    def output(self, command: Command, duration: float) -> Output:
        try:
            stdout = base64.b64decode(b"".join(self.stdout), validate=True)
            stderr = base64.b64decode(b"".join(self.stderr or []), validate=True)
        except (binascii.Error, ValueError):
            return Output(command, b"", "", None, False, Reason.UNPARSABLE, self.rung, duration)
        said = stderr[:STDERR_CAP].decode("utf-8", "backslashreplace")
        code: int | None = None
        if self.rung in _NOT_RUN:
            reason, code = _NOT_RUN[self.rung]
            return Output(command, b"", said, code, False, reason, self.rung, duration)
        match = None if len(stdout) >= command.cap + _MARK else _EXIT.search(stdout, max(0, len(stdout) - 5))
        if match is not None:
            code = int(match[1])
            stdout = stdout[: match.start()]
        truncated = len(stdout) > command.cap
        problem = None if truncated else self._problem(code, said)
        return Output(command, stdout[: command.cap], said, code, truncated, problem, self.rung, duration)

    def _problem(self, code: int | None, stderr: str) -> Reason | None:
        if code is None:
            return Reason.INCOMPLETE
        if self.rung == "sudo" and code == 1 and _REFUSED.search(stderr):
            return Reason.DENIED
        # timeout(1) answers 124 when it stopped the command, 137 when it had to kill it.
        return Reason.TIMEOUT if code in (124, 137) else None


_NOT_RUN = {"missing": (Reason.NO_TOOL, 127), "denied": (Reason.DENIED, 1)}


def _clock(text: bytes) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(text.strip()), UTC)
    except (ValueError, OverflowError, OSError):
        return None
