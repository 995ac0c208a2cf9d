"""The words of the engine: results, observations, evidence, verdicts and findings.

Terms follow XCCDF 1.2 and OSCAL. Everything here is frozen and free of I/O; nothing here
imports anything else of ours, so that every other module can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, ClassVar

VIETNAM = timezone(timedelta(hours=7), "+07:00")
"""The zone in which dates of law, waivers and authorities are read (no daylight saving)."""


class Result(StrEnum):
    """What one rule says of one target; XCCDF 1.2 without ``notselected`` and ``fixed``."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    UNKNOWN = "unknown"
    NOTAPPLICABLE = "notapplicable"
    NOTCHECKED = "notchecked"
    INFORMATIONAL = "informational"


_WORST_FIRST = (
    Result.FAIL,
    Result.ERROR,
    Result.UNKNOWN,
    Result.NOTCHECKED,
    Result.PASS,
    Result.INFORMATIONAL,
    Result.NOTAPPLICABLE,
)
_RANK = {result: rank for rank, result in enumerate(_WORST_FIRST)}


def worst(results: Iterable[Result]) -> Result:
    """The result that stands for several: fail > error > unknown > pass > informational > notapplicable.

    Raises ``ValueError`` for no results at all: nothing seen is never an answer.
    """
    return min(results, key=_RANK.__getitem__)


class Severity(StrEnum):
    """How much a fail hurts; the order is that of the members."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Reason(StrEnum):
    """Why evidence could not be had; a closed list, each with a cure in data/reasons.yaml."""

    UNREACHABLE = "unreachable"
    HOST_KEY = "host-key"
    DENIED = "denied"
    NOT_AUTHORISED = "not-authorised"
    NO_TOOL = "no-tool"
    TIMEOUT = "timeout"
    TRUNCATED = "truncated"
    UNPARSABLE = "unparsable"
    UNSUPPORTED = "unsupported"
    STALE = "stale"
    INCOMPLETE = "incomplete"


class Privacy(StrEnum):
    """Privacy class of a field of evidence or of an observation (design §4)."""

    TECHNICAL = "technical"
    PERSONAL = "personal"
    SECRET = "secret"


def personal(**kwargs: Any) -> Any:
    """A dataclass field that holds something about a person (an account name, say)."""
    return field(metadata={"privacy": Privacy.PERSONAL}, **kwargs)


@dataclass(frozen=True, slots=True)
class Say:
    """Words to be said in Vietnamese and English at export: a message code with named values."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


Value = str | int | float | bool | None | tuple[Any, ...] | Say
"""What ``expected``, ``found`` and ``where`` may hold: raw data, or words."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One thing among several under a rule: a certificate, a disk, a job, a port.

    ``id`` is a stable fact (fingerprint, mount point, job id), never a position.
    """

    id: str
    result: Result
    message: Say | None = None
    expected: Value = None
    found: Value = None
    where: Value = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check answers about one target."""

    result: Result
    message: Say
    expected: Value = None
    found: Value = None
    where: Value = None
    instances: tuple[Instance, ...] = ()


def passed(code: str, *, expected: Value = None, found: Value = None, where: Value = None, **values: Any) -> Verdict:
    """The good state was seen. ``values`` fill the message ``code`` of the check's texts."""
    return Verdict(Result.PASS, Say(code, values), expected, found, where)


def failed(code: str, *, expected: Value = None, found: Value = None, where: Value = None, **values: Any) -> Verdict:
    """The bad state was seen."""
    return Verdict(Result.FAIL, Say(code, values), expected, found, where)


def unknown(code: str, *, expected: Value = None, found: Value = None, where: Value = None, **values: Any) -> Verdict:
    """The evidence does not answer the question; never use it for a crash or for absence."""
    return Verdict(Result.UNKNOWN, Say(code, values), expected, found, where)


def notapplicable(code: str, *, found: Value = None, where: Value = None, **values: Any) -> Verdict:
    """Evidence rules the question out (no such service on the host)."""
    return Verdict(Result.NOTAPPLICABLE, Say(code, values), None, found, where)


def over(instances: Iterable[Instance], code: str, *, expected: Value = None, **values: Any) -> Verdict:
    """A verdict over several things: its result is the worst of theirs.

    The message code gets ``-pass``, ``-fail`` or ``-unknown`` appended by the result, and the values
    ``count`` (all), ``failing`` (those that share the worst result). Raises ``ValueError`` without instances.
    """
    kept = tuple(instances)
    result = worst(item.result for item in kept)
    suffix = result.value if result in (Result.PASS, Result.FAIL) else "unknown"
    if result in (Result.NOTAPPLICABLE, Result.INFORMATIONAL):
        suffix = result.value
    failing = sum(item.result is result for item in kept)
    said = {"count": len(kept), "failing": failing, **values}
    return Verdict(result, Say(f"{code}-{suffix}", said), expected, None, None, kept)


def worst_of(verdicts: Mapping[str, Verdict]) -> Verdict:
    """The worst of verdicts on several things, by their ids, with each of them as an instance.

    Unlike ``over`` it says in words what is the matter with the worst one: for things that are usually alone
    (the certificate of a service). Raises ``ValueError`` without any.
    """
    overall = worst(verdict.result for verdict in verdicts.values())
    chosen = next(verdict for verdict in verdicts.values() if verdict.result is overall)
    instances = tuple(
        Instance(key, one.result, one.message, one.expected, one.found, one.where) for key, one in verdicts.items()
    )
    return replace(chosen, instances=instances)


@dataclass(frozen=True, slots=True)
class Seen:
    """When and by what evidence was seen. Ages are counted from ``collected_at``, dates of law from ``now``."""

    collected_at: datetime
    now: datetime
    target_clock: datetime | None = None
    observations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Typed, frozen facts about one topic, parsed from observations."""

    topic: ClassVar[str]
    max_age: ClassVar[timedelta] = timedelta(days=7)
    """Older than this at the run's date it is stale, and judged unknown. A tool default."""

    seen: Seen


class Bundle:
    """Base of a frozen dataclass whose fields are evidence types: a check that needs several.

    A field typed ``X | Unavailable`` may be absent without making the whole check unknown.
    """


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Evidence that could not be had, and why. A different type from empty evidence, on purpose."""

    reason: Reason
    detail: str = ""
    observations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """Raw bytes seen, with all that is needed to weigh them.

    Its sha256 covers this header as well as the bytes, so that the hash binds what was
    seen to where and when, and two targets with equal output stay two observations.
    """

    key: str
    source: str
    target: str
    vantage: str
    collected_at: datetime
    stdout: bytes
    stderr: str = ""
    exit: int | None = 0
    truncated: bool = False
    problem: Reason | None = None
    privilege: str = "direct"
    duration: float = 0.0
    target_clock: datetime | None = None
    privacy: Privacy = Privacy.TECHNICAL
    masked: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule on one target, as judged. History and waivers are added by annotate, never in place."""

    target: str
    rule: str
    check: str
    verdict: Verdict
    observations: tuple[str, ...] = ()
    reason: Reason | None = None
    detail: str = ""

    @property
    def result(self) -> Result:
        return self.verdict.result


class CapdoError(Exception):
    """Something the user can mend; its text is shown as it is, without a traceback."""


class CollectError(Exception):
    """Raised by a collector or parser that cannot honestly give its evidence."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
