"""Inventories as tables: the same targets as in YAML, the same checks, mistakes at their cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.inventories import snapshot
from tests.inventory.support import load, mistakes, places

TWIN_YAML = """\
province: {id: binh-minh, name: Tỉnh Bình Minh}
groups: [{id: so-nganh}, {id: xa}]
agencies: [{id: so-a, group: so-nganh, name: "Sở A, số 1"}, {id: xa-b, group: xa}]
systems: [{id: cong, owner: so-a, level: 3}, {id: thu, owner: so-a, level: 2}]
sites: [{id: dc}]
servers:
  - {id: web01, address: 10.1.1.1, agency: so-a, systems: [cong, thu], site: dc, platform: linux, role: web,
     connect: ssh, ssh: {user: audit, port: 2222, key_file: ./khoa, known_hosts: ~/kh}, tags: [a, b], runs_on: esx01}
  - {id: esx01, name: '=HYPERLINK("x")', address: 10.1.1.2, agency: so-a, site: dc}
services: [{id: dvc, url: "https://a.example", agency: so-a, systems: [cong]}]
endpoints: [{id: pc1, agency: xa-b, platform: windows}]
links:
  - {id: l1, from: dc, to: xa-b, target: 10.1.9.1, provider: Nhà mạng A, kind: tslcd, sla: {rtt_ms: 30, loss_pct: 0.5}}
"""

TWIN_CSV = """\
#province: binh-minh, Tỉnh Bình Minh
kind,id,name,address,url,agency,agency_name,group,system,level,site,platform,role,connect,ssh_user,ssh_port,ssh_key_file,known_hosts,tags,runs_on,from,to,target,provider,link_kind,rtt_ms,loss_pct
server,web01,,10.1.1.1,,so-a,"Sở A,
số 1",so-nganh,cong;thu,3;2,dc,linux,web,ssh,audit,2222,./khoa,~/kh,a; b,esx01,,,,,,,

# một dòng ghi chú,,
server,esx01,"=HYPERLINK(""x"")",10.1.1.2,,so-a,,,,,dc,,,,,,,,,,,,,,,,
service,dvc,,,https://a.example,so-a,,so-nganh,cong,3,,,,,,,,,,,,,,,,,
endpoint,pc1,,,,xa-b,,xa,,,,windows,,,,,,,,,,,,,,,
link,l1,,,,,,,,,,,,,,,,,,,dc,xa-b,10.1.9.1,Nhà mạng A,tslcd,30,0.5
"""


def test_a_table_says_the_same_as_its_yaml_twin(tmp_path: Path) -> None:
    assert snapshot(load(tmp_path, TWIN_CSV, "bang.csv")) == snapshot(load(tmp_path, TWIN_YAML))


@pytest.mark.parametrize("change", ["bom", "crlf", "semicolon"])
def test_as_excel_saves_it(tmp_path: Path, change: str) -> None:
    simple = "kind,id,address,agency,group,tags\nserver,a,10.1.1.1,so-a,so-nganh,x;y\n"
    changed = {
        "bom": "\ufeff" + simple,
        "crlf": simple.replace("\n", "\r\n"),
        "semicolon": simple.replace("x;y", '"x;y"').replace(",", ";"),
    }[change]
    assert load(tmp_path, changed, "binh-minh.csv") == load(tmp_path, simple, "binh-minh.csv")
    assert load(tmp_path, changed, "binh-minh.csv").targets[0].tags == ("x", "y")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [(1, 1, "no-header")]),
        ("kind,id,adress\n", [(1, 9, "unknown-column-near")]),
        ("kind,id,id\n", [(1, 9, "duplicate-column")]),
        ("id\n", [(1, 1, "missing-column")]),
        ("kind,id,address\nserver,a\n", [(2, 1, "row-short")]),
        ("kind,id,address\nserver,a,10.1.1.1,x\n", [(2, 1, "row-long")]),
        ("kind,id,address\nserver,a,-x\n", [(2, 10, "address-dash")]),
        ("kind,id,address\nsever,a,10.1.1.1\n", [(2, 1, "wrong")]),
        ("kind,id,address\n,a,10.1.1.1\n", [(2, 1, "missing")]),
        ("kind,id,address\nserver,,10.1.1.1\n", [(2, 1, "missing")]),
        ("kind,id,address\nserver,a,\n", [(2, 1, "needs-address")]),
        ('kind,id,address\nserver,"a,10.1.1.1\n', [(2, 1, "row-short"), (2, 8, "open-quote")]),
        ('kind,id,address\nserver,"a"x,10.1.1.1\n', [(2, 8, "after-quote")]),
        ("kind,id,address\nserver,a,10.1.1.1\nserver,A,10.1.1.2\n", [(3, 8, "duplicate-id-case")]),
        ("kind,id,address,agency\nserver,a,10.1.1.1,so-a\n", [(2, 19, "missing")]),
        ("kind,id,address,system,level\nserver,a,10.1.1.1,cong,3\n", [(2, 19, "missing")]),
        ("kind,id,address,runs_on\nserver,a,10.1.1.1,b;c\n", [(2, 19, "no-such-id"), (2, 19, "no-such-id")]),
        ("kind,id,address,ssh_port\nserver,a,10.1.1.1,022\n", [(2, 19, "wrong")]),
        ("kind,id,url\nserver,a,https://x\n", [(2, 1, "needs-address"), (2, 10, "unknown-key")]),
        ("kind,id,address\nserver,a,10.1.1.1\u202e\n", [(2, 10, "wrong"), (2, 18, "bad-character")]),
        ('kind,id,name,address\nserver,a,"dòng 1\ndòng 2",x y\n', [(3, 9, "wrong")]),
        (
            "kind,id,address,agency,group\nserver,a,10.1.1.1,so-a,g\nserver,b,10.1.1.2,so-a,h\n",
            [(3, 24, "contradiction")],
        ),
        (
            "kind,id,address,agency,group,system,level\nserver,a,10.1.1.1,so-a,g,x;y;z,3;2\n",
            [(2, 32, "level-count")],
        ),
        (
            "kind,id,address,agency,group,system,level\nserver,a,10.1.1.1,so-a,g,x,9\n",
            [(2, 28, "wrong")],
        ),
    ],
)
def test_mistakes_stand_at_their_cells(tmp_path: Path, text: str, found: list[tuple[int, int, str]]) -> None:
    assert sorted(places(mistakes(tmp_path, text, "binh-minh.csv"))) == sorted(found)


def test_messages_name_the_header(tmp_path: Path) -> None:
    text = "kind,id,address,ssh_port\nserver,a,-x,abc\n"
    assert [one.key for one in mistakes(tmp_path, text, "binh-minh.csv")] == ["address", "ssh_port"]


def test_the_file_name_is_the_province_unless_the_table_says_one(tmp_path: Path) -> None:
    text = "kind,id\nendpoint,pc1\n"
    assert load(tmp_path, text, "binh-minh.csv").province.id == "binh-minh"
    assert load(tmp_path, "#province: song-lam\n" + text, "a b.csv").province.id == "song-lam"
    assert places(mistakes(tmp_path, text, "a b.csv")) == [(1, 1, "wrong")]


def test_a_secret_machine_leaves_no_trace(tmp_path: Path) -> None:
    text = "kind,id,agency,group,site,handling\nendpoint,may-mat,so-a,g,phong-kin,secret-standalone\n"
    inventory = load(tmp_path, text, "binh-minh.csv")
    assert inventory.secret_standalone == {"so-a": 1}
    assert b"may-mat" not in snapshot(inventory)
    assert b"phong-kin" not in snapshot(inventory)
