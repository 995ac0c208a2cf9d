"""The link prober: real fping on loopback and over a cable of our own that loses what we say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auditor.collector import Addressed, Reading
from auditor.collectors import link_fping
from auditor.collectors.link_fping import FpingLink, argv
from auditor.evidence.link import LinkState
from auditor.model import CollectError, Observation, Reason
from tests.support import reading, seen, target

pytestmark = [pytest.mark.net, pytest.mark.live]


def need(*tools: str, root: bool = False) -> None:
    missing = [tool for tool in tools if not shutil.which(tool)]
    why = "needs root" if root and os.geteuid() else f"{', '.join(missing)} not installed" if missing else ""
    if why:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(why)


def link(number: int, address: str) -> Addressed:
    fields: dict[str, Any] = {"from": "dc", "to": "xa", "target": address}
    return Addressed(target(id=f"wan-{number}", kind="link", platform=None, address=None, link=fields), address)


def probe(*addresses: str) -> list[Observation]:
    links = [link(number, address) for number, address in enumerate(addresses)]
    found = FpingLink().probe(links, datetime.now(UTC))
    return [found[item.target.id][0] for item in links]


def state(observation: Observation) -> LinkState:
    on = link(0, "127.0.0.1").target
    return FpingLink().parse(Reading(on, seen(), {"echo": observation}))


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten echoes in a fifth of a second."""
    monkeypatch.setattr(link_fping, "_COUNT", 10)
    monkeypatch.setattr(link_fping, "_PERIOD_MS", 20)
    monkeypatch.setattr(link_fping, "_TIMEOUT_MS", 300)


@pytest.mark.usefixtures("brief")
def test_loopback_by_both_protocols_and_twice() -> None:
    need("fping")
    found = probe("127.0.0.1", "127.0.0.2", "127.0.0.1")
    assert [state(item).received for item in found] == [10, 10, 10]
    assert [item.stdout.split()[2] for item in found] == [b"127.0.0.1", b"127.0.0.2", b"127.0.0.1"]
    slowest = state(found[0]).rtt_max_ms
    assert slowest is not None
    assert 0 < slowest < 300


@pytest.mark.usefixtures("brief")
def test_more_links_than_one_process_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    need("fping")
    monkeypatch.setattr(link_fping, "_TOGETHER", 3)
    assert [state(item).received for item in probe(*(f"127.0.0.{n}" for n in range(1, 8)))] == [10] * 7


# --- what can go wrong with the tool -----------------------------------------------------------------------


def script(folder: Path, text: str) -> tuple[str]:
    made = folder / "fping"
    made.write_text(f"#!/bin/sh\n{text}\n")
    made.chmod(0o755)
    return (str(made),)


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("exit 4", Reason.DENIED),
        ("exit 0", Reason.TIMEOUT),
        ("echo 'fping: something new' >&2; exit 3", Reason.TIMEOUT),
        ("echo '127.0.0.1 : 0.1 0.2' >&2", Reason.UNPARSABLE),
        ("printf '127.0.0.1 : - - - - - - - - - -' >&2", Reason.TIMEOUT),
        ("echo '127.0.0.1 : a b c d e f g h i j' >&2", Reason.UNPARSABLE),
        ("echo '127.0.0.10 : - - - - - - - - - -' >&2", Reason.TIMEOUT),
        ("while :; do echo 'ICMP flood ICMP flood ICMP flood' >&2 || exit; done", Reason.TIMEOUT),
    ],
    ids=["refused", "mute", "error", "short", "unfinished", "letters", "another", "flood"],
)
def test_a_tool_that_does_not_do_its_work(
    text: str, reason: Reason, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_fping, "_TOOLS", script(tmp_path, text))
    with pytest.raises(CollectError) as caught:
        state(probe("127.0.0.1")[0])
    assert caught.value.reason is reason


@pytest.mark.usefixtures("brief")
def test_a_tool_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_fping, "_TOOLS", script(tmp_path, "exec sleep 60"))
    monkeypatch.setattr(link_fping, "_SPARE_S", 0.5)
    began = datetime.now(UTC)
    assert probe("127.0.0.1")[0].problem is Reason.TIMEOUT
    assert (datetime.now(UTC) - began).total_seconds() < 5


def test_no_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_fping, "_TOOLS", ())
    assert probe("127.0.0.1")[0].problem is Reason.NO_TOOL


