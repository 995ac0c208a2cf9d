"""A connect scan of our own, for where nmap is not installed: fewer ports, the same words."""

from __future__ import annotations

import errno
import json
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.collectors._exposure_data import spans

RATE = 200
"""Most connection attempts a second, over all targets of one call."""
IN_FLIGHT = 64
WAIT_S = 1.0
TRIES = 2
"""A port that says nothing is asked once more."""

_CLOSED = {errno.ECONNREFUSED, errno.ECONNRESET}
_NO_WAY = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM, errno.ETIMEDOUT}


@dataclass(slots=True)
class _Try:
    address: str
    port: int
    left: int
    until: float = 0.0


def scan(addresses: Sequence[str], ports: Sequence[int], deadline_s: float) -> dict[str, bytes]:
    """For each address a JSON document: which ports were asked and what became of each.

    It is bounded in rate, in connections at once and in time; what was not done when time ran out is left out of the
    document, which then is not whole.
    """
    found: dict[str, dict[str, list[int]]] = {address: {} for address in addresses}
    # Port by port over all addresses, so that no one address gets the whole rate.
    waiting = deque(_Try(address, port, TRIES - 1) for port in ports for address in addresses)
    end = time.monotonic() + deadline_s
    with selectors.DefaultSelector() as calls:
        try:
            _work(calls, waiting, found, end)
        finally:
            for key in list(calls.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]
    return {
        address: json.dumps(
            {
                "scanner": "connect",
                "address": address,
                "asked": spans(ports),
                **{state: spans(told.get(state, ())) for state in ("open", "closed", "filtered")},
            }
        ).encode()
        for address, told in found.items()
    }


def _work(
    calls: selectors.BaseSelector, waiting: deque[_Try], found: dict[str, dict[str, list[int]]], end: float
) -> None:
    next_at = time.monotonic()
    while (waiting or calls.get_map()) and (now := time.monotonic()) < end:
        while waiting and len(calls.get_map()) < IN_FLIGHT and now >= next_at:
            next_at = max(next_at, now - 0.05) + 1 / RATE
            one = waiting.popleft()
            one.until = now + WAIT_S
            if told := _call(calls, one):
                found[one.address].setdefault(told, []).append(one.port)
        pause = next_at - now if waiting and len(calls.get_map()) < IN_FLIGHT else WAIT_S / 4
        for one, code in _ended(calls, calls.select(max(0.0, min(pause, end - now)))):
            if code is None and one.left:
                waiting.append(_Try(one.address, one.port, one.left - 1))
            else:
                found[one.address].setdefault(_state(code), []).append(one.port)


def _call(calls: selectors.BaseSelector, one: _Try) -> str:
    """Begin one connection; its state when that is known at once, or an empty text."""
    family = socket.AF_INET6 if ":" in one.address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setblocking(False)
    code = made.connect_ex((one.address, one.port))
    if code == errno.EINPROGRESS:
        calls.register(made, selectors.EVENT_WRITE, one)
        return ""
    made.close()
    return _state(code)


def _ended(
    calls: selectors.BaseSelector, ready: Sequence[tuple[selectors.SelectorKey, int]]
) -> Iterator[tuple[_Try, int | None]]:
    """Connections that were answered, with their error number; and those whose time is up, with None."""
    now = time.monotonic()
    over = [key for key in calls.get_map().values() if key.data.until <= now]
    answered = {id(key.data) for key, _ in ready}
    for key in [*(key for key, _ in ready), *(key for key in over if id(key.data) not in answered)]:
        sock = key.fileobj
        assert isinstance(sock, socket.socket)  # noqa: S101  (only _call registers)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if id(key.data) in answered else None
        calls.unregister(sock)
        sock.close()
        yield key.data, code


def _state(code: int | None) -> str:
    """The word for an error number. Raises ``OSError`` for those that are our own trouble, not the target's answer."""
    if code == 0:
        return "open"
    if code in _CLOSED:
        return "closed"
    if code is None or code in _NO_WAY:
        return "filtered"
    raise OSError(code, os.strerror(code))
