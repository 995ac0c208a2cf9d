"""Questions that only people can answer: asked, answered, written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import typer

from auditor import pipeline, rundoc
from auditor.annotate import day_of
from auditor.asides import Aside, add, aside
from auditor.attachments import digest
from auditor.attest_answers import answers, entry
from auditor.attest_read import SheetError, read
from auditor.attest_sheet import Origin, asked, clauses, state, write
from auditor.attest_words import ABOUT, said
from auditor.commands import console
from auditor.i18n import _, current
from auditor.inventories import load_inventory
from auditor.inventories import sha256 as inventory_digest
from auditor.inventoryfile import mistakes_of_addition
from auditor.mistakes import InventoryError
from auditor.model import CapdoError
from auditor.questionnaire import OPEN, About, Question, questions
from auditor.store import Store
from auditor.targets import Inventory


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked, of which part of the province, by which law."""

    inventory: Path
    systems: Sequence[str] = ()
    agencies: Sequence[str] = ()
    profile: str | None = None
    day: date | None = None
    run: str | None = None
    """A run whose measurements may contradict answers, or leave a waiver unproven."""
    db: str | None = None


class _Asked:
    """The questionnaire of a province, with what it was made from."""

    def __init__(self, asking: Asking) -> None:
        self.inventory = load_inventory(asking.inventory)
        self.day = asking.day or day_of(datetime.now(UTC))
        self.packs, _profile, self.rules = pipeline.law(self.inventory, asking.profile, self.day)
        found = questions(self.inventory, self.rules, self.day, contradicted=_contradicted(asking))
        self.questions = _limited(found, self.inventory, asking.systems, asking.agencies)

    @property
    def origin(self) -> Origin:
        """Which inventory it is of, whatever has been answered since."""
        bare = self.inventory.model_copy(update={"attestations": (), "waivers": ()})
        packs = tuple(f"{pack.info.id} {pack.info.version}" for pack in self.packs)
        return Origin(self.inventory.province.id, inventory_digest(bare), packs, self.day)


def _contradicted(asking: Asking) -> frozenset[str]:
    if asking.run is None:
        return frozenset()
    if Path(asking.run).is_file():
        return _against(rundoc.read(Path(asking.run)))
    with Store(asking.db) as store:
        return _against(rundoc.of_run(store, asking.run))


def _against(document: rundoc.RunDocument) -> frozenset[str]:
    return frozenset(one["contradicted_by"] for one in document.findings() if one.get("contradicted_by"))


def _limited(
    found: Sequence[Question], inventory: Inventory, systems: Sequence[str], agencies: Sequence[str]
) -> list[Question]:
    """The questions of the sheets asked for; those of an agency with those of the systems it owns."""
    for ids, known, word in (
        (systems, {one.id for one in inventory.systems}, _("system")),
        (agencies, {one.id for one in inventory.agencies}, _("agency")),
    ):
        for one in ids:
            if one not in known:
                raise CapdoError(_("{id}: the inventory has no such {what}").format(id=one, what=word))
    if not systems and not agencies:
        return list(found)
    wanted = {About("system", one) for one in systems} | {About("agency", one) for one in agencies}
    wanted |= {About("system", one.id) for one in inventory.systems if one.owner in agencies}
    return [one for one in found if one.sheet in wanted]


def _names(inventory: Inventory) -> dict[About, str]:
    lang = current()
    named: list[tuple[About, Any]] = [(About("system", one.id), one.name) for one in inventory.systems]
    named += [(About("agency", one.id), one.name) for one in inventory.agencies]
    named += [(About("target", one.id), one.name) for one in inventory.targets]
    told = {}
    for about, name in named:
        text = name.get(lang) or next(iter(name.values()), None) if isinstance(name, dict) else name
        told[about] = f"{text} ({about.id})" if text else about.id
    return told


# --- attest


def sheet(asking: Asking, out: Path) -> None:
    """Write a questionnaire."""
    made = _Asked(asking)
    if not made.questions:
        raise CapdoError(_("nothing to do: nothing is asked of these"))
    if out.suffix.lower() != ".xlsx":
        raise CapdoError(_("{path}: a questionnaire is an .xlsx file").format(path=out))
    if out.exists():
        raise CapdoError(_("{path}: exists already and may hold answers; name another file").format(path=out))
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        write(out, made.questions, made.origin, _names(made.inventory), current())
    except OSError as exc:
        raise CapdoError(_("{path}: cannot be written: {why}").format(path=out, why=exc.strerror or exc)) from None
    sheets = len({one.sheet for one in made.questions})
    wanting = sum(one.state in OPEN for one in made.questions)
    text = _("{path}: {questions} questions on {sheets} sheets, {open} of them want an answer")
    console.say(text.format(path=out, questions=len(made.questions), sheets=sheets, open=wanting))


