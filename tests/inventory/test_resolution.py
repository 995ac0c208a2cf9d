"""How a file becomes targets: inheritance, levels, defaults, paths, and machines nothing is said about."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.inventories import from_snapshot, load_inventory, sha256, snapshot
from auditor.model import CapdoError
from auditor.targets import Inventory, Target
from tests.inventory.support import FOLDER, HEAD, load, mistakes


def one(inventory: Inventory, name: str) -> Target:
    return next(target for target in inventory.targets if target.id == name)


INHERITING = """\
province: {id: binh-minh}
groups: [{id: g}]
agencies: [{id: dv, group: g, ssh: {user: cua-dv, port: 2001}, tags: [dv]}, {id: khac, group: g}]
sites: [{id: dc, agency: dv, ssh: {user: cua-dc, key_file: ./khoa}, tags: [dc, chung], limits: {max_parallel: 2}}]
systems:
  - {id: cao, owner: khac, level: 4, ssh: {port: 2003}, tags: [chung, cao]}
  - {id: thap, owner: dv, level: 2, ssh: {port: 2004, user: cua-thap}}
  - {id: chua, owner: khac}
defaults:
  ssh: {user: chung, port: 22, known_hosts: ~/kh}
  tls: {trust: [./ca.pem, /etc/ca.pem]}
  limits: {deadline_s: 60}
servers:
  - {id: het, address: 10.1.1.1, site: dc, systems: [cao, thap], ssh: {key_file: /k}, tags: [rieng, dc]}
  - {id: dc-thoi, address: 10.1.1.2, site: dc}
  - {id: he-thong, address: 10.1.1.3, systems: chua}
  - {id: khong, address: 10.1.1.4}
  - {id: chi-dv, address: 10.1.1.5, agency: dv, connect: local}
services: [{id: dv-web, url: "https://a.example:8443/x", systems: [thap]}, {id: v6, url: "ldaps://[fd00::1]"}]
devices: [{id: fw, config: ./fw.conf}, {id: sw, address: 10.1.1.6}]
endpoints: [{id: pc, agency: dv}]
links: [{id: l, from: dc, to: xa, target: 10.1.9.1}, {id: l4g, from: khac, to: xa, target: 10.1.9.2, backup: l}]
recorded: ./ban-ghi
"""


def test_each_setting_comes_from_the_nearest_that_says_it(tmp_path: Path) -> None:
    inventory = load(tmp_path, INHERITING)
    ssh = one(inventory, "het").ssh
    assert ssh is not None
    assert (ssh.user, ssh.port, ssh.key_file, ssh.known_hosts) == ("cua-thap", 2003, "/k", "~/kh")
    assert one(inventory, "het").tags == ("dc", "chung", "dv", "cao", "rieng")
    ssh = one(inventory, "dc-thoi").ssh
    assert ssh is not None
    assert (ssh.user, ssh.port, ssh.key_file) == ("cua-dv", 2001, str(tmp_path / "khoa"))
    limits = one(inventory, "dc-thoi").limits
    assert limits is not None
    assert (limits.max_parallel, limits.deadline_s) == (2, 60)
    ssh = one(inventory, "khong").ssh
    assert ssh is not None
    assert (ssh.user, ssh.port) == ("chung", 22)
    tls = one(inventory, "dv-web").tls
    assert tls is not None
    assert tls.trust == (str(tmp_path / "ca.pem"), "/etc/ca.pem")
    assert inventory.recorded == str(tmp_path / "ban-ghi")


@pytest.mark.parametrize(
    ("name", "agency", "level", "connect", "address"),
    [
        ("het", "dv", 4, "ssh", "10.1.1.1"),
        ("dc-thoi", "dv", None, "ssh", "10.1.1.2"),
        ("he-thong", "khac", None, "ssh", "10.1.1.3"),
        ("khong", None, None, "ssh", "10.1.1.4"),
        ("chi-dv", "dv", None, "local", "10.1.1.5"),
        ("dv-web", "dv", 2, "network", "a.example"),
        ("v6", None, None, "network", "fd00::1"),
        ("fw", None, None, "file", None),
        ("sw", None, None, "network", "10.1.1.6"),
        ("pc", "dv", None, "bundle", None),
        ("l", "dv", None, "network", "10.1.9.1"),
        ("l4g", "khac", None, "network", "10.1.9.2"),
    ],
)
def test_agency_level_and_way_of_connecting(
    tmp_path: Path, name: str, agency: str | None, level: int | None, connect: str, address: str | None
) -> None:
    made = one(load(tmp_path, INHERITING), name)
    assert (made.agency, made.level, made.connect, made.address) == (agency, level, connect, address)


def test_a_link_keeps_both_its_ends(tmp_path: Path) -> None:
    made = one(load(tmp_path, INHERITING), "l4g")
    assert made.link is not None
    assert (made.link.from_, made.link.to, made.link.backup, made.kind) == ("khac", "xa", "l", "link")


def test_what_is_said_of_secret_machines_is_their_number(tmp_path: Path) -> None:
    text = HEAD.replace(
        "{id: dc, agency: so-a}", "{id: dc, agency: so-a}, {id: phong-kin, name: Tầng hầm, agency: so-b}"
    )
    text += """\
