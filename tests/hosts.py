"""Real Linux hosts on this one machine, for tests and recordings. Needs root, and writes nowhere but in memory.

A ``Lab`` is a network of its own, 10.77.0.0/16, with the auditor at 10.77.0.1. A ``Host`` in it is an overlay over
a root file system (this machine's own unless another is given), in its own network, mount, host name and process
namespaces, with a real sshd as its first process. All that was made dies with the lab's processes: they are ended by
their ids, and by the kernel when the test run itself is killed. Only a temporary folder is left to remove.

Steps change a host before its sshd starts: ``lab.host("web01", "10.77.1.10", nft_default_drop, sshd_hardened)``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

AUDITOR = "10.77.0.1"
USER = "audit"
TOOLS = ("ip", "nft", "unshare", "nsenter", "setpriv", "/usr/sbin/sshd", "ssh-keygen", "sudo", "visudo")
_ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
_EMPTIED = ("tmp", "run", "root", "home", "srv", "var/tmp", "var/log", "var/mail", "var/spool/cron")
"""Folders in which a host begins with nothing of what the root file system below it holds."""

# Runs as the first process of a host, in the host's folder: builds the root, lets go of ours, waits for the word.
_INIT = """
hostname "$1"
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root && cd root
mount -t proc proc proc && mount -t sysfs -o ro sysfs sys && mount -t tmpfs -o mode=755,size=1m tmpfs dev
for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "dev/${node%:*}" c 1 "${node#*:}"; done
mknod -m 666 dev/tty c 5 0 && ln -s /proc/self/fd dev/fd && ln -s fd/0 dev/stdin && ln -s pts/ptmx dev/ptmx
mkdir dev/pts dev/shm && mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mkdir -p .old && pivot_root . .old && umount -l .old && rmdir .old
echo ready && read -r word && exec /usr/sbin/sshd -D -e
"""
_NEW = """
rm -f /etc/sudoers.d/[!R]* /etc/resolv.conf /.dockerenv
mkdir -p -m 755 /run/sshd && chmod 1777 /tmp /var/tmp && useradd -m -s /bin/bash "$1"
install -m 664 -g utmp /dev/null /var/log/wtmp && install -m 664 -g utmp /dev/null /var/log/lastlog
mkdir -m 700 "/home/$1/.ssh" && printf '%s\\n' "$2" >"/home/$1/.ssh/authorized_keys" && chown -R "$1:" "/home/$1/.ssh"
"""
_OWN = """
rm -f /etc/ssh/ssh_host_* && ssh-keygen -q -t ed25519 -N '' -C '' -f /etc/ssh/ssh_host_ed25519_key
printf '%s\\n' "$1" >/etc/hostname && printf '127.0.0.1 localhost\\n%s %s\\n' "$2" "$1" >/etc/hosts
ip link set lo up; ip addr add "$2/16" dev eth0; ip addr add "$3" dev eth0 nodad; ip link set eth0 up
ip route add default via "$4"
"""


class Host:
    """One host: its name, its address, its pinned host key, and hands to change it with."""

    def __init__(self, name: str, address: str, process: subprocess.Popen[str], folder: Path) -> None:
        self.name, self.address, self.process = name, address, process
        self.upper = folder / "upper"
        """All that was ever written on the host, as seen from outside."""
        self.at_start: dict[str, str] = {}
        """Shell scripts that start services, by a word for each."""
        self._log = folder / "sshd.log"
        self._mark = 0.0
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        self._inside = ["nsenter", "-t", children.split()[0], "-m", "-u", "-i", "-n", "-p", "--", "env", "-i"]
        self._inside += [f"{key}={value}" for key, value in _ENV.items()]

    def run(self, *argv: str, text: str | None = None) -> str:
        """Run a program on the host as root; what it leaves running must have closed its output."""
        ended = subprocess.run([*self._inside, *argv], capture_output=True, text=True, input=text or "", check=False)
        if ended.returncode:
            raise RuntimeError(f"{self.name}: {argv[:3]} ended with {ended.returncode}: {ended.stderr[-2000:]}")
        return ended.stdout

    def sh(self, script: str, *words: str) -> str:
        """Run a shell script on the host, which stops at its first mistake."""
        return self.run("sh", "-ec", script, "sh", *words)

    def write(self, path: str, text: str, mode: str = "644") -> None:
        self.run("install", "-D", "-m", mode, "/dev/stdin", path, text=text)

    def host_key(self) -> str:
        """As an inventory pins it: 'ssh-ed25519 AAAA…'."""
        return " ".join(self.sh("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])

    def allow(self, sudoers: str) -> None:
        """Install a sudoers file, once visudo has read it."""
        self.run("visudo", "-cf", "/dev/stdin", text=sudoers)
        self.write("/etc/sudoers.d/capdo", sudoers, "440")

    def start(self) -> None:
        """Start services, let sshd become the first process, and wait until it listens."""
        for service in self.at_start.values():
            self.sh(service)
        print("go", file=self.process.stdin, flush=True)
        for _ in range(100):
            if "Server listening" in self._log.read_text():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"{self.name}: sshd did not start: {self._log.read_text()[-2000:]}")

    def mark(self) -> None:
        """From now on ``written`` counts."""
        self._mark = time.time()

    def written(self) -> list[str]:
        """Files that were written on the host since ``mark``, in order."""
        found = (path for path in self.upper.rglob("*") if not path.is_dir() or path.is_symlink())
        return sorted(str(path.relative_to(self.upper)) for path in found if path.lstat().st_ctime > self._mark)


Step = Callable[[Host], object]
"""A change of a host: see ``tests/host_steps.py``."""


class Lab:
    """The network and its hosts, as a context manager. ``key_file`` opens the account ``audit`` on each host."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="capdo-lab-"))
        self.key_file = self.folder / "key"
        self.hosts: dict[str, Host] = {}
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        try:
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(self.key_file)], check=True
            )
            (self.folder / "hosts").mkdir()
            script = 'mount -t tmpfs -o mode=755 tmpfs "$0" && echo ready && exec sleep infinity'
            words = ["unshare", "--net", "--mount", "sh", "-c", script, str(self.folder / "hosts")]
            self._control = self._start(words)
            self._memory = Path(f"/proc/{self._control.pid}/root{self.folder}/hosts")
            cable = "ip link set lo up; ip link add br0 type bridge; ip addr add $0/16 dev br0; ip link set br0 up"
            self.control("sh", "-ec", cable, AUDITOR)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        for process in reversed(self._started):  # a host's first process takes all others of the host with it
            process.kill()
            process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, words: Sequence[str], log: Path | None = None) -> subprocess.Popen[str]:
        """Start what must not outlive us, and wait for its first word."""
        with (log or Path(os.devnull)).open("wb") as told:
            pipe = subprocess.PIPE
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *words], stdin=pipe, stdout=pipe, stderr=told, text=True, env=_ENV
            )
        self._started.append(process)
        if not process.stdout or process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{words[:4]}: {log.read_text() if log else 'did not start'}")
        return process

    def control(self, *argv: str, timeout: float = 300, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program of this machine in the lab's network, where the auditor sits."""
        words = ["nsenter", "-t", str(self._control.pid), "-n", "--", *argv]
        return subprocess.run(words, capture_output=True, text=True, check=check, timeout=timeout, cwd=self.folder)

    def host(self, name: str, address: str, *steps: Step, root: Path = Path("/"), like: Host | None = None) -> Host:
        """A host changed by ``steps``, in their order; its sshd starts when ``Host.start`` is called.

        ``like``: begin as that host, not yet started, is now.
        """
        folder = self._memory / name
        for part in ("lower", "work", "root"):
            (folder / part).mkdir(parents=True)
        if like is not None:
            subprocess.run(["cp", "-a", str(like.upper), str(folder / "upper")], check=True)
        for part in _EMPTIED if like is None else ():
            (folder / "upper" / part).mkdir(parents=True, mode=0o755)
            os.setxattr(folder / "upper" / part, "trusted.overlay.opaque", b"y")
        place = f"{self.folder}/hosts/{name}"
        # A bind mount under a short name: the mount table of the host must not tell where this machine keeps things.
        script = f"set -e; cd {place}; mount --bind {root} lower;{_INIT}"
        spaces = ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "sh", "-c"]
        enter = ["nsenter", "-t", str(self._control.pid), "-m", "--"]
        process = self._start([*enter, *spaces, script, "sh", name], folder / "sshd.log")
        port = f"v{len(self.hosts)}"
        self.control("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(process.pid))
        self.control("ip", "link", "set", port, "master", "br0", "up")
        made = self.hosts[name] = Host(name, address, process, folder)
        if like is None:
            made.sh(_NEW, USER, self.key_file.with_suffix(".pub").read_text().strip())
        else:
            made.at_start |= like.at_start
        made.sh(_OWN, name, address, f"fd77::{':'.join(address.split('.')[2:])}/64", AUDITOR)
        for step in steps:
            step(made)
        return made
