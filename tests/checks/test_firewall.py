"""Verdicts of the firewall and hardening checks that recorded cases do not reach."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auditor import registry
from auditor.check import needs, run_check
from auditor.declared import declared
from auditor.evidence.firewall import FirewallPolicy, Keeper, Opening, Way
from auditor.evidence.hardening import HostHardening, Sysctl
from auditor.model import Evidence, Result, Verdict
from tests.support import NOW, seen, target


def way(direction: str, version: int, default: str | None = "drop", openings: tuple[Opening, ...] = ()) -> Way:
    return Way(
        direction=direction,
        version=version,
        default=default,
        default_where="nft",
        restricts={"drop": True, "accept": False, None: None}[default],
        openings=openings,
    )


def policy(**fields: Any) -> FirewallPolicy:
    names = {
        f"{direction}_v{version}": (direction, version)
        for direction in ("inbound", "forward", "outbound")
        for version in (4, 6)
    }
    made: dict[str, Any] = {name: way(*place) for name, place in names.items()}
    made |= {
        "seen": seen(),
        "backends": ("nft",),
        "ipv6_off": False,
        "forwards_v4": False,
        "forwards_v6": False,
        "world_interfaces": ("eth0",),
        "keepers": (),
        "not_understood": (),
    }
    return FirewallPolicy(**{**made, **fields})


def opening(first: int, last: int = 0, *, protocol: str = "tcp", world: bool = True, sure: bool = True) -> Opening:
    sources = ("any",) if world else ("10.1.0.0/16",)
    return Opening(
        protocol=protocol,
        first=first,
        last=last or first,
        sources=sources,
        world=world,
        sure=sure,
        where="nft handle 9",
    )


def judge(check_id: str, evidence: Evidence, params: dict[str, Any] | None = None, **fields: Any) -> Verdict:
    check, _ = registry.checks()[check_id]
    held = {evidence.topic: evidence, "declared": declared(target(**fields), {}, "1" * 64, NOW)}
    return run_check(check, needs(type(check)), held, check.params(**(params or {}))).verdict


@pytest.mark.parametrize(
    ("openings", "fields", "result"),
    [
        ((), {}, Result.PASS),
        ((opening(22),), {}, Result.PASS),
        ((opening(80),), {}, Result.FAIL),
        ((opening(80),), {"role": "web"}, Result.PASS),
        ((opening(80),), {"ports": (80,)}, Result.PASS),
        ((opening(80, 81),), {"ports": (80,)}, Result.FAIL),
        ((opening(80, 81),), {"ports": (80, 81)}, Result.PASS),
        ((opening(5432, world=False),), {}, Result.PASS),
        ((opening(8080, sure=False),), {}, Result.UNKNOWN),
        ((opening(8080, sure=False), opening(8080)), {}, Result.FAIL),
        ((opening(68, protocol="udp"),), {}, Result.PASS),
        ((opening(68),), {}, Result.FAIL),
    ],
)
def test_open_ports(openings: tuple[Opening, ...], fields: dict[str, Any], result: Result) -> None:
    found = judge("firewall.open-ports", policy(inbound_v4=way("inbound", 4, openings=openings)), **fields)
    assert found.result is result


@pytest.mark.parametrize(
    ("openings", "result"),
    [
        ((), Result.PASS),
        ((opening(22, world=False),), Result.PASS),
        ((opening(22),), Result.FAIL),
        ((opening(1, 5000),), Result.FAIL),
        ((opening(22, world=False), opening(22, sure=False)), Result.UNKNOWN),
        ((opening(22, protocol="udp"),), Result.PASS),
    ],
)
def test_admin_sources(openings: tuple[Opening, ...], result: Result) -> None:
    assert judge("firewall.admin-sources", policy(inbound_v6=way("inbound", 6, openings=openings))).result is result
    closed = policy(inbound_v6=way("inbound", 6, openings=openings), ipv6_off=True)
    assert judge("firewall.admin-sources", closed).result is Result.PASS


def keeper(*, enabled: bool, rules: bool | None) -> Keeper:
    return Keeper(unit="nftables.service", enabled=enabled, rules=rules, config="/etc/nftables.conf")


@pytest.mark.parametrize(
    ("keepers", "code"),
    [
        (None, "services-not-listed"),
        ((), "no-service"),
        ((keeper(enabled=False, rules=True),), "no-service"),
        ((keeper(enabled=True, rules=False),), "loads-nothing"),
        ((keeper(enabled=True, rules=None),), "rules-unclear"),
        ((keeper(enabled=True, rules=None), keeper(enabled=True, rules=True)), "kept"),
    ],
)
def test_persistence(keepers: tuple[Keeper, ...] | None, code: str) -> None:
    assert judge("firewall.persistence", policy(keepers=keepers)).message.code == code


@pytest.mark.parametrize(
    ("default", "result"), [("drop", Result.PASS), ("accept", Result.FAIL), (None, Result.UNKNOWN)]
)
def test_forwarding_counts_only_where_it_is_on(default: str | None, result: Result) -> None:
    fields = {"forward_v4": way("forward", 4, default)}
    assert judge("firewall.forward-policy", policy(forwards_v4=True, **fields)).result is result
    assert judge("firewall.forward-policy", policy(forwards_v4=False, **fields)).result is Result.PASS


GOOD = {
    "net/ipv4/tcp_syncookies": "1",
    "net/ipv4/icmp_echo_ignore_broadcasts": "1",
    **{f"net/ipv4/conf/{name}/rp_filter": "1" for name in ("all", "default", "eth0", "lo")},
    **{f"net/ipv4/conf/{name}/accept_redirects": "0" for name in ("all", "default", "eth0")},
    **{f"net/ipv4/conf/{name}/accept_source_route": "0" for name in ("all", "default", "eth0")},
    **{f"net/ipv6/conf/{name}/accept_redirects": "0" for name in ("all", "default", "eth0")},
    **{f"net/ipv6/conf/{name}/accept_source_route": "0" for name in ("all", "default", "eth0")},
}


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({}, Result.PASS),
        ({"net/ipv4/conf/lo/accept_redirects": "1"}, Result.PASS),
        ({"net/ipv4/conf/eth0/accept_redirects": "1"}, Result.FAIL),
        ({"net/ipv4/conf/all/accept_redirects": "1"}, Result.FAIL),
        ({"net/ipv4/conf/eth0/rp_filter": "0"}, Result.PASS),
        ({"net/ipv4/conf/eth0/rp_filter": "0", "net/ipv4/conf/all/rp_filter": "0"}, Result.FAIL),
        ({"net/ipv4/conf/eth0/accept_source_route": "1"}, Result.PASS),
        ({"net/ipv6/conf/eth0/accept_redirects": "1"}, Result.FAIL),
        ({"net/ipv4/tcp_syncookies": "0"}, Result.FAIL),
        ({"net/ipv4/tcp_syncookies": None}, Result.UNKNOWN),
        ({"net/ipv4/conf/all/rp_filter": None}, Result.UNKNOWN),
        ({name: None for name in GOOD if "ipv6" in name}, Result.PASS),
    ],
)
def test_the_value_in_effect_counts(change: dict[str, str | None], result: Result) -> None:
    held = HostHardening(
        seen=seen(),
        sysctls=tuple(
            Sysctl(path=path, value=value) for path, value in {**GOOD, **change}.items() if value is not None
        ),
        apparmor=False,
        apparmor_enforced=None,
        selinux="absent",
        auto_logins=None,
    )
    assert judge("hardening.network-parameters", held).result is result
    assert judge("hardening.automatic-login", held).result is Result.UNKNOWN
    assert judge("hardening.automatic-login", replace(held, auto_logins=())).result is Result.PASS
