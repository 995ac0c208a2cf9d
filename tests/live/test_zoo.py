"""What we say of each server of the zoo is what is true of it; and what other scanners say beside."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor import registry
from auditor.check import needs, run_check
from auditor.collector import Addressed, Reading
from auditor.collectors._tls.prefaces import bears
from auditor.collectors.tls_prober import TlsProber
from auditor.evidence.tls import TlsService
from auditor.model import CollectError, Seen
from tests.live import starttls_lab
from tests.support import target
from tests.zoo import truth, verdicts, witnesses
from tests.zoo.keeper import TOOLS, Animal, Zoo, animals, zoo

pytestmark = [pytest.mark.net, pytest.mark.live, pytest.mark.root]

ALL = {one.id: one for one in animals()}
MOST_CONNECTIONS = 120
"""For one look at one server, however odd."""


@dataclass(frozen=True)
class Looked:
    """What we found of one animal, and what our checks say of that."""

    found: TlsService | Exception
    findings: Mapping[str, str]
    bytes_stored: int


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    missing = sorted(path for path in (*TOOLS.values(), *witnesses.PROGRAMS) if not Path(path).exists())
    missing += starttls_lab.missing("postfix", "dovecot", "slapd", "postgres", "mariadb", "xrdp")
    if missing:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(f"{', '.join(missing)} not installed")
    with zoo(tmp_path_factory.mktemp("zoo")) as made:
        yield made


@pytest.fixture(scope="module")
def looked(running: Zoo) -> Mapping[str, Looked]:
    """All of them, looked at at once: each lives at an address of its own.

    On a busy machine a conversation may run out of time, which leaves a question open: such are looked at once more,
    alone. What was answered wrongly is never asked again.
    """
    members = list(running.animals.values())
    with ThreadPoolExecutor(16) as pool:
        seen = pool.map(lambda one: watched(one, running.office.trust), members)
        found = {one.id: told for one, told in zip(members, seen, strict=True)}
    again = [one for one in members if only_open(one, found[one.id])]
    return found | {one.id: watched(one, running.office.trust) for one in again[:10]}


def only_open(one: Animal, seen: Looked) -> bool:
    """Does it differ from what is true, but in nothing that was answered?"""
    words = ("untested", "unknown", "timeout", "False")  # False: a list that was not seen to its end
    wrong = list(truth.differences(one, seen.found, seen.findings, verdicts.expected(one)))
    return bool(wrong) and all(any(word in str(item.found) for word in words) for item in wrong)


def watched(one: Animal, trust: Path) -> Looked:
    """A crash is a difference of that animal, not the end of all."""
    try:
        return look(one, trust)
    except Exception as exc:  # noqa: BLE001
        return Looked(exc, {}, 0)


def look(one: Animal, trust: Path) -> Looked:
    name, tls = truth.server_name(one), {"trust": (str(trust),)}
    service = target(kind="service", id=one.id, platform=None, address=None,
                     url=f"{scheme(one)}://{one.address}:{one.port}/",
                     tls=tls | {"server_name": name.encode("idna").decode()})  # fmt: skip
    now = datetime.now(UTC)
    collector = TlsProber()
    stored = collector.probe([Addressed(service, one.address)], now)[service.id]
    size = sum(len(item.stdout) for item in stored)
    seen = Seen(now, now, None, ("0" * 64,))
    try:
        found = collector.parse(Reading(service, seen, {item.key: item for item in stored}))
    except CollectError as exc:
        return Looked(exc, {}, size)
    return Looked(found, judged(found), size)


def scheme(one: Animal) -> str:
    return str(one.settings["scheme"]) if one.software == "starttls" else "https"


def judged(found: TlsService) -> dict[str, str]:
    """Results by check, of all that ask for TLS evidence alone."""
    return {
        key: str(run_check(check, needs(type(check)), {"tls": found}, check.params()).verdict.result.value)
        for key, (check, _) in registry.checks().items()
        if check.evidence is TlsService
    }


def test_there_are_enough_animals_and_each_says_what_it_is() -> None:
    assert len(ALL) >= 60
    assert all(truth.versions(one) or truth.reason(one) or "maybe" in one.truth for one in ALL.values())


def test_every_check_on_tls_is_spoken_of() -> None:
    asked = {key for key, (check, _) in registry.checks().items() if check.evidence is TlsService}
    assert asked - verdicts.ELSEWHERE == set(verdicts.expected(ALL["nginx-modern"]))


@pytest.mark.parametrize("name", ALL)
def test_we_say_what_is_true(name: str, looked: Mapping[str, Looked]) -> None:
    one, seen = ALL[name], looked[name]
    wrong = list(truth.differences(one, seen.found, seen.findings, verdicts.expected(one)))
    assert not wrong, "\n" + "\n".join(map(str, wrong))


@pytest.mark.parametrize("name", ALL)
def test_a_look_is_bounded(name: str, looked: Mapping[str, Looked]) -> None:
    one, seen = ALL[name], looked[name]
    assert seen.bytes_stored < 256 * 1024
    if isinstance(seen.found, TlsService):
        assert seen.found.connections <= bears(scheme(one), MOST_CONNECTIONS)


def test_one_key_in_two_certificates_is_seen_as_one(looked: Mapping[str, Looked]) -> None:
    twin, other = looked["nginx-twin"].found, looked[str(ALL["nginx-twin"].truth["twin"])].found
    assert isinstance(twin, TlsService)
    assert isinstance(other, TlsService)
    assert twin.peer.leaf.key_fingerprint == other.peer.leaf.key_fingerprint  # type: ignore[union-attr]
    assert twin.peer.leaf.fingerprint != other.peer.leaf.fingerprint  # type: ignore[union-attr]


def test_sslyze_names_the_same_suites(running: Zoo, looked: Mapping[str, Looked]) -> None:
    """Name by name, on every animal that both can read; where it differs, the table says why it is wrong."""
    unread = witnesses.UNREAD_BY_SSLYZE
    members = [one for one in running.animals.values() if one.software in TOOLS and one.id not in unread]
    if witnesses.sslyze_program() is None:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)("sslyze cannot be installed here")
    seen = witnesses.sslyze(members)
    wrong = list(witnesses.disagreements("sslyze", members, seen, {one.id: suites(looked[one.id]) for one in members}))
    assert not wrong, "\n" + "\n".join(wrong)


def test_nmap_names_the_same_suites(running: Zoo, looked: Mapping[str, Looked]) -> None:
    """On those that are quick: a server of one process and one client keeps nmap waiting."""
    quick, unread = ("nginx", "haproxy", "apache", "lighttpd", "stunnel"), witnesses.UNREAD_BY_NMAP
    members = [one for one in running.animals.values() if one.software in quick and one.id not in unread]
    seen = witnesses.nmap(members)
    wrong = list(witnesses.disagreements("nmap", members, seen, {one.id: suites(looked[one.id]) for one in members}))
    assert not wrong, "\n" + "\n".join(wrong)


def test_sslscan_names_the_same_suites(running: Zoo, looked: Mapping[str, Looked]) -> None:
    members = [one for one in running.animals.values() if one.software in TOOLS]
    seen = witnesses.sslscan(members)
    wrong = list(witnesses.disagreements("sslscan", members, seen, {one.id: suites(looked[one.id]) for one in members}))
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("name", ["nginx-modern", "nginx-legacy"])
def test_testssl_names_the_same_suites(name: str, running: Zoo, looked: Mapping[str, Looked]) -> None:
    assert witnesses.testssl(running.animals[name]) == suites(looked[name])


def suites(seen: Looked) -> witnesses.Seen:
    if not isinstance(seen.found, TlsService):
        return {}
    return {one.version: frozenset(suite.name for suite in one.suites) for one in seen.found.offered}
