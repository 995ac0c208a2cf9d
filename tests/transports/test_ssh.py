"""SSH against a real OpenSSH server, and against servers that lie, hang, flood and break off.

Every fault ends in its own reason, within its time, with one envelope for each (target, collector), and
never costs another target anything. Nothing secret leaves before the host has shown the key it is known by.
"""

from __future__ import annotations

import base64
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import paramiko
import pytest

from auditor.collect import Collection
from auditor.folder import FolderWriter
from auditor.model import Reason
from auditor.redact import forget_all
from auditor.transports import SESSION_CAP
from tests.transports import servers
from tests.transports.bed import FEW, Outcome, collect, collectors, inventory
from tests.transports.conftest import ADDRESSES
from tests.transports.sshd import USER, Sshd, free_port, make_key

real = [pytest.mark.root, pytest.mark.net, pytest.mark.live]
PASSWORD = "mat-khau-bi-mat-7f3a91c2"


def one(folder: Path, **ssh: Any) -> Outcome:
    """Collect one server at 127.0.0.1 with these settings."""
    limits = ssh.pop("limits", None)
    told: dict[str, Any] = {"id": "web01", "address": ssh.pop("address", "127.0.0.1"), "ssh": ssh}
    if limits:
        told["limits"] = limits
    return collect(inventory(folder, [told]), folder / "evidence")


def to(seen: servers.Seen, keys: Path, **more: Any) -> dict[str, Any]:
    """Settings for a server of ours whose host key is ``one``, with ``two`` as the client's."""
    host = " ".join((keys / "one.pub").read_text().split()[:2])
    return {"user": "audit", "port": seen.port, "key_file": str(keys / "two"), "host_key": host, **more}


# -- a real sshd


@pytest.mark.parametrize("user", ["root", USER])
@pytest.mark.root
@pytest.mark.net
@pytest.mark.live
def test_a_good_host(sshd: Sshd, tmp_path: Path, user: str) -> None:
    got = one(tmp_path, **sshd.ssh(user))
    assert got.lost == 0
    for seen in got.observations("web01").values():
        assert seen.source.startswith("ssh: /")
        assert seen.target_clock is not None
    assert b"ID=" in got.observations("web01")["os-release"].stdout


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "rsa-pem", "ecdsa"])
@pytest.mark.root
@pytest.mark.net
@pytest.mark.live
def test_kinds_of_keys_and_a_passphrase(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    public = make_key(tmp_path / "key", kind, PASSWORD)
    with Sshd(tmp_path / "sshd", authorized=[public]) as server:
        for phrase, reason, name in (("wrong-" + PASSWORD, Reason.DENIED, "a"), (PASSWORD, None, "b")):
            monkeypatch.setenv("CAPDO_TEST_PHRASE", phrase)
            (tmp_path / name).mkdir()
            settings = server.ssh(key_file=str(tmp_path / "key"), key_passphrase={"env": "CAPDO_TEST_PHRASE"})
            got = one(tmp_path / name, **settings)
            assert got.reason("web01") is reason, got.detail("web01")
            assert PASSWORD not in got.detail("web01")
    forget_all()


@pytest.mark.root
@pytest.mark.net
@pytest.mark.live
@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("unknown", "not known"),
        ("changed", "has changed"),
        ("revoked", "revoked"),
        ("another-type", "host key"),
        ("pinned-other", "has changed"),
        ("missing-file", "No such file"),
    ],
)
def test_no_login_is_tried_where_the_host_key_is_wrong(sshd: Sshd, tmp_path: Path, case: str, words: str) -> None:
    other = make_key(tmp_path / "other", "rsa" if case == "another-type" else "ed25519")
    name = f"[127.0.0.1]:{sshd.port}"
    known = tmp_path / "known_hosts"
    lines = {
        "unknown": "",
        "changed": f"{name} {other}\n",
        "revoked": f"{name} {sshd.host_key}\n@revoked * {sshd.host_key}\n",
        "another-type": f"{name} {other}\n",
    }
    if case in lines:
        known.write_text(lines[case])
    settings = sshd.ssh("root", known_hosts=str(known))
    if case == "pinned-other":
        settings["host_key"] = other
    before = len(sshd.text())
    got = one(tmp_path, **settings)
    assert got.reason("web01") is Reason.HOST_KEY
    assert words in got.detail("web01")
    if case in ("unknown", "changed"):
        assert "SHA256:" in got.detail("web01"), "what the host shows, so that somebody can compare it"
    log = sshd.text()[before:]
    assert "userauth-request" not in log
    assert "Failed publickey" not in log


