"""Who may be looked at, how and when. The gate answers before any packet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.authority import Permit, parse_ip, permit
from auditor.model import VIETNAM
from auditor.targets import Authority, Inventory, Province, Target

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=VIETNAM)  # a Monday
DOCUMENT = {"no": "12/KH-SKHCN", "date": "2026-01-15"}


def authority(**fields: Any) -> Authority:
    told: dict[str, Any] = {
        "id": "kh-12",
        "basis": "operator-selfcheck",
        "document": DOCUMENT,
        "scope": {"networks": ["10.1.0.0/16"]},
        "methods": ["read-login"],
        "from": "2026-01-15",
        "until": "2026-12-31",
        **fields,
    }
    return Authority.model_validate(told)


def ask(
    *given: Authority, address: str | None = "10.1.1.10", method: str = "read-login", at: datetime = NOON, **target: Any
) -> Permit:
    inventory = Inventory(province=Province(id="binh-minh"), authorities=given)
    told: dict[str, Any] = {"id": "web01", "kind": "server", "connect": "ssh", **target}
    return permit(inventory, Target(**told), method, ip_address(address) if address else None, at)


def test_without_an_authority_nothing_is_allowed() -> None:
    refused = ask()
    assert not refused.allowed
    assert "no authority" in refused.why


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_needs_none(address: str) -> None:
    assert ask(address=address).allowed


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "128.0.0.1", "::ffff:10.1.1.10", "::2", "169.254.1.1"])
def test_what_only_looks_like_loopback_does(address: str) -> None:
    assert not ask(address=address).allowed


@pytest.mark.parametrize("connect", ["local", "recorded"])
def test_this_machine_and_recordings_need_none(connect: str) -> None:
    assert ask(connect=connect, address="10.9.9.9").allowed


@pytest.mark.parametrize("connect", ["file", "bundle"])
def test_a_file_needs_none_but_probing_its_device_does(connect: str) -> None:
    assert ask(connect=connect).allowed
    for method in ("tls", "ports", "links", "snmp"):
        assert not ask(connect=connect, method=method).allowed
    assert ask(authority(methods=["tls"]), connect=connect, method="tls").allowed


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ({"agencies": ["so-khcn"]}, True),
        ({"agencies": ["so-nv"]}, False),
        ({"systems": ["cong-dvc"]}, True),
        ({"systems": ["khac"]}, False),
        ({"sites": ["dc"]}, True),
        ({"sites": ["khac"]}, False),
        ({"targets": ["web01"]}, True),
        ({"targets": ["web02"]}, False),
        ({"networks": ["10.1.0.0/16"]}, True),
        ({"networks": ["10.2.0.0/16"]}, False),
        ({"agencies": ["so-khcn"], "networks": ["10.1.0.0/16"]}, True),
        ({"agencies": ["so-khcn"], "networks": ["10.2.0.0/16"]}, False),
        ({"agencies": ["so-nv"], "networks": ["10.1.0.0/16"]}, False),
        ({"targets": ["web01"], "exclude": ["10.1.1.0/24"]}, False),
        ({"exclude": ["10.9.0.0/16"]}, False),
        ({}, False),
    ],
)
def test_scopes(scope: dict[str, Any], allowed: bool) -> None:
    got = ask(authority(scope=scope), agency="so-khcn", systems=("cong-dvc",), site="dc")
    assert got.allowed is allowed
    assert (got.authority == "kh-12") if allowed else got.why


def test_one_authority_of_several_is_enough_and_is_named() -> None:
    got = ask(authority(id="a", scope={"targets": ["other"]}), authority(id="b"), authority(id="c"))
    assert (got.allowed, got.authority) == (True, "b")


def test_an_excluded_network_wins_over_every_authority() -> None:
    wide = authority(id="wide")
    narrow = authority(id="narrow", scope={"networks": ["10.1.0.0/16"], "exclude": ["10.1.1.0/24"]})
    for given_ in ((wide, narrow), (narrow, wide)):
        got = ask(*given_)
        assert not got.allowed
        assert "narrow" in got.why
    assert ask(wide, narrow, address="10.1.2.10").allowed


@pytest.mark.parametrize("address", ["10.1.1.10", "::ffff:10.1.1.10", "::ffff:a01:10a"])
@pytest.mark.parametrize("network", ["10.1.1.0/24", "::ffff:10.1.1.0/120"])
def test_ipv4_in_the_dress_of_ipv6_is_ipv4(address: str, network: str) -> None:
    assert ask(authority(scope={"networks": [network]}), address=address).allowed
    refused = ask(authority(scope={"networks": ["0.0.0.0/0", "::/0"], "exclude": [network]}), address=address)
    assert not refused.allowed


def test_all_of_ipv6_does_not_hold_mapped_ipv4() -> None:
    assert not ask(authority(scope={"networks": ["::/0"]}), address="::ffff:10.1.1.10").allowed


def test_methods() -> None:
    assert ask(authority(methods=["tls", "links"]), method="tls").allowed
    assert not ask(authority(methods=["tls", "links"]), method="read-login").allowed


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        (datetime(2026, 1, 14, 23, 59, 59, tzinfo=VIETNAM), False),
        (datetime(2026, 1, 15, 0, 0, tzinfo=VIETNAM), True),
        (datetime(2026, 1, 14, 17, 0, tzinfo=UTC), True),
        (datetime(2026, 1, 14, 16, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=VIETNAM), True),
        (datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 17, 0, tzinfo=UTC), False),
        (datetime(2027, 1, 1, 0, 0, tzinfo=VIETNAM), False),
    ],
)
def test_dates_are_days_in_vietnam_with_both_ends(at: datetime, allowed: bool) -> None:
    assert ask(authority(), at=at).allowed is allowed


@pytest.mark.parametrize(
    ("clock", "allowed"), [("17:59", False), ("18:00", True), ("21:59", True), ("22:00", False), ("00:00", False)]
)
def test_hours(clock: str, allowed: bool) -> None:
    at = datetime.fromisoformat(f"2026-11-23T{clock}:30+07:00")
    evening = authority(hours={"start": "18:00", "end": "22:00"})
    assert ask(evening, at=at).allowed is allowed
    assert ask(evening, at=at.astimezone(UTC)).allowed is allowed


def test_until_the_end_of_the_day() -> None:
    late = authority(hours={"start": "18:00", "end": "24:00"})
    assert ask(late, at=datetime.fromisoformat("2026-11-23T23:59:59+07:00")).allowed
    assert not ask(late, at=datetime.fromisoformat("2026-11-24T00:00:00+07:00")).allowed


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2026-11-23T21:59:00+07:00", False),  # Monday, before it opens
        ("2026-11-23T22:00:00+07:00", True),  # Monday
        ("2026-11-24T04:59:00+07:00", True),  # Tuesday, still Monday's night
        ("2026-11-24T05:00:00+07:00", False),
        ("2026-11-24T22:00:00+07:00", False),  # Tuesday is not named
        ("2026-11-23T04:00:00+07:00", False),  # Monday before dawn is Sunday's night
        ("2026-11-29T23:00:00+07:00", False),  # Sunday is not named
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_began(at: str, allowed: bool) -> None:
    night = authority(hours={"start": "22:00", "end": "05:00", "days": [1]})
    assert ask(night, at=datetime.fromisoformat(at)).allowed is allowed


def test_sundays_night_reaches_into_monday() -> None:
    night = authority(hours={"start": "22:00", "end": "05:00", "days": [7]})
    assert ask(night, at=datetime.fromisoformat("2026-11-23T04:00:00+07:00")).allowed


def test_days() -> None:
    weekend = authority(hours={"start": "00:00", "end": "24:00", "days": [6, 7]})
    allowed = [ask(weekend, at=NOON + timedelta(days=number)).allowed for number in range(7)]
    assert allowed == [False] * 5 + [True] * 2


@given(st.ip_addresses(), st.ip_addresses(v=4, network="10.1.0.0/16"), st.datetimes(timezones=st.just(UTC)))
def test_allowed_means_inside_in_time_and_not_excluded(address: Any, hole: Any, at: datetime) -> None:
    given_ = authority(scope={"networks": ["10.0.0.0/8"], "exclude": [f"{hole}/32"]})
    for one in (address, hole, ip_address(int(hole) ^ 1)):
        got = ask(given_, address=str(one), at=at)
        plain = getattr(one, "ipv4_mapped", None) or one
        if got.allowed and not plain.is_loopback:
            assert plain in ip_network("10.0.0.0/8")
            assert plain != hole
            assert date(2026, 1, 15) <= at.astimezone(VIETNAM).date() <= date(2026, 12, 31)


def test_addresses_and_names() -> None:
    assert str(parse_ip("[::1]")) == "::1"
    for name in ("web01", "10.1.1", "0x7f.1", "2130706433", "127.1", ""):
        assert parse_ip(name) is None, name
