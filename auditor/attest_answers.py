"""What the rows of a questionnaire say: attestations, or what is wrong with each cell. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from typing import Any, Final

from pydantic import ValidationError

from auditor import strictyaml
from auditor.attest_read import Cell, Filled, Row
from auditor.attest_sheet import DEFAULTED, SCHEMA, Origin, asked, far
from auditor.attest_words import ANSWERS, SYNONYMS
from auditor.mistake_words import WORDS
from auditor.model import Say
from auditor.papers import Attachment, Attestation, Document
from auditor.questionnaire import Question

Digest = Callable[[str], str | Say]
"""The sha256 of an attached file, or what is wrong with it."""
_MOST: Final = {"who": 300, "document_no": 300, "explanation": 4000, "attachment": 1000}
_SCOPES: Final = {"system": "systems", "agency": "agencies", "target": "targets"}
_FILLED: Final = ("answer", "who", "on", "document_no", "document_date", "explanation", "attachment")
"""A row in which one of these stands is meant as an answer; ``until`` is proposed in every row."""


def answers(
    filled: Filled,
    questions: Iterable[Question],
    known: Iterable[Attestation],
    origin: Origin,
    digest: Digest,
) -> list[Attestation]:
    """The answers that are new; all that is wrong goes to ``filled.mistakes``, and then nothing may be used.

    ``known`` are the attestations of the inventory: an answer that is among them already is passed over.
    """
    if filled.meta:
        _belongs(filled, origin)
    if filled.mistakes and not filled.rows:
        return []
    reader = _Rows(filled, questions, known, origin.day, digest)
    return [made for row in filled.rows if (made := reader.read(row)) is not None]


def _belongs(filled: Filled, origin: Origin) -> None:
    """Was the questionnaire made from this inventory and these packs?"""
    meta = filled.meta
    if meta.get("schema") != SCHEMA:
        filled.note("sheet-schema", "capdo", "B1", found=meta.get("schema", ""), wanted=SCHEMA)
        filled.rows.clear()
        return
    if meta.get("province") != origin.province:
        filled.note("sheet-province", "capdo", "B2", found=meta.get("province", ""), wanted=origin.province)
        filled.rows.clear()
    found = [line.partition(" ")[0] for line in meta.get("packs", "").splitlines()]
    wanted = [line.partition(" ")[0] for line in origin.packs]
    if sorted(found) != sorted(wanted):
        filled.note("sheet-packs", "capdo", "B4", found=found, wanted=wanted)
        filled.rows.clear()


class _Rows:
    """Reads row after row, noting what is wrong with each cell."""

    def __init__(
        self, filled: Filled, questions: Iterable[Question], known: Iterable[Attestation], day: date, digest: Digest
    ) -> None:
        self._filled, self._day, self._digest = filled, day, digest
        self._questions = {question.key: question for question in questions}
        self._known: dict[str, list[Attestation]] = {}
        self._ids = set[str]()
        for one in known:
            self._known.setdefault(one.rule, []).append(one)
            self._ids.add(one.id.casefold())
        self._seen: dict[str, str] = {}
        self._told = set[tuple[str, str, str]]()
        self._sound = True

    def read(self, row: Row) -> Attestation | None:
        self._sound = True
        key = self._text(row, "key")
        if key is None:
            self._note(row, "key", "sheet-no-key")
            return None
        place = f"{row.sheet}!{row.cells['key'].at}"
        if self._seen.setdefault(key, place) != place:
            self._note(row, "key", "sheet-same-question", place=self._seen[key])
        if all(row.cells[name].value is None for name in _FILLED):
            return None
        if row.cells["answer"].value is not None:
            row = row._replace(cells=row.cells | self._defaults(row))
        question = self._questions.get(key)
        if question is None:
            self._note(row, "key", "sheet-unknown-question", key=key)
            return None
        if _plain(self._text(row, "question")) not in {_plain(asked(question, lang)) for lang in ("vi", "en")}:
            self._note(row, "question", "sheet-question-changed")
        made = self._answer(row, question)
        return made if self._sound else None

    def _defaults(self, row: Row) -> dict[str, Cell]:
        """What the head of the sheet says in place of the row's empty cells, each with the place it stands at.

        Number and date of a document belong together: they are taken only where the row names neither.
        """
        head = {name: cell for name, cell in self._filled.heads.get(row.sheet, {}).items() if cell.value is not None}
        pair = ("document_no", "document_date")
        own = any(row.cells[name].value is not None for name in pair)
        if not own and head.keys() & set(pair):
            head = {name: self._filled.heads[row.sheet][name] for name in pair} | head
        return {
            name: head[name]
            for name in DEFAULTED
            if name in head and row.cells[name].value is None and not (own and name in pair)
        }

    def _answer(self, row: Row, question: Question) -> Attestation | None:
        answer = self._choice(row)
        who = self._text(row, "who")
        if who is None:
            self._note(row, "who", "sheet-no-who")
        on = self._past(row, "on")
        if row.cells["on"].value is None:
            self._note(row, "on", "sheet-no-date")
        explanation = self._text(row, "explanation")
        if explanation is None or sum(map(str.isalnum, explanation)) < 4:  # as ``fields.Explanation`` asks
            self._note(row, "explanation", "sheet-explanation")
            explanation = None
        document = self._document(row)
        attachment = self._attachment(row)
        until = self._date(row, "until")
        if on is not None and until is not None and until < on:
            self._note(row, "until", "sheet-until", until=until, on=on)
        if answer is None or who is None or on is None or explanation is None:
            return None
        until = until or question.ends(on) or far(on)
        told: dict[str, Any] = {
            "id": "x",
            "rule": question.rule.id,
            _SCOPES[question.about.kind]: [question.about.id],
            "answer": answer,
            "explanation": explanation,
            "who": who,
            "document": document,
            "attachment": attachment,
            "on": on,
            "until": until,
        }
        return self._made(row, told)

    def _made(self, row: Row, told: dict[str, Any]) -> Attestation | None:
        try:
            made = Attestation.model_validate(told)
        except ValidationError as exc:
            for error in exc.errors(include_url=False):
                column = next((str(part) for part in error["loc"] if part in row.cells), "answer")
                self._note(row, column, "value_error", text=error["msg"])
            return None
        for one in self._known.get(made.rule, ()):
            if (one.targets, one.systems, one.agencies) == (made.targets, made.systems, made.agencies):
                if one.model_copy(update={"id": made.id}) == made:
                    return None
                if one.on == made.on:
                    self._note(row, "on", "sheet-same-day", id=one.id)
                    return None
        return made.model_copy(update={"id": self._id(made)})

    def _id(self, made: Attestation) -> str:
        (about,) = (*made.targets, *made.systems, *made.agencies)
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{made.rule}.{about}.{made.on}")
        if len(stem) > 90:
            stem = f"{stem[:79]}-{hashlib.sha256(stem.encode()).hexdigest()[:10]}"
        name, number = stem, 1
        while name.casefold() in self._ids:
            number += 1
            name = f"{stem}-{number}"
        self._ids.add(name.casefold())
        return name

    # --- cells

    def _choice(self, row: Row) -> str | None:
        cell = row.cells["answer"]
        if cell.value is None:
            self._note(row, "answer", "sheet-no-answer")
            return None
        answer = _ANSWERS.get(_bare(str(cell.value)))
        if answer is not None:
            return answer
        self._note(row, "answer", "sheet-answer", found=cell.value)
        return None

    def _document(self, row: Row) -> Document | None:
        number, made = self._text(row, "document_no"), self._past(row, "document_date")
        if (row.cells["document_no"].value is None) != (row.cells["document_date"].value is None):
            missing = "document_no" if row.cells["document_no"].value is None else "document_date"
            self._note(row, missing, "sheet-half-document")
        return Document(no=number, date=made) if number is not None and made is not None else None

    def _attachment(self, row: Row) -> Attachment | None:
        file = self._text(row, "attachment")
        if file is None:
            return None
        try:
            Attachment(file=file, sha256="0" * 64)
        except ValidationError as exc:
            code = exc.errors()[0]["type"]
            said = code if code in WORDS else "value_error"
            self._note(row, "attachment", said, text=exc.errors()[0]["msg"], file=file)
            return None
        found = self._digest(file)
        if isinstance(found, Say):
            self._note(row, "attachment", found.code, **found.values)
            return None
        return Attachment(file=file, sha256=found)

    def _text(self, row: Row, column: str) -> str | None:
        value = row.cells[column].value
        if value is None:
            return None
        if isinstance(value, (date, time)):
            self._note(row, column, "sheet-date-for-text")
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        text = str(value).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").strip()
        if len(text) > _MOST.get(column, 40_000):
            self._note(row, column, "sheet-too-long-text", most=_MOST[column])
            return None
        if column in ("key", "question"):
            return text
        for _line, _column, char in strictyaml.bad_characters(text):
            self._note(row, column, "bad-character", char=f"U+{ord(char):04X}")
            return None
        if "\n" in text and column != "explanation":
            self._note(row, column, "sheet-line-break")
            return None
        return text

    def _past(self, row: Row, column: str) -> date | None:
        found = self._date(row, column)
        if found is not None and found > self._day:
            self._note(row, column, "sheet-future", found=found)
            return None
        return found

    def _date(self, row: Row, column: str) -> date | None:
        value = row.cells[column].value
        if value is None:
            return None
        if isinstance(value, datetime) and value.time() == time():
            return value.date()
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value.strip()):
            try:
                return date.fromisoformat(value.strip())
            except ValueError:
                pass
        self._note(row, column, "sheet-date", found=value)
        return None

    def _note(self, row: Row, column: str, code: str, /, **values: Any) -> None:
        at = row.cells[column].at
        self._sound = False
        if (row.sheet, at, code) not in self._told:  # the head of a sheet speaks for many rows
            self._told.add((row.sheet, at, code))
            self._filled.note(code, row.sheet, at, **values)


def _plain(text: str | None) -> str:
    """As compared: case, spacing and the two ways of writing Vietnamese letters do not count."""
    return " ".join(unicodedata.normalize("NFC", text or "").casefold().split())


_ACCENTS: Final = re.compile("[\u0300-\u0303\u0306\u0309\u031b\u0323]")
_BETWEEN: Final = re.compile(r"[\s./_-]+")


def _bare(text: str) -> str:
    """An answer without case, Vietnamese accents, spacing, ``.``, ``/``, ``-`` and ``_``: ``N/A`` is ``na``."""
    letters = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return _BETWEEN.sub("", _ACCENTS.sub("", letters))


_ANSWERS: Final = {
    _bare(word): answer for answer, labels in ANSWERS.items() for word in (answer, *labels, *SYNONYMS[answer])
}


def entry(given: Attestation) -> Mapping[str, Any]:
    """An attestation as it is written into a file."""
    told = given.model_dump(by_alias=True, exclude_defaults=True)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}
