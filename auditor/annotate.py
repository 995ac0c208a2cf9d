"""Adds to findings what they do not know of themselves: their history, and what people have answered for them.

Pure, streaming and in constant memory: findings and the states of the previous run, both sorted by
target and then rule (plain code-point order), are joined as they pass. A measured result is never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from auditor.grants import Answered, Book, Spot
from auditor.model import VIETNAM, Finding, Result, Say
from auditor.packs import RuleSet
from auditor.targets import Inventory

UNDECIDED: Final = frozenset({Result.UNKNOWN, Result.ERROR, Result.NOTCHECKED})
"""Results that are no answer. All others are decided."""


class Change(StrEnum):
    """How a finding stands to the run before."""

    NEW = "new"
    FIXED = "fixed"
    OPEN = "open"
    RECURRED = "recurred"
    NOTMEASURED = "notmeasured"
    SAME = "same"


class Was(StrEnum):
    """What the runs before knew of a finding; runs that decided nothing are looked through."""

    NOTHING = "nothing"
    """Never decided: no run before, or none that could tell."""
    GOOD = "good"
    """Last decided as no fail, and never a fail."""
    MENDED = "mended"
    """Last decided as no fail, but it has failed before."""
    FAILING = "failing"
    """Last decided as a fail."""


class Now(StrEnum):
    """What this run says of it."""

    FAIL = "fail"
    GOOD = "good"
    UNDECIDED = "undecided"


CHANGES: Final[Mapping[tuple[Was, Now], Change]] = {
    (Was.NOTHING, Now.FAIL): Change.NEW,
    (Was.NOTHING, Now.GOOD): Change.SAME,
    (Was.NOTHING, Now.UNDECIDED): Change.SAME,
    (Was.GOOD, Now.FAIL): Change.NEW,
    (Was.GOOD, Now.GOOD): Change.SAME,
    (Was.GOOD, Now.UNDECIDED): Change.NOTMEASURED,
    (Was.MENDED, Now.FAIL): Change.RECURRED,
    (Was.MENDED, Now.GOOD): Change.SAME,
    (Was.MENDED, Now.UNDECIDED): Change.NOTMEASURED,
    (Was.FAILING, Now.FAIL): Change.OPEN,
    (Was.FAILING, Now.GOOD): Change.FIXED,
    (Was.FAILING, Now.UNDECIDED): Change.NOTMEASURED,
}
"""The printed table: what was known before and what is seen now make the change."""

NOW_OF: Final[Mapping[Result, Now]] = {
    result: Now.FAIL if result is Result.FAIL else Now.UNDECIDED if result in UNDECIDED else Now.GOOD
    for result in Result
}

ANSWERS: Final[Mapping[str, Result]] = {
    "met": Result.PASS,
    "notmet": Result.FAIL,
    "notapplicable": Result.NOTAPPLICABLE,
}
"""What a person's answer makes of a rule that no check can decide."""

CONTRADICTED: Final[Mapping[str, Result]] = {
    "met": Result.FAIL,
    "notmet": Result.PASS,
    "notapplicable": Result.FAIL,
}
"""The measured result that gives a person's answer the lie."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is carried from run to run of one finding.

    ``first_seen`` and ``runs_open`` belong to a fail not yet mended: the day it was first seen,
    and in how many runs it was seen since. Runs that could not look count in neither.
    """

    target: str
    rule: str
    result: Result
    last_decided: Result | None
    ever_failed: bool
    first_seen: date | None
    runs_open: int


@dataclass(frozen=True, slots=True)
class Annotated:
    """A finding with its history and with what people have said for it.

    ``result`` is the measured one, but for a rule without a check, where it is the attested answer.
    ``waived_instances`` are pairs of instance and waiver. ``contradicted_by`` is an attestation
    that says otherwise than was measured.
    """

    finding: Finding
    result: Result
    change: Change
    first_seen: date | None
    runs_open: int
    last_decided: Result | None
    ever_failed: bool
    waived_by: tuple[str, ...] = ()
    waived_instances: tuple[tuple[str, str], ...] = ()
    inherited_from: str | None = None
    attested_by: str | None = None
    contradicted_by: str | None = None
    said: Say | None = None

    @property
    def message(self) -> Say:
        """The words of the verdict; of an attested answer, ``attested-<answer>``."""
        return self.said or self.finding.verdict.message

    @property
    def past(self) -> Past:
        """What the next run must know of this one."""
        return Past(
            self.finding.target,
            self.finding.rule,
            self.result,
            self.last_decided,
            self.ever_failed,
            self.first_seen,
            self.runs_open,
        )


def day_of(instant: datetime) -> date:
    """The day of an instant in Vietnam: what ends on a day holds until its midnight, +07:00."""
    return instant.astimezone(VIETNAM).date()


def was(before: Past | None) -> Was:
    """What the run before knew."""
    if before is None or before.last_decided is None:
        return Was.NOTHING
    if before.last_decided is Result.FAIL:
        return Was.FAILING
    return Was.MENDED if before.ever_failed else Was.GOOD


def annotate(
    findings: Iterable[Finding],
    past: Iterable[Past],
    *,
    rules: RuleSet,
    inventory: Inventory,
    day: date,
    proven: frozenset[tuple[str, str]] = frozenset(),
) -> Iterator[Annotated]:
    """Annotate findings one by one as they stream by.

    ``past`` are the ``Annotated.past`` of the previous whole run; ``proven`` what
    ``grants.proven`` found so in a first pass. Raises ``ValueError`` when either stream is not
    strictly sorted by target and rule: a finding that came twice would be counted twice.
    """
    book = Book(inventory, day, proven, rules)
    for finding, before in _joined(findings, past):
        yield _annotated(finding, before, book, rules, day)


