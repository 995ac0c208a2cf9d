"""From evidence to a stored run: judge, annotate, score, store, in one pass of constant memory."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from auditor import codec, registry
from auditor.annotate import Annotated, annotate, removed
from auditor.evidences import Source
from auditor.grants import proofs_needed, proven
from auditor.head import Before, Circumstances, head_of, told_of_observation
from auditor.i18n import _
from auditor.inventories import sha256 as inventory_digest
from auditor.judge import Judge, judge_all
from auditor.model import VIETNAM, CapdoError, Finding, Result, Severity
from auditor.packs import Chosen, RuleSet
from auditor.passing import Passing
from auditor.rulepack import Pack, Rule
from auditor.runwriter import RunWriter
from auditor.score import Scorer, Scores, removed_of_systems
from auditor.standings import Uses, standing_of_all
from auditor.store import Store
from auditor.sweep import address_texts
from auditor.targets import Inventory, Target

EXCERPTS_MOST = 60_000
"""Above this many observations in a run, only their headers are kept in the document, not their text."""


@dataclass(slots=True)
class Outcome:
    """What the exit code and the terminal summary need; the rest is in the store."""

    seq: int
    scores: Scores
    worst_fail: Severity | None = None
    undecided: int = 0
    """Automatic rules that could not be decided."""
    unreachable: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def exit_code(self, fail_on: Severity = Severity.INFO) -> int:
        """0, 1 or 3 as design §7 says."""
        if self.worst_fail is not None and self.worst_fail.rank >= fail_on.rank:
            return 1
        return 3 if self.undecided or self.unreachable else 0


def choose(inventory: Inventory, limit: str | None) -> Inventory:
    """The inventory with only the targets that ``limit`` names: ``web*,agency:so-*,kind:link,level:3``.

    Terms are joined by comma (any of them); keys: id, kind, agency, system, site, tag, level, role.
    Raises ``CapdoError`` for a key that does not exist.
    """
    if not limit:
        return inventory
    terms = [term.strip() for term in limit.split(",") if term.strip()]
    chosen = tuple(target for target in inventory.targets if any(_matches(target, term) for term in terms))
    return inventory.model_copy(update={"targets": chosen})


_KEYS: Mapping[str, Callable[[Target], tuple[object, ...]]] = {
    "id": lambda t: (t.id,),
    "kind": lambda t: (t.kind,),
    "agency": lambda t: (t.agency,),
    "system": lambda t: t.systems,
    "site": lambda t: (t.site,),
    "tag": lambda t: t.tags,
    "level": lambda t: (t.level,),
    "role": lambda t: (t.role,),
}


def _matches(target: Target, term: str) -> bool:
    key, colon, pattern = term.partition(":")
    if not colon:
        key, pattern = "id", term
    if key not in _KEYS:
        raise CapdoError(_("--limit {term}: unknown key; known: {known}").format(term=term, known=", ".join(_KEYS)))
    return any(value is not None and fnmatch.fnmatchcase(str(value), pattern) for value in _KEYS[key](target))


def assess(
    store: Store,
    seq: int,
    inventory: Inventory,
    evidence: Source,
    packs: Sequence[Pack],
    rules: RuleSet,
    known: Circumstances,
    checks_glob: str | None = None,
) -> Outcome:
    """Judge ``evidence`` and store the run under number ``seq``, all or nothing."""
    digest = inventory_digest(inventory)
    systems = {system.id: system for system in inventory.systems}
    judge = Judge(registry.check_table(), registry.collectors(), systems, digest, known.now, address_texts(inventory))
    asked = asked_of(rules, inventory, checks_glob)
    before = _before(store, inventory, known)
    scorer = Scorer(rules, inventory)
    tally = _Tally(rules.rules)
    uses = Uses()
    with store.writing(seq) as writer:
        passing = Passing(writer, scorer, rules, inventory, partial=known.partial)
        stream = _judged(judge, inventory, asked, evidence, passing, writer, digest, known)
        past = store.pasts(before.seq, before.back) if before.seq is not None else iter(())
        proof = _proven(judge, inventory, asked, evidence, known.day)
        for item in annotate(stream, past, rules=rules, inventory=inventory, day=known.day, proven=proof):
            scorer.add(item)
            uses.add(item)
            made = passing.add(item)
            tally.add(item, made)
            writer.add(item, codec.dump(_spoken(item)), made)
        passing.close()
        scores = scorer.finish(
            partial=known.partial,
            removed=before.gone,
            removed_of_systems=removed_of_systems(before.systems.items(), before.gone),
        )
        papers = standing_of_all(inventory, rules, known.day, uses, proof)
        more = {"papers": papers, "level_view": dict(passing.next_level.views())}
        head = head_of(inventory, packs, rules, known, scores, before, digest, more)
        writer.finish("partial" if known.partial else "complete", known.finished_at, head)
    return Outcome(
        seq=seq,
        scores=scores,
        worst_fail=tally.worst,
        undecided=tally.undecided,
        unreachable=passing.unreachable,
        counts=tally.counts,
    )


def asked_of(rules: RuleSet, inventory: Inventory, glob: str | None) -> dict[str, tuple[Chosen, ...]]:
    """The rules that fall on each target, of those that --checks names. Raises ``CapdoError`` when there is none."""
    globs = [one.strip() for one in glob.split(",")] if glob else []

    def wanted(chosen: Chosen) -> bool:
        return any(fnmatch.fnmatchcase(chosen.rule.check or chosen.rule.id, one) for one in globs)

    asked = {target.id: rules.of(target) for target in inventory.targets}  # most share a few lists
    if globs:
        asked = {target: tuple(filter(wanted, chosen)) for target, chosen in asked.items()}
    if not any(asked.values()):
        raise CapdoError(_("nothing to do: no rule falls on any target"))
    return asked


def _judged(
    judge: Judge,
    inventory: Inventory,
    asked: Mapping[str, tuple[Chosen, ...]],
    evidence: Source,
    passing: Passing,
    writer: RunWriter,
    digest: str,
    known: Circumstances,
) -> Iterator[Finding]:
    """Findings of all targets in order; on the way, what is told of targets and observations is kept."""
    inventory_seen = {"source": f"inventory {inventory.province.id}", "collected_at": known.started_at.isoformat()}
    writer.observe([(digest, inventory_seen | {"exit": None, "truncated": False, "target": None, "vantage": None})])
    written = 0
    for judged in judge_all(judge, inventory.targets, asked, evidence, passing.also):
        passing.open(judged)
        written += len(judged.observations)
        brief = written > EXCERPTS_MOST
        writer.observe((sha, told_of_observation(seen, brief=brief)) for sha, seen in judged.observations.items())
        yield from judged.findings


def _proven(
    judge: Judge,
    inventory: Inventory,
    asked: Mapping[str, tuple[Chosen, ...]],
    evidence: Source,
    day: date,
) -> frozenset[tuple[str, str]]:
    """What shared and compensating controls rest on and passes: only those targets are judged in this first pass."""
    needed = proofs_needed(inventory, day)
    providers = {target for target, _rule in needed}
    found: list[Finding] = []
    for target in inventory.targets:
        if target.id in providers:
            found += judge.target(target, asked[target.id], evidence).findings
    return proven(found, inventory, day)


def _spoken(item: Annotated) -> Finding:
    """The finding as it is to be said: an attested answer has words of its own."""
    if item.said is None:
        return item.finding
    return replace(item.finding, verdict=replace(item.finding.verdict, message=item.said))


class _Tally:
    """Counts what exit codes and summaries need while findings pass by."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._severity = {key: Severity(rule.severity) for key, rule in rules.items()}
        self._automatic = {key for key, rule in rules.items() if rule.check is not None}
        self.worst: Severity | None = None
        self.undecided = 0
        self.counts: dict[str, int] = {}

    def add(self, item: Annotated, made: Mapping[str, Any] | None) -> None:
        result = item.result
        self.counts[result.value] = self.counts.get(result.value, 0) + 1
        if result is Result.FAIL and not item.waived_by and not item.inherited_from:
            severity = Severity(made["severity"]) if made else self._severity[item.finding.rule]
            if self.worst is None or severity.rank > self.worst.rank:
                self.worst = severity
        elif result in (Result.UNKNOWN, Result.ERROR) and item.finding.rule in self._automatic:
            self.undecided += 1


def _before(store: Store, inventory: Inventory, known: Circumstances) -> Before:
    row = store.previous(inventory.province.id, known.started_at.isoformat(), known.run_id)
    if row is None:
        return Before()
    listed = store.listed(row.seq)
    unknown = [target.id for target in inventory.targets if target.id not in listed]
    back = store.last_seen(unknown, inventory.province.id, known.started_at.isoformat())
    if known.partial:
        return Before(row.id, row.seq, back=back)
    # What was already missing then and is still unexplained stays missing.
    missing = store.head(row.seq)["run"]["removed"]
    gone = removed(listed | {told["id"]: told.get("agency") for told in missing}, inventory, known.day)
    served = {told["id"]: tuple(told.get("systems", ())) for told in missing}
    names = [name for names in gone.values() for name in names if name not in served]
    served |= {told["id"]: tuple(told["systems"]) for told in store.told(row.seq, names)}
    return Before(row.id, row.seq, gone, served, back)


def end_of(day: date) -> datetime:
    """The last second of a day in Vietnam."""
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=VIETNAM)
