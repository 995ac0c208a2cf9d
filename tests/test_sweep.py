"""Sweeping for unknown hosts: who may be asked, what nmap's answer means, and what is proposed."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from auditor import i18n, sweep
from auditor.cli import app
from auditor.collectors import _sweep
from auditor.collectors._exposure_data import table
from auditor.collectors._exposure_reading import printable
from auditor.model import CapdoError
from auditor.strictyaml import loads
from auditor.sweep import Gate, Live, Look, known_addresses, known_names, networks, proposals, text, wanted
from auditor.targets import Inventory, Site
from tests.support import target

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # a Monday, 12:00 in Vietnam


@pytest.fixture(autouse=True)
def english() -> None:
    i18n.use("en")


def authority(name: str = "kh-1", methods: tuple[str, ...] = ("ports",), **fields: Any) -> dict[str, Any]:
    scope = {key: fields.pop(key) for key in ("networks", "exclude", "agencies", "sites", "targets") if key in fields}
    return {
        "id": name,
        "basis": "operator-selfcheck",
        "document": {"no": "1/KH", "date": "2026-01-01", "signer": "X"},
        "scope": scope,
        "methods": methods,
        "from": "2026-01-01",
        "until": "2026-12-31",
        **fields,
    }


def inventory(*authorities: dict[str, Any], **fields: Any) -> Inventory:
    return Inventory.model_validate({"province": {"id": "tinh"}, "authorities": authorities, **fields}, by_alias=True)


def asked(
    held: Inventory, network: str, site: Site | None = None, at: datetime = NOON, known: frozenset[Any] = frozenset()
) -> sweep.Wanted:
    return wanted(Gate(held, site), known, ip_network(network), at)


# --- the gate -----------------------------------------------------------------------------------------------


def test_only_addresses_an_authority_covers_are_asked_and_exclusions_of_any_win() -> None:
    held = inventory(
        authority(networks=["10.1.0.0/28"]), authority("kh-2", ("tls",), sites=["dc"], exclude=["10.1.0.4/30"])
    )
    found = asked(held, "10.1.0.0/27", known=frozenset({ip_address("10.1.0.9")}))
    assert found.asked == tuple(f"10.1.0.{n}" for n in (1, 2, 3, 8, *range(10, 16)))
    assert (found.known, found.excluded, sum(found.refused.values())) == (1, 4, 15)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"methods": ("tls", "links"), "networks": ["10.1.0.0/24"]}, "does not allow the method ports"),
        ({"networks": ["10.2.0.0/24"]}, "not in its scope"),
        ({"agencies": ["so-a"], "networks": ["10.1.0.0/24"]}, "not in its scope"),
        ({"targets": ["may-01"], "networks": ["10.1.0.0/24"]}, "not in its scope"),
        ({"sites": ["dc"]}, "names nothing"),
        ({"networks": ["10.1.0.0/24"], "until": "2026-11-22"}, "until 2026-11-22"),
        ({"networks": ["10.1.0.0/24"], "hours": {"start": "22:00", "end": "05:00"}}, "22:00-05:00"),
    ],
)
def test_what_no_authority_covers_is_not_asked(fields: dict[str, Any], why: str) -> None:
    found = asked(inventory(authority(**fields)), "10.1.0.0/30")
    assert found.asked == ()
    assert [why in one for one in found.refused] == [True]


def test_an_authority_that_names_a_site_needs_the_networks_site() -> None:
    held = inventory(authority(sites=["dc"], agencies=["so-a"], networks=["10.1.0.0/24"]))
    assert asked(held, "10.1.0.0/30", Site(id="dc", agency="so-a")).asked == ("10.1.0.1", "10.1.0.2")
    assert asked(held, "10.1.0.0/30", Site(id="khac", agency="so-a")).asked == ()
    assert [Gate(held, site).needs_site for site in (None, Site(id="dc"))] == [True, False]
    only_site = inventory(authority(sites=["dc"]))
    assert asked(only_site, "8.8.8.0/30", Site(id="dc")).asked == (), "a site says nothing of networks"


def test_loopback_needs_none_and_exclusions_do_not_end_it() -> None:
    assert asked(inventory(), "127.0.0.8/31").asked == ("127.0.0.8", "127.0.0.9")
    assert asked(inventory(), "::1/128").asked == ("::1",)


def test_the_gate_is_asked_again_for_each_batch() -> None:
    gate = Gate(inventory(authority(networks=["10.1.0.0/24"], hours={"start": "08:00", "end": "12:30"})), None)
    assert gate.allowed(["10.1.0.1", "10.3.0.1"], "ports", NOON)[0] == ["10.1.0.1"]
    may, why = gate.allowed(["10.1.0.1"], "ports", NOON.replace(hour=6))
    assert may == []
    assert "08:00-12:30" in why


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        (["10.1.0.1/24"], "expected a network"),
        (["may.example"], "expected a network"),
        (["2001:db8::/120"], "single addresses only"),
        (["10.0.0.0/15"], "at most 65536"),
        (["10.0.0.0/16", "10.1.0.0/32"], "at most 65536"),
    ],
)
def test_networks_that_cannot_be_swept(given_: list[str], why: str) -> None:
    with pytest.raises(CapdoError, match=why):
        networks(given_)


def test_networks_are_taken_once() -> None:
    assert [str(one) for one in networks(["10.0.0.0/16", "10.0.0.0/16"])] == ["10.0.0.0/16"]
    found = networks(["127.7.0.0/30", "127.7.0.0/29"])
    assert [one.num_addresses for one in found] == [4, 8], "addresses of both are asked once, see below"
    assert [str(one) for one in networks(["2001:db8::5", "10.0.0.7"])] == ["2001:db8::5/128", "10.0.0.7/32"]


def test_what_the_inventory_knows_by_address_and_by_name() -> None:
    held = inventory(
        targets=[
            target(id="a", address="10.1.0.1"),
            target(id="b", kind="service", url="https://x.example/", address="x.example", connect="network"),
            target(id="c", address="::ffff:10.1.0.2", dns={"resolver": "10.1.0.53"}),
            target(id="d", address=None, connect="bundle"),
        ]
    )
    assert sorted(map(str, known_addresses(held))) == ["10.1.0.1", "10.1.0.2", "10.1.0.53"]
    assert known_names(held) == ("x.example",)


# --- nmap ---------------------------------------------------------------------------------------------------

SWEPT = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -n -sn" version="7.93" xmloutputversion="1.05">
<host><status state="up" reason="arp-response" reason_ttl="0"/>
<address addr="198.51.100.2" addrtype="ipv4"/>
<address addr="00:1B:A9:00:00:01" addrtype="mac" vendor="Brother Industries"/>
<hostnames>
</hostnames>
<times srtt="13" rttvar="2110" to="100000"/>
</host>
<runstats><finished time="1795367090" timestr="x" summary="x" elapsed="1.67" exit="success"/>
<hosts up="1" down="2" total="3"/>
</runstats>
</nmaprun>
"""
ADDRESSES = [f"198.51.100.{n}" for n in (1, 2, 3)]


