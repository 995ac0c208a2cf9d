"""The servers of the example province: where their Debian comes from, and what is good or bad about each."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests import host_steps as steps
from tests.hosts import Host, Step

log = logging.getLogger("record_province")
TIME, LOGS, MIRROR = "10.77.0.53", "10.77.1.13", "kho.binh-minh.lan"

# --- the root file systems ----------------------------------------------------------------------------------------

_COMMON = "openssh-server sudo nftables iptables iproute2 procps systemd cron logrotate rsyslog"
_BOOKWORM = "chrony libpam-pwquality restic clamav-daemon clamav-freshclam unattended-upgrades nginx-light ufw"
_BOOTSTRAP = """
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
refuse() { printf '#!/bin/sh\\nexit 101\\n' >"$1/usr/sbin/policy-rc.d"; chmod +x "$1/usr/sbin/policy-rc.d"; }
debootstrap --variant=minbase "$1" "$2.part" http://deb.debian.org/debian
refuse "$2.part"; chroot "$2.part" apt-get install -qq --no-install-recommends $3
cd "$2.part/etc/apt"; rm -f sources.list.d/*
for suite in "debian $1" "debian $1-updates" "debian-security $1-security"; do
    echo "deb http://deb.debian.org/$suite main"
done >sources.list
chroot "$2.part" apt-get -qq update
if [ "$4" = upgraded ]; then chroot "$2.part" apt-get -qq dist-upgrade; fi
rm -rf "$2.part/usr/sbin/policy-rc.d" "$2.part"/var/log/apt "$2.part"/var/cache/apt/archives/*.deb
mv "$2.part" "$2"
"""
_ROOTS = {
    "patched": ("bookworm", f"{_COMMON} {_BOOKWORM}", "upgraded"),
    "bookworm": ("bookworm", f"{_COMMON} {_BOOKWORM}", ""),
    "bullseye": ("bullseye", _COMMON, ""),
}


def bootstrap(folder: Path) -> dict[str, Path]:
    """The root file systems, made where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {name: folder / name for name in _ROOTS}
    for name, words in _ROOTS.items():
        if not made[name].exists():
            log.info("bootstrapping %s", name)
            subprocess.run(["sh", "-ec", _BOOTSTRAP, "sh", words[0], str(made[name]), *words[1:]], check=True)
    return made


# --- what the hosts are like --------------------------------------------------------------------------------------


def debian(*, restarted: bool = True) -> Step:
    """A kernel of Debian's, running or waiting for a restart."""

    def step(host: Host) -> None:
        newest = host.sh("apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: linux-image-//p'").strip()
        older = re.sub(r"-(\d+)-", lambda found: f"-{int(found[1]) - 4}-", newest)
        running = newest if restarted else older
        host.sh('for one; do touch "/boot/vmlinuz-$one" "/boot/initrd.img-$one"; done', older, newest)
        host.sh("mv /usr/bin/uname /usr/bin/uname.kernel")
        told = os.uname().release.replace(".", r"\.")
        host.write("/usr/bin/uname", f"#!/bin/sh\n/usr/bin/uname.kernel \"$@\" | sed 's/{told}/{running}/'\n", "755")
        if restarted:
            host.sh("cd /var/lib/dpkg/info; for one in libc6 libssl dbus; do touch -c -d '9 days ago' $one*.list; done")

    return step


def mirror(host: Host) -> None:
    """The lists of packages come from the province's own mirror."""
    host.sh(
        f"""
        sed -i 's/deb\\.debian\\.org/{MIRROR}/' /etc/apt/sources.list; cd /var/lib/apt/lists
        for file in deb.debian.org_*; do mv "$file" "{MIRROR}${{file#deb.debian.org}}"; done
        """
    )


def unattended(host: Host) -> None:
    host.write(
        "/etc/apt/apt.conf.d/20auto-upgrades",
        'APT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";\n',
    )


def filtered(*ports: int, outbound: bool = False) -> Step:
    """SSH from the auditor, these ports from everywhere, nothing else; outbound only within the province."""
    own = steps.SSH_FROM_AUDITOR
    if ports:
        own += f"\n        tcp dport {{ {', '.join(map(str, ports))} }} accept"
    if outbound:
        own += """
    }
    chain output {
        type filter hook output priority 0; policy drop;
        oifname "lo" accept
        ct state established,related accept
        ip daddr 10.77.0.0/16 accept
        meta l4proto ipv6-icmp accept"""
    return steps.nft(own=own)


def backup_disk(host: Host) -> None:
    host.sh("mkdir -p /srv/sao-luu && mount -t tmpfs -o size=64m /dev/vdb1 /srv/sao-luu")


def clock(host: Host) -> None:
    """chrony follows the province's time server. It measures only: the clock belongs to the recording machine."""
    host.write(
        "/etc/chrony/chrony.conf", f"server {TIME} iburst minpoll 0 maxpoll 2\ndriftfile /var/lib/chrony/drift\n"
    )
    host.at_start["clock"] = "mkdir -p /run/chrony && chronyd -x >/dev/null 2>&1"


def logs(*, forward: bool = True, weeks: int = 60) -> Step:
    """rsyslog, without the kernel's messages: those are of the recording machine."""

    def step(host: Host) -> None:
        host.sh("sed -i '/imklog/d' /etc/rsyslog.conf")
        host.sh(f"sed -i 's/rotate 4/rotate {weeks}/' /etc/logrotate.d/rsyslog /etc/logrotate.d/ufw")
        if forward:
            host.write("/etc/rsyslog.d/60-tap-trung.conf", f"*.* @@{LOGS}:514\n")
        host.at_start["logs"] = "rsyslogd >/dev/null 2>&1"

    return step


def passwords(host: Host) -> None:
    """Length, history, lockout, and an end to idle sessions."""
    host.write("/etc/security/pwquality.conf", "minlen = 14\nminclass = 3\nenforce_for_root\n")
    host.write("/etc/security/faillock.conf", "deny = 5\nunlock_time = 900\n")
    host.sh(
        """
        cd /etc/pam.d
        sed -i '0,/^auth/s//auth required pam_faillock.so preauth\\nauth/' common-auth
        sed -i '/pam_deny.so/i auth [default=die] pam_faillock.so authfail' common-auth
        sed -i '0,/^account/s//account required pam_faillock.so\\naccount/' common-account
        sed -i '/pam_unix.so/i password required pam_pwhistory.so remember=10 use_authtok' common-password
        printf 'readonly TMOUT=600\\nexport TMOUT\\n' >/etc/profile.d/tmout.sh
        """
    )


def sysctls(host: Host) -> None:
    """Those that a network namespace has of its own."""
    host.at_start["sysctls"] = """
    for port in all default eth0; do
        for way in ipv4 ipv6; do
            cd /proc/sys/net/$way/conf/$port && echo 0 >accept_redirects && echo 0 >accept_source_route
        done
        echo 1 >/proc/sys/net/ipv4/conf/$port/rp_filter
    done
    """


def people(host: Host) -> None:
    """An administrator with a password of last month, which no words match."""
    host.sh("useradd -m -s /bin/bash -G sudo -c 'Quan tri' -p \"$1\" quantri", f"$6$binhminh${'.' * 86}")
    host.sh("chage -d $(date -d '20 days ago' +%F) quantri")


def files(*ages: float, pattern: str = "sao-luu-%d.sql.gz") -> Step:
    """Backup files of these ages in days."""

    def step(host: Host) -> None:
        for number, age in enumerate(ages):
            at = int(time.time() - age * 86400)
            name = f"/srv/sao-luu/{pattern % number}"
            host.sh('mkdir -p /srv/sao-luu; head -c "$1" /dev/zero >"$2"; touch -d "@$3" "$2"', "40000", name, str(at))

    return step


def cron(host: Host) -> None:
    host.at_start["cron"] = "cron"


UPDATES = "17 */4 * * * root /usr/bin/freshclam --quiet"
GOOD: tuple[Step, ...] = (
    debian(),
    mirror,
    unattended,
    clock,
    logs(),
    passwords,
    people,
    sysctls,
    cron,
    steps.clamav(),
    steps.crontab(UPDATES),
    backup_disk,
    steps.restic_fresh,
)
FAIR: tuple[Step, ...] = (
    debian(restarted=False),
    unattended,
    people,
    cron,
    logs(forward=False, weeks=13),
    clock,
    steps.clamav(days=12),
    steps.crontab(UPDATES),
)
BAD: tuple[Step, ...] = (debian(restarted=False), people)


