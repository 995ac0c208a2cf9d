"""Several evidence folders read as one: for each (target, collector) the newest envelope counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from auditor.folder import Envelope, EvidenceError, EvidenceFolder
from auditor.model import Observation


class Source(Protocol):
    """What judging reads evidence from."""

    def collected(self, target: str) -> list[str]: ...
    def envelope(self, target: str, collector: str) -> Envelope: ...
    def observation(self, key: str, digest: str) -> Observation: ...


class Evidences:
    """Folders that were collected apart (by segment, by day) and are judged together."""

    def __init__(self, folders: Sequence[EvidenceFolder]) -> None:
        self._folders = tuple(folders)

    def collected(self, target: str) -> list[str]:
        return sorted({name for folder in self._folders for name in folder.collected(target)})

    def envelope(self, target: str, collector: str) -> Envelope:
        found: list[Envelope] = []
        wrong: EvidenceError | None = None
        for folder in self._folders:
            if collector in folder.collected(target):
                try:
                    found.append(folder.envelope(target, collector))
                except EvidenceError as exc:
                    wrong = exc
        # One unreadable envelope must not be hidden by an older one that happens to be good.
        if wrong is not None or not found:
            raise wrong or EvidenceError(f"{target}/{collector}: not collected")
        return max(found, key=lambda one: (bool(one.observations), one.collected_at))

    def observation(self, key: str, digest: str) -> Observation:
        last = EvidenceError(f"{key}: observation {digest} is missing")
        for folder in self._folders:
            try:
                return folder.observation(key, digest)
            except EvidenceError as exc:
                last = exc
        raise last
