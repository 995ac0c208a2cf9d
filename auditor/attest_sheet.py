"""Questionnaires as Excel files for people to fill in; ``auditor.attest_read`` reads them back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from auditor.attest_words import ABOUT, ALLOWED, ANSWERS, COLUMNS, DEFAULTS, HELP, REFUSED, STATES, said
from auditor.questionnaire import About, Question
from auditor.rulepack import Requirement

SCHEMA: Final = "capdo.attest/1"
META: Final = "capdo"
"""The hidden sheet that says what the file belongs to."""
HEADER_ROW: Final = 3
MAX_CELL: Final = 32_767
"""What Excel itself takes into one cell."""
DEFAULTS_ROW: Final = 1
"""Here stands what fills the empty cells of answered rows, each above its column."""
DEFAULTED: Final = ("who", "on", "document_no", "document_date")
FAR_YEARS: Final = 5
"""So long an answer is proposed to count where the rule has no period of its own; a default of this tool."""

_WIDTHS: Final = (34, 26, 60, 34, 60, 16, 28, 14, 20, 14, 60, 30, 14, 26, 26)
_DATES: Final = ("on", "document_date", "until")
_WRITTEN: Final = ("who", "document_no", "explanation", "attachment")
_NAMES: Final = tuple(COLUMNS)


class Origin(NamedTuple):
    """What a questionnaire belongs to."""

    province: str
    inventory_sha256: str
    packs: tuple[str, ...]
    """``id version`` of each pack."""
    day: date


def far(on: date) -> date:
    """The day an answer of day ``on`` is proposed to end where its rule has no period."""
    year = min(on.year + FAR_YEARS, date.max.year)
    try:
        return on.replace(year=year)
    except ValueError:  # 29 February
        return date(year, 2, 28)


def write(path: Path, questions: Sequence[Question], origin: Origin, names: dict[About, str], lang: str) -> None:
    """Write a questionnaire: a sheet for each system and agency. ``names`` are those shown of what is asked about."""
    book = Workbook()
    _write_meta(book, origin, lang)
    taken = {META}
    for about, asked in groupby(questions, key=lambda one: one.sheet):
        title = _title(about, taken)
        _write_sheet(book.create_sheet(title), about, list(asked), origin.day, names, lang)
    book.active = min(1, len(book.worksheets) - 1)
    book.save(path)


def _write_meta(book: Workbook, origin: Origin, lang: str) -> None:
    meta: Any = book.active
    meta.title = META
    meta.sheet_state = "hidden"
    rows = (
        ("schema", SCHEMA),
        ("province", origin.province),
        ("inventory_sha256", origin.inventory_sha256),
        ("packs", "\n".join(origin.packs)),
        ("day", origin.day.isoformat()),
        ("lang", lang),
    )
    for number, (key, value) in enumerate(rows, 1):
        _text(meta, number, 1, key)
        _text(meta, number, 2, value)


def _title(about: About, taken: set[str]) -> str:
    """A sheet's name: 31 characters at most, each once whatever the case."""
    stem = about.id[:26]
    for number in range(1, 10_000):
        title = stem if number == 1 else f"{stem} ({number})"
        if title.casefold() not in taken and title.casefold() != "history":
            taken.add(title.casefold())
            return title
    raise ValueError("too many sheets of one name")


