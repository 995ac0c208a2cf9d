"""Are the copies encrypted?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Unavailable, Verdict, notapplicable, over, param
from auditor.evidence.backup import BackupState, JobState


@dataclass(frozen=True)
class Params:
    suffixes: tuple[str, ...] = param((".gpg", ".pgp", ".age", ".enc", ".aes"), stricter="fewer")
    """Ends of file names that say the file is encrypted."""


class Encryption(Check[BackupState, Params]):
    """restic encrypts everything; plain files are taken at their names, since their content is never read."""

    id: ClassVar[str] = "backup.encryption"
    evidence: ClassVar[type] = BackupState
    params: ClassVar[type] = Params

    def judge(self, evidence: BackupState, params: Params) -> Verdict:
        if not evidence.jobs:
            return notapplicable("no-job", where="backups")
        return over((self._job(job, params) for job in evidence.jobs), "jobs")

    def _job(self, job: JobState, params: Params) -> Instance:
        if isinstance(job.series, Unavailable):
            said = Say("unseen", {"reason": str(job.series.reason), "detail": job.series.detail})
            return Instance(job.id, Result.UNKNOWN, said, None, None, job.place)
        if job.tool == "restic":
            # It was opened with its password, so it is a repository and it is encrypted.
            return Instance(job.id, Result.PASS, Say("restic", {"place": job.place}), None, "restic", job.place)
        if not job.names:
            said = Say("no-copy", {"place": job.place})
            return Instance(job.id, Result.NOTAPPLICABLE, said, None, 0, job.place)
        plain = tuple(name for name in job.names if not name.lower().endswith(params.suffixes))
        expected = " ".join(params.suffixes)
        if plain:
            said = Say("plain", {"number": len(plain), "name": plain[0]})
            return Instance(job.id, Result.FAIL, said, expected, plain[:10], job.place)
        said = Say("by-name", {"number": len(job.names)})
        return Instance(job.id, Result.PASS, said, expected, job.names[:10], job.place)
