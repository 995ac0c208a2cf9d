"""Records the evidence of ``inventory/example-province.yaml`` from real hosts. Needs root, debootstrap and a network.

    python -m tests.record_province [--roots DIR] [--network-only]

Debian 12 and 11 are bootstrapped from their archive (once: ``--roots`` keeps them), hosts are made of them by
``tests/hosts.py`` as ``tests/province_hosts.py`` says, and all collectors look at them from a network of their own, in
which ``tests/province_services.py`` runs what has no place on them. Each recording is made of the first target of the
inventory that names it, with its own name and address. What ended without evidence (no answer, a refused login, a
changed host key) really did. ``--network-only`` records anew what is seen without a login, on hosts that are made
without what only a login shows, and keeps the rest of the recording that is there.

Not real: the kernel is that of the machine that records, so ``uname`` and /boot are made to tell of Debian's own, and
its settings and confinement (AppArmor) are the same on all hosts; the packages are as old as their installation here,
so time stamps of three files are set back on hosts that count as restarted; lists of packages on hosts with a mirror
of their own are Debian's under the mirror's name; the backup disk is memory. What a login shows of ``TWINS`` is what it
shows of the machine that each is alike to: only the network looks at them.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from auditor.folder import EvidenceFolder, FolderWriter, pack
from auditor.strictyaml import load
from tests.hosts import USER, Host, Lab
from tests.province_hosts import BESIDE, CLONES, LOSES, SERVERS, TIME, TROUBLE, TWINS, bootstrap
from tests.province_services import ADDRESSES

log = logging.getLogger("record_province")
HERE = Path(__file__).parents[1]
PROVINCE = HERE / "inventory" / "example-province.yaml"
CAPDO = HERE / "inventory" / "recordings" / "example-province.capdo"
NETWORK = ("tls.prober", "web.http", "dns.domain", "ssh.kexinit", "ports.nmap")
"""Collectors that need no login."""


def beside(lab: Lab, host: Host, mode: str) -> None:
    """Start what ``tests/province_services.py`` has for a host."""
    folder = lab.folder / "beside" / host.name
    folder.mkdir(parents=True)
    # Some look up who calls before they say a word, and nobody would answer them here.
    (folder / "hosts").write_text("127.0.0.1 localhost\n10.77.0.1 kiem-tra\n")
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    known = f'for one in hosts resolv.conf; do mount --bind {folder}/$one /etc/$one; done; exec "$@"'
    inside = ["nsenter", "-t", str(host.process.pid), "-n", "unshare", "--mount", "--pid", "--fork", "--kill-child"]
    program = [sys.executable, "-m", "tests.province_services", mode, str(folder)]
    lab._start([*inside, "sh", "-ec", known, "sh", *program], lab.folder / "beside.log")


def servers(lab: Lab, roots: Mapping[str, Path], firsts: Mapping[str, dict[str, Any]], *, whole: bool) -> None:
    timekeeper = lab.host("gio", TIME, root=roots["patched"])
    timekeeper.write("/etc/chrony/chrony.conf", "local stratum 3\nallow 10.77.0.0/16\n")
    timekeeper.sh("mkdir -p /run/chrony && chronyd -x >/dev/null 2>&1")
    for name, server in SERVERS.items():
        target = firsts[name]
        log.info("making %s", name)
        own = (*server.steps, *server.seen) if whole else server.seen
        lab.host(target["id"], target["address"], *own, root=roots[server.root])
    for name, model in TWINS.items():
        twin = lab.host(firsts[name]["id"], firsts[name]["address"], *SERVERS[model].seen, root=roots["patched"])
        if name in CLONES:
            key = lab.hosts[firsts[model]["id"]].sh("cat /etc/ssh/ssh_host_ed25519_key")
            twin.write("/etc/ssh/ssh_host_ed25519_key", key, "600")
    for name, own in TROUBLE.items():
        lab.host(firsts[name]["id"], firsts[name]["address"], *own, root=roots["bookworm"])
    for name in (name for name, first in firsts.items() if "target" in first):
        far = lab.host(name, firsts[name]["target"], root=roots["bookworm"])
        rule = f"icmp type echo-request {LOSES.get(name, 'accept')}"
        chain = f"chain i {{\n type filter hook input priority 0;\n {rule}\n}}"
        far.run("nft", "-f", "-", text=f"table inet wan {{\n{chain}\n}}\n")
    lab.hosts[firsts["mc-minh-an"]["id"]].sh("ip link set eth0 down")
    lab.hosts["wan-minh-an"].sh("ip link set eth0 down")


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
                key = lab.hosts["web"].host_key() if name == "bv-csdl" else host.host_key()
                entry["ssh"] = {
                    "user": "kiemtra" if name == "mc-dong-moi" else USER,
                    "key_file": "~/key",
                    "host_key": key,
                }
            elif section == "services":
                entry["tls"] = {"trust": ["~/beside/web/trust"]}
            made[section].append(entry)
    return made


_GATHER = """
import sys
from pathlib import Path
from auditor import registry
from auditor.inventories import load_inventory
from auditor.pipeline import gather

