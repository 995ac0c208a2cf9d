"""Sweeping the networks that a target serves: who is asked, what is told of it, and what may be said from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import registry
from auditor.check import Judged, needs, run_check
from auditor.collect import Collection
from auditor.collectors import _sweep
from auditor.collectors.network_sweep import SweptNetworks, _spans, _spread
from auditor.declared import declared
from auditor.evidence.known_hosts import KnownHosts
from auditor.folder import EvidenceFolder, FolderWriter
from auditor.judge import Judge
from auditor.model import CollectError, Evidence, Reason, Result, Unavailable
from auditor.sweep import Live, address_texts, hosts_of, register
from auditor.targets import Authority, Inventory, Province, Target
from tests.support import NOW, reading, seen, target

CHECK = "network.unknown-hosts"
AUTHORITY: dict[str, Any] = {
    "id": "kh-1",
    "basis": "operator-selfcheck",
    "document": {"no": "1/KH", "date": "2026-01-15"},
    "scope": {"networks": ["10.1.1.0/24"], "exclude": ["10.1.1.128/25"]},
    "methods": ["ports"],
    "from": "2020-01-01",
    "until": "2099-12-31",
}
FIREWALL = target(
    id="fw", kind="device", platform=None, connect="network", address="10.9.9.9", networks=("10.1.1.0/28",)
)


def inventory(*targets: Target, **authority: Any) -> Inventory:
    given_ = Authority.model_validate({**AUTHORITY, **authority})
    return Inventory(province=Province(id="tinh"), targets=targets, authorities=(given_,))


def answer(monkeypatch: pytest.MonkeyPatch, *found: Live, trouble: str = "") -> list[str]:
    """Lets those hosts answer; the addresses that are asked are gathered in what is returned."""
    asked: list[str] = []

    def live(addresses: list[str]) -> tuple[list[Live], str]:
        asked.extend(addresses)
        return [one for one in found if one.address in addresses], trouble

    monkeypatch.setattr(_sweep, "live", live)
    return asked


def collected(folder: Path, part: Inventory, whole: Inventory | None = None) -> EvidenceFolder:
    writer = FolderWriter(folder)
    known = register(whole) if whole else None
    Collection(part, {"network.sweep": SweptNetworks()}, writer, known=known).run()
    writer.finish({})
    return EvidenceFolder(folder)


def judged(folder: EvidenceFolder, known: Inventory, on: Target = FIREWALL) -> Judged:
    checks = registry.check_table()
    at = datetime.now(UTC)
    judge = Judge(checks, {"network.sweep": SweptNetworks()}, {}, "1" * 64, at, address_texts(known))
    held, _, _ = judge.read(on, folder, {"declared", "network-sweep", "known-hosts"})
    return run_check(checks[CHECK], needs(type(checks[CHECK])), held, checks[CHECK].params())


def result(folder: EvidenceFolder, known: Inventory, on: Target = FIREWALL) -> Result:
    return judged(folder, known, on).verdict.result


def test_only_what_is_allowed_and_not_known_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, Live("10.1.1.7", "arp-response"), Live("10.1.1.8", "echo-reply", own=True))
    whole = inventory(
        FIREWALL, target(id="a", address="10.1.1.5"), target(id="b", connect="bundle", address="10.1.1.6")
    )
    part = whole.model_copy(update={"targets": (FIREWALL,)})
    folder = collected(tmp_path, part, whole)
    assert asked == [f"10.1.1.{n}" for n in (*range(1, 5), *range(7, 15))]
    found = judged(folder, part).verdict
    assert found.result is Result.FAIL
    assert [(one.id, one.result.value) for one in found.instances] == [("10.1.1.0/28", "pass"), ("10.1.1.7", "fail")]
    since = inventory(FIREWALL, target(id="c", address="10.1.1.7"))
    assert result(folder, since) is Result.PASS, "it was written down since"
    wider = FIREWALL.model_copy(update={"networks": ("10.1.1.0/28", "10.1.1.64/28")})
    assert result(folder, since, wider) is Result.UNKNOWN, "nobody has asked the second network"


@pytest.mark.parametrize(
    ("networks", "trouble", "expected"),
    [
        (("10.1.1.0/28",), "", Result.PASS),
        (("10.1.1.0/28",), "nmap did not finish", Result.UNKNOWN),
        (("10.1.1.0/28", "10.1.1.128/28"), "", Result.UNKNOWN),
        (("10.1.1.0/28", "10.2.0.0/28"), "", Result.UNKNOWN),
        (("10.2.0.0/28",), "", Result.UNKNOWN),
        ((), "", Result.NOTAPPLICABLE),
    ],
)
def test_silence_is_a_pass_only_where_all_of_it_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: tuple[str, ...], trouble: str, expected: Result
) -> None:
    asked = answer(monkeypatch, trouble=trouble)
    on = FIREWALL.model_copy(update={"networks": networks})
    found = judged(collected(tmp_path, inventory(on)), inventory(on), on)
    assert found.verdict.result is expected
    assert not [one for one in asked if not one.startswith("10.1.1.") or int(one.rpartition(".")[2]) > 127]
    if networks == ("10.2.0.0/28",):
        assert found.reason is Reason.NOT_AUTHORISED


def test_an_authority_that_names_the_target_only_covers_no_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer(monkeypatch)
    given_ = inventory(FIREWALL, scope={"targets": ["fw"]})
    assert judged(collected(tmp_path, given_), given_).reason is Reason.NOT_AUTHORISED
    assert not asked


def test_machines_listed_by_name_may_be_those_that_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, Live("10.1.1.7", "arp-response"), Live("10.1.1.9", "arp-response"))
    names = [target(id=f"n{n}", address=f"kho-{n}.tinh.example") for n in range(2)]
    here, elsewhere = (FIREWALL.model_copy(update={"site": site}) for site in ("dc", "xa"))
    names = [one.model_copy(update={"site": "dc"}) for one in names]
    assert result(collected(tmp_path / "a", inventory(here, *names)), inventory(here), here) is Result.UNKNOWN
    assert result(collected(tmp_path / "b", inventory(here, names[0])), inventory(here), here) is Result.FAIL
    assert (
        result(collected(tmp_path / "c", inventory(elsewhere, *names)), inventory(elsewhere), elsewhere) is Result.FAIL
    )


def test_what_will_be_swept_is_told_beforehand() -> None:
    (action,) = SweptNetworks().actions(FIREWALL)
    assert action.network == "10.1.1.0/28"
    assert action.network in action.what
    assert action.ports == _sweep.KNOCK
    assert SweptNetworks().serves(FIREWALL)
    assert not SweptNetworks().serves(target())


@given(st.lists(st.integers(0, 300), unique=True, max_size=60))
def test_spans_tell_the_same_addresses(numbers: list[int]) -> None:
    network = ip_network("10.1.0.0/16")
    addresses = [str(network[n]) for n in numbers]
    assert _spread(_spans(addresses)) == {int(network[n]) for n in numbers}


@pytest.mark.parametrize(
    "text", ["10.0.0.0/24", "10.0.0.0/30", "10.0.0.0/31", "10.0.0.1/32", "fd00::/120", "fd00::/127"]
)
def test_as_many_hosts_as_are_listed(text: str) -> None:
    assert hosts_of(ip_network(text)) == len(list(ip_network(text).hosts()))


WHOLE: dict[str, Any] = {
    "means": "nmap-root",
    "named": 0,
    "networks": [
        {"network": "10.1.1.0/29", "asked": ["10.1.1.1-10.1.1.5"], "known": 1, "excluded": 0, "refused": {}},
    ],
    "batches": [
        {"asked": ["10.1.1.1-10.1.1.2"], "trouble": "", "left_out": ""},
        {"asked": ["10.1.1.3-10.1.1.5"], "trouble": "", "left_out": ""},
    ],
    "live": [],
}
SERVING = target(kind="device", networks=("10.1.1.0/29",))


def verdict(told: bytes) -> Result:
    found: Evidence | Unavailable
    try:
        found = SweptNetworks().parse(reading({"sweep": told}, SERVING))
    except CollectError as exc:
        found = Unavailable(exc.reason, exc.detail)
    held = {
        "declared": declared(SERVING, {}, "1" * 64, NOW),
        "network-sweep": found,
        "known-hosts": KnownHosts(seen=seen(), addresses=frozenset({"10.1.1.6"})),
    }
    check = registry.check_table()[CHECK]
    return run_check(check, needs(type(check)), held, check.params()).verdict.result


def test_the_whole_sweep_passes() -> None:
    assert verdict(json.dumps(WHOLE).encode()) is Result.PASS


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 1), max_size=2, unique=True),
    st.sampled_from(["", "no route", "timed out"]),
    st.sampled_from(["", "kh-1: hours"]),
    st.integers(1, 6),
    st.booleans(),
    st.integers(0, 2),
)
def test_a_sweep_that_did_not_ask_all_never_passes(
    kept: list[int], trouble: str, left_out: str, last: int, refused: bool, excluded: int
) -> None:
    told = json.loads(json.dumps(WHOLE))
    told["batches"] = [told["batches"][n] for n in kept]
    for batch in told["batches"]:
        batch.update(trouble=trouble, left_out=left_out)
    network = told["networks"][0]
    network.update(asked=[f"10.1.1.1-10.1.1.{last}"], excluded=excluded, refused={"kh-1": 1} if refused else {})
    whole = len(kept) == 2 and not trouble and last == 5 and not refused and not excluded
    assert (verdict(json.dumps(told).encode()) is Result.PASS) == whole


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70000) | st.sampled_from(["", "10.1.1.1", "10.1.1.1-10.1.1.9", "::/0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WHOLE, "asked"]), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | _json.map(lambda one: json.dumps(one).encode()), st.sampled_from(sorted(WHOLE)), _json)
def test_any_bytes_are_evidence_or_a_reason(told: bytes, key: str, value: object) -> None:
    assert verdict(told) is not Result.PASS
    changed = json.dumps({**WHOLE, key: value}).encode()
    assert verdict(changed) is not Result.PASS or key in ("live", "named")