def listed(asking: Asking, as_json: bool) -> None:
    """Tell the questions that want an answer; as JSON all of them."""
    made = _Asked(asking)
    if as_json:
        console.as_json([_told(one) for one in made.questions])
        return
    lang, names = current(), _names(made.inventory)
    wanting = [one for one in made.questions if one.state in OPEN]
    rows = [
        [
            f"{said(ABOUT[one.sheet.kind], lang)} {one.sheet.id}",
            one.rule.id if one.about == one.sheet else f"{one.rule.id} @ {one.about.id}",
            asked(one, lang),
            state(one, lang),
        ]
        for one in wanting
    ]
    if rows:
        console.table([_("asked of"), _("question"), _("is it so?"), _("state")], rows)
    text = _("{open} of {count} questions want an answer, on {sheets} systems and agencies")
    sheets = len({names.get(one.sheet, one.sheet.id) for one in wanting})
    console.say(text.format(open=len(wanting), count=len(made.questions), sheets=sheets))


def _told(question: Question) -> dict[str, Any]:
    last = question.last
    return {
        "key": question.key,
        "rule": question.rule.id,
        "about": question.about._asdict(),
        "sheet": question.sheet._asdict(),
        "question": {lang: asked(question, lang) for lang in ("vi", "en")},
        "why": question.rule.why,
        "requirements": [item.id for item in question.requirements],
        "clauses": [clause for item in question.requirements for clause in clauses(item, question.level)],
        "level": question.level,
        "interval_days": question.interval_days,
        "targets": list(question.targets),
        "state": question.state,
        "open": question.state in OPEN,
        "until": question.until.isoformat() if question.until else None,
        "last": last.model_dump(mode="json", exclude_defaults=True) if last else None,
    }


def take(asking: Asking, filled: Path, dry_run: bool) -> None:
    """Read a questionnaire back and write its answers down, all of them or none."""
    made = _Asked(asking)
    came = read(filled)
    known = made.inventory.attestations
    new = answers(came, made.questions, known, made.origin, partial(digest, asking.inventory.parent))
    if came.mistakes:
        console.say(SheetError(came.mistakes).text(current()))
        console.tell(_("{count} mistakes; nothing was written").format(count=len(came.mistakes)))
        raise typer.Exit(2)
    if came.meta.get("inventory_sha256") != made.origin.inventory_sha256:
        console.tell(_("the inventory has changed since the questionnaire was made; what is still asked was taken"))
    if not new:
        raise CapdoError(_("nothing to do: the questionnaire holds no new answer"))
    by_key = {(one.rule.id, one.about.id): one for one in made.questions}
    for given in new:
        (about,) = (*given.targets, *given.systems, *given.agencies)
        question = by_key[given.rule, about]
        ends = min(given.until, question.ends(given.on) or given.until)
        if ends < made.day:
            text = _("! {id}: counts no longer: it ended on {until}")
            console.tell(text.format(id=given.id, until=ends))
    place = aside(asking.inventory, "attestations")
    wrong = mistakes_of_addition(asking.inventory, "attestations", [entry(given) for given in new])
    if wrong:
        raise InventoryError(wrong)
    if not dry_run:
        add(place, "attestations", [entry(given) for given in new])
    written(place, asking.inventory, len(new), dry_run)


def written(place: Aside, inventory: Path, number: int, dry_run: bool) -> None:
    """Tell where so many entries went, and the line by which the inventory must name that file."""
    text = _("would be written to {path}: {count}") if dry_run else _("written to {path}: {count}")
    console.say(text.format(path=place.path, count=number))
    if place.line is None:
        return
    section = place.line.partition(":")[0]
    if place.inline:
        told = _("{inventory}: put this line in place of its section '{section}', which is now in that file: {line}")
    else:
        told = _("{inventory}: add this line, or the file is not read: {line}")
    console.say(told.format(inventory=inventory, section=section, line=place.line))
