"""SSH servers on loopback: OpenSSH and dropbear, good and outdated, and raw bytes for what no package serves."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

SETUPS: dict[str, tuple[tuple[str, ...], str]] = {
    "good": (("ed25519", "rsa 3072", "ecdsa 256"), ""),
    "hardened": (
        ("ed25519", "rsa 3072"),
        """
        KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,diffie-hellman-group16-sha512
        Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr
        MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com
        """,
    ),
    "legacy": (
        ("rsa 1024", "dsa 1024"),
        """
        HostKeyAlgorithms ssh-rsa,ssh-dss
        KexAlgorithms diffie-hellman-group14-sha1,diffie-hellman-group1-sha1
        Ciphers aes128-cbc,3des-cbc
        MACs hmac-sha1,hmac-md5
        RequiredRSASize 1024
        """,
    ),
    "oldest": (
        ("rsa 2048",),
        """
        HostKeyAlgorithms ssh-rsa
        KexAlgorithms diffie-hellman-group1-sha1
        Ciphers aes128-cbc
        MACs hmac-sha1-96
        """,
    ),
    "group-exchange": (
        ("ecdsa 521", "ecdsa 384"),
        """
        KexAlgorithms diffie-hellman-group-exchange-sha256,diffie-hellman-group-exchange-sha1
        Compression no
        """,
    ),
    "post-quantum": (("ed25519",), "KexAlgorithms sntrup761x25519-sha512@openssh.com"),
    "everything": (
        ("ed25519", "rsa 3072", "ecdsa 521"),
        """
        HostKeyAlgorithms +ssh-rsa
        KexAlgorithms +diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1
        """,
    ),
}
"""Set-ups of sshd: its host keys (type and bits), and what its configuration says besides."""


@contextlib.contextmanager
def sshd(folder: Path, setup: str) -> Iterator[int]:
    """A real OpenSSH server; gives its port."""
    keys, directives = SETUPS[setup]
    made = []
    for key in keys:
        kind, _, bits = key.partition(" ")
        path = folder / f"{setup}-{kind}{bits}"
        size = ["-b", bits] if bits else []
        subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-f", path], check=True, timeout=60)
        made.append(f"HostKey {path}")
    at = free_port()
    text = [f"Port {at}", "ListenAddress 127.0.0.1", "PidFile none", *made, *map(str.strip, directives.splitlines())]
    config = folder / f"{setup}.conf"
    config.write_text("\n".join(text) + "\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd started by root will not run without it
    with _running(["/usr/sbin/sshd", "-D", "-e", "-f", config], folder / f"{setup}.log", at):
        yield at


@contextlib.contextmanager
def dropbear(folder: Path) -> Iterator[int]:
    """A real dropbear, as routers and cameras carry it, with what it offers when left alone."""
    given: list[str | Path] = []
    for kind in ("rsa", "ed25519", "ecdsa"):
        path = folder / f"dropbear-{kind}"
        run = ["dropbearkey", "-t", kind, "-f", path]
        subprocess.run(run, check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        given += ["-r", path]
    at = free_port()
    argv = ["dropbear", "-F", "-E", "-p", f"127.0.0.1:{at}", "-P", folder / "dropbear.pid", *given]
    with _running(argv, folder / "dropbear.log", at):
        yield at


@contextlib.contextmanager
def _running(argv: list[str | Path], log: Path, at: int) -> Iterator[None]:
    with log.open("wb") as said, subprocess.Popen(argv, stdout=said, stderr=said, stdin=subprocess.DEVNULL) as process:
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", at), timeout=1):
                    break
                time.sleep(0.05)
            else:
                raise AssertionError(f"{argv[0]} does not come up: {log.read_text()}")
            yield
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@contextlib.contextmanager
def raw(serve: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[float]]]:
    """A server that treats each connection by ``serve``; gives its port, and when each connection came."""
    came: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def treat(peer: socket.socket) -> None:
            with peer, contextlib.suppress(OSError):
                serve(peer)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listening.accept()
                    came.append(time.monotonic())
                    threading.Thread(target=treat, args=(peer,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1], came
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def wait_for_end(peer: socket.socket) -> None:
    peer.settimeout(20)
    while peer.recv(4096):
        pass


def ssh1_public_key(host_bits: int = 1024, server_bits: int = 768) -> bytes:
    """The first packet of an SSH-1 server: 3DES and Blowfish, password and RSA."""

    def number(value: int) -> bytes:
        return value.bit_length().to_bytes(2) + value.to_bytes((value.bit_length() + 7) // 8)

    server, host = (1 << server_bits - 1) + 12345, (1 << host_bits - 1) + 67891
    body = bytes([2]) + bytes(range(8))
    for bits, modulus in ((server_bits, server), (host_bits, host)):
        body += bits.to_bytes(4) + number(35) + number(modulus)
    body += (2).to_bytes(4) + (1 << 3 | 1 << 6).to_bytes(4) + (1 << 2 | 1 << 3).to_bytes(4)
    length = len(body) + 4
    padded = bytes(8 - length % 8) + body
    checksum = zlib.crc32(padded, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return length.to_bytes(4) + padded + checksum.to_bytes(4)


def ssh1(peer: socket.socket) -> None:
    peer.sendall(b"SSH-1.5-1.2.33\n")
    assert peer.recv(256).startswith(b"SSH-1.5-")
    peer.sendall(ssh1_public_key())
    wait_for_end(peer)


def http(peer: socket.socket) -> None:
    peer.recv(4096)
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def endless_banner(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"welcome " * 8 + b"\r\n")


def drip(peer: socket.socket) -> None:
    for letter in b"SSH-2.0-" + b"drip" * 100:
        peer.sendall(bytes([letter]))
        time.sleep(0.2)


def junk(peer: socket.socket) -> None:
    peer.sendall(b"SSH-2.0-junk\r\n" + b"\xff" * 512)
    wait_for_end(peer)


def too_many(peer: socket.socket) -> None:
    peer.sendall(b"Exceeded MaxStartups\r\n")


def waits(kexinit_packet: bytes) -> Callable[[socket.socket], None]:
    """An old device: a banner, and no lists before it has seen the client's."""

    def serve(peer: socket.socket) -> None:
        peer.sendall(b"Welcome to the switch\r\nAuthorised users only\r\nSSH-1.99-Switch_1.0\r\n")
        heard = b""
        while len(heard) < 40:
            heard += peer.recv(4096)
        peer.sendall(kexinit_packet)
        wait_for_end(peer)

    return serve