endpoints:
  - {id: may-mat-1, name: Máy soạn mật, agency: so-a, site: phong-kin, handling: secret-standalone, tags: [the-mat]}
  - {id: may-mat-2, site: phong-kin, platform: windows, handling: secret-standalone}
  - {id: may-mat-3, systems: [cong], site: dc, handling: secret-standalone}
  - {id: may-thuong, agency: so-a, site: dc}
"""
    inventory = load(tmp_path, text)
    assert inventory.secret_standalone == {"so-a": 2, "so-b": 1}
    kept = snapshot(inventory).decode() + repr(inventory)
    for trace in ("may-mat", "Máy soạn", "phong-kin", "Tầng hầm", "the-mat"):
        assert trace not in kept
    assert [target.id for target in inventory.targets] == ["may-thuong"]
    assert [site.id for site in inventory.sites] == ["dc"]


def test_nothing_may_refer_to_a_secret_machine(tmp_path: Path) -> None:
    text = HEAD + "endpoints: [{id: kin, agency: so-a, handling: secret-standalone}]\n"
    text += "servers: [{id: a, address: 10.1.1.1, depends_on: kin}, {id: b, address: 10.1.1.2, depends_on: kim}]\n"
    found = mistakes(tmp_path, text)
    assert [one.message.code for one in found] == ["secret-reference", "no-such-id"]
    assert "kin" not in found[1].text("vi")


def test_a_snapshot_is_the_same_bytes_and_the_same_inventory(tmp_path: Path) -> None:
    inventory = load(tmp_path, INHERITING)
    raw = snapshot(inventory)
    assert from_snapshot(raw) == inventory
    assert snapshot(from_snapshot(raw)) == raw
    assert sha256(from_snapshot(raw)) == sha256(inventory)
    assert raw == snapshot(load(tmp_path, "# ghi chú\n" + INHERITING))


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"\xff", b"{", b'{"province": 1}', b"[" * 200_000, b'{"province": {"id": NaN}}']
)
def test_what_is_no_snapshot_is_refused(raw: bytes) -> None:
    with pytest.raises(CapdoError):
        from_snapshot(raw)


def test_an_inventory_without_targets_is_an_inventory(tmp_path: Path) -> None:
    assert load(tmp_path, HEAD).targets == ()


def test_waivers_may_lie_in_a_file_of_their_own(tmp_path: Path) -> None:
    waiver = (
        "id: w, rule: r, targets: [a], reason_class: accepted-risk, reason: đã có biện pháp khác, requester: A, "
        "approver: B, document: {no: '1', date: 2026-01-01}, from: 2026-01-01, until: 2026-12-31"
    )
    (tmp_path / "w.yaml").write_text(f"- {{{waiver}}}\n", encoding="utf-8")
    servers = "servers: [{id: a, address: 10.1.1.1}]\n"
    aside = load(tmp_path, HEAD + servers + "waivers: ./w.yaml\n")
    assert aside == load(tmp_path, HEAD + servers + f"waivers: [{{{waiver}}}]\n")
    assert aside.waivers[0].approver == "B"


def test_the_example_for_newcomers_loads() -> None:
    inventory = load_inventory(FOLDER / "example-minimal.yaml")
    assert [target.kind for target in inventory.targets] == ["server", "service", "link"]
    assert len(inventory.authorities) == 1


def test_the_loader_picks_the_plug_in_by_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from auditor import registry
    from tests.inventory.support import source

    monkeypatch.setattr(registry, "inventory_sources", lambda: (source(".yaml"), source(".csv")))
    (tmp_path / "A.YML").write_text(HEAD, encoding="utf-8")
    assert load_inventory(tmp_path / "A.YML").province.id == "binh-minh"
    (tmp_path / "a.txt").write_text(HEAD, encoding="utf-8")
    for path in (tmp_path, tmp_path / "none.yaml", tmp_path / "a.txt"):
        with pytest.raises(CapdoError, match=str(path)):
            load_inventory(path)
