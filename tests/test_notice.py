"""The announcement letter: what is planned and allowed, nothing else; blanks are marked, names are only names."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer.testing

from auditor import cli, i18n, notice, registry
from auditor.inventories import load_inventory
from auditor.model import CapdoError
from auditor.notice import Given, Visits

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
INVENTORY = """\
province: {id: binh-minh, name: Tỉnh Bình Minh}
assessor: Tổ kiểm tra
groups: [{id: so-nganh, name: {vi: Sở ngành, en: Departments}}]
agencies: [{id: so-khcn, name: Sở Khoa học và Công nghệ, group: so-nganh, contact: máy lẻ 123}]
authorities:
  - id: kh-12
    basis: operator-selfcheck
    document: {no: 12/KH-SKHCN, date: 2026-01-15, signer: Giám đốc Sở}
    scope: {networks: [10.1.0.0/16], exclude: [10.1.99.0/24]}
    methods: [read-login, tls, ports, links]
    from: 2026-01-15
    until: 2027-12-31
    hours: {start: "22:00", end: "05:00", days: [1, 2, 3, 4, 5]}
systems: [{id: cong, name: Cổng, owner: so-khcn, level: 3}]
sites: [{id: dc, name: "Trung tâm <b>|*dữ liệu*", limits: {max_parallel: 2}}]
servers:
  - {id: web01, address: 10.1.1.10, systems: [cong], site: dc, platform: linux, connect: ssh, ssh: {port: 2222}}
  - {id: la, address: 192.0.2.9, systems: [cong], site: dc, platform: linux, connect: ssh}
  - {id: cam, address: 10.1.99.9, systems: [cong], site: dc, platform: linux, connect: ssh}
  - {id: may-nay, address: localhost, platform: linux, connect: local}
services: [{id: dvc, url: "https://dichvucong.binh-minh.example/", systems: [cong]}]
devices: [{id: sw01, address: 10.1.2.1, platform: ios, site: dc, connect: network}]
links: [{id: wan, from: dc, to: xa, target: 10.1.9.1, provider: VNPT Bình Minh}]
endpoints: [{id: pc-mat, agency: so-khcn, platform: windows, connect: bundle, handling: secret-standalone}]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "tinh.yaml"
    file.write_text(INVENTORY, "utf-8")
    return file


def planned(path: Path) -> Visits:
    return notice.visits(load_inventory(path), registry.collectors().values(), NOW)


def letter(path: Path, lang: str = "vi", **given: Any) -> tuple[str, str]:
    i18n.use(lang)
    try:
        blocks = notice.compose(load_inventory(path), planned(path).planned, Given(**given), NOW)
        return notice.markdown(blocks), notice.plain(blocks)
    finally:
        i18n.use("vi")


def run(*words: str | Path) -> Any:
    return typer.testing.CliRunner().invoke(cli.app, ["notice", *map(str, words)])


def test_only_what_is_planned_and_allowed_is_announced(path: Path) -> None:
    found = planned(path)
    assert {one.target.id for one in found.planned} == {"web01", "dvc", "sw01", "wan"}
    assert set(found.refused) >= {"la", "cam"}
    assert "excluded" in found.refused["cam"]
    assert {one.method for one in found.planned} <= {"read-login", "tls", "ports", "links"}
    by = {(one.target.id, one.collector): one for one in found.planned}
    assert by["web01", "ssh"].ports == by["web01", "ssh.kexinit"].ports == (2222,)


def test_networks_that_will_be_swept_are_announced(path: Path) -> None:
    """Also those of the machine that audits; not those that no authority with networks covers."""
    told = INVENTORY.replace("connect: local}", 'connect: local, networks: [10.1.4.0/24, "10.1.99.0/28"]}')
    path.write_text(
        told.replace("connect: network}", "connect: network, networks: [10.1.2.0/24, 10.7.0.0/24]}"), "utf-8"
    )
    found = [one for one in planned(path).planned if one.collector == "network.sweep"]
    assert [(one.target.id, one.address, one.authority) for one in found] == [
        ("may-nay", "10.1.4.0/24", "kh-12"),
        ("sw01", "10.1.2.0/24", "kh-12"),
    ]
    assert {one.collector for one in planned(path).planned if one.target.id == "may-nay"} == {"network.sweep"}
    assert "10.1.4.0/24" in letter(path)[1]


