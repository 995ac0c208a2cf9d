"""Keys that one target shows and others show as well: what only a look at all of them together can tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Protocol, runtime_checkable

from auditor.model import Evidence


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A public key that a target proved or claimed to be its own."""

    kind: str
    """``tls`` or ``ssh``; keys of two kinds are not compared."""
    fingerprint: str
    """SHA-256 of the public key, lower-case hex."""
    what: str
    """For people: the key's type, or the certificate that carries it."""


@runtime_checkable
class ShowsKeys(Protocol):
    """Evidence from which keys can be compared with those of other targets."""

    def shown_keys(self) -> tuple[ShownKey, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A target that shows a key."""

    target: str
    address: str | None
    agency: str | None
    systems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key of this target, with the others that show it, sorted by id."""

    key: ShownKey
    others: tuple[Holder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedKeys(Evidence):
    """Made by the engine from the evidence of all targets of the run."""

    topic: ClassVar[str] = "shared-keys"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    own: Holder
    keys: tuple[HeldKey, ...]
    compared: int
    """How many other targets showed a key of the same kind: whom it was held against."""
    unseen: int
    """How many other targets should have shown one, and none could be had."""
