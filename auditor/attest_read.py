"""Reads questionnaires back, whatever became of them.

What is read is only cells in their places; ``auditor.attest_answers`` says what they mean. Nothing in a
file is trusted: its size is looked at before it is unpacked, formulas and merged cells are refused.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from openpyxl import load_workbook
from openpyxl.utils import column_index_from_string, get_column_letter

from auditor.attest_sheet import DEFAULTED, DEFAULTS_ROW, HEADER_ROW, META
from auditor.attest_words import COLUMNS, REPEATED, REPEATED_OTHERWISE, said
from auditor.mistakes import say
from auditor.model import CapdoError, Say
from auditor.printable import one_line

MAX_BYTES: Final = 16 * 2**20
MAX_UNPACKED: Final = 128 * 2**20
MAX_ENTRIES: Final = 2000
MAX_ROWS: Final = 20_000
"""So many rows of a sheet may hold something."""

REPEATS: Final = 5
"""A mistake of more cells of one column than these is told in one line."""

_NAMES: Final = tuple(COLUMNS)
_PLAIN: Final = re.compile(r"[A-Z]{1,3}[0-9]{1,7}")


@dataclass(frozen=True, slots=True)
class CellMistake:
    """One thing to mend in a workbook: ``FILE: sheet!B12: message``."""

    file: str
    message: Say
    sheet: str = ""
    cell: str = ""

    def place(self) -> tuple[str, int, int]:
        """Sheet, row and column, to sort by."""
        found = re.match(r"([A-Z]{0,3})([0-9]{0,7})", self.cell)
        letters, number = found.groups() if found else ("", "")
        return self.sheet, int(number or 0), column_index_from_string(letters) if letters else 0

    def text(self, lang: str) -> str:
        place = f"{one_line(self.sheet)}!{self.cell}: " if self.sheet else ""
        return f"{one_line(self.file, 1000)}: {place}{say(self.message, lang)}"


class SheetError(CapdoError):
    """A workbook that cannot be used as it is, with every mistake found in it."""

    def __init__(self, mistakes: Sequence[CellMistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=CellMistake.place))
        super().__init__(len(self.mistakes))

    def text(self, lang: str) -> str:
        """A line for each mistake; one that many cells of a column share is told once, with all of them."""
        alike: dict[tuple[str, str, str], list[CellMistake]] = {}
        for number, one in enumerate(self.mistakes):
            column = one.cell.rstrip("0123456789") if _PLAIN.fullmatch(one.cell) else f"#{number}"
            alike.setdefault((one.sheet, column, one.message.code), []).append(one)
        lines: list[str] = []
        for same in alike.values():
            lines += [_repeated(same, lang)] if len(same) > REPEATS else [one.text(lang) for one in same]
        return "\n".join(lines)


def _repeated(same: Sequence[CellMistake], lang: str) -> str:
    """One line for one mistake of many cells of a column, in the order of their rows."""
    first = same[0]
    form = REPEATED if len({say(one.message, lang) for one in same}) == 1 else REPEATED_OTHERWISE
    column = first.cell.rstrip("0123456789")
    cells = ", ".join(_ranges(column, [int(one.cell[len(column) :]) for one in same]))
    told = said(form, lang).format(cells=cells, count=len(same), text=say(first.message, lang))
    return f"{one_line(first.file, 1000)}: {one_line(first.sheet)}!{told}"


def _ranges(column: str, rows: Sequence[int]) -> Iterator[str]:
    """Rising rows of a column as people name them: ``K4:K9``, ``K12``."""
    start = end = rows[0]
    for row in (*rows[1:], 0):
        if row != end + 1:
            yield f"{column}{start}" if start == end else f"{column}{start}:{column}{end}"
            start = row
        end = row


class Cell(NamedTuple):
    """One cell as it stands: text, number, date …; None when empty."""

    value: object
    at: str
    """As people name it, ``F12``."""


class Row(NamedTuple):
    sheet: str
    number: int
    cells: dict[str, Cell]
    """By name of column (the keys of ``attest_words.COLUMNS``)."""


@dataclass(slots=True)
class Filled:
    """A questionnaire as it came back."""

    file: str
    meta: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    heads: dict[str, dict[str, Cell]] = field(default_factory=dict)
    """By sheet, the cells that stand for empty ones of its answered rows, by name of column."""
    mistakes: list[CellMistake] = field(default_factory=list)

    def note(self, code: str, sheet: str = "", cell: str = "", /, **values: Any) -> None:
        self.mistakes.append(CellMistake(self.file, Say(code, values), sheet, cell))


def read(path: Path) -> Filled:
    """Every row of a questionnaire that holds something. Never raises for what the file holds: see ``mistakes``."""
    filled = Filled(str(path))
    try:
        if _unpackable(path, filled):
            # The file is opened here and not by openpyxl, which leaves broken ones open.
            with warnings.catch_warnings(), path.open("rb") as file, zipfile.ZipFile(file) as packed:
                warnings.simplefilter("ignore")  # about styles and extensions it does not know
                _read(file, packed, filled)
    except (OSError, zipfile.BadZipFile) as exc:
        filled.note("unreadable", problem=getattr(exc, "strerror", None) or str(exc))
    except Exception as exc:  # noqa: BLE001 - openpyxl raises all kinds for broken files
        filled.note("sheet-broken", problem=f"{type(exc).__name__}: {exc}"[:200])
    return filled


def _unpackable(path: Path, filled: Filled) -> bool:
    """Is it a file that may be opened at all? Looks at declared sizes only, which zipfile holds to."""
    if not path.is_file():
        filled.note("no-file" if not path.exists() else "is-folder")
        return False
    size = path.stat().st_size
    if size > MAX_BYTES:
        filled.note("too-big", limit=MAX_BYTES // 2**20)
        return False
    with path.open("rb") as file:
        if file.read(8) == bytes.fromhex("d0cf11e0a1b11ae1"):
            filled.note("sheet-encrypted")
            return False
    if not zipfile.is_zipfile(path):
        filled.note("sheet-not-excel")
        return False
    with zipfile.ZipFile(path) as packed:
        entries = packed.infolist()
    unpacked = sum(one.file_size for one in entries)
    if unpacked > MAX_UNPACKED or len(entries) > MAX_ENTRIES:
        filled.note("sheet-too-big", size=unpacked // 2**20)
        return False
    if "xl/workbook.xml" not in {one.filename for one in entries}:
        filled.note("sheet-not-excel")
        return False
    return True


def _read(file: BinaryIO, packed: zipfile.ZipFile, filled: Filled) -> None:
    book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
    try:
        if META not in book.sheetnames:
            filled.note("sheet-not-ours")
            return
        for sheet in book.worksheets:
            raw = packed.read(getattr(sheet, "_worksheet_path"))  # noqa: B009 - openpyxl names it nowhere else
            last = _last_row(raw)
            if sheet.title == META:
                rows = sheet.iter_rows(max_row=min(last, 20), max_col=2, values_only=True)
                filled.meta = {str(row[0]): str(row[1] or "") for row in rows if len(row) == 2 and row[0]}
                continue
            for merged in _MERGED.findall(raw):
                filled.note("sheet-merged", sheet.title, merged.decode("ascii", "replace"))
            if last > MAX_ROWS:
                filled.note("sheet-too-long", sheet.title, f"A{last}", most=MAX_ROWS)
            elif last:
                _read_sheet(sheet, last, filled)
    finally:
        book.close()


_MERGED: Final = re.compile(rb"<(?:[\w.-]+:)?mergeCell\s[^>]*?\bref\s*=\s*[\"']([A-Z0-9:$]{1,40})[\"']")
_ROW: Final = re.compile(rb"<(?:[\w.-]+:)?row(?=[\s/>])([^>]*)")
_NUMBER: Final = re.compile(rb"\br\s*=\s*[\"']([0-9]{1,7})[\"']")
_SAYS: Final = re.compile(rb"<(?:[\w.-]+:)?(?:v|f|is)[\s/>]")


def _last_row(raw: bytes) -> int:
    """The last row of a sheet that holds anything: 100,000 rows of borders and colours are not looked at.

    Raises ``ValueError`` for XML that could not be read so: declared entities, marked sections, UTF-16.
    """
    if b"<!" in raw or b"\x00" in raw:
        raise ValueError("a sheet with declarations, marked sections or comments")
    ends = 0
    for found in _SAYS.finditer(raw):
        ends = found.start()
    last = count = 0
    for found in _ROW.finditer(raw):
        if found.start() > ends:
            break
        number = _NUMBER.search(found[1])
        count = int(number[1]) if number else count + 1
        last = max(last, count)
    return last if ends else 0


def _read_sheet(sheet: Any, last: int, filled: Filled) -> None:
    rows = sheet.iter_rows(min_row=DEFAULTS_ROW, max_row=max(last, HEADER_ROW), max_col=len(_NAMES) + 1)
    above: Sequence[Any] = ()
    for number, row in enumerate(rows, DEFAULTS_ROW):
        if number == DEFAULTS_ROW:
            above = row
        if number < HEADER_ROW:
            continue
        if number == HEADER_ROW:
            if not _header(sheet.title, row, filled):
                return
            filled.heads[sheet.title] = _cells(sheet.title, DEFAULTS_ROW, above, DEFAULTED, filled)
            continue
        cells = _cells(sheet.title, number, row, _NAMES, filled)
        if any(cell.value is not None for cell in cells.values()):
            filled.rows.append(Row(sheet.title, number, cells))


def _cells(title: str, number: int, row: Sequence[Any], wanted: Iterable[str], filled: Filled) -> dict[str, Cell]:
    """The cells of some columns of a row; formulas and errors are noted and count as empty."""
    cells: dict[str, Cell] = {}
    for name in wanted:
        column = _NAMES.index(name)
        at = f"{get_column_letter(column + 1)}{number}"
        value = row[column].value if column < len(row) else None
        kind = row[column].data_type if value is not None else "n"
        if kind == "f":
            filled.note("sheet-formula", title, at)
            value = None
        elif kind == "e":
            filled.note("sheet-error-value", title, at, found=value)
            value = None
        cells[name] = Cell(None if isinstance(value, str) and not value.strip() else value, at)
    return cells


def _header(title: str, row: Iterable[Any], filled: Filled) -> bool:
    """Are these the columns of a questionnaire, in either language and in their order?"""
    found = [" ".join(str(cell.value or "").split()) for cell in row]
    found += [""] * (len(_NAMES) + 1 - len(found))
    if sum(found[column] in label for column, label in enumerate(COLUMNS.values())) < len(_NAMES) // 2:
        filled.note("sheet-no-header", title, f"A{HEADER_ROW}", row=HEADER_ROW)
        return False
    right = True
    for column, label in enumerate(COLUMNS.values()):
        if found[column] not in label:
            wanted = label[0] if label[0] == label[1] else f"{label[0]} / {label[1]}"
            at = f"{get_column_letter(column + 1)}{HEADER_ROW}"
            filled.note("sheet-header", title, at, wanted=wanted, found=one_line(found[column], 60))
            right = False
    if found[len(_NAMES)]:
        filled.note("sheet-extra-column", title, f"{get_column_letter(len(_NAMES) + 1)}{HEADER_ROW}")
        right = False
    return right
