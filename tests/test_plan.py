"""What is planned before anything is done: each (target, collector) once, in tasks that a site can bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

import pytest

from auditor.collector import (
    Action,
    Addressed,
    Collector,
    Command,
    CommandCollector,
    Privilege,
    ProbeCollector,
    Reading,
)
from auditor.model import Evidence, Observation
from auditor.plan import MANY, host_commands, make_tasks, sudoers
from auditor.targets import Inventory, Province, Target
from tests.support import target


class _Host(CommandCollector):
    def __init__(self, key: str) -> None:
        self.id = key  # type: ignore[misc]

    def commands(self, target: Target) -> Sequence[Command]:
        return [Command("echo", ("/bin/echo", self.id))]

    def parse(self, seen: Reading) -> Evidence:
        raise NotImplementedError


class _Probe(ProbeCollector):
    id = "ports.nmap"
    method = "ports"
    kinds = frozenset({"server", "service"})
    many: ClassVar[bool] = False

    def actions(self, target: Target) -> Sequence[Action]:
        return []

    def probe(self, targets: Sequence[Addressed], now: datetime) -> Mapping[str, Sequence[Observation]]:
        return {}

    def parse(self, seen: Reading) -> Evidence:
        raise NotImplementedError


class _Many(_Probe):
    id = "link.fping"
    many = True


COLLECTORS: dict[str, Collector] = {one.id: one for one in (_Host("a.linux"), _Host("b.linux"), _Probe(), _Many())}


def inventory(*targets: Target) -> Inventory:
    return Inventory(province=Province(id="binh-minh"), targets=targets)


def pairs(tasks: Sequence[object]) -> Counter[tuple[str, str]]:
    return Counter((t, c) for task in tasks for t in task.targets for c in task.collectors)  # type: ignore[attr-defined]


def test_every_pair_once() -> None:
    known = inventory(
        *(target(id=f"s{n}", site=f"dc{n % 3}", connect="ssh") for n in range(700)),
        target(id="web", kind="service", url="https://a.example", platform=None),
        target(id="pc", kind="endpoint", platform="windows", connect="bundle"),
        target(id="rec", connect="recorded", recording="x"),
    )
    tasks = make_tasks(known, COLLECTORS)
    got = pairs(tasks)
    assert set(got.values()) == {1}
    assert set(got) == {(t.id, c.id) for t in known.targets for c in COLLECTORS.values() if c.serves(t)}
    for task in tasks:
        assert len(task.targets) <= MANY
        sites = {t.site or "" for t in known.targets if t.id in task.targets and t.connect != "recorded"}
        assert sites <= {task.site}
        if task.kind == "host":
            assert len(task.targets) == 1
    assert [task.collectors for task in tasks if task.kind == "recorded"] == [
        ("a.linux", "b.linux", "ports.nmap", "link.fping")
    ]


def test_what_is_done_is_not_planned_again() -> None:
    known = inventory(target(id="s1", connect="ssh"), target(id="s2", connect="ssh"))
    everything = set(pairs(make_tasks(known, COLLECTORS)))
    for pair in everything:
        assert set(pairs(make_tasks(known, COLLECTORS, [pair]))) == everything - {pair}
    assert make_tasks(known, COLLECTORS, everything) == []
    assert {t for t, _ in pairs(make_tasks(known, COLLECTORS, only=frozenset({"s2"})))} == {"s2"}


def test_the_same_inventory_plans_the_same() -> None:
    known = inventory(*(target(id=f"s{n}", connect="ssh") for n in range(20)))
    assert make_tasks(known, COLLECTORS) == make_tasks(known, dict(COLLECTORS))


def test_commands_of_a_host() -> None:
    got = host_commands(target(), COLLECTORS.values())
    assert [(collector.id, command.argv) for collector, command in got] == [
        ("a.linux", ("/bin/echo", "a.linux")),
        ("b.linux", ("/bin/echo", "b.linux")),
    ]
    assert host_commands(target(kind="device"), COLLECTORS.values()) == []


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (("/usr/sbin/iptables-save",), '/usr/sbin/iptables-save ""'),
        (("/usr/sbin/nft", "-j", "list", "ruleset"), "/usr/sbin/nft -j list ruleset"),
        (("/bin/x", "a=b,c:d", "#e", "f g"), "/bin/x a\\=b\\,c\\:d \\#e f\\ g"),
        (("/bin/x", "*.gz", "[a]?", "!"), "/bin/x \\*.gz \\[a\\]\\? \\!"),
        (("/bin/x", "(a|b)", "$c"), "/bin/x (a|b) $c"),
        (("/bin/x", "%s\\n"), "/bin/x %s\\\\\\\\n"),
        (("/bin/x", "^a$"), "/bin/x \\^a$"),
    ],
)
def test_lines_of_sudoers(argv: tuple[str, ...], line: str) -> None:
    text = sudoers(target(), "audit", [Command("it", argv, Privilege.ROOT), Command("no", ("/bin/true",))])
    last = text.splitlines()[-1]
    assert last == f"audit ALL=(root) NOPASSWD: NOEXEC: {line}"
    assert "/bin/true" not in text
