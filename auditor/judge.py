"""Judging: inventory + evidence + rules + date → exactly one finding for each (target, rule). Pure but for reading.

The folder is read through a ``Source`` only; "now" is given. The same input gives the same findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from auditor.check import Check, Judged, Need, needs, run_check
from auditor.collector import Collector, Reading
from auditor.declared import declared
from auditor.evidence.declared import DeclaredTarget
from auditor.evidence.known_hosts import KnownHosts
from auditor.evidence.shared_keys import SharedKeys, ShowsKeys
from auditor.evidences import Source
from auditor.folder import Envelope, EvidenceError
from auditor.model import CollectError, Evidence, Finding, Observation, Reason, Result, Say, Seen, Unavailable, Verdict
from auditor.packs import Chosen
from auditor.sharing import KeyRing
from auditor.targets import System, Target


@dataclass(frozen=True, slots=True)
class TargetState:
    """How much of a target could be seen; every target of the inventory has one."""

    state: str
    """assessed, partial, unreachable or stale."""
    reason: Reason | None = None
    detail: str = ""


@dataclass(slots=True)
class JudgedTarget:
    """All findings of one target, sorted by rule, with the observations they rest on."""

    target: Target
    state: TargetState
    findings: list[Finding]
    observations: dict[str, Observation] = field(default_factory=dict)
    also: list[Finding] = field(default_factory=list)
    """What else was asked of the same evidence, in the order it was asked; no part of the run's findings."""


class Judge:
    """Holds what does not change from target to target."""

    def __init__(
        self,
        checks: Mapping[str, Check[Any, Any]],
        collectors: Mapping[str, Collector],
        systems: Mapping[str, System],
        inventory_sha256: str,
        now: datetime,
        known: frozenset[str] = frozenset(),
    ) -> None:
        self._checks = checks
        self._needs: dict[str, tuple[Need, ...]] = {key: needs(type(check)) for key, check in checks.items()}
        self._collectors = collectors
        self._systems = systems
        self._digest = inventory_sha256
        self._now = now
        self._known = known
        self._ring: KeyRing | None = None

    def compare(self, targets: Sequence[Target], folder: Source, rules: Iterable[Chosen]) -> None:
        """Look through the evidence of all targets once, where some rule asks what only that can tell."""
        asked = {chosen.rule.check for chosen in rules if chosen.rule.check}
        if all(need.evidence is not SharedKeys for check in asked for need in self._needs.get(check, ())):
            return
        self._ring = KeyRing()
        showing = [one for one in self._collectors.values() if issubclass(one.evidence, ShowsKeys)]
        for target in targets:
            serving = [one for one in showing if one.serves(target)]
            collected = set(folder.collected(target.id)) if serving else set()
            for collector in serving:
                found, _ = self._evidence(target, collector, folder, collected, {})
                self._ring.add(target, found.shown_keys() if isinstance(found, ShowsKeys) else ())

    def target(
        self, target: Target, rules: Sequence[Chosen], folder: Source, also: Sequence[Chosen] = ()
    ) -> JudgedTarget:
        """One finding for each of ``rules`` on ``target``; ``also`` is asked of the evidence while it is in hand."""
        asked = {chosen.rule.check for chosen in (*rules, *also)}
        topics = {need.evidence.topic for check in asked if check for need in self._needs.get(check, ())}
        held, state, observations = self.read(target, folder, topics)
        findings = [self.judge(target, chosen, held) for chosen in rules]
        findings.sort(key=lambda finding: finding.rule)
        return JudgedTarget(target, state, findings, observations, [self.judge(target, one, held) for one in also])

    def judge(self, target: Target, chosen: Chosen, held: Mapping[str, Evidence | Unavailable]) -> Finding:
        """The one finding of a rule on ``target``, from evidence in hand."""
        rule, params = chosen.rule, chosen.params
        if rule.check is None:
            return Finding(target.id, rule.id, "", Verdict(Result.NOTCHECKED, Say("not-attested", {})))
        check = self._checks.get(rule.check)
        if check is None:
            broken = Verdict(Result.ERROR, Say("check-missing", {"check": rule.check}))
            return Finding(target.id, rule.id, rule.check, broken)
        judged: Judged = run_check(check, self._needs[rule.check], held, params)
        return Finding(
            target.id, rule.id, rule.check, judged.verdict, judged.observations, judged.reason, judged.detail
        )

    def read(
        self, target: Target, folder: Source, topics: set[str]
    ) -> tuple[dict[str, Evidence | Unavailable], TargetState, dict[str, Observation]]:
        """The target's evidence on ``topics``, how much of it could be seen, and the observations behind it."""
        held: dict[str, Evidence | Unavailable] = {}
        observations: dict[str, Observation] = {}
        if DeclaredTarget.topic in topics:
            held[DeclaredTarget.topic] = declared(target, self._systems, self._digest, self._now)
        if KnownHosts.topic in topics:
            itself = Seen(self._now, self._now, None, (self._digest,))
            held[KnownHosts.topic] = KnownHosts(seen=itself, addresses=self._known)
        collected = set(folder.collected(target.id))
        made: list[Evidence | Unavailable] = []
        shown: list[Evidence | Unavailable] = []
        seen_any = False
        for collector in self._collectors.values():
            if not collector.serves(target):
                continue
            if collector.evidence.topic not in topics and collector.id not in collected:
                continue
            found, looked = self._evidence(target, collector, folder, collected, observations)
            seen_any = seen_any or looked
            made.append(found)
            if issubclass(collector.evidence, ShowsKeys):
                shown.append(found)
            known = held.get(collector.evidence.topic)
            if known is None or (isinstance(known, Unavailable) and not isinstance(found, Unavailable)):
                held[collector.evidence.topic] = found
        if SharedKeys.topic in topics and self._ring is not None:
            held[SharedKeys.topic] = self._ring.of(target, shown, self._now)
        return held, _state(made, seen_any), observations

    def _evidence(
        self,
        target: Target,
        collector: Collector,
        folder: Source,
        collected: set[str],
        into: dict[str, Observation],
    ) -> tuple[Evidence | Unavailable, bool]:
        """Evidence of one collector, and whether anything at all was observed."""
        if collector.id not in collected:
            return Unavailable(Reason.INCOMPLETE, f"{collector.id} was not collected"), False
        refs: tuple[str, ...] = ()
        try:
            envelope = folder.envelope(target.id, collector.id)
            refs = tuple(digest for _, digest in envelope.observations)
            if envelope.reason is not None:
                return Unavailable(envelope.reason, envelope.detail, refs), bool(refs)
            found = {key: folder.observation(key, digest) for key, digest in envelope.observations}
        except EvidenceError as exc:
            return Unavailable(Reason.UNPARSABLE, str(exc), refs), False
        into.update(zip(refs, found.values(), strict=True))
        if stray := next((seen for seen in found.values() if seen.target != target.id), None):
            return Unavailable(Reason.UNPARSABLE, f"{stray.source} was seen on another target", refs), True
        return self._parse(target, collector, envelope, found, refs), any(map(_answered, found.values()))

    def _parse(
        self,
        target: Target,
        collector: Collector,
        envelope: Envelope,
        found: dict[str, Observation],
        refs: tuple[str, ...],
    ) -> Evidence | Unavailable:
        age = self._now - envelope.collected_at
        if age > collector.evidence.max_age:
            most = collector.evidence.max_age.days
            return Unavailable(Reason.STALE, f"seen {age.days} days before the run's date, at most {most} count", refs)
        seen = Seen(envelope.collected_at, self._now, envelope.target_clock, refs)
        try:
            return collector.parse(Reading(target, seen, found))
        except CollectError as exc:
            return Unavailable(exc.reason, exc.detail, refs)
        except Exception as exc:  # noqa: BLE001  (a parser that breaks on hostile output must not break the run)
            return Unavailable(Reason.UNPARSABLE, f"{collector.id} broke: {type(exc).__name__}: {exc}"[:300], refs)


