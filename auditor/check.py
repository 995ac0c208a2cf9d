"""What a check is, and how one is run so that absence is unknown and a crash is an error."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from types import UnionType
from typing import Any, ClassVar, Generic, Literal, TypeVar, get_args, get_type_hints

from auditor.model import Bundle, Evidence, Reason, Result, Say, Unavailable, Verdict

CheckFamily = Literal[
    "firewall",
    "antivirus",
    "backup",
    "tls",
    "patch",
    "access",
    "logging",
    "hardening",
    "integrity",
    "network",
    "link",
    "device",
    "endpoint",
]
FAMILIES: tuple[str, ...] = get_args(CheckFamily)
_ID = re.compile(rf"^({'|'.join(FAMILIES)})\.[a-z0-9]+(-[a-z0-9]+)*$")


T = TypeVar("T")
Direction = Literal["lower", "higher", "fewer", "more", "true", "false", "none"]
"""Which of two values of a parameter asks more: the smaller or greater number or word, the set that
holds fewer or more (of mappings: entries), a flag set or not; none where neither is stricter."""


def param(default: T, *, stricter: Direction) -> T:
    """A field of a params dataclass, with the direction in which it gets stricter, for overlays of packs."""
    meta = {"stricter": stricter}
    if isinstance(default, Mapping):
        made: Any = field(default_factory=lambda: dict(default), metadata=meta)
    else:
        made = field(default=default, metadata=meta)
    kept: T = made
    return kept


@dataclass(frozen=True)
class NoParams:
    """Parameters of a check that has none."""


E = TypeVar("E", bound="Evidence | Bundle")
P = TypeVar("P")


class Check(ABC, Generic[E, P]):
    """One pure question over evidence. No weight, level, clause or host name belongs in it.

    ``params`` is a frozen dataclass whose fields have defaults; packs set them by level.
    A badly declared check is refused with ``TypeError`` when its class is made.
    """

    id: ClassVar[str]
    evidence: ClassVar[type]
    params: ClassVar[type] = NoParams

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not _ID.match(getattr(cls, "id", "")):
            raise TypeError(f"{cls.__qualname__}: id must be <family>.<kebab-name>, not {getattr(cls, 'id', None)!r}")
        if not isinstance(getattr(cls, "evidence", None), type):
            raise TypeError(f"{cls.__qualname__}: evidence must be an Evidence or Bundle class")
        if not is_dataclass(cls.params):
            raise TypeError(f"{cls.__qualname__}: params must be a dataclass")

    @abstractmethod
    def judge(self, evidence: E, params: P) -> Verdict:
        """Pure: no I/O, no clock, no globals. Never called with absent evidence."""


@dataclass(frozen=True, slots=True)
class Need:
    """One evidence type a check needs; an optional one may be Unavailable."""

    name: str | None
    evidence: type[Evidence]
    optional: bool = False


def needs(check: type[Check[Any, Any]]) -> tuple[Need, ...]:
    """The evidence types a check declares: one, or the fields of its bundle."""
    declared: Any = check.evidence
    if not issubclass(declared, Bundle):
        return (Need(None, declared),)
    hints = get_type_hints(declared)
    found = []
    for item in fields(declared):
        hint = hints[item.name]
        options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        kinds = [option for option in options if option is not Unavailable]
        found.append(Need(item.name, kinds[0], len(kinds) < len(options)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with what it rests on."""

    verdict: Verdict
    observations: tuple[str, ...] = ()
    reason: Reason | None = None
    detail: str = ""


def run_check(
    check: Check[Any, Any],
    wanted: tuple[Need, ...],
    held: Mapping[str, Evidence | Unavailable],
    params: Any,
) -> Judged:
    """Judge one check. Absent evidence is unknown, a crash is error, a pass without observations is error."""
    parts: dict[str, Any] = {}
    seen: list[str] = []
    single: Any = None
    for need in wanted:
        found = held.get(need.evidence.topic)
        if found is None:
            found = Unavailable(Reason.INCOMPLETE, f"no {need.evidence.topic} evidence")
        if isinstance(found, Unavailable):
            seen.extend(found.observations)
            if not need.optional:
                said = Say(f"unavailable-{found.reason}", {"topic": need.evidence.topic, "detail": found.detail})
                return Judged(Verdict(Result.UNKNOWN, said), _unique(seen), found.reason, found.detail)
        else:
            seen.extend(found.seen.observations)
        if need.name is None:
            single = found
        else:
            parts[need.name] = found
    refs = _unique(seen)
    try:
        verdict: object = check.judge(check.evidence(**parts) if parts else single, params)
    except Exception as exc:  # noqa: BLE001  (a crash of a check is a finding, never the end of the run)
        return Judged(_broken(check.id, f"{type(exc).__name__}: {exc}"), refs)
    if not isinstance(verdict, Verdict):
        return Judged(_broken(check.id, f"gave {type(verdict).__name__}, not a verdict"), refs)
    if verdict.result is Result.PASS and not refs:
        return Judged(_broken(check.id, "passed without an observation"), refs)
    if verdict.result is Result.UNKNOWN:
        cause = _cause([*parts.values()] if parts else [single])
        return Judged(verdict, refs, cause.reason, cause.detail)
    return Judged(verdict, refs)


def _cause(parts: list[Any]) -> Unavailable:
    """Why a check could not decide though it was asked: the part of its evidence that could not be had."""
    for part in parts:
        if isinstance(part, Unavailable):
            return part
        for item in fields(part):
            inner = getattr(part, item.name)
            if isinstance(inner, Unavailable):
                return inner
    return Unavailable(Reason.INCOMPLETE)


def _broken(check: str, detail: str) -> Verdict:
    return Verdict(Result.ERROR, Say("check-broke", {"check": check, "detail": detail[:300]}))


def _unique(refs: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(refs))
