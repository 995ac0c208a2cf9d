"""What report formats are handed: a run, however large, whose findings come as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol


class RunDocument(Protocol):
    """A run document (design §8): ``head`` without the findings, and these one by one, sorted by target, then rule."""

    @property
    def head(self) -> Mapping[str, Any]: ...

    def findings(self) -> Iterator[dict[str, Any]]: ...