SECURE = steps.sshd_config(f"MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com\n{steps.HARDENED}")
OUTDATED = """\
HostKey /etc/ssh/ssh_host_ed25519_key
HostKey /etc/ssh/ssh_host_rsa_key
HostKeyAlgorithms +ssh-rsa
RequiredRSASize 1024
KexAlgorithms +diffie-hellman-group14-sha1,diffie-hellman-group1-sha1
Ciphers +aes128-cbc,3des-cbc
MACs +hmac-md5,hmac-sha1-96
"""


def sshd_outdated(host: Host) -> None:
    """Whatever some old client might want."""
    host.sh("ssh-keygen -q -t rsa -b 1024 -N '' -C '' -f /etc/ssh/ssh_host_rsa_key")
    steps.sshd_config(OUTDATED)(host)


@dataclass(frozen=True)
class Server:
    root: str
    seen: tuple[Step, ...] = ()
    """What the network can see."""
    steps: tuple[Step, ...] = ()
    """What only a login shows."""
    sudo: bool = True


SERVERS: Mapping[str, Server] = {
    "dc-nen": Server("patched", (SECURE, filtered(outbound=True)), GOOD),
    "dc-nhat-ky": Server("patched", (SECURE, filtered(514, outbound=True)), (*GOOD, steps.clamd_stopped)),
    "dvc-web": Server("patched", (SECURE, filtered(80, 443, outbound=True), steps.listens(443)), GOOD),
    "dvc-csdl": Server("patched", (SECURE, filtered(5432)), GOOD),
    "vb-ung-dung": Server("patched", (filtered(80, 443),), (*FAIR, steps.restic_fresh, steps.noisy_profile)),
    "vb-csdl": Server("patched", (steps.ufw_active,), (*FAIR, steps.restic_40_days)),
    "thu-dien-tu": Server("bookworm", (steps.nft_ipv6_forgotten, steps.listens(993)), (*FAIR, steps.restic_fresh)),
    "hssk-ung-dung": Server("bookworm", (steps.nft_open, steps.sshd_weak), (*BAD, steps.restic(6.2, 13.2), clock)),
    "hssk-csdl": Server("bookworm", (filtered(5432),), (*FAIR, steps.restic_fresh), sudo=False),
    "bv-ung-dung": Server("bullseye", (steps.listens(80),), (*BAD, files(0.4, 1.4, 2.4), cron)),
    "ke-toan": Server(
        "bookworm",
        (steps.nft_open,),
        (*BAD, steps.uid0_twin, steps.empty_password, files(12, 19, pattern="kt-%d.tar.gz")),
    ),
    "mc-suoi-xanh": Server("bookworm", (steps.listens(23), steps.listens(21), steps.sshd_weak), BAD),
    "truong-web": Server(
        "patched", (filtered(80, 443), steps.sshd_hardened), (*FAIR, mirror, backup_disk, steps.restic_fresh)
    ),
}
TWINS = {
    "dc-nen02": "dc-nen",
    "dc-nen03": "dc-nen",
    "dvc-web02": "dvc-web",
    "lt-csdl": "dvc-csdl",
    "hssk-ung-dung02": "vb-ung-dung",
}
"""Recordings of machines that were set up as another was."""
CLONES = ("dvc-web02",)
"""Twins made from the other's disk, with its host keys."""
TROUBLE: Mapping[str, tuple[Step, ...]] = {"bv-csdl": (sshd_outdated,), "mc-minh-an": (), "mc-dong-moi": ()}
"""Another host key, no answer, no such login."""
BESIDE = {"bv-csdl": "database", "mc-dong-moi": "old", "wan-suoi-xanh": "router"}
"""What else answers there; see ``tests/province_services.py``."""
LOSES = {"wan-suoi-xanh": "numgen random mod 100 < 20 drop"}
"""Far ends of links that do not answer every echo."""
