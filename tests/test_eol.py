"""The end-of-life table, and that it says what its source says."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from auditor import eol
from auditor.model import CapdoError
from tests.support import NOW

SOURCE = Path("/usr/share/distro-info")
COLUMNS = {
    "debian": {"eol": "standard", "eol-lts": "lts", "eol-elts": "elts"},
    "ubuntu": {"eol": "standard", "eol-esm": "esm", "eol-legacy": "legacy"},
}
GOOD = """
source: a
date: "2026-01-01"
stale_after_days: 400
systems:
  debian:
    - {version: "12", codename: b, released: "2023-06-10", ends: {lts: "2028-06-30", standard: "2026-07-11"}}
"""


def test_a_release_is_known_by_its_version() -> None:
    release = eol.table().release("debian", "12")
    assert release is not None
    assert release.ends[0] == ("standard", date(2026, 7, 11))
    assert eol.table().release("debian", "") is None
    assert eol.table().release("debian", "99") is None
    assert eol.table().release("linuxmint", "12") is None


def test_ends_are_in_order() -> None:
    assert [phase for phase, _ in eol.read(GOOD).systems["debian"][0].ends] == ["standard", "lts"]
    for releases in eol.table().systems.values():
        for release in releases:
            days = [day for _, day in release.ends]
            assert days == sorted(days)
            assert release.released < days[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        GOOD.replace("400", "soon"),
        GOOD.replace("2026-01-01", "01/01/2026"),
        GOOD.replace('"2028-06-30"', "never"),
        GOOD.replace('{lts: "2028-06-30", standard: "2026-07-11"}', "{}"),
        GOOD.replace("debian:", "debian: x"),
    ],
)
def test_a_damaged_table_is_named_and_refused(text: str) -> None:
    with pytest.raises(CapdoError, match=r"eol\.yaml"):
        eol.read(text)


def test_the_table_is_fresh_enough_to_ship() -> None:
    table = eol.table()
    assert (NOW.date() - table.dated).days <= table.stale_after_days


@pytest.mark.skipif(not SOURCE.is_dir(), reason="the package distro-info-data is not installed")
@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_the_table_agrees_with_its_source(name: str) -> None:
    with (SOURCE / f"{name}.csv").open(encoding="utf-8") as file:
        rows = {row["version"].removesuffix(" LTS"): row for row in csv.DictReader(file) if row["version"]}
    for release in eol.table().systems[name]:
        row = rows[release.version]
        told = {phase: date.fromisoformat(row[column]) for column, phase in COLUMNS[name].items() if row[column]}
        assert dict(release.ends) == told
        assert release.codename == row["series"]