def test_the_answer_of_nmap() -> None:
    found, trouble = _sweep.read(SWEPT, ADDRESSES)
    assert trouble == ""
    assert found == {
        "198.51.100.2": Live("198.51.100.2", "arp-response", "00:1B:A9:00:00:01", "Brother Industries"),
    }
    assert found["198.51.100.2"].fragile == "printer"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'total="3"', b'total="2"', "asked 2 of 3"),
        (b'exit="success"', b'exit="error"', "did not finish"),
        (b"</nmaprun>", b"", "not XML"),
        (b"<!DOCTYPE nmaprun>", b'<!DOCTYPE nmaprun [<!ENTITY a "b">]>', "declarations"),
        (b"<runstats>", b"<others>", "not XML"),
    ],
)
def test_an_answer_that_is_not_whole_says_so(old: bytes, new: bytes, why: str) -> None:
    assert why in _sweep.read(SWEPT.replace(old, new), ADDRESSES)[1]


def test_hosts_nobody_asked_for_are_not_taken() -> None:
    assert _sweep.read(SWEPT, ["10.0.0.1", "10.0.0.2", "10.0.0.3"])[0] == {}


@given(
    st.binary(max_size=300)
    | st.builds(lambda at, cut: SWEPT[:at] + cut + SWEPT[at:], st.integers(0, 900), st.binary(max_size=9))
)
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_an_answer_or_trouble(told: bytes) -> None:
    found, trouble = _sweep.read(told, ADDRESSES)
    assert set(found) <= set(ADDRESSES)
    assert found or trouble or told.count(b"<host") >= SWEPT.count(b"<host")


