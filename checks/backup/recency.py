"""Is every declared backup job's last copy recent enough?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Unavailable, Verdict, notapplicable, over
from auditor.evidence.backup import BackupState, JobState, Series


class Recency(Check[BackupState, NoParams]):
    """A path that was saved once and is not any more is late, even when other paths of the job are fresh."""

    id: ClassVar[str] = "backup.recency"
    evidence: ClassVar[type] = BackupState

    def judge(self, evidence: BackupState, params: NoParams) -> Verdict:
        if not evidence.jobs:
            return notapplicable("no-job", where="backups")
        return over((each for job in evidence.jobs for each in self._job(evidence, job)), "jobs")

    def _job(self, evidence: BackupState, job: JobState) -> Iterator[Instance]:
        expected = f"<= {job.max_age_hours:g} h"
        if isinstance(job.series, Unavailable):
            said = Say("unseen", {"reason": str(job.series.reason), "detail": job.series.detail})
            yield Instance(job.id, Result.UNKNOWN, said, expected, None, job.place)
            return
        if not job.series:
            yield Instance(job.id, Result.FAIL, Say("empty", {"place": job.place}), expected, 0, job.place)
        for series in job.series:
            name = job.id if len(job.series) == 1 else f"{job.id}: {series.name}"
            result, said, found = self._series(evidence, job, series)
            yield Instance(name, result, said, expected, found, job.place)

    def _series(self, evidence: BackupState, job: JobState, series: Series) -> tuple[Result, Say, str | None]:
        newest = next((copy for copy in series.copies if copy.size != 0), None)
        if newest is None:
            return Result.FAIL, Say("empty", {"place": job.place}), None
        hours = (evidence.clock - newest.at).total_seconds() / 3600
        values = {"what": series.name, "hours": round(hours, 1), "limit": f"{job.max_age_hours:g}"}
        if hours < -1:
            return Result.UNKNOWN, Say("from-the-future", values), newest.at.isoformat()
        if hours <= job.max_age_hours:
            return Result.PASS, Say("recent", values), newest.at.isoformat()
        return Result.FAIL, Say("late", values), newest.at.isoformat()
