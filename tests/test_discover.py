"""The inventory of this very machine: it loads, it tells what listens, and it asks over loopback only."""

from __future__ import annotations

import contextlib
import ipaddress
import platform
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import discover, registry
from auditor.collectors._tls import knock
from auditor.collectors._tls.io import Caller
from auditor.discover import Listener, listeners, this_machine, tls_services
from auditor.targets import Inventory
from tests.live.tls_lab import free_port, issue, process, s_server

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def line(local: str, state: str = "0A", inode: str = "77") -> str:
    return (
        f"   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0 100 0\n"
    )


def load(text: str, folder: Path) -> Inventory:
    path = folder / "may-nay.yaml"
    path.write_text(text, "utf-8")
    source = next(source for source in registry.inventory_sources() if ".yaml" in source.suffixes)
    found = source.load(path)
    assert isinstance(found, Inventory)
    return found


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tables of the kernel that a test writes itself."""
    monkeypatch.setattr(discover, "_TABLES", (tmp_path / "tcp", tmp_path / "tcp6"))
    monkeypatch.setattr(sys, "byteorder", "little")
    return tmp_path


@pytest.mark.parametrize(
    ("local", "ways"),
    [
        ("0100007F:1F90", ("127.0.0.1",)),
        ("0200007F:1F90", ("127.0.0.2",)),
        ("00000000:1F90", ("127.0.0.1",)),
        ("0A00010A:1F90", ()),
        ("00000000000000000000000000000000:1F90", ("127.0.0.1", "::1")),
        ("00000000000000000000000001000000:1F90", ("::1",)),
        ("0000000000000000FFFF00000100007F:1F90", ("127.0.0.1",)),
        ("0000000000000000FFFF00000A00010A:1F90", ()),
        ("B80D0120000000000000000001000000:1F90", ()),
    ],
)
def test_only_what_loopback_reaches(tables: Path, local: str, ways: tuple[str, ...]) -> None:
    (tables / "tcp").write_text(HEAD + line(local))
    assert listeners() == ([Listener(8080, ways)] if ways else [])


def test_what_does_not_listen_or_might_print_is_left_alone(tables: Path) -> None:
    (tables / "tcp").write_text(HEAD + line("0100007F:1F90", state="01") + line("0100007F:238C"))
    assert listeners() == []


@given(address=st.from_regex(r"([0-9A-F]{8}|[0-9A-F]{32}|[0-9A-Z]{0,10})", fullmatch=True), junk=st.text())
def test_whatever_the_table_says_only_loopback_is_asked(address: str, junk: str) -> None:
    for found in discover._read_table(HEAD + line(f"{address}:0050") + junk, frozenset()):
        assert all(ipaddress.ip_address(way).is_loopback for way in found.addresses)


def test_without_proc_the_inventory_is_valid_all_the_same(
    tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discover, "_OWN_FILES", tmp_path / "absent")
    found = load(this_machine(), tmp_path)
    assert [target.kind for target in found.targets] == ["server", "link"]
    assert found.targets[0].connect == "local"
    assert found.targets[1].link is not None
    assert found.targets[1].link.kind == "loopback"


@pytest.mark.parametrize("name", ["", "máy chủ", 'a"\n- b: {', "x" * 500, "#"])
def test_no_host_name_breaks_the_file(name: str, tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "node", lambda: name)
    assert load(this_machine(), tmp_path).targets[0].id == "this-server"


def test_no_more_than_fifty_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Nobody(Caller):
        def exchange(self, *_: object) -> tuple[str, bytes]:
            asked.append(self.port)
            return "closed", b""

    monkeypatch.setattr(knock, "Caller", Nobody)
    assert tls_services(Listener(port, ("127.0.0.1",)) for port in range(1, 200)) == []
    assert sorted(asked) == list(range(1, 51))


SERVERS = """
import socket, sys, time
held = []
for address, port in (("127.0.0.1", int(sys.argv[1])), ("127.0.0.1", int(sys.argv[2]))):
    held.append(socket.create_server((address, port)))
while True:
    conn, _ = held[0].accept()
    conn.recv(99)
    conn.sendall(b"HTTP/1.1 400 Bad Request\\r\\n\\r\\n")
    conn.close()
"""


@contextlib.contextmanager
def others() -> Iterator[tuple[int, int]]:
    """Another process with a port that speaks HTTP, and one that takes connections and says nothing."""
    ports = free_port(), free_port()
    with process([sys.executable, "-c", SERVERS, *map(str, ports)], ports[0]):
        yield ports


@pytest.mark.net
@pytest.mark.live
@pytest.mark.skipif(not Path("/proc/net/tcp").exists() or not shutil.which("openssl"), reason="needs Linux and openssl")
def test_real_servers_on_this_machine(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as own,
        others() as (http, mute),
        s_server(issue("x"), tmp_path) as plain,
        s_server(issue("x"), tmp_path, "-tls1_3", "-Verify", "1", "-verify_return_error") as strict,
    ):
        ours = own.getsockname()[1]
        listening = {item.port for item in listeners()}
        urls = {target.url for target in load(this_machine(), tmp_path).targets}
    assert {http, mute, plain, strict} <= listening
    assert ours not in listening
    assert {f"https://127.0.0.1:{plain}/", f"https://127.0.0.1:{strict}/"} <= urls
    assert not {f"https://127.0.0.1:{http}/", f"https://127.0.0.1:{mute}/"} & urls