def _annotated(finding: Finding, before: Past | None, book: Book, rules: RuleSet, day: date) -> Annotated:
    result = finding.verdict.result
    told: dict[str, Any] = {}
    spot = book.spot(finding.target)
    if book.attested(finding.rule):
        answered = book.answer(finding.rule, spot)
        if answered is None:
            pass
        elif _without_check(finding, rules):
            given = answered.attestation
            result = ANSWERS[given.answer]
            told["attested_by"] = given.id
            told["said"] = Say(f"attested-{given.answer}", _words_of(answered))
        elif CONTRADICTED[answered.attestation.answer] is result:
            told["contradicted_by"] = answered.attestation.id
    if result is Result.FAIL:
        told |= _waived(finding, spot, book)
    if result is Result.FAIL or result in UNDECIDED:
        control = book.control(finding.rule, spot)
        if control is not None:
            told["inherited_from"] = control
    known, now = was(before), NOW_OF[result]
    change = CHANGES[known, now]
    first_seen: date | None = None
    runs_open = 0
    if before is not None and (change is Change.OPEN or (known is Was.FAILING and now is Now.UNDECIDED)):
        first_seen = before.first_seen or day
        runs_open = before.runs_open + (now is Now.FAIL)
    elif now is Now.FAIL:
        first_seen, runs_open = day, 1
    return Annotated(
        finding,
        result,
        change,
        first_seen,
        runs_open,
        (before.last_decided if before is not None else None) if now is Now.UNDECIDED else result,
        now is Now.FAIL or (before is not None and before.ever_failed),
        **told,
    )


def _words_of(answered: Answered) -> dict[str, str]:
    given = answered.attestation
    return {
        "attestation": given.id,
        "who": given.who,
        "on": given.on.isoformat(),
        "until": answered.until.isoformat(),
        "explanation": given.explanation,
    }


def _waived(finding: Finding, spot: Spot, book: Book) -> dict[str, Any]:
    """Which waivers take the whole finding, or else which of its failing instances.

    Taken instance by instance it is waived only when all that fail are *and* none is undecided:
    else leaving one failing instance unmeasured would waive the rest.
    """
    waivers = book.waivers(finding.rule, spot)
    if not waivers:
        return {}
    whole = tuple(waiver.id for waiver in waivers if waiver.instance is None)
    by_instance = {waiver.instance: waiver.id for waiver in reversed(waivers) if waiver.instance is not None}
    instances = finding.verdict.instances
    failing = [item.id for item in instances if item.result is Result.FAIL]
    taken = tuple((item, by_instance[item]) for item in failing if item in by_instance)
    told: dict[str, Any] = {"waived_instances": taken} if taken else {}
    if whole:
        told["waived_by"] = whole
    elif failing and len(taken) == len(failing) and not any(item.result in UNDECIDED for item in instances):
        told["waived_by"] = tuple(dict.fromkeys(waiver for _, waiver in taken))
    return told


def _without_check(finding: Finding, rules: RuleSet) -> bool:
    """Is it a rule that only a person can answer, and so far unanswered?"""
    rule = rules.rules.get(finding.rule)
    return rule is not None and rule.check is None and finding.verdict.result is Result.NOTCHECKED


def _joined(findings: Iterable[Finding], past: Iterable[Past]) -> Iterator[tuple[Finding, Past | None]]:
    """Each finding with its state in the previous run; states without a finding fall away."""
    older = _sorted_past(past)
    before = next(older, None)
    last: tuple[str, str] | None = None
    for finding in findings:
        key = (finding.target, finding.rule)
        if last is not None and key <= last:
            raise ValueError(f"findings are not sorted: {key} after {last}")
        last = key
        while before is not None and (before.target, before.rule) < key:
            before = next(older, None)
        if before is not None and (before.target, before.rule) == key:
            yield finding, before
        else:
            yield finding, None
    for _ in older:  # what is left is looked at too, so that a wrong order is never overlooked
        pass


def _sorted_past(past: Iterable[Past]) -> Iterator[Past]:
    last: tuple[str, str] | None = None
    for item in past:
        key = (item.target, item.rule)
        if last is not None and key <= last:
            raise ValueError(f"past states are not sorted: {key} after {last}")
        last = key
        yield item


# --- what is gone


def removed(previous: Mapping[str, str | None], inventory: Inventory, day: date) -> dict[str, tuple[str, ...]]:
    """Targets of the previous run that are gone without an explanation, by the agency that must give it.

    ``previous`` maps target ids to agencies: the targets of the previous run *and* what that run itself
    told as removed, so that a grade stays held until explained and not for one run only. An agency that
    is gone too is answered for by those that succeed it; the key ``""`` is the province, for targets
    that nobody answers for.
    """
    present = {target.id for target in inventory.targets}
    explained = {item.id for item in inventory.retired if item.on <= day}
    agencies = {agency.id for agency in inventory.agencies}
    heirs: dict[str, list[str]] = {}
    for agency in inventory.agencies:
        for old in agency.succeeds:
            heirs.setdefault(old, []).append(agency.id)
    gone: dict[str, list[str]] = {}
    for target in sorted(set(previous) - present - explained):
        agency_id = previous[target]
        answering = [agency_id] if agency_id in agencies else heirs.get(agency_id or "", [""])
        for one in answering:
            gone.setdefault(one or "", []).append(target)
    return {agency: tuple(targets) for agency, targets in sorted(gone.items())}
