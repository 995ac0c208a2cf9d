"""Inventories written as a table: one row a target, in CSV as Excel saves it (UTF-8, ',' or ';').

The first line may be ``#province: id, Name``; without it the file's name is the province's id. Agencies,
groups, systems and sites are made from what the rows name. Several values in a cell are parted by ';'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from auditor import strictyaml
from auditor.inventorychecks import KINDS, RELATIONS
from auditor.inventoryfile import build
from auditor.mistakes import Mistake
from auditor.model import Say
from auditor.shape import near
from auditor.strictyaml import Part, Place
from auditor.targets import Inventory

_SECTIONS: Final = {kind: section for section, kind in KINDS.items()}
_OWN: Final[dict[str, tuple[Part, ...]]] = {
    **{
        name: (name,)
        for name in (
            *("id", "name", "address", "url", "agency", "site", "platform", "role", "connect", "recording"),
            *("config", "handling", "mend_by", "from", "to", "target", "provider", "backup", "encrypted"),
        )
    },
    "link_kind": ("kind",),
    "rtt_ms": ("sla", "rtt_ms"),
    "loss_pct": ("sla", "loss_pct"),
    "ssh_user": ("ssh", "user"),
    "ssh_port": ("ssh", "port"),
    "ssh_key_file": ("ssh", "key_file"),
    "known_hosts": ("ssh", "known_hosts"),
    "host_key": ("ssh", "host_key"),
    "server_name": ("tls", "server_name"),
    "http_port": ("web", "http_port"),
    "resolver": ("dns", "resolver"),
    "mail_domain": ("dns", "mail_domain"),
}
"""Columns that hold one value, and where it goes in an entry of the raw inventory."""
_SEVERAL: Final = {"system": "systems", "tags": "tags", "ports": "ports", **{name: name for name in RELATIONS}}
_OTHERS: Final = ("kind", "group", "level", "agency_name", "system_name", "site_name")
_COLUMNS: Final = (*_OTHERS, *_OWN, *_SEVERAL)
_NUMBERS: Final = frozenset({"ssh_port", "http_port", "ports", "level", "rtt_ms", "loss_pct"})
_NUMBER: Final = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?")
_PROVINCE: Final = re.compile(r"#\s*province\s*:\s*([^,;]*)[,;]?(.*)", re.IGNORECASE)


class CsvInventory:
    """One CSV file with a header line."""

    suffixes = (".csv",)

    def load(self, path: Path) -> Inventory:
        """Read ``path``. Raises ``InventoryError`` with every mistake of the file."""
        return build(_Table(path), path.parent)


class _Cell(NamedTuple):
    text: str
    line: int
    column: int


class _Table:
    """The raw inventory a table stands for, and the cell that each part of it comes from."""

    def __init__(self, path: Path) -> None:
        self.file = str(path)
        self.data: Any = None
        self.broken = True
        self.mistakes: list[Mistake] = []
        self._places: dict[tuple[Part, ...], tuple[_Cell, str]] = {}
        self._made: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
        """Agencies, groups, systems and sites by section and id: their number and entry."""
        tree = strictyaml.Tree(self.file)
        text = strictyaml.read_text(path, tree)
        self.mistakes += tree.mistakes
        if text is not None:
            self._read(text, path.stem)

    def at(self, path: tuple[Part, ...], *, key: bool = False) -> Place:
        cell = self._nearest(path)[0]
        return self.file, cell.line, cell.column

    def label(self, path: tuple[Part, ...]) -> str:
        """The header of the column; where there is no cell, the missing key itself."""
        header = self._nearest(path)[1]
        return header if path in self._places else str(path[-1] if path else "")

    def _nearest(self, path: tuple[Part, ...]) -> tuple[_Cell, str]:
        cuts = (self._places.get(path[:end]) for end in range(len(path), 0, -1))
        return next((found for found in cuts if found), (_Cell("", 1, 1), ""))

    def _note(self, cell: _Cell, header: str, code: str, expected: Say | None = None, /, **values: Any) -> None:
        self.mistakes.append(Mistake(self.file, cell.line, cell.column, header, Say(code, values), expected))

    # --- the table

    def _read(self, text: str, stem: str) -> None:
        for line, column, char in strictyaml.bad_characters(text):
            if len(self.mistakes) > strictyaml.MAX_BAD_CHARACTERS:
                self._note(_Cell("", 1, 1), "", "binary")
                return
            self._note(
                _Cell("", line, column), "", "tab" if char == "\t" else "bad-character", char=f"U+{ord(char):04X}"
            )
        self.data = {section: [] for section in ("groups", "agencies", "systems", "sites", *KINDS)}
        start = self._province(text, stem)
        rows = self._rows(text, start)
        header = next(rows, None)
        if header is None:
            self._note(_Cell("", 1, 1), "", "no-header", Say("expect-columns", {"columns": _COLUMNS}))
            return
        self.broken = False
        columns = self._header(header)
        for row in rows:
            self._row(columns, row)

    def _province(self, text: str, stem: str) -> int:
        """Make the province; where the table begins."""
        first = text.partition("\n")[0]
        found = _PROVINCE.match(first.strip('"'))
        one, name = (found.group(1).strip(), found.group(2).strip(' \r";,')) if found else (stem, "")
        self.data["province"] = {"id": one, **({"name": name} if name else {})}
        self._places["province",] = (_Cell(first, 1, 1), "#province")
        self._places["province", "id"] = self._places["province",]
        return len(first) + 1 if found else 0

    def _rows(self, text: str, start: int) -> Iterator[list[_Cell]]:
        """Cells with their places. A quoted cell may hold separators, quotes (doubled) and line ends."""
        head = text[start:].partition("\n")[0]
        separator = ";" if head.count(";") > head.count(",") else ","
        cell = re.compile(rf'[ ]*"((?:[^"]|"")*)("?)([^{separator}\r\n]*)|([^{separator}\r\n]*)')
        line, line_start, row = text.count("\n", 0, start) + 1, start, list[_Cell]()
        at = start
        while at < len(text):
            found = cell.match(text, at)
            assert found is not None  # noqa: S101 - the second branch matches nothing at all
            quoted, closed, rest, plain = found.groups()
            here = _Cell(plain if quoted is None else quoted.replace('""', '"'), line, at - line_start + 1)
            if quoted is not None and not closed:
                self._note(here, "", "open-quote")
            elif quoted is not None and rest.strip():
                self._note(here, "", "after-quote")
            row.append(here._replace(text=" ".join(here.text.split())))
            ends = found.group().count("\n")
            if ends:
                line, line_start = line + ends, text.rfind("\n", 0, found.end()) + 1
            at = found.end()
            if text.startswith(separator, at) and at + 1 < len(text):
                at += 1
                continue
            if any(one.text for one in row) and not row[0].text.startswith("#"):
                yield row
            row = []
            at = (text.find("\n", at) + 1) or len(text)
            line, line_start = line + 1, at

    def _header(self, row: list[_Cell]) -> list[str]:
        columns: list[str] = []
        for cell in row:
            name = cell.text.lower().replace(" ", "_")
            if name and name not in _COLUMNS:
                guess = near(name, _COLUMNS)
                code = "unknown-column-near" if guess else "unknown-column"
                self._note(cell, cell.text, code, Say("expect-columns", {"columns": _COLUMNS}), near=guess)
            elif name in columns and name:
                self._note(cell, cell.text, "duplicate-column")
            columns.append(name if name in _COLUMNS and name not in columns else "")
        for name in ("kind", "id"):
            if name not in columns:
                self._note(row[0], "", "missing-column", column=name)
        return columns

    def _row(self, columns: list[str], row: list[_Cell]) -> None:
        if len(row) != len(columns) and any(cell.text for cell in row[len(columns) :]) | (len(row) < len(columns)):
            code = "row-long" if len(row) > len(columns) else "row-short"
            self._note(row[0], "", code, found=len(row), wanted=len(columns))
            return  # which cell belongs to which column can only be guessed
        cells = {name: cell for name, cell in zip(columns, row, strict=False) if name and cell.text}
        kind = cells.get("kind")
        if kind is None or kind.text.lower() not in _SECTIONS:
            if "kind" in columns:
                code, found = ("wrong", repr(kind.text)) if kind else ("missing", "")
                choices = Say("expect-one-of", {"choices": list(_SECTIONS)})
                self._note(kind or row[0], "kind", code, choices, found=found)
            return
        self._entry(_SECTIONS[kind.text.lower()], row[0], cells)

    # --- what a row says

    def _entry(self, section: str, first: _Cell, cells: dict[str, _Cell]) -> None:
        entry: dict[str, Any] = {}
        path = (section, len(self.data[section]))
        self.data[section].append(entry)
        self._places[path] = (first, "")
        for name, cell in cells.items():
            if name in _OWN:
                *above, leaf = _OWN[name]
                for part in above:
                    entry.setdefault(str(part), {})
                inside = entry[str(above[0])] if above else entry
                inside[str(leaf)] = _value(name, cell.text)
                self._places[(*path, *_OWN[name])] = (cell, name)
            elif name in _SEVERAL:
                entry[_SEVERAL[name]] = [_value(name, one) for one in _split(cell.text)]
                self._places[*path, _SEVERAL[name]] = (cell, name)
                for number in range(len(entry[_SEVERAL[name]])):
                    self._places[*path, _SEVERAL[name], number] = (cell, name)
        self._surroundings(cells)

    def _surroundings(self, cells: dict[str, _Cell]) -> None:
        """Make, or compare with what an earlier row said, the agency, systems and site of a row."""
        group, agency, site = cells.get("group"), cells.get("agency"), cells.get("site")
        if group is not None:
            self._make("groups", group.text, {"id": ("group", group)})
        if agency is not None:
            said = {
                "id": ("agency", agency),
                "group": ("group", group),
                "name": ("agency_name", cells.get("agency_name")),
            }
            self._make("agencies", agency.text, said)
        if site is not None:
            self._make("sites", site.text, {"id": ("site", site), "name": ("site_name", cells.get("site_name"))})
        if (system := cells.get("system")) is not None:
            systems, level = _split(system.text), cells.get("level")
            levels = _split(level.text) if level else []
            if level is not None and len(levels) not in (1, len(systems)):
                self._note(level, "level", "level-count", levels=len(levels), systems=len(systems))
                levels = []
            for number, one in enumerate(systems):
                its = level._replace(text=levels[number % len(levels)]) if level and levels else None
                name = cells.get("system_name") if len(systems) == 1 else None
                self._make(
                    "systems",
                    one,
                    {
                        "id": ("system", system._replace(text=one)),
                        "owner": ("agency", agency),
                        "level": ("level", its),
                        "name": ("system_name", name),
                    },
                )

    def _make(self, section: str, one: str, said: dict[str, tuple[str, _Cell | None]]) -> None:
        number, entry = self._made.setdefault((section, one), (len(self.data[section]), {}))
        if not entry:
            self.data[section].append(entry)
            self._places[section, number] = (
                next(cell for _, cell in said.values() if cell),
                next(iter(said.values()))[0],
            )
        for key, (header, cell) in said.items():
            if cell is None:
                continue
            value = _value(header, cell.text)
            if key not in entry:
                entry[key] = value
                self._places[section, number, key] = (cell, header)
            elif entry[key] != value and (section, key) != ("systems", "owner"):  # systems serve several agencies
                before = self._places[section, number, key][0]
                self._note(cell, header, "contradiction", found=cell.text, before=before.text, line=before.line)


def _split(text: str) -> list[str]:
    return [one.strip() for one in re.split("[;,|]", text) if one.strip()]


def _value(column: str, text: str) -> str | int | float:
    """Text, but for columns of numbers. What looks like a formula is text like any other."""
    if column in _NUMBERS and (found := _NUMBER.fullmatch(text)):
        return float(text) if found.group(2) else int(text)
    return text
