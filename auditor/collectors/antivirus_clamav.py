"""Looks for anti-malware: ClamAV in full, other well-known products by their processes and folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from auditor.collector import Command, CommandCollector, Privilege, Reading
from auditor.collectors import _clamav, _processes
from auditor.evidence.antivirus import AntivirusState, Product
from auditor.model import CollectError, Evidence, Reason, Unavailable
from auditor.targets import Target

T = TypeVar("T")

# Name, process names (as the kernel cuts them: 15 characters), paths. A monitoring agent such as Wazuh's
# is not among them: it watches files, it does not stop malware.
_PRODUCTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("ClamAV", ("clamd", "clamonacc", "freshclam"), ("/usr/sbin/clamd", "/usr/bin/clamscan")),
    ("Bitdefender", ("bdsecd",), ("/opt/bitdefender-security-tools",)),
    ("CrowdStrike Falcon", ("falcon-sensor", "falcon-sensor-b"), ("/opt/CrowdStrike",)),
    ("Dr.Web", ("drweb-configd",), ("/opt/drweb.com",)),
    ("ESET", ("oaeventd", "esets_daemon"), ("/opt/eset/efs", "/opt/eset/eea", "/opt/eset/esets")),
    ("Kaspersky", ("kesl",), ("/opt/kaspersky/kesl",)),
    ("Microsoft Defender", ("wdavdaemon",), ("/opt/microsoft/mdatp",)),
    ("SentinelOne", ("s1-agent",), ("/opt/sentinelone",)),
    ("Sophos", ("savd", "sophos_threat_d"), ("/opt/sophos-spl", "/opt/sophos-av")),
    ("Trellix", ("mfetpd",), ("/opt/McAfee/ens/tp",)),
    ("Trend Micro", ("ds_agent", "ds_am"), ("/opt/ds_agent",)),
)
_CONFIGS = ("/etc/clamav/freshclam.conf", "/etc/clamav/clamd.conf", "/etc/freshclam.conf", "/etc/clamd.d/scan.conf")
_CRON = ("/etc/crontab", *(f"/etc/cron.{how}" for how in ("d", "hourly", "daily", "weekly", "monthly")))


class Clamav(CommandCollector):
    """Processes, installed products, and ClamAV's database, schedules and scan logs."""

    id: ClassVar[str] = "antivirus.clamav"
    evidence: ClassVar[type[Evidence]] = AntivirusState

    def commands(self, target: Target) -> Sequence[Command]:
        paths = (path for _, _, product in _PRODUCTS for path in product)
        grep = ("/bin/grep", "-r", "-I", "-H", "-E")
        return (
            _processes.listing("processes"),
            Command("products", ("/bin/ls", "-1", "-d", "/", "/var", *paths)),
            # "clamscan --version" gives the build time without its zone, so the file's own header is read.
            *(Command(key, ("/usr/bin/head", "-c", "512", "--", path)) for key, path in _clamav.DATABASES.items()),
            Command("database-folder", ("/bin/grep", "-H", "-E", "^#? *DatabaseDirectory ", *_CONFIGS)),
            Command("timer", ("/bin/systemctl", "is-enabled", "clamav-freshclam-once.timer")),
            # As root: what some user's crontab says would be missing without a word otherwise.
            Command(
                "schedules", (*grep, "freshclam|clamd?scan", *_CRON, _clamav.UNITS, "/var/spool/cron"), Privilege.ROOT
            ),
            Command("scans", (*grep, "^(Scanned files|End Date): ", "/var/log/clamav"), Privilege.ROOT),
            Command("zone", ("/bin/date", "+%z")),
        )

    def parse(self, seen: Reading) -> AntivirusState:
        processes = frozenset(_processes.own(seen, "processes"))
        return AntivirusState(
            seen=seen.seen,
            products=_products(_existing(seen), processes),
            processes=processes,
            signatures=_part(lambda: _clamav.signatures(seen)),
            schedule=_part(lambda: _clamav.schedule(seen)),
            last_scan=_part(lambda: _clamav.last_scan(seen)),
        )


def _part(read: Callable[[], T]) -> T | Unavailable:
    """One part's failure must not hide the others."""
    try:
        return read()
    except CollectError as exc:
        return Unavailable(exc.reason, exc.detail)


def _existing(seen: Reading) -> frozenset[str]:
    found = frozenset(seen.lines("products", ok=(0, 2)))
    if not {"/", "/var"} <= found:  # ls sorts: these are the first and the last
        raise CollectError(Reason.INCOMPLETE, "ls does not list / and /var")
    _clamav.only_absent(seen.observation("products").stderr)
    return found


def _products(existing: frozenset[str], processes: frozenset[str]) -> tuple[Product, ...]:
    made = (
        Product(name, tuple(p for p in paths if p in existing), tuple(p for p in running if p in processes))
        for name, running, paths in _PRODUCTS
    )
    return tuple(product for product in made if product.installed or product.running)