def _write_sheet(
    sheet: Any, about: About, questions: list[Question], day: date, names: dict[About, str], lang: str
) -> None:
    bold, grey = Font(bold=True), PatternFill("solid", fgColor="EEEEEE")
    wrap = Alignment(wrap_text=True, vertical="top")
    _text(sheet, 1, 1, f"{said(ABOUT[about.kind], lang)}: {names.get(about, about.id)}").font = Font(bold=True, size=14)
    _text(sheet, 2, 1, said(HELP, lang))
    for column, (name, label) in enumerate(COLUMNS.items(), 1):
        head = _text(sheet, HEADER_ROW, column, said(label, lang))
        head.font, head.fill, head.alignment = bold, grey, wrap
        sheet.column_dimensions[get_column_letter(column)].width = _WIDTHS[column - 1]
        if name in _DATES:  # typed dates are shown as they are to be written
            sheet.column_dimensions[get_column_letter(column)].number_format = "yyyy-mm-dd"
    _write_defaults(sheet, lang)
    for row, question in enumerate(questions, HEADER_ROW + 1):
        for column, name in enumerate(_NAMES, 1):
            value = _shown(name, question, day, names, lang)
            cell = sheet.cell(row, column, value) if isinstance(value, date) else _text(sheet, row, column, value)
            if name in _DATES:
                cell.number_format = "yyyy-mm-dd"
            elif name in _WRITTEN:
                cell.number_format = "@"  # else Excel makes a date of 12/5
            cell.alignment = wrap
    last = max(HEADER_ROW + 1, HEADER_ROW + len(questions))
    letter = get_column_letter(_NAMES.index("answer") + 1)
    choices = ",".join(said(label, lang) for label in ANSWERS.values())
    listed = DataValidation(type="list", formula1=f'"{choices}"', allow_blank=True, showErrorMessage=True)
    # A synonym may be written all the same; what is not understood is told of when the answers are taken.
    listed.errorStyle, listed.error = "warning", said(REFUSED, lang).format(allowed=said(ALLOWED, lang))
    sheet.add_data_validation(listed)
    listed.add(f"{letter}{HEADER_ROW + 1}:{letter}{last}")
    sheet.freeze_panes = f"D{HEADER_ROW + 1}"


def _write_defaults(sheet: Any, lang: str) -> None:
    """The cells above the header that speak for every answered row."""
    yellow = PatternFill("solid", fgColor="FFF2CC")
    label = _text(sheet, DEFAULTS_ROW, _NAMES.index(DEFAULTED[0]), said(DEFAULTS, lang))
    label.font, label.alignment = Font(bold=True), Alignment(wrap_text=True, vertical="top", horizontal="right")
    for name in DEFAULTED:
        cell = sheet.cell(DEFAULTS_ROW, _NAMES.index(name) + 1)
        cell.fill, cell.number_format = yellow, "yyyy-mm-dd" if name in _DATES else "@"


def _shown(name: str, question: Question, day: date, names: dict[About, str], lang: str) -> str | date | None:
    """What stands in a cell before anybody has answered."""
    if name == "until":
        return question.ends(day) or far(day)
    told = {
        "key": question.key,
        "about": f"{said(ABOUT[question.about.kind], lang)}: {names.get(question.about, question.about.id)}",
        "question": asked(question, lang),
        "clause": "\n".join(clause for item in question.requirements for clause in clauses(item, question.level)),
        "why": (question.rule.why or {}).get("vi" if lang == "vi" else "en"),
        "last": answered(question, lang),
        "state": state(question, lang),
    }
    return told.get(name)


def answered(question: Question, lang: str) -> str | None:
    """The last answer in words."""
    given = question.last
    return f"{said(ANSWERS[given.answer], lang)}, {given.on}, {given.who}" if given else None


def state(question: Question, lang: str) -> str:
    """How a question stands, with the last day its answer counts."""
    ends = f": {question.until}" if question.until and question.state != "open" else ""
    return said(STATES[question.state], lang) + ends


def asked(question: Question, lang: str) -> str:
    """A question in words."""
    title = question.rule.title or {}
    return title.get("vi" if lang == "vi" else "en") or question.rule.id


def clauses(item: Requirement, level: int) -> Iterator[str]:
    """The clauses of a requirement at one level, as ``framework: clause``."""
    for framework, value in item.clauses.items():
        clause = value if isinstance(value, str) else {str(key): text for key, text in value.items()}.get(f"L{level}")
        if clause:
            yield f"{framework}: {clause}"


def _text(sheet: Any, row: int, column: int, value: str | None) -> Any:
    """A cell that holds text and nothing else: what begins like a formula is shown, never computed."""
    cell = sheet.cell(row, column)
    if value is not None:
        cell.value = ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)[:MAX_CELL]
        cell.data_type = "s"
        cell.quotePrefix = value[:1] in ("=", "+", "-", "@")
    return cell
