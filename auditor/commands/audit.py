"""run, collect, judge, report."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

from auditor import pipeline, registry, rundoc
from auditor.commands import console
from auditor.i18n import N_, _, current
from auditor.inventories import load_inventory
from auditor.model import CapdoError, Severity
from auditor.pipeline import Done, Wish
from auditor.rundoc import RunDocument
from auditor.store import Store


def run(
    inventory: Path,
    wish: Wish,
    out: Path,
    fail_on: str,
    resume: str | None,
    formats: str,
    checks_dir: list[Path] | None,
    db: str | None,
) -> None:
    _extra(checks_dir)
    wanted = _formats(formats)
    loaded = load_inventory(inventory)
    with Store(db) as store, console.progress() as progress:
        if resume is None:
            done = pipeline.run(store, loaded, wish, progress)
        else:
            done = pipeline.resume(store, loaded, resume, wish, progress)
        document, made = _write(store, done, wanted, out)
    _finish(document, done, out, made, fail_on, _asking(inventory, wish))


def collect(inventory: Path, out: Path, limit: str | None, workers: int) -> None:
    loaded = load_inventory(inventory)
    chosen = pipeline.limited(loaded, Wish(limit=limit))
    if (out / "manifest.json").exists() or (out / "envelopes").exists():
        raise CapdoError(_("{path}: already holds evidence; choose another folder").format(path=out))
    with console.progress() as progress:
        lost = pipeline.gather(chosen, out, workers=workers, progress=progress, whole=loaded)
    console.say(_("evidence: {path}").format(path=out))
    if lost:
        console.tell(_("{count} collections ended without evidence; judge says why").format(count=lost))
    raise typer.Exit(3 if lost else 0)


def judge(
    evidence: list[Path],
    inventory: Path | None,
    wish: Wish,
    out: Path,
    fail_on: str,
    formats: str,
    checks_dir: list[Path] | None,
    db: str | None,
) -> None:
    _extra(checks_dir)
    wanted = _formats(formats)
    loaded = load_inventory(inventory) if inventory else None
    with Store(db) as store:
        done, wrong = pipeline.judge(store, evidence, loaded, wish)
        for line in wrong[:20]:
            console.tell(_("evidence does not match its manifest: {line}").format(line=line))
        document, made = _write(store, done, wanted, out)
    _finish(document, done, out, made, fail_on, _asking(inventory, wish))


def report(run_id: str, formats: str, out: Path, db: str | None) -> None:
    wanted = _formats(formats)
    if Path(run_id).is_file():
        document = rundoc.read(Path(run_id))
        for path in _render(document, wanted, out):
            console.say(path)
        return
    with Store(db) as store:
        document = rundoc.of_run(store, run_id)
        for path in _render(document, wanted, out):
            console.say(path)


def _extra(folders: list[Path] | None) -> None:
    if folders:
        registry.use_checks_folders(tuple(folders))


def _formats(text: str) -> list[str]:
    wanted = [one.strip() for one in text.split(",") if one.strip()]
    known = {*registry.reports(), "json"}
    for one in wanted:
        if one not in known:
            raise CapdoError(
                _("--format {one}: unknown; known: {known}").format(one=one, known=", ".join(sorted(known)))
            )
    return wanted


def _write(store: Store, done: Done, formats: list[str], out: Path) -> tuple[RunDocument, list[Path]]:
    document = rundoc.of_run(store, done.run_id)
    rundoc.write(document, out)
    return document, _render(document, [one for one in formats if one != "json"], out)


def _render(document: RunDocument, formats: list[str], out: Path) -> list[Path]:
    out.mkdir(parents=True, exist_ok=True)
    made = []
    for one in formats:
        made.append(
            rundoc.write(document, out) if one == "json" else registry.reports()[one].render(document, out, current())
        )
    return made


def _finish(document: RunDocument, done: Done, out: Path, made: list[Path], fail_on: str, asking: str) -> None:
    _summary(document.head, done)
    for line in _people(document.head, asking):
        console.say("  " + line)
    if done.evidence:
        console.say(_("evidence: {path}").format(path=done.evidence))
    console.say(_("run document: {path}").format(path=(out / "run.json").resolve()))
    for path in made:
        console.say(_("report: {path}").format(path=path.resolve()))
    raise typer.Exit(done.outcome.exit_code(Severity(str(fail_on))))


def _summary(head: dict[str, Any], done: Done) -> None:
    lang = current()
    score = head["scores"]["province"]
    grades = {grade["id"]: grade["name"][lang] for grade in head["run"]["grades"]}
    counts = score["counts"]
    name = head["organisation"]["province"]["name"]
    console.say()
    console.say(f"{name if isinstance(name, str) else name[lang]} · {done.run_id} · {head['run']['date']}")
    console.say(
        _("score {low} to {high} of 100 · decided {coverage} % · grade: {grade}").format(
            low=score["low"],
            high=score["high"],
            coverage=round(100 * score["coverage"], 1),
            grade=grades.get(score["grade"], _("none")),
        )
    )
    for cap in score["caps"]:
        rule = head["rules"].get(cap["rule"] or "", {}).get("failure_title", {}).get(lang)
        console.say("  ! " + cap["reason"][lang] + (f": {rule}" if rule else ""))
    console.say("  " + " · ".join(f"{_(key)} {value}" for key, value in counts.items()))
    if done.outcome.unreachable:
        console.say("  " + _("targets that could not be seen at all: {count}").format(count=done.outcome.unreachable))
    if head["run"]["recorded"]:
        console.say("  " + _("the evidence is recorded, not collected now"))


LOUD: Final = {
    "contradicted": N_("{count} contradicted"),
    "malformed": N_("{count} malformed"),
    "expired": N_("{count} expired"),
    "unproven": N_("{count} unproven"),
    "expiring": N_("{count} expiring"),
}
"""The states of papers that want attention, the worst first."""


def _asking(inventory: Path | None, wish: Wish) -> str:
    """The arguments that make ``attest`` and ``waive`` speak of what this run spoke of."""
    named = [shlex.quote(str(inventory)) if inventory else "INVENTORY"]
    if wish.profile:
        named += ["--profile", shlex.quote(wish.profile)]
    if wish.day:
        named += ["--date", wish.day.isoformat()]
    return " ".join(named)


def _people(head: dict[str, Any], inventory: str) -> Iterator[str]:
    """What waits for people: questions without an answer, and papers to look at again."""
    count = head["scores"]["province"]["counts"].get("notchecked", 0)
    if count:
        ask = _("{count} questions await an answer: audit.py attest {inventory} --list")
        yield ask.format(count=count, inventory=inventory)
    states = Counter(paper["state"] for paper in head.get("papers", ()))
    told = [_(words).format(count=states[state]) for state, words in LOUD.items() if states[state]]
    if told:
        papers = _("waivers and attestations: {states}: audit.py waive {inventory}")
        yield papers.format(states=", ".join(told), inventory=inventory)
