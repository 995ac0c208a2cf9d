"""Collecting with hosts that are only pretended: every pair ends in one envelope, whatever breaks."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auditor.collect import Collection, Committed
from auditor.collector import Collector, Command, CommandCollector, Privilege, Reading
from auditor.folder import EvidenceError, EvidenceFolder, FolderWriter
from auditor.model import Evidence, Privacy, Reason
from auditor.redact import forget_all, remember
from auditor.script import HostOutput, Output
from auditor.targets import Authority, Inventory, Limits, Province, Site, Target
from auditor.transports import Transport, TransportError
from tests.support import target


class Host(CommandCollector):
    """Asks ``echo`` with each of some words."""

    def __init__(self, key: str, *words: str, **limits: Any) -> None:
        self.id = key  # type: ignore[misc]
        self.words = words
        self.limits = limits

    def commands(self, target: Target) -> Sequence[Command]:
        return [Command(word, ("/bin/echo", word), **self.limits) for word in self.words]

    def parse(self, seen: Reading) -> Evidence:
        raise NotImplementedError


class Broken(Host):
    def commands(self, target: Target) -> Sequence[Command]:
        raise KeyError("level")


class Pretended:
    """A transport that answers each command with its words, and remembers what it was asked."""

    name = "ssh"

    def __init__(self, doing: Callable[[Target, Sequence[Command]], None] = lambda _t, _c: None) -> None:
        self.doing = doing
        self.opened: list[tuple[str, str]] = []
        self.asked: list[list[tuple[str, ...]]] = []
        self._lock = threading.Lock()

    def open(self, to: Target, address: str) -> Transport:
        with self._lock:
            self.opened.append((to.id, address))
        outer = self

        class _Open:
            name = "ssh"

            def run(self, commands: Sequence[Command], deadline_s: float) -> HostOutput:
                with outer._lock:
                    outer.asked.append([command.argv for command in commands])
                outer.doing(to, commands)
                outs = tuple(
                    Output(c, " ".join(c.argv[1:]).encode(), "", 0, False, None, "direct", 0.1) for c in commands
                )
                return HostOutput(outs, datetime.now(UTC), datetime.now(UTC))

        return _Open()


AUTHORITY = Authority.model_validate(
    {
        "id": "kh-12",
        "basis": "operator-selfcheck",
        "document": {"no": "12/KH", "date": "2026-01-15"},
        "scope": {"networks": ["10.1.0.0/16"], "exclude": ["10.1.9.0/24"]},
        "methods": ["read-login"],
        "from": "2020-01-01",
        "until": "2099-12-31",
    }
)


def inventory(*targets: Target, **more: Any) -> Inventory:
    return Inventory(province=Province(id="binh-minh"), targets=targets, **more)


def hosts(count: int, **fields: Any) -> list[Target]:
    return [target(id=f"h{n}", address=f"127.0.0.{n + 1}", connect="ssh", **fields) for n in range(count)]


def run(
    folder: Path, known: Inventory, collectors: Sequence[Collector], way: Pretended, **more: Any
) -> tuple[int, list[Committed]]:
    committed: list[Committed] = []
    writer = FolderWriter(folder / "evidence")
    work = Collection(known, {c.id: c for c in collectors}, writer, opener=way.open, on_commit=committed.extend, **more)
    lost = work.run()
    writer.finish({})
    assert EvidenceFolder(folder / "evidence").verify() == []
    return lost, committed


def details(folder: Path, on: str, collector: str) -> str:
    return EvidenceFolder(folder / "evidence").envelope(on, collector).detail


# -- one envelope each, whatever breaks


def test_one_collectors_fault_costs_the_others_nothing(tmp_path: Path) -> None:
    way = Pretended()
    lost, committed = run(tmp_path, inventory(*hosts(3)), [Host("a.linux", "x"), Broken("b.linux")], way)
    assert lost == 3
    assert {(c.collector, c.reason) for c in committed} == {("a.linux", None), ("b.linux", Reason.INCOMPLETE)}
    assert "KeyError" in details(tmp_path, "h0", "b.linux")
    assert len(way.asked) == 3


def test_nothing_is_asked_when_nothing_can_be(tmp_path: Path) -> None:
    way = Pretended()
    lost, _ = run(tmp_path, inventory(*hosts(2)), [Broken("b.linux")], way)
    assert (lost, way.opened) == (2, [])


@pytest.mark.parametrize(
    ("exc", "reason"),
    [
        (TransportError(Reason.HOST_KEY, "changed"), Reason.HOST_KEY),
        (TransportError(Reason.TIMEOUT, "slow"), Reason.TIMEOUT),
        (RuntimeError("our fault"), Reason.INCOMPLETE),
        (OSError(errno.EMFILE, "too many open files"), Reason.INCOMPLETE),
        (RecursionError("deep"), Reason.INCOMPLETE),
    ],
)
def test_a_host_that_breaks_is_alone(tmp_path: Path, exc: Exception, reason: Reason) -> None:
    def fail(to: Target, _: Sequence[Command]) -> None:
        if to.id == "h1":
            raise exc

    lost, committed = run(tmp_path, inventory(*hosts(4)), [Host("a.linux", "x"), Host("b.linux", "y")], Pretended(fail))
    assert lost == 2
    assert {c.reason for c in committed if c.target == "h1"} == {reason}
    assert {c.reason for c in committed if c.target != "h1"} == {None}
    assert len(committed) == 8


def test_a_full_disk_ends_the_run_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FolderWriter, "put", full)
    with pytest.raises(EvidenceError, match="No space left"):
        run(tmp_path, inventory(*hosts(3)), [Host("a.linux", "x")], Pretended())


def test_commands_asked_alike_are_run_once(tmp_path: Path) -> None:
    way = Pretended()
    small = Host("a.linux", "os", "x", cap=100, timeout=5)
    large = Host("b.linux", "os", cap=5000, timeout=50, privacy=Privacy.PERSONAL)
    root = Host("c.linux", "os", privilege=Privilege.ROOT)
    _, committed = run(tmp_path, inventory(*hosts(1)), [small, large, root], way)
    assert way.asked == [[("/bin/echo", "os"), ("/bin/echo", "x"), ("/bin/echo", "os")]]
    folder = EvidenceFolder(tmp_path / "evidence")
    for name in ("a.linux", "b.linux", "c.linux"):
        (key, digest), *_ = folder.envelope("h0", name).observations
        assert (key, folder.observation(key, digest).stdout) == ("os", b"os")
    assert len(committed) == 3


def test_attempts_are_counted_on(tmp_path: Path) -> None:
    _, committed = run(
        tmp_path,
        inventory(*hosts(1)),
        [Host("a.linux", "x"), Broken("b.linux")],
        Pretended(),
        attempts={("h0", "a.linux"): 3, ("h0", "b.linux"): 1},
    )
    assert {(c.collector, c.attempt) for c in committed} == {("a.linux", 4), ("b.linux", 2)}


def test_secrets_are_masked_before_they_are_written(tmp_path: Path) -> None:
    remember("bi-mat-4471")
    try:
        run(tmp_path, inventory(*hosts(1)), [Host("a.linux", "bi-mat-4471"[:3], "x")], Pretended())

        def leak(to: Target, _: Sequence[Command]) -> None:
            raise RuntimeError("login with bi-mat-4471 failed")

        run(tmp_path, inventory(*hosts(1)), [Host("b.linux", "y")], Pretended(leak))
    finally:
        forget_all()
    assert "[masked]" in details(tmp_path, "h0", "b.linux")
    for path in (tmp_path / "evidence").rglob("*"):
        assert not path.is_file() or b"bi-mat-4471" not in path.read_bytes()


def test_what_a_killed_run_left_half_written_is_swept_away(tmp_path: Path) -> None:
    known, collectors = inventory(*hosts(2)), [Host("a.linux", "x")]
    run(tmp_path, known, collectors, Pretended())
    evidence = tmp_path / "evidence"
    (evidence / "manifest.json").unlink()
    torn = evidence / "observations" / ("ab" * 32)
    torn.write_bytes(b"half of a head")
    (evidence / "envelopes" / "h0" / ".a.linux.part").write_bytes(b"{")
    kept = next(path for path in (evidence / "observations").iterdir() if path != torn)
    FolderWriter(evidence).finish({})
    assert EvidenceFolder(evidence).verify() == []
    assert not torn.exists()
    assert kept.exists()
    assert len(EvidenceFolder(evidence).envelope("h0", "a.linux").observations) == 1


# -- order and load


def test_a_slow_host_keeps_only_its_own_slot(tmp_path: Path) -> None:
    order: list[str] = []

    def slow(to: Target, _: Sequence[Command]) -> None:
        if to.id == "h0":
            time.sleep(1.0)

    run(
        tmp_path,
        inventory(*hosts(20)),
        [Host("a.linux", "x")],
        Pretended(slow),
        on_task=lambda task: order.append(task.targets[0]),
    )
    assert order[-1] == "h0"
    assert len(order) == 20


@pytest.mark.parametrize(("limit", "most"), [(None, 4), (2, 2), (9, 9)])
def test_a_sites_limit(tmp_path: Path, limit: int | None, most: int) -> None:
    lock = threading.Lock()
    now: list[str] = []
    seen: list[int] = []

    def count(to: Target, _: Sequence[Command]) -> None:
        with lock:
            now.append(to.id)
            seen.append(len(now))
        time.sleep(0.02)
        with lock:
            now.remove(to.id)

    site = Site(id="dc", limits=Limits(max_parallel=limit) if limit else None)
    run(tmp_path, inventory(*hosts(30, site="dc"), sites=(site,)), [Host("a.linux", "x")], Pretended(count))
    assert max(seen) == most


# -- the gate


def test_what_no_authority_covers_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []

    def lookup(name: str, *_: object, **__: object) -> list[Any]:
        looked_up.append(name)
        address = {"inside.example": "10.1.1.7", "outside.example": "10.7.7.7"}[name]
        return [(2, 1, 6, "", (address, 0))]

    monkeypatch.setattr("auditor.collect.socket.getaddrinfo", lookup)
    told = {
        "in": "10.1.1.1",
        "mapped": "::ffff:10.1.1.2",
        "named": "inside.example",
        "out": "10.2.1.1",
        "hole": "10.1.9.9",
        "mapped-hole": "::ffff:10.1.9.9",
        "named-out": "outside.example",
        "any": "0.0.0.0",
    }
    targets = [target(id=key, address=address, connect="ssh") for key, address in told.items()]
    way = Pretended()
    lost, committed = run(tmp_path, inventory(*targets, authorities=(AUTHORITY,)), [Host("a.linux", "x")], way)
    assert sorted(way.opened) == [("in", "10.1.1.1"), ("mapped", "::ffff:a01:102"), ("named", "10.1.1.7")]
    assert lost == 5
    assert {c.target for c in committed if c.reason is Reason.NOT_AUTHORISED} == set(told) - {"in", "mapped", "named"}
    assert sorted(looked_up) == ["inside.example", "outside.example"], "each name once"


def test_without_networks_in_any_authority_no_name_is_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lookup(*_: object, **__: object) -> list[Any]:
        raise AssertionError("looked up")

    monkeypatch.setattr("auditor.collect.socket.getaddrinfo", lookup)
    by_id = AUTHORITY.model_copy(
        update={"scope": AUTHORITY.scope.model_copy(update={"networks": (), "targets": ("b",)})}
    )
    known = inventory(target(id="a", address="web.example", connect="ssh"), authorities=(by_id,))
    way = Pretended()
    _, committed = run(tmp_path, known, [Host("a.linux", "x")], way)
    assert (committed[0].reason, way.opened) == (Reason.NOT_AUTHORISED, [])


def test_a_name_that_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(*_: object, **__: object) -> list[Any]:
        raise OSError("Name or service not known")

    monkeypatch.setattr("auditor.collect.socket.getaddrinfo", lookup)
    known = inventory(target(id="a", address="web.example", connect="ssh"), authorities=(AUTHORITY,))
    _, committed = run(tmp_path, known, [Host("a.linux", "x")], Pretended())
    assert committed[0].reason is Reason.UNREACHABLE
