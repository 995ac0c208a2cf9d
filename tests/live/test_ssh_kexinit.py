"""The SSH reader against real sshd and dropbear, with ssh-audit and ssh-keygen as witnesses, and hostile bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from socket import socket

import pytest

from auditor.collector import Addressed, Reading
from auditor.collectors import _kexchange, ssh_kexinit
from auditor.collectors._hostkey import host_key
from auditor.collectors._kexchange import METHODS, Talk, exchange
from auditor.collectors._kexinit import packed, to_kexinit
from auditor.collectors.ssh_kexinit import KexinitSsh
from auditor.evidence.ssh_service import SshService
from auditor.model import CollectError, Observation, Reason
from tests.live import ssh_lab as lab
from tests.support import seen, target

pytestmark = [pytest.mark.net, pytest.mark.live]


def need(*tools: str) -> None:
    missing = [tool for tool in tools if not shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin")]
    if missing:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(f"{', '.join(missing)} not installed")


def observe(port: int) -> dict[str, Observation]:
    on = Addressed(target(connect="ssh", ssh={"port": port}), "127.0.0.1")
    return {one.key: one for one in KexinitSsh().probe([on], datetime.now(UTC))[on.target.id]}


def service(port: int) -> SshService:
    on = target(connect="ssh", ssh={"port": port})
    return KexinitSsh().parse(Reading(on, seen(), observe(port)))


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    need("sshd", "ssh-keygen", "dropbear", "dropbearkey")
    folder = tmp_path_factory.mktemp("ssh")
    with ExitStack() as servers:
        made = {setup: servers.enter_context(lab.sshd(folder, setup)) for setup in lab.SETUPS}
        yield made | {"dropbear": servers.enter_context(lab.dropbear(folder)), "folder": 0}


@pytest.mark.parametrize(
    "setup", ["good", "hardened", "legacy", "oldest", "group-exchange", "post-quantum", "dropbear"]
)
def test_lists_are_those_that_ssh_audit_reads(ports: dict[str, int], setup: str) -> None:
    need("ssh-audit")
    run = ["ssh-audit", "--json", "-p", str(ports[setup]), "127.0.0.1"]
    witness = json.loads(subprocess.run(run, capture_output=True, timeout=60, check=False).stdout)
    found = service(ports[setup])
    assert found.proposal is not None
    assert [one["algorithm"] for one in witness["kex"]] == list(found.proposal.kex)
    assert [one["algorithm"] for one in witness["key"]] == list(found.proposal.host_keys)
    assert witness["enc"] == list(found.proposal.ciphers_out)
    assert witness["mac"] == list(found.proposal.macs_out)
    assert witness["compression"] == list(found.proposal.compression_out)
    assert witness["banner"]["raw"] == found.identification
    theirs = {f"SHA256:{one['hash']}" for one in witness["fingerprints"] if one["hash_alg"] == "SHA256"}
    assert theirs == {key.fingerprint for key in found.keys if key.type in ("ssh-rsa", "ssh-ed25519")}


@pytest.mark.parametrize("setup", ["good", "hardened", "legacy", "oldest", "group-exchange", "everything"])
def test_host_keys_are_those_of_the_files_and_proved(
    ports: dict[str, int], setup: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = tmp_path_factory.getbasetemp().glob(f"ssh*/{setup}-*.pub")
    told = subprocess.run(["ssh-keygen", "-lf", "-"], input="".join(f.read_text() for f in files), text=True,
                          capture_output=True, check=True, timeout=60).stdout  # fmt: skip
    wanted = {(int(line.split()[0]), line.split()[1]) for line in told.splitlines()}
    found = service(ports[setup])
    assert {(key.bits, key.fingerprint) for key in found.keys} == wanted
    assert all(key.proved for key in found.keys)
    assert not found.unseen


@pytest.mark.parametrize("kex", sorted(METHODS))
@pytest.mark.parametrize("algorithm", ["rsa-sha2-256", "ssh-rsa", "ecdsa-sha2-nistp521"])
def test_every_method_is_done_rightly(ports: dict[str, int], kex: str, algorithm: str) -> None:
    with Talk("127.0.0.1", ports["everything"], time.monotonic() + 20) as talk:
        made = exchange(talk, kex, algorithm)
    assert host_key(made).proved


def test_the_log_of_a_server_shows_no_attempt_to_log_in(
    ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = next(tmp_path_factory.getbasetemp().glob("ssh*/hardened.log"))
    before = len(log.read_text())
    service(ports["hardened"])
    time.sleep(0.3)
    said = log.read_text()[before:]
    assert said.count("audit, no login wanted") == 3  # the lists, and two keys
    assert "Failed" not in said
    assert "user" not in said


HOSTILE: list[tuple[Callable[[socket], None], Reason, str]] = [
    (lab.http, Reason.UNPARSABLE, "no SSH identification: 'HTTP/1.1 400"),
    (lab.junk, Reason.UNPARSABLE, "not a packet"),
    (lab.wait_for_end, Reason.TIMEOUT, "timeout, after 0 bytes"),
    (lab.drip, Reason.TIMEOUT, "timeout, after"),
    (lab.endless_banner, Reason.UNPARSABLE, "no identification within"),
    (lab.too_many, Reason.UNPARSABLE, "Exceeded MaxStartups"),
    (lambda _: None, Reason.INCOMPLETE, "closed, after 0 bytes"),
]


@pytest.mark.parametrize(("serve", "reason", "why"), HOSTILE)
def test_each_way_of_not_answering_has_its_word(
    serve: Callable[[socket], None], reason: Reason, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_kexchange, "PATIENCE_S", 0.2)
    monkeypatch.setattr(ssh_kexinit, "HELLO_S", 1.0)
    begun = time.monotonic()
    with lab.raw(serve) as (port, came), pytest.raises(CollectError, match=why) as caught:
        service(port)
    assert caught.value.reason is reason
    assert len(came) == 1
    assert time.monotonic() - begun < 3


def test_a_closed_port_is_unreachable() -> None:
    with pytest.raises(CollectError) as caught:
        service(lab.free_port())
    assert caught.value.reason is Reason.UNREACHABLE


def test_ssh1_is_recognised_by_its_first_packet() -> None:
    with lab.raw(lab.ssh1) as (port, came):
        found = service(port)
    assert (found.protocol, found.proposal, len(came)) == ("1.5", None, 1)
    assert found.first_version is not None
    assert found.first_version.host_key_bits == 1024


def test_a_device_that_waits_for_our_lists_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kexchange, "PATIENCE_S", 0.2)
    monkeypatch.setattr(ssh_kexinit, "KEY_S", 1.0)
    theirs = packed(to_kexinit(_kexchange.EVERYTHING, bytes(16)))
    with lab.raw(lab.waits(theirs)) as (port, came):
        found = service(port)
    assert (found.protocol, found.banner[0]) == ("1.99", "Welcome to the switch")
    assert found.proposal == _kexchange.EVERYTHING
    assert len(came) == 2, "after a key that did not come, none is asked for"
    assert not found.keys


def test_never_more_than_five_connections() -> None:
    def serve(peer: socket) -> None:
        peer.sendall(b"SSH-2.0-x\r\n" + packed(to_kexinit(_kexchange.EVERYTHING, bytes(16))))
        # Message 250 is none of a key exchange: refused at once, so that the next key is asked for.
        peer.sendall(packed(bytes([250])))
        lab.wait_for_end(peer)

    with lab.raw(serve) as (port, came):
        found = observe(port)
    assert len(came) == len(found) == 5
