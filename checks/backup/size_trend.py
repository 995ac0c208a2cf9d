"""Is the newest copy of every backup about as large as those before it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Unavailable, Verdict, notapplicable, over, param
from auditor.evidence.backup import BackupState, JobState, Series


@dataclass(frozen=True)
class Params:
    """Tool defaults: shares of the median of the copies before, in percent."""

    least_percent: int = param(50, stricter="higher")
    most_percent: int = param(300, stricter="lower")
    before: int = param(3, stricter="none")
    """How many earlier copies of known size there must be to compare with."""


class SizeTrend(Check[BackupState, Params]):
    """A sudden loss of size means lost data; sudden growth is what encryption by ransomware looks like."""

    id: ClassVar[str] = "backup.size-trend"
    evidence: ClassVar[type] = BackupState
    params: ClassVar[type] = Params

    def judge(self, evidence: BackupState, params: Params) -> Verdict:
        if not evidence.jobs:
            return notapplicable("no-job", where="backups")
        return over((each for job in evidence.jobs for each in self._job(job, params)), "jobs")

    def _job(self, job: JobState, params: Params) -> Iterator[Instance]:
        if isinstance(job.series, Unavailable):
            said = Say("unseen", {"reason": str(job.series.reason), "detail": job.series.detail})
            yield Instance(job.id, Result.UNKNOWN, said, None, None, job.place)
            return
        if not job.series:
            said = Say("too-few", {"what": job.place, "held": 0, "needed": params.before + 1})
            yield Instance(job.id, Result.UNKNOWN, said, None, None, job.place)
        for series in job.series:
            name = job.id if len(job.series) == 1 else f"{job.id}: {series.name}"
            yield self._series(name, job, series, params)

    def _series(self, name: str, job: JobState, series: Series, params: Params) -> Instance:
        sizes = [copy.size for copy in series.copies if copy.size is not None]
        if len(sizes) <= params.before or series.copies[0].size is None:
            said = Say("too-few", {"what": series.name, "held": len(sizes), "needed": params.before + 1})
            return Instance(name, Result.UNKNOWN, said, None, len(sizes), job.place)
        usual = max(1, round(median(sizes[1:])))
        percent = round(100 * sizes[0] / usual)
        expected = f"{params.least_percent}..{params.most_percent} %"
        low, high = percent < params.least_percent, percent > params.most_percent
        said = Say("shrunk" if low else "grown" if high else "steady", {"what": series.name, "percent": percent})
        result = Result.FAIL if low or high else Result.PASS
        return Instance(name, result, said, expected, f"{percent} %: {sizes[0]} / {usual}", job.place)
