"""Fails that people accept for a time, and how all that people said stands: listed, written down."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

import typer

from auditor import pipeline, rundoc
from auditor.annotate import day_of
from auditor.asides import add, aside
from auditor.commands import console
from auditor.commands.attest import Asking, written
from auditor.i18n import N_, _, current
from auditor.inventories import load_inventory
from auditor.inventoryfile import mistakes_of_addition
from auditor.mistakes import say
from auditor.model import CapdoError
from auditor.standings import EXPIRING_DAYS, LONGEST_WAIVER_DAYS, LOUD, as_run_found, standing_of_all
from auditor.store import RunRow, Store
from auditor.targets import Inventory

SHOWN: Final = (*LOUD, "unused")
"""What is listed one by one; the rest is counted."""


class _Run(NamedTuple):
    """The run that tried the grants."""

    id: str
    date: str
    partial: bool
    papers: list[Any]


def waivers(asking: Asking, as_json: bool, everything: bool = False) -> None:
    """Tell how every waiver, attestation and shared control stands today, and what the last run found of them."""
    inventory = load_inventory(asking.inventory)
    day = asking.day or day_of(datetime.now(UTC))
    run = _run(asking, inventory.province.id)
    plain = standing_of_all(inventory, pipeline.law(inventory, asking.profile, day)[2], day)
    told = as_run_found(plain, run.papers if run else ())
    if as_json:
        console.as_json([one | {"run": run.id if run else None, "run_date": run.date if run else None} for one in told])
        return
    kinds = {"waiver": _("waiver"), "attestation": _("attestation"), "shared-control": _("shared control")}
    shown = [one for one in told if everything or one["state"] in SHOWN]
    rows = [
        [kinds[one["kind"]], one["id"], one["rule"], _state(one, run), one["until"], one["days_left"]] for one in shown
    ]
    if rows:
        headers = [_("kind"), _("id"), _("rule"), _("state"), _("until"), _("days left")]
        console.table(headers, rows)
    soon = sum(one["state"] == "expiring" for one in told)
    console.say(
        _("{count} in all, {soon} expire within {days} days").format(count=len(told), soon=soon, days=EXPIRING_DAYS)
    )
    rest = Counter(one["state"] for one in told if not everything and one["state"] not in SHOWN)
    if rest:
        counts = ", ".join(f"{rest[state]} {_(words)}" for state, words in WORDS.items() if rest[state])
        console.say(_("not listed: {counts} (--all lists them)").format(counts=counts))
    _say_run(run, told)


def _run(asking: Asking, province: str) -> _Run | None:
    """The run asked for, or the newest complete one of the province; None when there is none."""
    row: RunRow | None = None
    if asking.run is not None and Path(asking.run).is_file():
        head = rundoc.read(Path(asking.run)).head
    else:
        try:
            with Store(asking.db) as store:
                if asking.run is not None:
                    row = store.find(asking.run)
                else:
                    rows = [row for row in store.list(province) if row.state == "complete"]
                    if not rows:
                        return None
                    row = max(rows, key=lambda row: (row.started_at, row.seq))
                head = store.head(row.seq)
        except CapdoError as exc:
            if asking.run is not None or asking.db is not None:
                raise
            console.tell(exc)  # no store is no reason not to look at dates
            return None
    try:
        told, papers, place = head["run"], head["papers"], head["organisation"]["province"]["id"]
        run = _Run(told["id"], told["date"], told["state"] != "complete", list(papers))
    except (KeyError, TypeError):
        name = row.id if row else asking.run
        raise CapdoError(_("{run}: says nothing of waivers and attestations").format(run=name)) from None
    if place != province:
        text = _("{run}: a run of '{found}', not of '{wanted}'")
        raise CapdoError(text.format(run=run.id, found=place, wanted=province))
    return run


def _say_run(run: _Run | None, told: list[dict[str, Any]]) -> None:
    if not told:
        return
    if run is None:
        console.say(_("no run has tested them: what is unproven or contradicted is not known; this is by dates alone"))
        return
    text = _("as found by run {run} of {date}")
    if run.partial:
        text = _("as found by run {run} of {date}, which was partial: what it left out is not tested")
    console.say(text.format(run=run.id, date=run.date))
    fresh = sum(not one["tested"] and one["state"] in ("active", "expiring") for one in told)
    if fresh:
        console.say(_("{count} of those in force were not tested by that run").format(count=fresh))


WORDS: Final = {
    "active": N_("active"),
    "expiring": N_("EXPIRING"),
    "upcoming": N_("upcoming"),
    "expired": N_("EXPIRED"),
    "malformed": N_("MALFORMED"),
    "contradicted": N_("CONTRADICTED BY A MEASUREMENT"),
    "unproven": N_("UNPROVEN"),
    "unused": N_("unused"),
    "superseded": N_("superseded by a newer answer"),
}
"""Every state in words."""


def _state(told: dict[str, Any], run: _Run | None) -> str:
    why = {
        "unknown-rule": _("no such rule"),
        "nothing-in-scope": _("nothing in its scope"),
        "period": _("the rule's period is over"),
        "expired-in-part": _("expired on some targets"),
        "attachment-changed": _("its attachment is gone or changed"),
        "no-scope": _("it names no scope"),
        "until-before-from": _("it ends before it begins"),
        "own-approval": _("who asked also approved"),
        "compensating-missing": _("it names no rule as proof"),
        "proof-does-not-pass": _("the rule it rests on does not pass"),
        "no-such-fail": _("there is no such fail"),
        "measured": _("a check measures it"),
    }
    parts = [_(WORDS[told["state"]])]
    if told["why"]:
        parts.append(why.get(told["why"], told["why"]))
    if told["contradictions"]:
        parts.append(_("{count} findings").format(count=told["contradictions"]))
    if run is not None and not told["tested"] and told["state"] in ("active", "expiring"):
        parts.append(_("not tested by the run"))
    if told["long"]:
        parts.append(_("longer than {days} days").format(days=LONGEST_WAIVER_DAYS))
    return ", ".join(parts)


def waive(inventory_path: Path, given: dict[str, Any], dry_run: bool) -> None:
    """Write one waiver down. ``given`` are its fields as a file has them; what is None or empty is left out."""
    inventory = load_inventory(inventory_path)
    place = aside(inventory_path, "waivers")
    entry_of = {"id": _waiver_id(given, inventory), **given}
    made = {name: value for name, value in entry_of.items() if value not in (None, [], {})}
    wrong = mistakes_of_addition(inventory_path, "waivers", [made])
    if wrong:
        lang = current()
        for one in wrong:
            expected = f" ({say(one.expected, lang)})" if one.expected else ""
            console.say(f"{one.key.rpartition('].')[2]}: {say(one.message, lang)}{expected}")
        console.tell(_("{count} mistakes; nothing was written").format(count=len(wrong)))
        raise typer.Exit(2)
    days = (date.fromisoformat(made["until"]) - date.fromisoformat(made["from"])).days
    if days > LONGEST_WAIVER_DAYS:
        console.tell(_("! longer than {days} days: look at it again within a year").format(days=LONGEST_WAIVER_DAYS))
    if not dry_run:
        add(place, "waivers", [made])
    written(place, inventory_path, 1, dry_run)


def _waiver_id(given: dict[str, Any], inventory: Inventory) -> str:
    taken = {one.id.casefold() for one in inventory.waivers}
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{given['rule']}.{given['from']}")[:90]
    names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
    return next(name for name in names if name.casefold() not in taken)
