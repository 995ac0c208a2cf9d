"""Records the evidence of ``inventory/example-province.yaml`` from real hosts. Needs root, debootstrap and a network.

    python -m tests.record_province [--roots DIR]

Debian 12 and 11 are bootstrapped from their archive (once: ``--roots`` keeps them), hosts are made of them by
``tests/hosts.py``, each as its recording says below, and ``audit.py collect`` looks at them over SSH, TLS and ICMP from
a network of their own. Each recording is made of the first target of the inventory that names it, with its own name
and address. What ended without evidence (a closed port, a refused login, a changed host key) really did.

Not real: the kernel is that of the machine that records, so ``uname`` and /boot are made to tell of Debian's own, and
its settings and confinement (AppArmor) are the same on all hosts; the packages are as old as their installation here,
so time stamps of three files are set back on hosts that count as restarted; lists of packages on hosts with a mirror
of their own are Debian's under the mirror's name; the backup disk is memory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.folder import pack
from auditor.strictyaml import load
from tests import host_steps as steps
from tests.hosts import USER, Host, Lab, Step
from tests.live.tls_lab import Pair, issue

log = logging.getLogger("record_province")
HERE = Path(__file__).parents[1]
PROVINCE = HERE / "inventory" / "example-province.yaml"
CAPDO = HERE / "inventory" / "recordings" / "example-province.capdo"
TIME, LOGS, MIRROR, DOMAIN = "10.77.0.53", "10.77.1.13", "kho.binh-minh.lan", "binh-minh.example"

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
    steps.sshd_config(f"MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com\n{steps.HARDENED}"),
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


@dataclass(frozen=True)
class Server:
    root: str
    steps: tuple[Step, ...]
    sudo: bool = True


SERVERS: Mapping[str, Server] = {
    "dc-nen": Server("patched", (*GOOD, filtered(outbound=True))),
    "dc-nhat-ky": Server("patched", (*GOOD, filtered(514, outbound=True), steps.clamd_stopped)),
    "dvc-web": Server("patched", (*GOOD, filtered(80, 443, outbound=True), steps.listens(443))),
    "dvc-csdl": Server("patched", (*GOOD, filtered(5432))),
    "vb-ung-dung": Server("patched", (*FAIR, filtered(80, 443), steps.restic_fresh, steps.noisy_profile)),
    "vb-csdl": Server("patched", (*FAIR, steps.ufw_active, steps.restic_40_days)),
    "thu-dien-tu": Server("bookworm", (*FAIR, steps.nft_ipv6_forgotten, steps.listens(993), steps.restic_fresh)),
    "hssk-ung-dung": Server("bookworm", (*BAD, steps.nft_open, steps.sshd_weak, steps.restic(6.2, 13.2), clock)),
    "hssk-csdl": Server("bookworm", (*FAIR, filtered(5432), steps.restic_fresh), sudo=False),
    "bv-ung-dung": Server("bullseye", (*BAD, files(0.4, 1.4, 2.4), steps.listens(80), cron)),
    "ke-toan": Server(
        "bookworm",
        (*BAD, steps.nft_open, steps.uid0_twin, steps.empty_password, files(12, 19, pattern="kt-%d.tar.gz")),
    ),
    "mc-suoi-xanh": Server("bookworm", (*BAD, steps.listens(23), steps.listens(21), steps.sshd_weak)),
    "truong-web": Server(
        "patched", (*FAIR, mirror, filtered(80, 443), steps.sshd_hardened, backup_disk, steps.restic_fresh)
    ),
}
TROUBLE = ("bv-csdl", "mc-minh-an", "mc-dong-moi")
"""Another host key, no answer, no such login."""
DEFENCES = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;"
OLD = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;"
LOSES = {"wan-suoi-xanh": "numgen random mod 100 < 20 drop", "wan-minh-an": "drop"}
"""Far ends of links that do not answer every echo."""


def web_servers(lab: Lab, roots: Mapping[str, Path], ca: Pair) -> dict[str, str]:
    """All TLS services on one host with a real nginx; gives the address of each name."""
    above = issue("Bình Minh Issuing CA", ca, ca=True, names=())
    certificates: dict[str, tuple[str, Pair, int, str]] = {
        "tls-dvc": ("dichvucong", issue("dichvucong", above, names=(f"dichvucong.{DOMAIN}",)), 443, DEFENCES),
        "tls-van-ban": ("vanban", issue("vanban", above, names=(f"vanban.{DOMAIN}",), days=(-80, 10)), 443, DEFENCES),
        "tls-thu": ("thu", issue("thu", above, names=(f"thu.{DOMAIN}",)), 993, DEFENCES),
        "tls-suc-khoe": ("suckhoe", issue("suckhoe", above, names=(f"suckhoe.{DOMAIN}",)), 443, OLD),
        "tls-benh-vien": ("benhvien", issue("benhvien", names=(f"benhvien.{DOMAIN}",), days=(-400, -35)), 443, OLD),
        "tls-truong": ("caodang", issue("caodang", above, names=(f"may-chu-7.{DOMAIN}",)), 443, DEFENCES),
    }
    addresses = {f"ketoan.{DOMAIN}": "10.77.40.99"}
    host = lab.host("web", "10.77.40.1", debian(), root=roots["patched"])
    parts = []
    for number, (name, pair, port, settings) in enumerate(certificates.values(), 11):
        address = addresses[f"{name}.{DOMAIN}"] = f"10.77.40.{number}"
        host.run("ip", "addr", "add", f"{address}/16", "dev", "eth0")
        host.write(f"/etc/nginx/{name}.crt", pair.chain_pem().decode())
        host.write(f"/etc/nginx/{name}.key", pair.key_pem().decode(), "600")
        held = f"ssl_certificate /etc/nginx/{name}.crt; ssl_certificate_key /etc/nginx/{name}.key;"
        parts.append(f"server {{ listen {address}:{port} ssl; {held} {settings} return 200; }}")
    host.sh("ip addr add 10.77.40.99/16 dev eth0; mkdir -p /var/log/nginx; rm -f /etc/nginx/sites-enabled/*")
    host.write("/etc/nginx/conf.d/all.conf", "\n".join(parts))
    host.sh("nginx >/dev/null 2>&1")
    return addresses


def servers(lab: Lab, roots: Mapping[str, Path], firsts: Mapping[str, dict[str, Any]]) -> None:
    timekeeper = lab.host("gio", TIME, root=roots["patched"])
    timekeeper.write("/etc/chrony/chrony.conf", "local stratum 3\nallow 10.77.0.0/16\n")
    timekeeper.sh("mkdir -p /run/chrony && chronyd -x >/dev/null 2>&1")
    for name, server in SERVERS.items():
        target = firsts[name]
        log.info("making %s", name)
        lab.host(target["id"], target["address"], *server.steps, root=roots[server.root])
    for name in TROUBLE:
        lab.host(firsts[name]["id"], firsts[name]["address"], root=roots["bookworm"])
    for name in (name for name, first in firsts.items() if "target" in first):
        far = lab.host(name, firsts[name]["target"], root=roots["bookworm"])
        rule = f"icmp type echo-request {LOSES.get(name, 'accept')}"
        chain = f"chain i {{\n type filter hook input priority 0;\n {rule}\n}}"
        far.run("nft", "-f", "-", text=f"table inet wan {{\n{chain}\n}}\n")


def inventory(lab: Lab, raw: Mapping[str, Any], firsts: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The province's inventory with one target a recording, to be looked at for real."""
    made = {key: raw[key] for key in ("province", "groups", "agencies", "authorities", "systems", "sites")}
    for section in ("servers", "services", "links"):
        made[section] = []
        for name, first in firsts.items():
            if first not in raw[section]:
                continue
            entry = {
                key: value for key, value in first.items() if key not in ("connect", "recording", "runs_on", "backup")
            }
            entry["id"] = name
            if section == "servers":
                host = lab.hosts[first["id"]]
                other = lab.hosts["web"]
                key = other.host_key() if name == "bv-csdl" else host.host_key()
                entry["ssh"] = {
                    "user": "kiemtra" if name == "mc-dong-moi" else USER,
                    "key_file": "~/key",
                    "host_key": key,
                }
            elif section == "services":
                entry["tls"] = {"trust": ["~/ca.pem"]}
            made[section].append(entry)
    return made


