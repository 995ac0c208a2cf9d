"""The parser of ``ss``: any output gives evidence or a reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.collectors.sockets_linux import LinuxSockets
from auditor.evidence.sockets import Listening
from auditor.model import CollectError, Reason
from tests.support import reading

HEADER = "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"


def sockets(listening: str, owners: str | None = None) -> tuple[Listening, ...]:
    outputs: dict[str, Any] = {"listening": listening, "owners": {"problem": "denied"} if owners is None else owners}
    return LinuxSockets().parse(reading(outputs)).sockets


@pytest.mark.parametrize(
    ("place", "address", "interface", "loopback"),
    [
        ("0.0.0.0:22", "0.0.0.0", "", False),
        ("*:22", "*", "", False),
        ("[::]:22", "::", "", False),
        ("[::1]:22", "::1", "", True),
        ("127.0.0.53%lo:22", "127.0.0.53", "lo", True),
        ("0.0.0.0%lo:22", "0.0.0.0", "lo", True),
        ("[fe80::1]%eth0:22", "fe80::1", "eth0", False),
        ("[::ffff:127.0.0.1]:22", "::ffff:127.0.0.1", "", True),
    ],
)
def test_addresses(place: str, address: str, interface: str, loopback: bool) -> None:
    (found,) = sockets(f"{HEADER}tcp LISTEN 0 128 {place} *:*\n")
    assert (found.address, found.port, found.interface, found.loopback) == (address, 22, interface, loopback)


def test_a_program_name_cannot_forge_a_socket() -> None:
    line = 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("a b tcp LISTEN",pid=1,fd=3))\n'
    (found,) = sockets(f"{HEADER}{line}", f"{HEADER}{line}")
    assert found.program == "a b tcp LISTEN"


@pytest.mark.parametrize("text", ["", "tcp LISTEN 0 128 0.0.0.0:22 *:*\n", f"{HEADER}tcp LISTEN 0\n", HEADER[:20]])
def test_without_a_header_or_a_whole_line_nothing_is_said(text: str) -> None:
    with pytest.raises(CollectError) as caught:
        sockets(text)
    assert caught.value.reason is Reason.UNPARSABLE


@given(st.text(max_size=200), st.booleans())
def test_any_text(text: str, headed: bool) -> None:
    try:
        found = sockets((HEADER if headed else "") + text)
    except CollectError:
        return
    assert all(0 < item.port < 65536 for item in found)
