"""Stored runs: which there are, one of them, whether its evidence is whole, and what changed between two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from auditor import states
from auditor.annotate import Change
from auditor.commands import console
from auditor.folder import EvidenceFolder
from auditor.i18n import _, current
from auditor.model import CapdoError, Severity
from auditor.store import RunRow, Store

SHOWN = 20
"""Findings listed by name for each kind of change; --json has all."""


def _run(row: RunRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "province": row.province,
        "state": row.state,
        "date": row.date,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "evidence": row.evidence,
    }


def runs_list(as_json: bool, db: str | None) -> None:
    with Store(db) as store:
        told = [_run(row) for row in store.list()]
    if as_json:
        console.as_json(told)
        return
    console.table(
        [_("run"), _("province"), _("date"), _("state")],
        [[r["id"], r["province"], r["date"], r["state"]] for r in told],
    )


def runs_show(run_id: str, as_json: bool, db: str | None) -> None:
    with Store(db) as store:
        row = store.find(run_id)
        told = _run(row)
        if row.state in ("complete", "partial"):
            head = store.head(row.seq)
            told |= {"run": head["run"], "score": head["scores"]["province"]}
    if as_json:
        console.as_json(told)
        return
    for key, value in told.items():
        if key == "score":
            console.say(
                f"{key}: {value['low']}–{value['high']}, {round(100 * value['coverage'], 1)} %, {value['grade']}"
            )
        elif key != "run":
            console.say(f"{key}: {value}")


def runs_verify(run_id: str, db: str | None) -> None:
    if Path(run_id).exists():
        evidence = EvidenceFolder(Path(run_id))
    else:
        with Store(db) as store:
            evidence = store.evidence(store.find(run_id))
    wrong = evidence.verify()
    for line in wrong:
        console.say(line)
    if not wrong:
        console.say(_("{path}: every file matches its hash").format(path=evidence.path))
    raise typer.Exit(3 if wrong else 0)


def runs_diff(before: str, after: str, as_json: bool, db: str | None) -> None:
    """New, fixed, open, recurred and not measured this time, from one stored run to another."""
    with Store(db) as store:
        rows = [store.find(before), store.find(after)]
        if rows[0].province != rows[1].province:
            raise CapdoError(_("{a} and {b} are runs of different provinces").format(a=rows[0].id, b=rows[1].id))
        heads = [store.head(row.seq) for row in rows]
        told = states.compare(store.packed(rows[0].seq), store.packed(rows[1].seq))
    rules = heads[0]["rules"] | heads[1]["rules"]
    if as_json:
        console.as_json(
            {
                "before": _run(rows[0]),
                "after": _run(rows[1]),
                "counts": told.counts(),
                "added": told.added,
                "gone": told.gone,
                "differences": [
                    {"target": d.target, "rule": d.rule, "change": d.change, "before": d.before, "after": d.after}
                    for d in told.differences
                ],
            }
        )
        return
    console.say(f"{rows[0].id} ({rows[0].date}) → {rows[1].id} ({rows[1].date})")
    words = {
        Change.NEW: _("new failures"),
        Change.RECURRED: _("failures that came back"),
        Change.FIXED: _("mended"),
        Change.NOTMEASURED: _("not measured this time"),
        Change.OPEN: _("still open"),
    }
    counts = told.counts()
    for change, said in words.items():
        console.say(f"\n{said}: {counts[change.value]}")
        found = [one for one in told.differences if one.change is change]
        for one in sorted(found, key=lambda one: _pressing(one, rules))[:SHOWN]:
            rule = rules.get(one.rule, {})
            title = rule.get("failure_title" if one.after == "fail" else "title", {}).get(current(), "")
            console.say(f"  {one.target}  {one.rule}  {title}")
        if len(found) > SHOWN:
            console.say("  " + _("… and {count} more; --json has all").format(count=len(found) - SHOWN))
    for names, said in ((told.added, _("targets added")), (told.gone, _("targets no longer there"))):
        if names:
            shown = ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
            console.say(f"\n{said}: {len(names)}\n  {shown}")


def _pressing(one: states.Difference, rules: dict[str, Any]) -> tuple[int, str, str]:
    severity = rules.get(one.rule, {}).get("severity", "info")
    return -Severity(severity).rank, one.target, one.rule
