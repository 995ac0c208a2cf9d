"""Do the copies lie on other storage than what they protect?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Unavailable, Verdict, notapplicable, over
from auditor.evidence.backup import BackupState, JobState


class SeparateStorage(Check[BackupState, NoParams]):
    """A network file system shows it; a local one needs the owner's word, and must at least differ from the data's."""

    id: ClassVar[str] = "backup.separate-storage"
    evidence: ClassVar[type] = BackupState

    def judge(self, evidence: BackupState, params: NoParams) -> Verdict:
        if not evidence.jobs:
            return notapplicable("no-job", where="backups")
        return over((self._job(job) for job in evidence.jobs), "jobs")

    def _job(self, job: JobState) -> Instance:
        if isinstance(job.storage, Unavailable):
            said = Say("unseen", {"reason": str(job.storage.reason), "detail": job.storage.detail})
            return Instance(job.id, Result.UNKNOWN, said, None, None, job.place)
        source = job.storage.source
        values = {"place": job.place, "source": source}
        if job.storage.shared_with:
            shared = ", ".join(job.storage.shared_with)
            return Instance(job.id, Result.FAIL, Say("same", {**values, "shared": shared}), None, source, job.place)
        if job.separate is False:
            return Instance(job.id, Result.FAIL, Say("declared-local", values), True, False, job.place)
        if isinstance(job.series, Unavailable):
            said = Say("unseen", {"reason": str(job.series.reason), "detail": job.series.detail})
            return Instance(job.id, Result.UNKNOWN, said, None, source, job.place)
        if job.storage.network:
            return Instance(job.id, Result.PASS, Say("network", values), None, source, job.place)
        if job.separate:
            return Instance(job.id, Result.PASS, Say("declared", values), None, source, job.place)
        return Instance(job.id, Result.UNKNOWN, Say("not-declared", values), None, source, job.place)
