"""Keys shown by several targets: who is told of whom, and when nothing can be said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import registry
from auditor.check import needs, run_check
from auditor.evidence.shared_keys import SharedKeys, ShownKey
from auditor.model import Evidence, Reason, Result, Unavailable
from auditor.sharing import KeyRing
from auditor.targets import Target
from tests.support import NOW, seen, target
from tests.test_cases import must_be_sayable


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(Evidence):
    topic: ClassVar[str] = "shown"
    max_age: ClassVar[timedelta] = timedelta(days=7)
    keys: tuple[ShownKey, ...]

    def shown_keys(self) -> tuple[ShownKey, ...]:
        return self.keys


def ssh(letter: str) -> ShownKey:
    return ShownKey("ssh", letter * 64, "ssh-ed25519")


def tls(letter: str) -> ShownKey:
    return ShownKey("tls", letter * 64, "CN=cong.tinh.example")


def machine(number: int, agency: str = "so-a", system: str = "cong", address: str | None = None) -> Target:
    return target(id=f"may-{number}", address=address or f"10.1.1.{number}", agency=agency, systems=(system,))


def ringed(*shown: tuple[Target, tuple[ShownKey, ...]]) -> KeyRing:
    ring = KeyRing()
    for one, keys in shown:
        ring.add(one, keys)
    return ring


def judged(check: str, ring: KeyRing, of: Target, *keys: ShownKey) -> tuple[str, str]:
    made, _ = registry.checks()[check]
    held = {"shared-keys": ring.of(of, [Shown(seen=seen(), keys=keys)], NOW)}
    verdict = run_check(made, needs(type(made)), held, made.params()).verdict
    must_be_sayable(check, verdict)
    assert isinstance(held["shared-keys"], SharedKeys | Unavailable)
    return verdict.result.value, verdict.message.code


ONE, TWO = machine(1), machine(2)
HOST, SERVICE = "access.shared-host-keys", "tls.shared-keys"


def test_a_cloned_machine_shares_its_host_key_and_a_fresh_one_does_not() -> None:
    cloned = ringed((ONE, (ssh("a"),)), (TWO, (ssh("a"),)))
    fresh = ringed((ONE, (ssh("a"),)), (TWO, (ssh("b"),)))
    assert judged(HOST, cloned, ONE, ssh("a")) == ("fail", "host-keys-fail")
    assert judged(HOST, fresh, ONE, ssh("a")) == ("pass", "host-keys-pass")


def test_two_entries_for_one_address_are_one_machine() -> None:
    same = machine(2, address="10.1.1.1")
    assert judged(HOST, ringed((ONE, (ssh("a"),)), (same, (ssh("a"),))), ONE, ssh("a"))[0] == "pass"


def test_a_cluster_may_share_its_tls_key_and_another_system_may_not() -> None:
    cluster = ringed((ONE, (tls("a"),)), (TWO, (tls("a"),)))
    stranger = ringed((ONE, (tls("a"),)), (machine(2, system="mot-cua"), (tls("a"),)))
    assert judged(SERVICE, cluster, ONE, tls("a"))[0] == "pass"
    assert judged(SERVICE, stranger, ONE, tls("a"))[0] == "fail"


@pytest.mark.parametrize(("check", "key"), [(HOST, ssh("a")), (SERVICE, tls("a"))])
def test_with_nobody_to_compare_with_nothing_passes(check: str, key: ShownKey) -> None:
    assert judged(check, ringed((ONE, (key,))), ONE, key) == ("notapplicable", "alone")
    assert judged(check, ringed((ONE, (key,)), (TWO, ())), ONE, key) == ("unknown", "others-unseen")
    made, _ = registry.checks()[check]
    gone = Unavailable(Reason.TIMEOUT, "10.1.1.1 port 22: timeout", ("0" * 64,))
    held = {"shared-keys": ringed((ONE, ()), (TWO, (key,))).of(ONE, [gone], NOW)}
    told = run_check(made, needs(type(made)), held, made.params())
    assert (told.verdict.result, told.reason) == (Result.UNKNOWN, Reason.TIMEOUT)


@pytest.mark.parametrize(("check", "key"), [(HOST, ssh("a")), (SERVICE, tls("a"))])
def test_a_machine_of_another_agency_is_counted_and_not_named(check: str, key: ShownKey) -> None:
    other = machine(2, agency="so-b", system="mot-cua")
    made, _ = registry.checks()[check]
    evidence = ringed((ONE, (key,)), (other, (key,))).of(ONE, [Shown(seen=seen(), keys=(key,))], NOW)
    told = run_check(made, needs(type(made)), {"shared-keys": evidence}, made.params()).verdict
    said = told.instances[0].message
    assert told.result is Result.FAIL
    assert said is not None
    assert (said.values["targets"], said.values["elsewhere"]) == ("-", 1)
    assert "may-2" not in repr(told)


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from("abc")), max_size=20), st.randoms())
def test_the_order_of_targets_never_matters(shown: list[tuple[int, str]], random: object) -> None:
    there = [(machine(number), (ssh(letter),)) for number, letter in shown]
    back = list(reversed(there))
    mine = [Shown(seen=seen(), keys=(ssh("a"),))]
    assert ringed(*there).of(ONE, mine, NOW) == ringed(*back).of(ONE, mine, NOW)
