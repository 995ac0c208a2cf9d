"""Who is there at all: all doors are knocked on at once, so that the dead cost no one else's time."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TypeVar

from auditor.collectors._tls.hellos import Hello, client_hello
from auditor.collectors._tls.io import Caller, is_ip
from auditor.collectors._tls.suites import asked

T = TypeVar("T")
KNOCK_S = 5.0
"""How long a server may take to accept a connection."""
_TICK_S = 0.1
_UNDER_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN)


def at_once(doors: Sequence[tuple[str, int, T]], work: Callable[[T], None], servers: int) -> list[tuple[T, str]]:
    """Do ``work`` for each item behind whose address and port somebody answers; gives the others, each with the word.

    At most ``servers`` addresses are worked at a time, the items of one address one after the other. A single item
    is worked without a knock: its own first connection tells as much.
    """
    if len(doors) == 1:
        work(doors[0][2])
        return []
    waiting: dict[str, deque[T]] = {}
    running: dict[Future[None], str] = {}
    dead: list[tuple[T, str]] = []
    with ThreadPoolExecutor(max_workers=servers, thread_name_prefix="tls") as pool:
        for known in _knock(doors):
            for address, item, word in known:
                if word:
                    dead.append((item, word))
                else:
                    waiting.setdefault(address, deque()).append(item)
            _begin(pool, waiting, running, work)
        while running:
            wait(running, return_when=FIRST_COMPLETED)
            _begin(pool, waiting, running, work)
    return dead


def speaks_tls(address: str, port: int, within_s: float) -> bool:
    """Is the answer to a hello a TLS record, be it an alert?"""
    hello = client_hello(Hello(version="TLSv1.2", suites=asked("TLSv1.2")[:60]), os.urandom(32))
    _, reply = Caller(address, port, time.monotonic() + within_s).exchange(hello, lambda reply: len(reply) >= 7)
    return len(reply) >= 7 and reply[:2] in (b"\x15\x03", b"\x16\x03")


def _begin(
    pool: ThreadPoolExecutor,
    waiting: dict[str, deque[T]],
    running: dict[Future[None], str],
    work: Callable[[T], None],
) -> None:
    """Take away what is done, and begin with the next of each address that nobody is busy with."""
    for future in [future for future in running if future.done()]:
        del running[future]
        future.result()
    busy = set(running.values())
    for address in [address for address in waiting if address not in busy]:
        running[pool.submit(work, waiting[address].popleft())] = address
        if not waiting[address]:
            del waiting[address]


def _knock(doors: Sequence[tuple[str, int, T]]) -> Iterator[list[tuple[str, T, str]]]:
    """Address, item, and an empty word or why nobody is there, for each, as soon as it is known; and nothing now and
    then, so that whoever asks can go on with those that are there."""
    items: dict[tuple[str, int], list[T]] = {}
    for address, port, item in doors:
        items.setdefault((address, port), []).append(item)
    until = time.monotonic() + KNOCK_S
    with selectors.DefaultSelector() as selector:
        for (address, port), those in items.items():
            sock, word = _knocked(address, port)
            if sock is not None:
                selector.register(sock, selectors.EVENT_WRITE, (sock, address, those))
            else:
                yield [(address, item, word) for item in those]
        while selector.get_map() and (left := until - time.monotonic()) > 0:
            known: list[tuple[str, T, str]] = []
            for key, _ in selector.select(min(left, _TICK_S)):
                word = _word(key.data[0].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                selector.unregister(key.fileobj)
                key.data[0].close()
                known += [(key.data[1], item, word) for item in key.data[2]]
            yield known
        for key in list(selector.get_map().values()):
            key.data[0].close()
            yield [(key.data[1], item, "no-answer") for item in key.data[2]]


def _knocked(address: str, port: int) -> tuple[socket.socket | None, str]:
    if not is_ip(address):
        return None, "unreachable"
    try:
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return None, "unreachable"
    sock.setblocking(False)
    code = errno.EHOSTUNREACH
    with suppress(OSError):
        code = sock.connect_ex((address, port))
    if code in _UNDER_WAY:
        return sock, ""
    sock.close()
    return None, _word(code)


def _word(code: int) -> str:
    if not code:
        return ""
    return {errno.ECONNREFUSED: "refused", errno.ETIMEDOUT: "no-answer"}.get(code, "unreachable")