made = registry.collectors()
topics = frozenset(made[name].evidence.topic for name in sys.argv[1:]) or None
gather(load_inventory(Path("inventory.yaml")), Path("evidence"), topics=topics)
"""


def looked(lab: Lab, raw: Mapping[str, Any], firsts: Mapping[str, dict[str, Any]], *, whole: bool) -> None:
    """Start the hosts and look at them, into the folder ``evidence`` of the lab."""
    (lab.folder / "names").write_text("".join(f"{address} {name}\n" for name, address in ADDRESSES.items()))
    (lab.folder / "inventory.yaml").write_text(json.dumps(inventory(lab, raw, firsts), default=str))
    if whole:
        lab.control(sys.executable, str(HERE / "audit.py"), "sudoers", "inventory.yaml", "--out", "sudoers")
    for name, first in firsts.items():
        if name in (*SERVERS, *TWINS, *TROUBLE) and name != "mc-minh-an":
            if whole and name in SERVERS and SERVERS[name].sudo:
                lab.hosts[first["id"]].allow((lab.folder / "sudoers" / name).read_text())
            lab.hosts[first["id"]].start()
    if whole:
        time.sleep(12)  # chrony needs a few answers before it calls itself synchronised
    log.info("collecting")
    script = 'mount --bind names /etc/hosts && HOME="$PWD" exec "$@"'
    asked = () if whole else NETWORK
    words = ("unshare", "--mount", "sh", "-ec", script, "sh", "env", f"PYTHONPATH={HERE}", sys.executable, "-c")
    lab.control(*words, _GATHER, *asked, timeout=600)


def joined(logins: EvidenceFolder, network: EvidenceFolder, firsts: Mapping[str, Any], made: Path) -> None:
    """One folder of what two saw: the first by logging in and by ping, the second by the other collectors."""
    writer, old, new = FolderWriter(made), logins.manifest(), network.manifest()
    for name in firsts:
        model = TWINS.get(name, name)
        parts = [(logins, model, one) for one in logins.collected(model) if one not in NETWORK]
        parts += [(network, name, one) for one in network.collected(name) if one in NETWORK]
        for folder, whose, collector in parts:
            envelope = folder.envelope(whose, collector)
            seen = [(key, folder.observation(key, digest)) for key, digest in envelope.observations]
            writer.put(replace(envelope, target=name), seen)
    own = ("schema", "files", "observations")
    head = {key: value for key, value in new.items() if key not in own} | {"started_at": old["started_at"]}
    writer.finish(head | {"commands": old["commands"] | new["commands"]})


def record(lab: Lab, roots: Mapping[str, Path], *, whole: bool) -> None:
    raw = load(PROVINCE).data
    firsts: dict[str, dict[str, Any]] = {}
    for section in ("servers", "services", "links"):
        for entry in raw[section]:
            firsts.setdefault(entry["recording"], entry)
    lab.folder.chmod(0o711)
    servers(lab, roots, firsts, whole=whole)
    beside(lab, lab.host("web", "10.77.40.1", root=roots["patched"]), "services")
    for name, mode in BESIDE.items():
        beside(lab, lab.hosts[firsts[name]["id"]], mode)
    looked(lab, raw, firsts, whole=whole)
    network = EvidenceFolder(lab.folder / "evidence")
    joined(network if whole else EvidenceFolder(CAPDO), network, firsts, lab.folder / "joined")
    pack(lab.folder / "joined", CAPDO)
    CAPDO.chmod(0o644)
    log.info("%s: %d bytes", CAPDO, CAPDO.stat().st_size)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--roots", type=Path, default=Path("/var/tmp/capdo-roots"), help="where Debian is bootstrapped")
    words.add_argument("--network-only", action="store_true", help="keep what was recorded by logging in")
    told = words.parse_args()
    roots = bootstrap(told.roots)
    with Lab() as lab:
        record(lab, roots, whole=not told.network_only)


if __name__ == "__main__":
    main()
