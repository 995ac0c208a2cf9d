"""The stages joined: what ``run``, ``collect`` and ``judge`` do, without a word about terminals."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from auditor import __version__, confirmations, registry
from auditor.annotate import day_of
from auditor.assess import Outcome, asked_of, assess, choose, end_of
from auditor.check import needs
from auditor.collect import Collection, Committed
from auditor.collector import CommandCollector, ProbeCollector
from auditor.evidences import Evidences
from auditor.folder import EvidenceFolder, FolderWriter
from auditor.head import Circumstances
from auditor.i18n import _
from auditor.inventories import from_snapshot, snapshot
from auditor.inventories import sha256 as inventory_digest
from auditor.model import CapdoError, Reason
from auditor.packfile import default_pack, named_packs
from auditor.packs import RuleSet, ruleset
from auditor.plan import Task
from auditor.rulepack import Pack
from auditor.store import RunRow, Store
from auditor.sweep import register
from auditor.targets import Inventory

# A resumed run looks again at what may only have been away for a moment.
_AGAIN = frozenset({Reason.UNREACHABLE, Reason.TIMEOUT, Reason.INCOMPLETE})


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked of a run."""

    profile: str | None = None
    limit: str | None = None
    checks: str | None = None
    day: date | None = None
    workers: int = 50


@dataclass(frozen=True, slots=True)
class Done:
    """A finished run: its id, what came of it, and where its evidence lies."""

    run_id: str
    outcome: Outcome
    evidence: Path | None


Progress = Callable[[int, Task | None], None]
"""Told the number of tasks, then each task as it ends."""


def law(inventory: Inventory, profile: str | None, day: date) -> tuple[list[Pack], str, RuleSet]:
    """The packs of --profile, else the inventory's, else what is in force that day; their names; their rules."""
    named = profile or ",".join(inventory.packs) or default_pack(day)
    packs = named_packs(named)
    return packs, ",".join(map(str.strip, named.split(","))), ruleset(packs, registry.check_table(), day, inventory)


def limited(inventory: Inventory, wish: Wish) -> Inventory:
    """The inventory with only the targets asked for. Raises ``CapdoError`` when none is left."""
    chosen = choose(inventory, wish.limit)
    if not chosen.targets:
        raise CapdoError(
            _("nothing to do: --limit names no target of the inventory")
            if wish.limit
            else _("nothing to do: the inventory holds no target")
        )
    return chosen


def gather(  # noqa: PLR0913  (all but two have what is usual)
    inventory: Inventory,
    folder: Path,
    *,
    workers: int = 50,
    done: Mapping[tuple[str, str], tuple[int, str, str | None]] | None = None,
    started_at: datetime | None = None,
    on_commit: Callable[[Sequence[Committed]], None] = lambda _done: None,
    progress: Progress = lambda _n, _t: None,
    topics: frozenset[str] | None = None,
    whole: Inventory | None = None,
) -> int:
    """Collect into ``folder`` and seal it with a manifest; returns how many pairs ended without evidence.

    ``topics`` limits to collectors of that evidence: a run of few checks asks a host only what they need.
    ``whole`` is the inventory that ``inventory`` is a part of: whom it names is no stranger in a network.
    """
    started = started_at or datetime.now(UTC)
    collectors = {
        key: made for key, made in registry.collectors().items() if topics is None or made.evidence.topic in topics
    }
    known = done or {}
    finished = {pair for pair, told in known.items() if told[2] not in _AGAIN}
    writer = FolderWriter(folder)
    work = Collection(
        inventory=inventory,
        collectors=collectors,
        folder=writer,
        workers=workers,
        attempts={pair: told[0] for pair, told in known.items()},
        known=register(whole or inventory),
        on_commit=on_commit,
        on_plan=lambda number: progress(number, None),
        on_task=lambda task: progress(0, task),
    )
    lost = work.run(done=finished)
    writer.finish(
        {
            "tool_version": __version__,
            "started_at": started.isoformat(),
            "finished_at": datetime.now(UTC).isoformat(),
            "inventory": json.loads(snapshot(inventory)),
            "inventory_sha256": inventory_digest(inventory),
            "recorded": bool(inventory.recorded),
            "commands": _declared(inventory),
        }
    )
    return lost + sum(told[2] is not None for pair, told in known.items() if pair in finished)


def _declared(inventory: Inventory) -> dict[str, list[Any]]:
    """What each collector was going to do, over all targets, each thing once."""
    told: dict[str, dict[Any, None]] = {}
    for target in inventory.targets:
        for collector in registry.collectors().values():
            if not collector.serves(target):
                continue
            kept = told.setdefault(collector.id, {})
            if isinstance(collector, CommandCollector):
                kept.update(dict.fromkeys(command.argv for command in collector.commands(target)))
            elif isinstance(collector, ProbeCollector):
                kept.update(dict.fromkeys(action.what for action in collector.actions(target)))
    return {key: list(value) for key, value in sorted(told.items())}


def _topics(rules: RuleSet, inventory: Inventory, glob: str | None) -> frozenset[str]:
    known = registry.checks()
    named = {one.rule.check for chosen in asked_of(rules, inventory, glob).values() for one in chosen}
    return frozenset(need.evidence.topic for check in named if check for need in needs(type(known[check][0])))


