"""Runs the script on this very machine."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence

from auditor.collector import Command
from auditor.model import Reason
from auditor.script import HostOutput
from auditor.transports import EVAL, SESSION_CAP, Session


class LocalTransport:
    """This machine, with the rights of whoever runs the audit."""

    name = "local"

    def run(self, commands: Sequence[Command], deadline_s: float = 60.0) -> HostOutput:
        session = Session(commands)
        end = time.monotonic() + deadline_s
        with subprocess.Popen(
            ["/bin/sh", "-c", EVAL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as shell:
            try:
                if shell.stdin is None or shell.stdout is None:
                    raise RuntimeError("asked for pipes and got none")
                with contextlib.suppress(BrokenPipeError):
                    shell.stdin.write(session.asked())
                    shell.stdin.close()
                raw, cut = _read(shell.stdout.fileno(), session, end)
            finally:
                # The group is ours alone (start_new_session); whatever outlived the script ends here.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(shell.pid, signal.SIGKILL)
        return session.end(raw, cut)


def _read(fd: int, session: Session, end: float) -> tuple[bytes, Reason | None]:
    chunks: list[bytes] = []
    tail = b""
    size = 0
    with selectors.DefaultSelector() as waiting:
        waiting.register(fd, selectors.EVENT_READ)
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return b"".join(chunks), Reason.TIMEOUT
            if not waiting.select(left):
                continue
            chunk = os.read(fd, 1 << 16)
            if not chunk:
                return b"".join(chunks), None
            chunks.append(chunk)
            size += len(chunk)
            if size > SESSION_CAP:
                return b"".join(chunks), Reason.TRUNCATED
            tail = (tail + chunk)[-session.TAIL :]
            if session.ended(tail):
                return b"".join(chunks), None
