"""Servers that misbehave, each in its own way; all on loopback, all ended with their context."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_PARTIALLY_SUCCESSFUL, AUTH_SUCCESSFUL, OPEN_SUCCEEDED


@dataclass
class Seen:
    """What a server has seen so far."""

    port: int
    connections: int = 0
    now: int = 0
    most: int = 0
    """Most sessions that were open at the same moment."""
    passwords: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    commands: list[bytes] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


Handler = Callable[[socket.socket, Seen], None]


@contextmanager
def serve(handler: Handler, addresses: Sequence[str] = ("127.0.0.1",)) -> Iterator[Seen]:
    """Run ``handler`` for every connection, in a thread of its own."""
    listeners: list[socket.socket] = []
    port = 0
    for address in addresses:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(200)
        sock.settimeout(0.1)
        port = sock.getsockname()[1]
        listeners.append(sock)
    seen = Seen(port)
    threads: list[threading.Thread] = []

    def one(conn: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException), conn:
            handler(conn, seen)

    def accept(sock: socket.socket) -> None:
        while not seen.done.is_set():
            with contextlib.suppress(TimeoutError):
                conn, _ = sock.accept()
                conn.settimeout(20)
                with seen.lock:
                    seen.connections += 1
                thread = threading.Thread(target=one, args=(conn,), daemon=True)
                threads.append(thread)
                thread.start()

    accepting = [threading.Thread(target=accept, args=(sock,), daemon=True) for sock in listeners]
    for thread in accepting:
        thread.start()
    try:
        yield seen
    finally:
        seen.done.set()
        for thread in (*accepting, *threads):
            thread.join(3)
        for sock in listeners:
            sock.close()


# -- servers that never get as far as a key


def silent(_: socket.socket, seen: Seen) -> None:
    seen.done.wait(60)


def closes(_: socket.socket, __: Seen) -> None:
    pass


def endless_banner(conn: socket.socket, seen: Seen) -> None:
    """As endlessh: lines that are no version, for ever."""
    while not seen.done.wait(0.2):
        conn.sendall(b"not-yet\r\n")


def drip(conn: socket.socket, seen: Seen) -> None:
    """One byte at a time, so that no wait for a single read ever ends."""
    while not seen.done.wait(0.1):
        conn.sendall(b"x")


def banner_flood(conn: socket.socket, seen: Seen) -> None:
    while not seen.done.is_set():
        conn.sendall(b"x" * 65536)


def version_then_flood(conn: socket.socket, seen: Seen) -> None:
    conn.sendall(b"SSH-2.0-flood\r\n")
    banner_flood(conn, seen)


def version_then_silence(conn: socket.socket, seen: Seen) -> None:
    conn.sendall(b"SSH-2.0-mute\r\n")
    seen.done.wait(60)


def speaks_http(conn: socket.socket, _: Seen) -> None:
    conn.sendall(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n")


# -- servers that let somebody in


class _Interface(paramiko.ServerInterface):
    def __init__(self, seen: Seen, mode: str) -> None:
        self.seen = seen
        self.mode = mode
        self.asked = threading.Event()
        self.gone = threading.Event()

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_password(self, username: str, password: str) -> int:
        self.seen.passwords.append(password)
        if self.mode == "refuse":
            return AUTH_FAILED
        return AUTH_PARTIALLY_SUCCESSFUL if self.mode == "factor" else AUTH_SUCCESSFUL

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.seen.keys.append(key.get_base64())
        if self.mode == "refuse":
            return AUTH_FAILED
        if self.mode == "mute-auth":
            self.seen.done.wait(60)
        return AUTH_PARTIALLY_SUCCESSFUL if self.mode == "factor" else AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if self.mode == "mute-channel":
            self.seen.done.wait(60)
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.seen.commands.append(command)
        if self.mode == "mute-exec":
            self.seen.done.wait(60)
        self.asked.set()
        if self.mode == "hasty":
            self.gone.wait(20)  # the answer to this request comes when all is over
        return self.mode != "refuse-exec"


def ssh(host_key: paramiko.PKey, mode: str = "shell", hold_s: float = 0.0) -> Handler:
    """A server that accepts anybody, counts sessions, and then misbehaves as ``mode`` says."""

    def handle(conn: socket.socket, seen: Seen) -> None:
        transport = paramiko.Transport(conn)
        transport.add_server_key(host_key)
        interface = _Interface(seen, mode)
        with contextlib.closing(transport):
            transport.start_server(server=interface)
            channel = None
            while channel is None:
                if seen.done.is_set() or not transport.is_active():
                    return
                channel = transport.accept(0.5)
            with seen.lock:
                seen.now += 1
                seen.most = max(seen.most, seen.now)
            try:
                if interface.asked.wait(20):
                    time.sleep(hold_s)
                    _MODES.get(mode, _nothing)(channel, seen, interface.seen.commands[-1])
            finally:
                with seen.lock:
                    seen.now -= 1
                channel.close()
                if mode == "hasty":
                    conn.shutdown(socket.SHUT_RDWR)
                interface.gone.set()

    return handle


def echo(host_key: paramiko.PKey, words: Sequence[bytes]) -> Handler:
    """A server that says ``words`` in place of an answer: before any frame, as a login shell might."""

    def handle(conn: socket.socket, seen: Seen) -> None:
        _MODES["echo"] = lambda channel, _s, _c: channel.sendall(b"you said: " + b" ".join(words) + b"\n")
        ssh(host_key, "echo")(conn, seen)

    return handle


def _shell(channel: paramiko.Channel, _: Seen, command: bytes) -> None:
    """Really run what is asked, as sshd does."""
    script = b"".join(iter(lambda: channel.recv(65536), b""))
    ran = subprocess.run(
        ["/bin/sh", "-c", command.decode()], input=script, capture_output=True, timeout=60, check=False
    )
    channel.sendall(ran.stdout)
    channel.send_exit_status(ran.returncode)


def _cut(channel: paramiko.Channel, _: Seen, command: bytes) -> None:
    script = b"".join(iter(lambda: channel.recv(65536), b""))
    ran = subprocess.run(
        ["/bin/sh", "-c", command.decode()], input=script, capture_output=True, timeout=60, check=False
    )
    channel.sendall(ran.stdout[: ran.stdout.rindex(b" e\n")])


def _flood(channel: paramiko.Channel, seen: Seen, _: bytes) -> None:
    while not seen.done.is_set():
        channel.sendall(b"A" * 65536)


def _drip(channel: paramiko.Channel, seen: Seen, _: bytes) -> None:
    while not seen.done.wait(0.1):
        channel.sendall(b"A")


def _nothing(_: paramiko.Channel, seen: Seen, __: bytes) -> None:
    seen.done.wait(60)


def _nologin(channel: paramiko.Channel, _: Seen, __: bytes) -> None:
    channel.sendall(b"This account is currently not available.\n")
    channel.send_exit_status(1)


_MODES: dict[str, Callable[[paramiko.Channel, Seen, bytes], None]] = {
    "shell": _shell,
    "cut": _cut,
    "flood": _flood,
    "drip": _drip,
    "nologin": _nologin,
    "hasty": _nologin,
}
