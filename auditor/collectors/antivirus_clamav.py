"""Looks for anti-malware: ClamAV in full, other well-known products by their processes and folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import ClassVar, TypeVar

from auditor.collector import Command, CommandCollector, Privilege, Reading
from auditor.evidence.antivirus import AntivirusState, Product, Scan, Schedule, Signatures
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
_DATABASES = {"daily-cvd": "/var/lib/clamav/daily.cvd", "daily-cld": "/var/lib/clamav/daily.cld"}
_CONFIGS = ("/etc/clamav/freshclam.conf", "/etc/clamav/clamd.conf", "/etc/freshclam.conf", "/etc/clamd.d/scan.conf")
_CRON = ("/etc/crontab", *(f"/etc/cron.{how}" for how in ("d", "hourly", "daily", "weekly", "monthly")))
_UNITS = "/etc/systemd/system"
_PROCESS = re.compile(r"^ *(\d{1,10}) (\S.*)$")


class Clamav(CommandCollector):
    """Processes, installed products, and ClamAV's database, schedules and scan logs."""

    id: ClassVar[str] = "antivirus.clamav"
    evidence: ClassVar[type[Evidence]] = AntivirusState

    def commands(self, target: Target) -> Sequence[Command]:
        paths = (path for _, _, product in _PRODUCTS for path in product)
        grep = ("/bin/grep", "-r", "-I", "-H", "-E")
        return (
            Command("processes", ("/bin/ps", "-eo", "pid=,comm=")),
            Command("products", ("/bin/ls", "-1", "-d", "/", *paths)),
            # "clamscan --version" gives the build time without its zone, so the file's own header is read.
            *(Command(key, ("/usr/bin/head", "-c", "512", "--", path)) for key, path in _DATABASES.items()),
            Command("database-folder", ("/bin/grep", "-H", "-E", "^#? *DatabaseDirectory ", *_CONFIGS)),
            Command("timer", ("/bin/systemctl", "is-enabled", "clamav-freshclam-once.timer")),
            # As root: what some user's crontab says would be missing without a word otherwise.
            Command("schedules", (*grep, "freshclam|clamd?scan", *_CRON, _UNITS, "/var/spool/cron"), Privilege.ROOT),
            Command("scans", (*grep, "^(Scanned files|End Date): ", "/var/log/clamav"), Privilege.ROOT),
            Command("zone", ("/bin/date", "+%z")),
        )

    def parse(self, seen: Reading) -> AntivirusState:
        processes = _processes(seen.lines("processes"))
        return AntivirusState(
            seen=seen.seen,
            products=_products(_existing(seen), processes),
            processes=processes,
            signatures=_part(lambda: _signatures(seen)),
            schedule=_part(lambda: _schedule(seen)),
            last_scan=_part(lambda: _last_scan(seen)),
        )


def _part(read: Callable[[], T]) -> T | Unavailable:
    """One part's failure must not hide the others."""
    try:
        return read()
    except CollectError as exc:
        return Unavailable(exc.reason, exc.detail)


def _processes(lines: Sequence[str]) -> frozenset[str]:
    found = {}
    for line in lines:
        match = _PROCESS.match(line)
        if match is None:
            raise CollectError(Reason.UNPARSABLE, f"ps: {line[:80]!r}")
        found[match[1]] = match[2]
    # With hidepid a user sees only processes of his own; a cut list lacks the ps that made it.
    if "1" not in found or "ps" not in found.values():
        raise CollectError(Reason.INCOMPLETE, "ps does not list all processes")
    return frozenset(found.values())


def _existing(seen: Reading) -> frozenset[str]:
    found = frozenset(seen.lines("products", ok=(0, 2)))
    if "/" not in found:
        raise CollectError(Reason.INCOMPLETE, "ls does not list /")
    _only_absent(seen.observation("products").stderr)
    return found


def _only_absent(stderr: str) -> None:
    """All that a tool complained of is that something does not exist."""
    for line in stderr.splitlines():
        if line.strip() and not line.endswith("No such file or directory"):
            reason = Reason.DENIED if line.endswith("Permission denied") else Reason.INCOMPLETE
            raise CollectError(reason, line[:200])