def test_no_fragile_port_is_ever_in_the_words_of_a_sweep() -> None:
    assert not set(_sweep.KNOCK) & table().fragile.keys()
    assert not _sweep._EARS & table().fragile.keys()
    assert not sweep.TLS_PORTS.keys() & table().fragile.keys()
    words = _sweep.argv("/usr/bin/nmap", ["10.0.0.1"], root=True)
    assert words[-2:] == ["--", "10.0.0.1"]
    assert "-PS22,80,443,445,3389" in words
    with pytest.raises(ValueError, match="one protocol"):
        _sweep.argv("nmap", ["10.0.0.1", "::1"], root=True)
    with pytest.raises(ValueError, match="does not appear"):
        _sweep.argv("nmap", ["--script=x"], root=True)


# --- proposals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("live", "look", "section", "fields"),
    [
        ({}, Look(frozenset({22}), {22: "SSH-2.0-OpenSSH_9.2"}), "servers", {"platform": "linux", "connect": "ssh"}),
        ({}, Look(frozenset({22})), "servers", {"connect": "ssh"}),
        ({}, Look(frozenset({22}), {22: "SSH-2.0-Cisco-1.25"}), "devices", {}),
        (
            {},
            Look(frozenset({22}), {22: "SSH-2.0-OpenSSH_for_Windows_9"}),
            "servers",
            {"platform": "windows", "connect": "ssh"},
        ),
        ({}, Look(frozenset({135, 445})), "servers", {"platform": "windows", "connect": "network"}),
        ({}, Look(frozenset({5432})), "servers", {"connect": "network"}),
        ({}, Look(frozenset({80, 443})), "devices", {}),
        ({}, Look(), "devices", {}),
        ({}, Look(trouble="too slow"), "devices", {}),
        ({"maker": "Hangzhou Hikvision Digital"}, Look(), "devices", {"role": "camera"}),
        ({"own": True}, Look(frozenset({22})), "servers", {"connect": "local"}),
    ],
)
def test_kinds(live: dict[str, Any], look: Look, section: str, fields: dict[str, str]) -> None:
    looks = {} if live else {"10.1.0.7": look}  # neither the own machine nor fragile ones are looked at
    (made,) = proposals([Live("10.1.0.7", "syn-ack", **live)], looks, None, [])
    assert made.section == section
    assert made.entry == {"id": "found-10-1-0-7", "address": "10.1.0.7", **fields}
    assert len(made.why) >= 2
    assert not live or "no port asked is open" not in made.why


