"""Steps: what can be good or bad about a host of ``tests/hosts.py``, done to it as an administrator would."""

from __future__ import annotations

import time

from tests.hosts import AUDITOR, Host, Step

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
        host.sh("systemctl -q enable nftables.service")
        host.at_start["firewall"] = "nft -f /etc/nftables.conf"

    return step


nft_default_drop = nft()
nft_open = nft(policy="accept")
nft_ipv6_forgotten = nft(family="ip", own=SSH_FROM_AUDITOR)


def ufw_active(host: Host) -> None:
    host.sh(f"systemctl -q disable nftables.service; ufw allow from {AUDITOR} to any port 22 proto tcp")
    host.at_start["firewall"] = "ufw --force enable"


def sshd_config(text: str) -> Step:
    """Settings that win over those of the file below, as the first of each counts."""
    return lambda host: host.write("/etc/ssh/sshd_config.d/00-own.conf", text)


sshd_weak = sshd_config("PermitRootLogin yes\nPermitEmptyPasswords yes\nCiphers +aes128-cbc\nMaxAuthTries 10\n")
HARDENED = """\
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxAuthTries 3
ClientAliveInterval 100
ClientAliveCountMax 3
X11Forwarding no
"""
sshd_hardened = sshd_config(HARDENED)


def restic(*ages: float, repo: str = "/srv/sao-luu") -> Step:
    """A restic repository with one snapshot of /etc/ssh for each of these ages in days."""
    script = """
    mkdir -p "$1" && rm -rf "$1"/* && printf 'mot mat khau vo hai\\n' >/root/.restic && chmod 600 /root/.restic
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
        told = "Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\nVersion: 12"
        host.sh("rm -rf /etc/apt/sources.list.d /var/lib/apt/lists/* && mkdir -p /srv/kho && chmod 755 /srv /srv/kho")
        host.write("/srv/kho/Packages", entry if offers else "")
        host.write("/srv/kho/Release", f"{told}\nDate: {dated}\n")
        host.write("/etc/apt/sources.list", "deb [trusted=yes] file:/srv/kho ./\n")
        host.sh("apt-get -qq update >/dev/null 2>&1")

    return step


lists_stale = archive(days=40)


_CLAMD = """\
DatabaseDirectory /var/lib/own-db
LocalSocket /run/clamd.ctl
User root
OnAccessIncludePath /home
OnAccessExcludeRootUID yes
"""


def clamav(*, days: float = 0.5) -> Step:
    """clamd and its scanner on access, with a small database of their own.

    ``daily.cvd`` beside it has a true header of that age, and nothing behind it: real ones cannot be carried around.
    """

    def step(host: Host) -> None:
        built = int(time.time() - days * 86400)
        day = time.strftime("%d %b %Y %H-%M +0000", time.gmtime(built))
        header = f"ClamAV-VDB:{day}:27800:2000000:90:{'0' * 32}:x:made-by-the-lab:{built}"
        host.sh("rm -rf /var/lib/clamav && mkdir -p -m 755 /var/lib/clamav /var/lib/own-db")
        host.write("/var/lib/clamav/daily.cvd", header.ljust(512))
        host.write("/var/lib/own-db/own.hdb", "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test\n")
        host.write("/etc/own-clamd.conf", _CLAMD)
        host.at_start["clamd"] = "clamd -c /etc/own-clamd.conf >/dev/null 2>&1"
        host.at_start["clamonacc"] = "clamonacc -c /etc/own-clamd.conf >/dev/null 2>&1"

    return step


def clamd_stopped(host: Host) -> None:
    for service in ("clamonacc", "clamd"):
        host.at_start.pop(service)


def crontab(line: str) -> Step:
    return lambda host: host.write("/etc/cron.d/own", f"{line}\n")


def script(text: str) -> Step:
    """Any other change, in words of the shell."""
    return lambda host: host.sh(text)


uid0_twin = script("useradd -o -u 0 -g 0 -M -N toor")
empty_password = script("useradd -m -s /bin/bash khach && passwd -q -d khach")
noisy_profile = script(r"""
cd /etc; printf 'Chào mừng đến máy chủ của Tỉnh Bình Minh\n@ 1 2 3\n' | tee motd issue.net >noise.txt
printf 'Banner /etc/issue.net\nPrintMotd yes\n' >ssh/sshd_config.d/99-noise.conf
printf '%s\n' 'export LANG=vi_VN.UTF-8 LC_ALL=vi_VN.UTF-8 LS_COLORS="*=01;31" GREP_OPTIONS=-n; cat /etc/noise.txt' \
    'echo "lỗi cấu hình" >&2; alias ls="ls -F"; cat() { echo sai; }; cd /tmp' >profile.d/99-noise.sh
printf '. /etc/profile.d/99-noise.sh\n' >/home/audit/.bash_profile
sed -i '1i . /etc/profile.d/99-noise.sh' /home/audit/.bashrc
""")
"""A greeting, and rc files of a careless administrator in another language."""


def listens(port: int) -> Step:
    """Something answers at that TCP port: a second sshd is at hand everywhere."""

    def step(host: Host) -> None:
        host.at_start[f"port-{port}"] = f"/usr/sbin/sshd -o PidFile=none -p {port}"

    return step