def _products(existing: frozenset[str], processes: frozenset[str]) -> tuple[Product, ...]:
    made = (
        Product(name, tuple(p for p in paths if p in existing), tuple(p for p in running if p in processes))
        for name, running, paths in _PRODUCTS
    )
    return tuple(product for product in made if product.installed or product.running)


def _signatures(seen: Reading) -> Signatures | None:
    said = [line for _, _, line in _grepped(seen, "database-folder")]
    if not said:  # even untouched configurations hold the line, as a comment
        raise CollectError(Reason.INCOMPLETE, "no configuration file names the database folder")
    for line in said:
        folder = line.partition("DatabaseDirectory")[2].strip().strip('"').rstrip("/")
        if not line.startswith("#") and folder != "/var/lib/clamav":
            raise CollectError(Reason.UNSUPPORTED, f"database kept in {folder[:200]}")
    found = [_header(header, path) for key, path in _DATABASES.items() if (header := seen.file(key)) is not None]
    return max(found, key=lambda item: item.version, default=None)


def _header(text: str, path: str) -> Signatures:
    """``ClamAV-VDB:time:version:signatures:level:md5:digest:builder:seconds``, padded to 512 bytes."""
    parts = text.rstrip().split(":")
    try:
        if parts[0] != "ClamAV-VDB":
            raise ValueError(parts[0])
        return Signatures(int(parts[2]), datetime.fromtimestamp(int(parts[8]), UTC), path)
    except (ValueError, IndexError, OverflowError, OSError):
        raise CollectError(Reason.UNPARSABLE, f"{path}: no database header") from None


def _grepped(seen: Reading, key: str) -> list[tuple[str, str, str]]:
    """(file, ':', line) of each match. Files that do not exist match nothing; unreadable ones raise."""
    lines = seen.lines(key, ok=(0, 1, 2))
    said = seen.observation(key)
    _only_absent(said.stderr)
    if (said.exit == 0) != bool(lines) and said.exit != 2:
        raise CollectError(Reason.INCOMPLETE, f"{key}: grep ended with {said.exit} and {len(lines)} lines")
    if said.exit == 2 and not said.stderr.strip():
        raise CollectError(Reason.INCOMPLETE, f"{key}: grep failed without a word")
    return [line.partition(":") for line in lines]


def _schedule(seen: Reading) -> Schedule:
    updates, scans = set(), set()
    for file, _, line in _grepped(seen, "schedules"):
        if line.lstrip().startswith("#"):
            continue
        if "freshclam" in line and not file.startswith(_UNITS):
            updates.add(file)
        if "clamscan" in line or "clamdscan" in line:
            scans.add(file)
    if not seen.missing_tool("timer") and seen.text("timer", ok=(0, 1, 4)).strip() == "enabled":
        updates.add("clamav-freshclam-once.timer")
    return Schedule(tuple(sorted(updates)), tuple(sorted(scans)))


def _last_scan(seen: Reading) -> Scan | None:
    zone = _zone(seen.text("zone").strip())
    newest: Scan | None = None
    files: dict[str, int] = {}
    for log, _, line in _grepped(seen, "scans"):
        label, _, value = line.partition(":")
        try:
            if label == "Scanned files":
                files[log] = int(value)
                continue
            ended = datetime.strptime(value.strip(), "%Y:%m:%d %H:%M:%S").replace(tzinfo=zone)
        except (ValueError, OverflowError):
            raise CollectError(Reason.UNPARSABLE, f"{log[:100]}: {line[:100]!r}") from None
        scan = Scan(ended, files.pop(log, None), log)
        if scan.files != 0 and (newest is None or ended > newest.ended_at):
            newest = scan
    return newest


def _zone(text: str) -> timezone:
    """``+0700``: scan logs tell the target's local time."""
    match = re.fullmatch(r"([+-])(\d\d)(\d\d)", text, re.ASCII)
    if match is None:
        raise CollectError(Reason.UNPARSABLE, f"date: {text[:40]!r} is no time zone")
    offset = timedelta(hours=int(match[2]) % 24, minutes=int(match[3]) % 60)
    return timezone(-offset if match[1] == "-" else offset)