@pytest.mark.root
@pytest.mark.usefixtures("brief")
def test_an_account_that_may_not_ping_is_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of fping without its capability, run as nobody: the real refusal of the real tool."""
    need("fping", "setpriv", root=True)
    allowed = Path("/proc/sys/net/ipv4/ping_group_range").read_text().split()
    if int(allowed[0]) <= 65534 <= int(allowed[1]):
        pytest.skip("here everybody may ping")
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    shutil.copy(str(shutil.which("fping")), tmp_path / "copy")
    drop = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    monkeypatch.setattr(link_fping, "_TOOLS", script(tmp_path, f'exec {drop} {tmp_path}/copy "$@"'))
    assert probe("127.0.0.1")[0].problem is Reason.DENIED


def test_names_and_options_never_reach_the_tool() -> None:
    for hostile in ("localhost", "-f/etc/passwd", "127.0.0.1 -f", "", "127.1"):
        with pytest.raises(ValueError, match="does not appear to be"):
            argv("fping", [hostile])
        item = Addressed(link(0, "127.0.0.1").target, hostile)
        assert FpingLink().probe([item], datetime.now(UTC))["wan-0"][0].problem is Reason.UNREACHABLE


# --- a cable between two namespaces ------------------------------------------------------------------------

INSIDE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from auditor.collectors import link_fping
link_fping._COUNT, link_fping._PERIOD_MS, link_fping._TIMEOUT_MS = 100, 10, 300
from tests.live.test_link import probe
found = probe(*sys.argv[2:])
print(json.dumps([[item.stdout.decode(), item.problem] for item in found]))
"""


class Cable:
    """The auditor's end is .1 and ::1, the far end .2 and ::2."""

    def __init__(self) -> None:
        self.near, self.far = f"capdo-near-{os.getpid()}", f"capdo-far-{os.getpid()}"

    def run(self, *words: str, text: str | None = None) -> str:
        return subprocess.run(words, check=True, capture_output=True, text=True, input=text).stdout

    def lose(self, condition: str) -> None:
        chain = f"chain i {{\n type filter hook input priority 0\n{condition}\n}}"
        rules = f"flush ruleset\ntable inet wan {{\n{chain}\n}}\n"
        self.run("ip", "netns", "exec", self.far, "nft", "-f", "-", text=rules)

    def probe(self, *addresses: str) -> Sequence[LinkState | Reason]:
        root = str(Path(__file__).parents[2])
        inside = ["ip", "netns", "exec", self.near, sys.executable, "-c", INSIDE, root, *addresses]
        told: list[tuple[str, str | None]] = json.loads(self.run(*inside))
        on = link(0, "127.0.0.1").target
        return [
            Reason(problem) if problem else FpingLink().parse(reading({"echo": line}, on)) for line, problem in told
        ]


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    need("ip", "nft", "fping", root=True)
    made = Cable()
    try:
        for space in (made.near, made.far):
            made.run("ip", "netns", "add", space)
            made.run("ip", "-n", space, "link", "set", "lo", "up")
        made.run("ip", "-n", made.near, "link", "add", "eth0", "type", "veth", "peer", "eth0", "netns", made.far)
        for space, host in ((made.near, "1"), (made.far, "2")):
            made.run("ip", "-n", space, "addr", "add", f"198.51.100.{host}/24", "dev", "eth0")
            made.run("ip", "-n", space, "addr", "add", f"2001:db8::{host}/64", "dev", "eth0", "nodad")
            made.run("ip", "-n", space, "link", "set", "eth0", "up")
        # The first packet waits for the neighbours to find each other.
        made.run("ip", "netns", "exec", made.near, "fping", "-q", "-r", "10", "198.51.100.2", "2001:db8::2")
        yield made
    finally:
        for space in (made.near, made.far):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "loss"), [("accept", 0), ("numgen inc mod 20 0 drop", 5), ("numgen inc mod 5 0 drop", 20)]
)
def test_loss_is_what_the_cable_loses(cable: Cable, rule: str, loss: float) -> None:
    """The far end drops every n-th echo, and nothing else."""
    for kind, address in (("ip protocol icmp icmp type", "198.51.100.2"), ("icmpv6 type", "2001:db8::2")):
        cable.lose(f"{kind} echo-request {rule}")
        (found,) = cable.probe(address)
        assert isinstance(found, LinkState)
        assert (found.sent, found.loss_pct) == (100, loss)


@pytest.mark.root
@pytest.mark.slow
def test_a_cut_cable_is_loss_and_a_missing_route_is_not(cable: Cable) -> None:
    cable.lose("accept")
    cable.run("ip", "-n", cable.far, "link", "set", "eth0", "down")
    try:
        cut, elsewhere = cable.probe("198.51.100.2", "203.0.113.9")
    finally:
        cable.run("ip", "-n", cable.far, "link", "set", "eth0", "up")
    assert isinstance(cut, LinkState)
    assert (cut.received, cut.loss_pct, cut.rtt_avg_ms) == (0, 100, None)
    assert elsewhere is Reason.UNREACHABLE