def test_services_ids_and_order() -> None:
    found = [Live("10.1.0.10", "echo-reply"), Live("10.1.0.9", "echo-reply"), Live("2001:db8::5", "echo-reply")]
    looks = {"10.1.0.9": Look(frozenset({443, 8443, 993}), {}, frozenset({443, 8443, 993}))}
    looks["2001:db8::5"] = Look(frozenset({636}), {}, frozenset({636}))
    made = list(proposals(found, looks, "dc", ["FOUND-10-1-0-9"]))
    assert [(one.entry["id"], one.entry.get("url")) for one in made] == [
        ("found-10-1-0-9-2", None),
        ("found-10-1-0-9-2-443", "https://10.1.0.9/"),
        ("found-10-1-0-9-2-993", "imaps://10.1.0.9/"),
        ("found-10-1-0-9-2-8443", "https://10.1.0.9:8443/"),
        ("found-10-1-0-10", None),
        ("found-2001-db8--5", None),
        ("found-2001-db8--5-636", "ldaps://[2001:db8::5]/"),
    ]
    assert {one.entry["site"] for one in made} == {"dc"}


def test_what_may_not_be_asked_for_tls_says_so_and_a_router_that_answers_for_all_too() -> None:
    hosts = [Live(f"10.1.0.{n}", "arp-response", "00:00:5E:00:53:01") for n in range(1, 11)]
    looks = {one.address: Look(frozenset({443}), tls_asked=False) for one in hosts}
    for made in proposals(hosts, looks, None, []):
        assert any("TLS hellos" in why for why in made.why)
        assert any("10 addresses have the same hardware address" in why for why in made.why)


@given(st.text(max_size=40), st.text(max_size=20))
@settings(max_examples=60, deadline=None)
def test_whatever_hosts_say_the_proposal_stays_what_it_is(said: str, maker: str) -> None:
    greeting = printable(said.encode("utf-8", "replace"))
    found = [Live("10.1.0.7", "syn-ack", "00:00:5E:00:53:01", printable(maker.encode("utf-8", "replace")))]
    made = list(proposals(found, {"10.1.0.7": Look(frozenset({22}), {22: greeting})}, None, []))
    tree = loads(text(made, ["a head"]))
    assert not tree.mistakes
    assert sum(len(tree.data[section]) for section in ("servers", "devices", "services")) == 1


# --- the command --------------------------------------------------------------------------------------------


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["inventory", "discover", *words, "--lang", "en"])
    return done.exit_code, str(done.exception) if isinstance(done.exception, CapdoError) else done.output


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tinh.yaml"
    path.write_text("province: {id: tinh}\n", "utf-8")
    return path


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "say what to discover"),
        (("FILE", "--this-machine"), "say what to discover"),
        (("FILE",), "needs an inventory and --network"),
        (("--network", "10.0.0.0/24"), "needs an inventory and --network"),
        (("FILE", "--network", "10.0.0.0/24", "--site", "x"), "no such site"),
        (("FILE", "--network", "10.0.0.0/8"), "at most 65536"),
        (("FILE", "--network", "10.0.0.0/24", "--out", "FILE"), "never written over"),
        (("FILE", "--network", "10.0.0.0/24"), "nothing to do"),
    ],
)
def test_what_the_command_refuses(
    file: Path, words: tuple[str, ...], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sweep, "live", lambda _: pytest.fail("packets"))
    code, said = run(*(str(file) if word == "FILE" else word for word in words))
    assert code != 0
    assert why in said


def test_trouble_is_told_and_ends_with_3(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "moi" / "de-xuat.yaml"
    monkeypatch.setattr(_sweep, "live", lambda some: ([Live(some[0], "syn-ack")], "no route to some"))
    monkeypatch.setattr(_sweep, "look", lambda some, _tls, _parallel: {one: Look(trouble="too slow") for one in some})
    code, _said = run(str(file), "--network", "127.7.0.0/29", "--network", "127.7.0.0/30", "--out", str(out))
    assert code == 3
    told = out.read_text("utf-8")
    assert "# not wholly swept: 127.7.0.1 – 127.7.0.6: no route to some" in told
    assert "# not wholly swept: 127.7.0.1: too slow" in told
    assert loads(told).data["devices"] == [{"id": "found-127-7-0-1", "address": "127.7.0.1"}]