def run(store: Store, inventory: Inventory, wish: Wish, progress: Progress = lambda _n, _t: None) -> Done:
    """A new run: collect, judge, store. On interrupt what was collected stays, for ``resume``."""
    chosen = limited(inventory, wish)
    recording = EvidenceFolder(Path(inventory.recorded)).manifest() if inventory.recorded else None
    started = datetime.now(UTC).replace(microsecond=0)
    now = datetime.fromisoformat(recording["finished_at"]) if recording else started
    day = wish.day or day_of(now)
    # What cannot be used, or rules that fall on nothing, must be known before anything is asked of a host.
    asked_of(law(chosen, wish.profile, day)[2], chosen, wish.checks)
    confirmations.read()
    run_id = f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    request = {
        "inventory_sha256": inventory_digest(chosen),
        "profile": wish.profile,
        "limit": wish.limit,
        "checks": wish.checks,
        "date_given": wish.day is not None,
    }
    seq = store.begin(run_id, inventory.province.id, started, day, request)
    store.set_evidence(seq, store.evidence_root / run_id)
    return _carry_on(store, store.find(run_id), chosen, wish, progress, inventory)


def resume(store: Store, inventory: Inventory, run_id: str | None, wish: Wish, progress: Progress) -> Done:
    """Complete a run that was interrupted. Raises ``CapdoError`` when there is none, or the inventory changed."""
    if run_id in (None, "last"):
        row = store.unfinished(inventory.province.id)
        if row is None:
            raise CapdoError(_("there is no interrupted run to resume; see: audit.py runs list"))
    else:
        row = store.find(str(run_id))
    if row.state in ("complete", "partial"):
        raise CapdoError(_("run {id} is already finished").format(id=row.id))
    asked = row.request
    earlier = Wish(asked["profile"], asked["limit"], asked["checks"], None, wish.workers)
    chosen = limited(inventory, earlier)
    if inventory_digest(chosen) != asked["inventory_sha256"]:
        raise CapdoError(_("the inventory has changed since run {id} began; start a new run").format(id=row.id))
    if asked["date_given"]:
        earlier = Wish(asked["profile"], asked["limit"], asked["checks"], date.fromisoformat(row.date), wish.workers)
    return _carry_on(store, row, chosen, earlier, progress, inventory)


def _carry_on(store: Store, row: RunRow, chosen: Inventory, wish: Wish, progress: Progress, whole: Inventory) -> Done:
    started, day = datetime.fromisoformat(row.started_at), date.fromisoformat(row.date)
    folder = Path(str(row.evidence))
    packs, profile, rules = law(chosen, wish.profile, day)
    confirmed = confirmations.read()  # what cannot be read must be known before anything is asked of a host
    gather(
        chosen,
        folder,
        workers=wish.workers,
        done=store.journalled(row.seq),
        started_at=started,
        on_commit=lambda committed: store.record(row.seq, committed),
        progress=progress,
        topics=_topics(rules, chosen, wish.checks) if wish.checks else None,
        whole=whole,
    )
    evidence = EvidenceFolder(folder)
    now = started
    if chosen.recorded:
        now = datetime.fromisoformat(EvidenceFolder(Path(chosen.recorded)).manifest()["finished_at"])
    if day != day_of(now):
        now = end_of(day)
    known = Circumstances(
        run_id=row.id,
        started_at=started,
        finished_at=datetime.now(UTC).replace(microsecond=0),
        now=now,
        day=day,
        profile=profile,
        manifest_sha256=evidence.manifest_sha256(),
        verified=True,
        recorded=bool(chosen.recorded),
        confirmations=confirmed,
        partial=bool(wish.limit or wish.checks),
    )
    outcome = assess(store, row.seq, chosen, evidence, packs, rules, known, wish.checks)
    return Done(row.id, outcome, folder)


def judge(store: Store, folders: Sequence[Path], inventory: Inventory | None, wish: Wish) -> tuple[Done, list[str]]:
    """Judge evidence that lies in folders or ``.capdo`` files; also returns what verification found wrong.

    The run document depends on the input alone: its id and times come from the evidence, so the same
    evidence judged again for the same day gives the same document.
    """
    opened = [EvidenceFolder(path) for path in folders]
    manifests = [folder.manifest() for folder in opened]
    wrong = [f"{folder.path}: {text}" for folder in opened for text in folder.verify()]
    if inventory is None:
        if len({told["inventory_sha256"] for told in manifests}) > 1:
            raise CapdoError(_("the evidence was collected with different inventories; name one with --inventory"))
        inventory = from_snapshot(json.dumps(manifests[0]["inventory"]).encode())
    chosen = limited(inventory, wish)
    started = min(datetime.fromisoformat(told["started_at"]) for told in manifests)
    finished = max(datetime.fromisoformat(told["finished_at"]) for told in manifests)
    recorded = any(told.get("recorded") for told in manifests)
    day = wish.day or (day_of(finished) if recorded else day_of(datetime.now(UTC)))
    now = finished if day == day_of(finished) else end_of(day)
    packs, profile, rules = law(chosen, wish.profile, day)
    digests = sorted(folder.manifest_sha256() for folder in opened)
    identity = json.dumps(
        [digests, [pack.sha256 for pack in packs], inventory_digest(chosen), day.isoformat(), wish.checks, __version__]
    )
    run_id = "j-" + hashlib.sha256(identity.encode()).hexdigest()[:16]
    store.forget(run_id)
    request = {"judged": digests, "profile": wish.profile, "limit": wish.limit, "checks": wish.checks}
    seq = store.begin(run_id, chosen.province.id, started, day, request)
    store.set_evidence(seq, folders[0].resolve())
    known = Circumstances(
        run_id=run_id,
        started_at=started,
        finished_at=finished,
        now=now,
        day=day,
        profile=profile,
        manifest_sha256=digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest(),
        verified=not wrong,
        recorded=recorded,
        confirmations=confirmations.read(),
        partial=bool(wish.limit or wish.checks),
    )
    source = opened[0] if len(opened) == 1 else Evidences(opened)
    outcome = assess(store, seq, chosen, source, packs, rules, known, wish.checks)
    return Done(run_id, outcome, folders[0]), wrong