def test_secret_machines_loopback_and_excluded_networks_appear_nowhere(path: Path) -> None:
    for text in letter(path):
        for word in ("pc-mat", "may-nay", "localhost", "10.1.99", "192.0.2.9"):
            assert word not in text


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_it_says_by_what_right_from_where_when_and_how(path: Path, lang: str) -> None:
    for text in letter(path, lang, sources=("203.0.113.7",), hours="23:00-04:00", contact="Trần Thị B, 0900 000 000"):
        for word in (
            *("Tổ kiểm tra", "12/KH-SKHCN", "15/01/2026", "Giám đốc Sở", "31/12/2027", "203.0.113.7", "23:00-04:00"),
            *("22:00", "VNPT Bình Minh", "Sở Khoa học và Công nghệ", "máy lẻ 123", "10.1.1.10", "10.1.0.0/16"),
            *("dichvucong.binh-minh.example", "Trần Thị B", "515", "9100-9107", "SSH-2.0-Capdo", "read-login"),
        ):
            assert word in text
        assert ("CẦN ĐIỀN" in text, "TO BE FILLED IN" in text) == (False, False)


def test_each_language_is_whole(path: Path) -> None:
    vi, en = letter(path, "vi")[1], letter(path, "en")[1]
    assert vi.startswith("THÔNG BÁO KIỂM TRA AN TOÀN THÔNG TIN QUA MẠNG\n")
    assert en.startswith("NOTICE OF A SECURITY AUDIT OVER THE NETWORK\n")
    assert "thứ Hai, thứ Ba" in vi
    assert "Monday, Tuesday" in en


def test_what_the_inventory_cannot_know_is_left_blank_and_marked(path: Path) -> None:
    text = letter(path)[1]
    assert text.count("[CẦN ĐIỀN: ") == 2


def test_names_stay_names_in_markdown(path: Path) -> None:
    marked, text = letter(path)
    assert "### Trung tâm \\<b\\>\\|\\*dữ liệu\\*" in marked
    assert "Trung tâm <b>|*dữ liệu*\n..." in text
    tables = [line for line in marked.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 6 for line in tables)


@pytest.mark.parametrize(
    ("hours", "inside"),
    [
        *(("22:00-05:00", True), ("23:00-04:00", True), ("00:00-05:00", True)),
        *(("21:59-04:00", False), ("22:00-05:01", False), ("08:00-17:00", False), ("22:00-22:00", False)),
    ],
)
def test_hours_are_held_against_the_authority(path: Path, hours: str, inside: bool) -> None:
    assert notice.outside(hours, load_inventory(path).authorities) == ([] if inside else ["kh-12"])


def test_an_authority_that_begins_later_counts_and_one_that_is_over_does_not(path: Path) -> None:
    path.write_text(INVENTORY.replace("from: 2026-01-15\n", "from: 2027-06-01\n"), "utf-8")
    assert planned(path).planned
    path.write_text(INVENTORY.replace("until: 2027-12-31", "until: 2026-06-30"), "utf-8")
    assert not planned(path).planned


def test_the_command_writes_both_forms_and_warns(path: Path, tmp_path: Path) -> None:
    done = run(path, "--out", tmp_path / "thu.md", "--hours", "08:00-17:00")
    assert done.exit_code == 0
    assert (tmp_path / "thu.md").read_text("utf-8").startswith("# Thông báo")
    assert (tmp_path / "thu.txt").read_text("utf-8").startswith("THÔNG BÁO")
    assert done.stderr.count("cảnh báo: ") == 3
    assert "kh-12" in done.stderr
    assert "bỏ ra ngoài: la: " in done.stderr


def test_the_command_prints_plain_text(path: Path) -> None:
    done = run(path, "--from", "203.0.113.0/28", "--from", "2001:db8::7", "--contact", "B", "--lang", "en")
    assert done.exit_code == 0
    assert done.stdout.startswith("NOTICE OF")
    assert "2001:db8::7" in done.stdout
    assert "warning" not in done.stderr


@pytest.mark.parametrize(
    "words", [("--from", "tám"), ("--from", "203.0.113.300"), ("--hours", "8-17"), ("--hours", "25:00-26:00")]
)
def test_mistakes_are_named(path: Path, words: tuple[str, str]) -> None:
    done = run(path, *words)
    assert isinstance(done.exception, CapdoError)
    assert words[1] in str(done.exception)


def test_nothing_to_announce_is_an_error_not_an_empty_letter(path: Path) -> None:
    path.write_text(INVENTORY.replace("until: 2027-12-31", "until: 2026-06-30"), "utf-8")
    assert isinstance(run(path).exception, CapdoError)
