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
mknod -m 666 dev/tty c 5 0 && ln -s /proc/self/fd dev/fd && ln -s fd/0 dev/stdin && ln -s pts/ptmx dev/ptmx && mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts && mkdir -p .old && pivot_root . .old
umount -l .old && rmdir .old && echo ready && read -r word && exec /usr/sbin/sshd -D -e
"""
_BASE = """
rm -f /etc/ssh/ssh_host_* /etc/sudoers.d/[!R]* /etc/resolv.conf
ssh-keygen -q -t ed25519 -N '' -C '' -f /etc/ssh/ssh_host_ed25519_key
mkdir -p -m 755 /run/sshd /var/log/apt && mkdir -p -m 1777 /tmp /var/tmp
printf '%s\\n' "$1" >/etc/hostname && printf '127.0.0.1 localhost\\n%s %s\\n' "$2" "$1" >/etc/hosts
useradd -m -s /bin/bash "$3"
mkdir -m 700 "/home/$3/.ssh" && printf '%s\\n' "$4" >"/home/$3/.ssh/authorized_keys" && chown -R "$3:" "/home/$3/.ssh"
"""


class Host:
    """One host: its name, its address, its pinned host key, and hands to change it with."""

    def __init__(self, name: str, address: str, process: subprocess.Popen[str], folder: Path) -> None:
        self.name, self.address, self.process = name, address, process
        self.upper = folder / "upper"
        """All that was ever written on the host, as seen from outside."""
        self._log = folder / "sshd.log"
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
        """Let sshd become the first process, and wait until it listens."""
        print("go", file=self.process.stdin, flush=True)  # noqa: T201
        for _ in range(100):
            if "Server listening" in self._log.read_text():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"{self.name}: sshd did not start: {self._log.read_text()[-2000:]}")


Step = Callable[[Host], object]


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
            self.control("sh", "-ec", f"ip link set lo up; ip link add br0 type bridge; ip addr add {AUDITOR}/16 dev br0")
            self.control("ip", "link", "set", "br0", "up")
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

    def host(self, name: str, address: str, *steps: Step, root: Path = Path("/")) -> Host:
        """A host changed by ``steps``, in their order; its sshd starts when ``Host.start`` is called."""
        folder = self._memory / name
        for part in ("lower", "upper", "work", "root"):
            (folder / part).mkdir(parents=True)
        for part in _EMPTIED:
            (folder / "upper" / part).mkdir(parents=True, mode=0o755)
            os.setxattr(folder / "upper" / part, "trusted.overlay.opaque", b"y")
        place = f"{self.folder}/hosts/{name}"
        # A bind mount under a short name: the mount table of the host must not tell where this machine keeps things.
        script = f"set -e; cd {place}; mount --bind {root} lower;{_INIT}"
        spaces = "unshare --net --mount --uts --ipc --pid --fork --kill-child sh -c".split()
        enter = ["nsenter", "-t", str(self._control.pid), "-m", "--"]
        process = self._start([*enter, *spaces, script, "sh", name], folder / "sshd.log")
        port = f"v{len(self.hosts)}"
        self.control("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(process.pid))
        self.control("ip", "link", "set", port, "master", "br0", "up")
        made = self.hosts[name] = Host(name, address, process, folder)
        own = f"fd77::{':'.join(address.split('.')[2:])}/64"
        cable = "ip link set lo up; ip addr add $1/16 dev eth0; ip addr add $2 dev eth0 nodad; ip link set eth0 up;"
        made.sh(f"{cable} ip route add default via {AUDITOR}", address, own)
        made.sh(_BASE, name, address, USER, self.key_file.with_suffix(".pub").read_text().strip())
        for step in steps:
            step(made)
        return made


# --- steps: what can be good or bad about a host ------------------------------------------------------------------

_CLOSED = """
flush ruleset
table {family} filter {{
    chain input {{
        type filter hook input priority 0; policy {policy};
        iifname "lo" accept
        ct state established,related accept
        meta l4proto {{ icmp, ipv6-icmp }} accept
        {own}
    }}
}}
"""
SSH_FROM_AUDITOR = f"ip saddr {AUDITOR} tcp dport 22 accept"


def nft(own: str = SSH_FROM_AUDITOR, policy: str = "drop", family: str = "inet") -> Step:
    """A packet filter, loaded now and at each start."""

    def step(host: Host) -> None:
        host.write("/etc/nftables.conf", _CLOSED.format(own=own, policy=policy, family=family))
        host.sh("nft -f /etc/nftables.conf && systemctl -q enable nftables.service")

    return step


nft_default_drop = nft()
nft_open = nft(policy="accept")
nft_ipv6_forgotten = nft(family="ip", own=SSH_FROM_AUDITOR)


def ufw_active(host: Host) -> None:
    host.sh(f"ufw --force reset; ufw allow from {AUDITOR} to any port 22 proto tcp; ufw --force enable")


def sshd_config(text: str) -> Step:
    """Settings that win over those of the file below, as the first of each counts."""
    return lambda host: host.write("/etc/ssh/sshd_config.d/00-own.conf", text)


sshd_weak = sshd_config("PermitRootLogin yes\nPermitEmptyPasswords yes\nCiphers +aes128-cbc\nMaxAuthTries 10\n")
sshd_hardened = sshd_config(
    "PermitRootLogin no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxAuthTries 3\n"
    "ClientAliveInterval 100\nClientAliveCountMax 3\nX11Forwarding no\n"
)


def restic(*ages: float, repo: str = "/srv/sao-luu", host_name: str = "") -> Step:
    """A restic repository with one snapshot of /etc/ssh for each of these ages in days."""
    script = """
    mkdir -p "$1" && printf 'mot mat khau vo hai\\n' >/root/.restic && chmod 600 /root/.restic
    export RESTIC_REPOSITORY="$1" RESTIC_PASSWORD_FILE=/root/.restic HOME=/root; shift
    restic -q --no-cache init
    for day; do restic -q --no-cache backup --time "$day" /etc/ssh/sshd_config.d /etc/pam.d; done
    """
    days = [time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - age * 86400)) for age in ages]
    return lambda host: host.sh(script, repo, *days)


restic_fresh = restic(3.3, 2.3, 1.3, 0.3)
restic_40_days = restic(43.3, 42.3, 41.3, 40.3)


def archive(*, days: float = 0, offers: str = "") -> Step:
    """The only source of packages: a security archive of our own, of that age, with a newer ``offers`` if named."""

    def step(host: Host) -> None:
        dated = time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime(time.time() - days * 86400))
        entry = f"Package: {offers}\nVersion: 99\nArchitecture: all\nFilename: none.deb\nSize: 1\nMD5sum: {'0' * 32}\n"
        told = "Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\nCodename: bookworm-security"
        host.sh("rm -rf /etc/apt/sources.list.d /var/lib/apt/lists/* && mkdir -p /srv/kho && chmod 755 /srv /srv/kho")
        host.write("/srv/kho/Packages", entry if offers else "")
        host.write("/srv/kho/Release", f"{told}\nDate: {dated}\n")
        host.write("/etc/apt/sources.list", "deb [trusted=yes] file:/srv/kho ./\n")
        host.sh("apt-get -qq update >/dev/null 2>&1")

    return step


lists_stale = archive(days=40)


def clamav(*, days: float = 0.5, running: bool = True) -> Step:
    """ClamAV with a small database of its own; ``daily.cvd`` has a true header of that age, and nothing behind it."""

    def step(host: Host) -> None:
        built = int(time.time() - days * 86400)
        day = time.strftime("%d %b %Y %H-%M +0000", time.gmtime(built))
        header = f"ClamAV-VDB:{day}:27800:2000000:90:{'0' * 32}:x:made-by-the-lab:{built}"
        host.sh("rm -rf /var/lib/clamav && mkdir -p -m 755 /var/lib/clamav /var/lib/own-db")
        host.write("/var/lib/clamav/daily.cvd", header.ljust(512))
        host.write("/var/lib/own-db/own.hdb", f"{'44d88612fea8a8f36de82e1278abb02f'}:68:Eicar-Test\n")
        if running:
            own = "DatabaseDirectory /var/lib/own-db\nLocalSocket /run/clamd.ctl\nUser root\n"
            host.write("/etc/own-clamd.conf", own)
            host.sh("clamd -c /etc/own-clamd.conf >/dev/null 2>&1")

    return step


def crontab(line: str) -> Step:
    return lambda host: host.write("/etc/cron.d/own", f"{line}\n")


def script(text: str) -> Step:
    """Any other change, in words of the shell."""
    return lambda host: host.sh(text)


uid0_twin = script("useradd -o -u 0 -g 0 -M -N toor")
empty_password = script("useradd -m -s /bin/bash khach && passwd -q -d khach")
noisy_profile = script("""
printf 'Chào mừng đến máy chủ của Tỉnh Bình Minh\\n@ 1 2 3\\n' | tee /etc/motd /etc/issue.net >/etc/profile.d/00-banner.txt
printf 'Banner /etc/issue.net\\nPrintMotd yes\\n' >/etc/ssh/sshd_config.d/99-noise.conf
noise='export LANG=vi_VN.UTF-8 LC_ALL=vi_VN.UTF-8; cat /etc/profile.d/00-banner.txt; echo "lỗi cấu hình" >&2; alias ls="ls -F"'
printf '%s\\n' "$noise" >/etc/profile.d/99-noise.sh
cat /etc/profile.d/99-noise.sh /home/audit/.bashrc >/tmp/rc && cat /tmp/rc >/home/audit/.bashrc && rm /tmp/rc
""")
