"""Fixtures: a real sshd for the whole of a module's tests, and keys for servers that misbehave."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from auditor import hostkeys
from tests.transports.bed import need
from tests.transports.sshd import Sshd, make_key, missing

ADDRESSES = tuple(f"127.0.0.{number}" for number in range(1, 17))


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """OpenSSH's own server, listening on sixteen loopback addresses: more it refuses."""
    need(missing())
    with Sshd(tmp_path_factory.mktemp("sshd"), ADDRESSES) as running:
        yield running


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two key pairs, ``one`` and ``two``, as ssh-keygen makes them."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("one", "two"):
        make_key(folder / name)
    return folder


@pytest.fixture(scope="session")
def host_key(keys: Path) -> paramiko.PKey:
    return paramiko.PKey.from_path(keys / "one")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """known_hosts is read once a run; each test is a run."""
    hostkeys.load.cache_clear()
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> float:
    """Shorter patience for each step of connecting, so that tests of silence do not take six seconds each."""
    monkeypatch.setattr("auditor.transports.ssh.CONNECT_S", 1.5)
    return 1.5