@pytest.mark.root
@pytest.mark.net
@pytest.mark.live
def test_a_host_with_several_keys_shows_the_one_we_know(tmp_path: Path) -> None:
    make_key(tmp_path / "rsa", "rsa")
    with Sshd(tmp_path / "sshd", options=[f"HostKey {tmp_path / 'rsa'}", "LogLevel DEBUG"]) as server:
        rsa = " ".join((tmp_path / "rsa.pub").read_text().split()[:2])
        for number, pinned in enumerate((rsa, server.host_key)):
            folder = tmp_path / str(number)
            folder.mkdir()
            assert one(folder, **server.ssh(host_key=pinned)).lost == 0


@pytest.mark.root
@pytest.mark.net
@pytest.mark.live
def test_a_wrong_key_is_tried_once(sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "wrong")
    before = len(sshd.text())
    got = one(tmp_path, **sshd.ssh(key_file=str(tmp_path / "wrong")))
    assert got.reason("web01") is Reason.DENIED
    assert "login as root" in got.detail("web01")
    time.sleep(0.2)
    assert sshd.text()[before:].count("Failed publickey") == 1
    assert sshd.text()[before:].count("userauth-request for user root service ssh-connection method") == 1


@pytest.mark.root
@pytest.mark.net
@pytest.mark.live
def test_accounts_that_may_not_log_in(tmp_path: Path) -> None:
    with Sshd(
        tmp_path / "sshd", options=["DenyUsers kiemtra", "ForceCommand /bin/echo not here", "LogLevel DEBUG"]
    ) as s:
        (tmp_path / "a").mkdir()
        assert one(tmp_path / "a", **s.ssh(USER)).reason("web01") is Reason.DENIED
        (tmp_path / "b").mkdir()
        forced = one(tmp_path / "b", **s.ssh("root"))
    assert forced.reason("web01") is Reason.INCOMPLETE
    assert "not here" in forced.detail("web01")


@pytest.mark.root
@pytest.mark.net
@pytest.mark.live
def test_sixteen_hosts_all_answer(sshd: Sshd, tmp_path: Path) -> None:
    told = [{"id": f"h{n}", "address": address, "ssh": sshd.ssh(USER)} for n, address in enumerate(ADDRESSES)]
    got = collect(
        inventory(tmp_path, [{**t, "site": "dc"} for t in told], sites=[{"id": "dc", "limits": {"max_parallel": 20}}]),
        tmp_path / "evidence",
    )
    assert got.lost == 0
    assert {one.target for one in got.committed} == {t["id"] for t in told}


# -- settings that lead nowhere


def test_nothing_to_log_in_with(tmp_path: Path, keys: Path, host_key: paramiko.PKey) -> None:
    with servers.serve(servers.ssh(host_key)) as seen:
        for number, missing in enumerate(("user", "key_file")):
            folder = tmp_path / str(number)
            folder.mkdir()
            settings = to(seen, keys)
            del settings[missing]
            assert one(folder, **settings).reason("web01") is Reason.DENIED
    assert (seen.keys, seen.passwords) == ([], [])


@pytest.mark.parametrize("case", ["absent", "readable", "no-key", "no-phrase"])
def test_keys_that_cannot_be_used(tmp_path: Path, keys: Path, host_key: paramiko.PKey, case: str) -> None:
    file = tmp_path / "key"
    if case == "no-phrase":
        make_key(file, passphrase=PASSWORD)
    elif case != "absent":
        file.write_text((keys / "two").read_text() if case == "readable" else "no key\n")
        file.chmod(0o644 if case == "readable" else 0o600)
    with servers.serve(servers.ssh(host_key)) as seen:
        got = one(tmp_path, **to(seen, keys, key_file=str(file)))
    assert got.reason("web01") is Reason.DENIED
    assert str(file) in got.detail("web01")
    assert seen.keys == []
    if case == "readable":
        assert "chmod 600" in got.detail("web01")


