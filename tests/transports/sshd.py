"""A real OpenSSH server for tests: on loopback, with its own keys, users and sudoers.

It runs in a private mount namespace where /etc/passwd, /etc/group, /etc/sudoers and /run are its own, so
that nothing of this machine is changed and its users vanish with it. Ends by its own process id.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

USER = "kiemtra"
"""A user without rights, whose shell is /bin/sh."""

_SETUP = """
set -eu
cd "$1"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/sshd /run/home
chown 61001:61001 /run/home
cp authorized_keys /run/keys
chmod 644 /run/keys
sed 's#^root:.*#root:*:0:0:root:/run/home:/bin/sh#' /etc/passwd >/run/passwd
echo 'kiemtra:*:61001:61001::/run/home:/bin/sh' >>/run/passwd
cp /etc/group /run/group
echo 'kiemtra:x:61001:' >>/run/group
cp sudoers /run/sudoers
chmod 440 /run/sudoers
chmod 644 /run/passwd /run/group
mount --bind /run/passwd /etc/passwd
mount --bind /run/group /etc/group
[ ! -e /etc/sudoers ] || mount --bind /run/sudoers /etc/sudoers
cd /
. "$1/setup"
exec /usr/sbin/sshd -D -e -f "$1/sshd_config"
"""


def missing() -> str:
    """Why no real server can be started here, or an empty string."""
    if os.geteuid() != 0:
        return "needs root: a server with users of its own"
    absent = [tool for tool in ("/usr/sbin/sshd", "ssh-keygen", "unshare") if shutil.which(tool) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> str:
    """Make a key pair; returns the public half as ``TYPE BASE64``. Kind ``rsa-pem``: in the old format."""
    kind, _, old = kind.partition("-")
    form = ["-m", "PEM"] if old else []
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, *form, "-N", passphrase, "-C", "", "-f", str(path)], check=True, timeout=60
    )
    return " ".join(path.with_name(path.name + ".pub").read_text().split()[:2])


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket() as sock:
        sock.bind((address, 0))
        return int(sock.getsockname()[1])


class Sshd:
    """One server listening at ``addresses``; ``key_file`` opens both root and ``USER``.

    ``setup``: shell lines run first, in the private mount namespace.
    """

    def __init__(
        self,
        folder: Path,
        addresses: Sequence[str] = ("127.0.0.1",),
        *,
        sudoers: str = "",
        options: Sequence[str] = (),
        authorized: Sequence[str] = (),
        setup: str = "",
        netns: str | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.addresses = tuple(addresses)
        self.port = free_port(self.addresses[0])
        self.host_key = make_key(folder / "host")
        self.key_file = folder / "client"
        (folder / "authorized_keys").write_text("\n".join([make_key(self.key_file), *authorized, ""]))
        (folder / "sudoers").write_text(f"Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n{sudoers}")
        (folder / "setup").write_text(setup + "\n")
        self.log = folder / "sshd.log"
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.write_text("".join(f"[{a}]:{self.port} {self.host_key}\n" for a in self.addresses))
        (folder / "sshd_config").write_text(
            "\n".join(
                [
                    f"Port {self.port}",
                    *(f"ListenAddress {address}" for address in self.addresses),
                    f"HostKey {folder / 'host'}",
                    "AuthorizedKeysFile /run/keys",
                    "AuthenticationMethods publickey",
                    "StrictModes no",
                    "UsePAM no",
                    "PidFile none",
                    "PrintMotd no",
                    "PermitRootLogin prohibit-password",
                    "MaxStartups 1000",
                    *(options or ["LogLevel DEBUG"]),
                    "",
                ]
            )
        )
        inside = ["ip", "netns", "exec", netns] if netns else []
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*inside, "unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", _SETUP, "sh", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 20
        while self.text().count("Server listening on") < len(self.addresses):
            if self._process.poll() is not None or time.monotonic() > end:
                self.close()
                raise RuntimeError(f"sshd did not start: {self.text()[-2000:]}")
            time.sleep(0.02)

    def text(self) -> str:
        """All that the server has logged."""
        return self.log.read_text("utf-8", "replace")

    def ssh(self, user: str = "root", **more: object) -> dict[str, object]:
        """SSH settings, as an inventory writes them, that get in."""
        return {
            "user": user,
            "port": self.port,
            "key_file": str(self.key_file),
            "known_hosts": str(self.known_hosts),
            **more,
        }

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