def record(lab: Lab, roots: Mapping[str, Path]) -> None:
    raw = load(PROVINCE).data
    firsts: dict[str, dict[str, Any]] = {}
    for section in ("servers", "services", "links"):
        for entry in raw[section]:
            firsts.setdefault(entry["recording"], entry)
    ca = issue("Bình Minh Root CA", ca=True, names=(), days=(-400, 3000))
    (lab.folder / "ca.pem").write_bytes(ca.chain_pem())
    servers(lab, roots, firsts)
    addresses = web_servers(lab, roots, ca)
    (lab.folder / "names").write_text("".join(f"{address} {name}\n" for name, address in addresses.items()))
    (lab.folder / "inventory.yaml").write_text(json.dumps(inventory(lab, raw, firsts), default=str))
    audit = (sys.executable, str(HERE / "audit.py"))
    lab.control(*audit, "sudoers", "inventory.yaml", "--out", "sudoers")
    for name, server in SERVERS.items():
        host = lab.hosts[firsts[name]["id"]]
        if server.sudo:
            host.allow((lab.folder / "sudoers" / name).read_text())
        host.start()
    for name in TROUBLE:
        if name != "mc-minh-an":
            lab.hosts[firsts[name]["id"]].start()
    time.sleep(12)  # chrony needs a few answers before it calls itself synchronised
    log.info("collecting")
    script = 'mount --bind names /etc/hosts && HOME="$PWD" exec "$@"'
    words = ("unshare", "--mount", "sh", "-ec", script, "sh", *audit, "collect", "inventory.yaml", "--out", "evidence")
    ended = lab.control(*words, check=False)
    if ended.returncode != 3:  # some are there to end without evidence
        raise RuntimeError(ended.stderr)
    CAPDO.parent.mkdir(exist_ok=True)
    pack(lab.folder / "evidence", CAPDO)
    CAPDO.chmod(0o644)
    log.info("%s: %d bytes", CAPDO, CAPDO.stat().st_size)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--roots", type=Path, default=Path("/var/tmp/capdo-roots"), help="where Debian is bootstrapped")
    roots = bootstrap(words.parse_args().roots)
    with contextlib.ExitStack() as stack:
        record(stack.enter_context(Lab()), roots)


if __name__ == "__main__":
    main()