# -- nobody, or somebody else, answers


def test_a_closed_port(tmp_path: Path, keys: Path) -> None:
    port = free_port()
    got = one(tmp_path, **to(servers.Seen(port), keys))
    assert got.reason("web01") is Reason.UNREACHABLE
    assert str(port) in got.detail("web01")


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (servers.silent, Reason.TIMEOUT),
        (servers.endless_banner, Reason.TIMEOUT),
        (servers.drip, Reason.TIMEOUT),
        (servers.version_then_silence, Reason.TIMEOUT),
        (servers.banner_flood, Reason.UNREACHABLE),
        (servers.version_then_flood, Reason.UNREACHABLE),
        (servers.closes, Reason.UNREACHABLE),
        (servers.speaks_http, Reason.UNREACHABLE),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_what_is_no_ssh_server(
    tmp_path: Path, keys: Path, quick: float, handler: servers.Handler, reason: Reason
) -> None:
    with servers.serve(handler) as seen:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.monotonic()
        got = one(tmp_path, **to(seen, keys))
        took = time.monotonic() - began
        assert got.reason("web01") is reason, got.detail("web01")
        assert took < quick + 1.5
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 64 << 10, "KiB"
        assert seen.connections == 1


# -- no password before the key


@pytest.mark.parametrize("known", ["unknown", "changed"])
def test_a_false_host_never_gets_a_password(
    tmp_path: Path, keys: Path, host_key: paramiko.PKey, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    monkeypatch.setenv("CAPDO_TEST_PASSWORD", PASSWORD)
    other = " ".join((keys / "two.pub").read_text().split()[:2])
    with servers.serve(servers.ssh(host_key)) as seen:
        settings = {"user": "audit", "port": seen.port, "password": {"env": "CAPDO_TEST_PASSWORD"}}
        if known == "changed":
            settings["host_key"] = other
        got = one(tmp_path, **settings)
    assert got.reason("web01") is Reason.HOST_KEY
    assert seen.connections == 1
    assert (seen.passwords, seen.keys) == ([], [])


def test_a_known_host_gets_the_password_once(
    tmp_path: Path, keys: Path, host_key: paramiko.PKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPDO_TEST_PASSWORD", PASSWORD)
    for mode, reason, number in (("shell", None, 0), ("refuse", Reason.DENIED, 1), ("factor", Reason.DENIED, 2)):
        with servers.serve(servers.ssh(host_key, mode)) as seen:
            folder = tmp_path / str(number)
            folder.mkdir()
            settings = to(seen, keys, password={"env": "CAPDO_TEST_PASSWORD"})
            del settings["key_file"]
            assert one(folder, **settings).reason("web01") is reason
        assert seen.passwords == [PASSWORD]
        assert seen.keys == []
    forget_all()


# -- hosts that let us in and then break


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("mute-auth", Reason.TIMEOUT),
        ("mute-channel", Reason.TIMEOUT),
        ("mute-exec", Reason.TIMEOUT),
        ("nothing", Reason.TIMEOUT),
        ("drip", Reason.TIMEOUT),
        ("refuse-exec", Reason.INCOMPLETE),
        ("nologin", Reason.INCOMPLETE),
        ("hasty", Reason.INCOMPLETE),
    ],
)
def test_hosts_that_answer_nothing(
    tmp_path: Path, keys: Path, host_key: paramiko.PKey, quick: float, mode: str, reason: Reason
) -> None:
    with servers.serve(servers.ssh(host_key, mode)) as seen:
        began = time.monotonic()
        got = one(tmp_path, **to(seen, keys), limits={"deadline_s": 3})
        took = time.monotonic() - began
    assert got.reason("web01") is reason, got.detail("web01")
    assert took < 3 + 1.5
    if mode in {"nologin", "hasty"}:
        assert "not available" in got.detail("web01")