def judge_all(
    judge: Judge,
    targets: Sequence[Target],
    rules: Mapping[str, Sequence[Chosen]],
    folder: Source,
    also: Callable[[Target], Sequence[Chosen]] = lambda _: (),
) -> Iterator[JudgedTarget]:
    """Every target in order of id, one at a time, so that memory does not grow with their number."""
    judge.compare(targets, folder, (chosen for asked in rules.values() for chosen in asked))
    for target in sorted(targets, key=lambda item: item.id):
        yield judge.target(target, rules.get(target.id, ()), folder, also(target))


_SAID_NOTHING = (Reason.UNREACHABLE, Reason.TIMEOUT, Reason.HOST_KEY, Reason.NOT_AUTHORISED, Reason.UNSUPPORTED)


def _answered(seen: Observation) -> bool:
    """Did the target itself say anything? A closed port is observed, but is nothing the target told of itself."""
    return seen.problem not in _SAID_NOTHING


def _state(made: Sequence[Evidence | Unavailable], seen_any: bool) -> TargetState:
    missing = [item for item in made if isinstance(item, Unavailable)]
    if not made:
        return TargetState("unreachable", Reason.UNSUPPORTED, "no collector serves this kind of target")
    if not missing:
        return TargetState("assessed")
    if all(item.reason is Reason.STALE for item in missing) and len(missing) == len(made):
        return TargetState("stale", Reason.STALE, missing[0].detail)
    if not seen_any:
        return TargetState("unreachable", missing[0].reason, missing[0].detail)
    return TargetState("partial", missing[0].reason, missing[0].detail)
