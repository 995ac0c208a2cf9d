"""Does every declared backup job keep enough versions?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Unavailable, Verdict, notapplicable, over
from auditor.evidence.backup import BackupState, JobState


class Copies(Check[BackupState, NoParams]):
    """Counts versions of the same paths; empty files do not count."""

    id: ClassVar[str] = "backup.copies"
    evidence: ClassVar[type] = BackupState

    def judge(self, evidence: BackupState, params: NoParams) -> Verdict:
        if not evidence.jobs:
            return notapplicable("no-job", where="backups")
        return over((each for job in evidence.jobs for each in self._job(job)), "jobs")

    def _job(self, job: JobState) -> Iterator[Instance]:
        expected = f">= {job.min_copies}"
        if isinstance(job.series, Unavailable):
            said = Say("unseen", {"reason": str(job.series.reason), "detail": job.series.detail})
            yield Instance(job.id, Result.UNKNOWN, said, expected, None, job.place)
            return
        if not job.series:
            said = Say("few", {"what": job.place, "held": 0, "least": job.min_copies})
            yield Instance(job.id, Result.FAIL, said, expected, 0, job.place)
        for series in job.series:
            held = sum(copy.size != 0 for copy in series.copies)
            name = job.id if len(job.series) == 1 else f"{job.id}: {series.name}"
            values = {"what": series.name, "held": held, "least": job.min_copies}
            enough = held >= job.min_copies
            said = Say("enough" if enough else "few", values)
            yield Instance(name, Result.PASS if enough else Result.FAIL, said, expected, held, job.place)
