"""Looks at what the backup jobs declared in the inventory have left: restic repositories, folders of files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Privilege, Reading
from auditor.collectors import _mounts, _restic
from auditor.evidence.backup import BackupState, Copy, JobState, Series, Storage
from auditor.model import CollectError, Evidence, Privacy, Reason, Unavailable
from auditor.targets import BackupJob, Target

_FILE = re.compile(r"^([cdf]) (\d{1,11})(?:\.\d*)? (\d{1,19}) (.*)$", re.ASCII)
_NO_REPOSITORY = re.compile(r"unable to open config file: stat [^\n]*: no such file or directory")
_LATEST = 50
"""Newest snapshots read of each host and set of paths; enough for every count and trend asked."""


class LinuxBackup(CommandCollector):
    """Lists snapshots and files; nothing of what was saved is read, and nothing is locked or cached."""

    id: ClassVar[str] = "backup.linux"
    evidence: ClassVar[type[Evidence]] = BackupState

    def commands(self, target: Target) -> Sequence[Command]:
        asked = [
            Command("hostname", ("/bin/uname", "-n")),
            Command("mounts", ("/bin/cat", "--", "/proc/self/mounts", "/proc/self/comm")),
        ]
        for key, job in _keyed(target.backups):
            if _trouble(job) is None:
                asked.append(Command(f"job.{key}", _argv(job), Privilege.ROOT, timeout=60, privacy=Privacy.PERSONAL))
                asked.append(Command(f"place.{key}", ("/bin/df", "-P", "--", _place(job)), Privilege.ROOT))
        return asked

    def parse(self, seen: Reading) -> BackupState:
        hostname = seen.text("hostname").strip()
        mounts = _mounts.table(seen.lines("mounts"))
        jobs = tuple(_job(seen, key, job, hostname, mounts) for key, job in _keyed(seen.target.backups))
        return BackupState(seen=seen.seen, jobs=jobs)


def _keyed(jobs: Sequence[BackupJob]) -> list[tuple[str, BackupJob]]:
    """Each job with a word fit for command keys; ids that differ only in case or signs get a number."""
    made: dict[str, BackupJob] = {}
    for job in jobs:
        key = plain = re.sub(r"[^a-z0-9]+", "-", job.id.lower()).strip("-") or "job"
        number = 2
        while key in made:
            key, number = f"{plain}.{number}", number + 1
        made[key] = job
    return list(made.items())


def _place(job: BackupJob) -> str:
    return (job.repo if job.tool == "restic" else job.path) or ""


def _trouble(job: BackupJob) -> str | None:
    """Why a job cannot be looked at as it is declared."""
    place = _place(job)
    if not place.startswith("/"):
        return f"{place[:100] or job.id}: not an absolute path; other kinds of repository are not read yet"
    if job.tool == "restic" and job.password_file is None:
        return "no password_file is declared"
    return None


def _argv(job: BackupJob) -> tuple[str, ...]:
    if job.tool == "restic":
        secret = job.password_file or ""
        restic = ("/usr/bin/restic", "--no-lock", "--no-cache", "--repo", _place(job), "--password-file", secret)
        return (*restic, "--json", "snapshots", "--latest", str(_LATEST))
    chosen = ("(", "-type", "d", "-o", "-type", "c", "-o", "-type", "f", "-name", job.pattern, ")")
    # The folder itself comes first and /dev/null last, so that an empty folder differs from no answer and a list
    # that stops early shows. -H: the folder may be a link.
    return ("/usr/bin/find", "-H", _place(job), "/dev/null", "-maxdepth", "1", *chosen, "-printf", "%y %T@ %s %f\\n")


def _job(seen: Reading, key: str, job: BackupJob, hostname: str, mounts: _mounts.Table) -> JobState:
    names: tuple[str, ...] = ()
    series: tuple[Series, ...] | Unavailable
    storage: Storage | Unavailable
    trouble = _trouble(job)
    try:
        if trouble is not None:
            raise CollectError(Reason.UNSUPPORTED, trouble)
        if job.tool == "restic":
            series = _snapshots(seen, f"job.{key}", hostname)
        else:
            series, names = _files(seen, f"job.{key}", job)
    except CollectError as exc:
        series = Unavailable(exc.reason, exc.detail)
    try:
        if trouble is not None:
            raise CollectError(Reason.UNSUPPORTED, trouble)
        saved = (path for item in series for path in item.paths) if isinstance(series, tuple) else ()
        storage = _mounts.storage(seen.lines(f"place.{key}"), mounts, tuple(saved) if job.tool == "restic" else ())
    except CollectError as exc:
        storage = Unavailable(exc.reason, exc.detail)
    return JobState(
        id=job.id,
        tool=job.tool,
        place=_place(job),
        max_age_hours=float(job.max_age_hours),
        min_copies=job.min_copies,
        separate=job.separate,
        series=series,
        names=names,
        storage=storage,
    )


def _snapshots(seen: Reading, key: str, hostname: str) -> tuple[Series, ...]:
    said = seen.observation(key)
    if said.problem is None and not said.stdout and _NO_REPOSITORY.search(said.stderr):
        return ()
    text, complaint = seen.text(key), said.stderr.strip()
    if complaint:
        # restic leaves out a snapshot it cannot load, says so here, and still ends with 0.
        raise CollectError(Reason.INCOMPLETE, f"restic: {complaint.splitlines()[0][:200]}")
    return _restic.series(text, hostname)


def _files(seen: Reading, key: str, job: BackupJob) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    said = seen.observation(key)
    lines = seen.lines(key, ok=(0, 1))
    if not lines or not lines[-1].endswith(" null"):
        raise CollectError(Reason.INCOMPLETE, "find stops early")
    if len(lines) == 1 and said.exit == 1 and said.stderr.rstrip().endswith("No such file or directory"):
        return (), ()  # the folder itself does not exist
    if said.exit != 0 or not lines[0].startswith("d "):
        raise CollectError(Reason.INCOMPLETE, f"find: {said.stderr.strip()[:200] or 'does not name the folder itself'}")
    copies: list[tuple[Copy, str]] = []
    for line in lines:
        match = _FILE.match(line)
        if match is None:
            raise CollectError(Reason.UNPARSABLE, f"find: {line[:100]!r}")
        if match[1] == "f":
            copies.append((Copy(datetime.fromtimestamp(int(match[2]), UTC), int(match[3])), match[4]))
    copies.sort(key=lambda item: item[0].at, reverse=True)
    found = (Series((f"{_place(job).rstrip('/')}/{job.pattern}",), tuple(copy for copy, _ in copies)),)
    return (found if copies else ()), tuple(name for _, name in copies)