def test_endless_output(tmp_path: Path, keys: Path, host_key: paramiko.PKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not more than the session's cap is ever read."""
    monkeypatch.setattr("auditor.transports.ssh.SESSION_CAP", 4 << 20)
    assert SESSION_CAP == 48 << 20
    with servers.serve(servers.ssh(host_key, "flood")) as seen:
        got = one(tmp_path, **to(seen, keys), limits={"deadline_s": 20})
    assert got.reason("web01") is Reason.TRUNCATED


def test_a_host_that_breaks_off(tmp_path: Path, keys: Path, host_key: paramiko.PKey) -> None:
    """What arrived whole counts; the rest is incomplete, and nothing is empty and fine."""
    with servers.serve(servers.ssh(host_key, "cut")) as seen:
        got = one(tmp_path, **to(seen, keys))
    made = [obs for name in FEW for obs in got.observations("web01", name).values()]
    cut = [obs for obs in made if obs.exit is None]
    assert [obs.problem for obs in cut] == [Reason.INCOMPLETE]
    assert cut[0].stdout == b""
    assert len(made) > 3


def test_the_commands_stand_in_no_argv(tmp_path: Path, keys: Path, host_key: paramiko.PKey) -> None:
    with servers.serve(servers.ssh(host_key)) as seen:
        assert one(tmp_path, **to(seen, keys)).lost == 0
    assert seen.commands == [b"exec /bin/sh -c 'eval \"$(PATH=/usr/bin:/bin; exec cat)\"'"]


# -- many hosts at once


def test_a_bad_host_delays_no_good_one(
    tmp_path: Path, keys: Path, host_key: paramiko.PKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One silent host and one tarpit stand first in the line of their site; the good ones finish before them."""
    # Long enough for the good ones to be done on a busy machine too, so that the order proves something.
    patience = 15.0
    monkeypatch.setattr("auditor.transports.ssh.CONNECT_S", patience)
    good = [f"127.0.0.{number}" for number in range(40, 52)]
    with (
        servers.serve(servers.silent, ["127.0.0.60"]) as mute,
        servers.serve(servers.endless_banner, ["127.0.0.61"]) as tarpit,
        servers.serve(servers.ssh(host_key), good) as fine,
    ):
        told = [
            {"id": "mute", "address": "127.0.0.60", "ssh": to(mute, keys)},
            {"id": "tarpit", "address": "127.0.0.61", "ssh": to(tarpit, keys)},
            *({"id": f"good{n}", "address": a, "ssh": to(fine, keys)} for n, a in enumerate(good)),
        ]
        began = time.monotonic()
        got = collect(inventory(tmp_path, told), tmp_path / "evidence")
        took = time.monotonic() - began
    order = [task.targets[0] for task in got.tasks]
    assert set(order[-2:]) == {"mute", "tarpit"}
    assert [one.reason for one in got.committed if one.target.startswith("good")] == [None] * (len(good) * len(FEW))
    assert {got.reason("mute"), got.reason("tarpit")} == {Reason.TIMEOUT}
    assert took < patience + 3.0


@pytest.mark.parametrize(("limit", "most"), [(3, 3), (None, 4), (1, 1)])
def test_a_sites_limit_bounds_its_sessions(
    tmp_path: Path, keys: Path, host_key: paramiko.PKey, limit: int | None, most: int
) -> None:
    addresses = [f"127.0.0.{number}" for number in range(70, 82)]
    site: dict[str, Any] = {"id": "dc"}
    if limit:
        site["limits"] = {"max_parallel": limit}
    with servers.serve(servers.ssh(host_key, hold_s=0.15), addresses) as seen:
        told = [{"id": f"h{n}", "address": a, "site": "dc", "ssh": to(seen, keys)} for n, a in enumerate(addresses)]
        got = collect(inventory(tmp_path, told, sites=[site]), tmp_path / "evidence")
    assert got.lost == 0
    assert seen.most == most


def test_sites_do_not_wait_for_each_other(tmp_path: Path, keys: Path, host_key: paramiko.PKey) -> None:
    addresses = [f"127.0.0.{number}" for number in range(90, 102)]
    sites = [{"id": f"s{n}", "limits": {"max_parallel": 1}} for n in range(6)]
    with servers.serve(servers.ssh(host_key, hold_s=0.3), addresses) as seen:
        told = [
            {"id": f"h{n}", "address": a, "site": f"s{n % 6}", "ssh": to(seen, keys)} for n, a in enumerate(addresses)
        ]
        assert collect(inventory(tmp_path, told, sites=sites), tmp_path / "evidence").lost == 0
    assert 4 <= seen.most <= 6


def test_workers_bound_all_sites_together(tmp_path: Path, keys: Path, host_key: paramiko.PKey) -> None:
    addresses = [f"127.0.0.{number}" for number in range(110, 118)]
    with servers.serve(servers.ssh(host_key, hold_s=0.1), addresses) as seen:
        told = [{"id": f"h{n}", "address": a, "ssh": to(seen, keys)} for n, a in enumerate(addresses)]
        assert collect(inventory(tmp_path, told), tmp_path / "evidence", workers=2).lost == 0
    assert seen.most == 2


def test_an_interrupt_starts_nothing_new(tmp_path: Path, keys: Path, host_key: paramiko.PKey) -> None:
    addresses = [f"127.0.0.{number}" for number in range(120, 132)]
    with servers.serve(servers.ssh(host_key, hold_s=0.2), addresses) as seen:
        told = [{"id": f"h{n}", "address": a, "ssh": to(seen, keys)} for n, a in enumerate(addresses)]

        def stop(done: Sequence[object]) -> None:
            raise KeyboardInterrupt

        work = Collection(
            inventory(tmp_path, told),
            collectors(*FEW),
            FolderWriter(tmp_path / "evidence"),
            on_task=stop,  # type: ignore[arg-type]
        )
        with pytest.raises(KeyboardInterrupt):
            work.run()
        time.sleep(1.5)
        assert seen.connections <= 8


# -- what is offered


@pytest.mark.root
@pytest.mark.net
@pytest.mark.live
@pytest.mark.parametrize(
    "option",
    [
        "Ciphers aes128-cbc",
        "Ciphers 3des-cbc",
        "MACs hmac-sha1\nCiphers aes128-ctr",
        "MACs hmac-md5\nCiphers aes128-ctr",
        "KexAlgorithms diffie-hellman-group14-sha1",
        "KexAlgorithms diffie-hellman-group1-sha1",
    ],
    ids=lambda text: text.split("\n")[0].split()[1],
)
def test_yesterdays_algorithms_are_refused(tmp_path: Path, option: str) -> None:
    with Sshd(tmp_path / "sshd", options=[option, "LogLevel DEBUG"]) as server:
        got = one(tmp_path, **server.ssh())
    assert got.reason("web01") is Reason.UNSUPPORTED
    assert "userauth-request" not in server.text()


@pytest.mark.root
@pytest.mark.net
@pytest.mark.live
@pytest.mark.parametrize(
    "option",
    [
        "KexAlgorithms curve25519-sha256",
        "KexAlgorithms curve25519-sha256@libssh.org",
        "KexAlgorithms ecdh-sha2-nistp256",
        "KexAlgorithms diffie-hellman-group16-sha512",
        "KexAlgorithms diffie-hellman-group14-sha256",
        "Ciphers aes256-gcm@openssh.com",
        "Ciphers aes256-ctr\nMACs hmac-sha2-512",
        "Ciphers aes128-ctr\nMACs hmac-sha2-256-etm@openssh.com",
    ],
    ids=lambda text: text.replace("\n", " ").split()[1],
)
def test_todays_algorithms_are_spoken(tmp_path: Path, option: str) -> None:
    with Sshd(tmp_path / "sshd", options=[option, "LogLevel DEBUG"]) as server:
        assert one(tmp_path, **server.ssh()).lost == 0


def test_hashing_of_the_shown_key(tmp_path: Path, keys: Path, host_key: paramiko.PKey) -> None:
    """The fingerprint in the message is that of the key shown."""
    with servers.serve(servers.ssh(host_key)) as seen:
        settings = to(seen, keys)
        del settings["host_key"]
        got = one(tmp_path, **settings)
    assert "SHA256:" in got.detail("web01")
    assert len(base64.b64decode(got.detail("web01").split("SHA256:")[1][:43] + "=")) == 32
