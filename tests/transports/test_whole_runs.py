"""Whole runs of the program against a real sshd: interrupted, killed and resumed; and no secret in any file."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import paramiko
import pytest

from tests.transports import servers
from tests.transports.bed import need, write_inventory
from tests.transports.sshd import USER, Sshd, make_key, missing

pytestmark = [pytest.mark.root, pytest.mark.net, pytest.mark.live, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
ADDRESSES = [f"127.0.0.{number}" for number in range(1, 9)]
# The update tool's simulation takes seconds of two shared processors; what it says matters not here.
CHEAP = "[ ! -x /usr/bin/apt-get ] || mount --bind /bin/true /usr/bin/apt-get"


def start(*words: str | Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "audit.py"), *map(str, words), "--lang", "en"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=180)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def results(out: Path) -> dict[tuple[str, str], str]:
    """What each rule says of each target; every pair is there once."""
    told: dict[str, Any] = json.loads((out / "run.json").read_text("utf-8"))
    found = {(f["target"], f["rule"]): f["result"] for f in told["findings"]}
    assert len(found) == len(told["findings"])
    return found


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    need(missing())
    with Sshd(tmp_path_factory.mktemp("sshd"), ADDRESSES, setup=CHEAP, options=["LogLevel VERBOSE"]) as running:
        yield running


@pytest.fixture(scope="module")
def inventory(sshd: Sshd, tmp_path_factory: pytest.TempPathFactory) -> Path:
    told = [{"id": f"h{n}", "address": a, "site": "dc", "ssh": sshd.ssh(USER)} for n, a in enumerate(ADDRESSES)]
    site = {"id": "dc", "limits": {"max_parallel": 2}}
    return write_inventory(tmp_path_factory.mktemp("inventory"), told, sites=[site])


@pytest.fixture(scope="module")
def uninterrupted(inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    folder = tmp_path_factory.mktemp("whole")
    code, _, err = finish(start("run", inventory, "--out", folder, "--db", f"sqlite:///{folder}/runs.db"))
    assert code in (1, 3), err
    found = results(folder)
    assert {target for target, _ in found} == {f"h{n}" for n in range(len(ADDRESSES))}
    return found


def wait_for(evidence: Path, hosts: int) -> None:
    """Until so many hosts have left an envelope."""
    end = time.monotonic() + 90
    while len({path.parent for path in evidence.glob("*/envelopes/*/*.json")}) < hosts:
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(("how", "hosts"), [(signal.SIGINT, 3), (signal.SIGKILL, 1), (signal.SIGKILL, 5)])
def test_an_interrupted_run_is_completed_by_resume(
    sshd: Sshd,
    inventory: Path,
    uninterrupted: dict[tuple[str, str], str],
    tmp_path: Path,
    how: signal.Signals,
    hosts: int,
) -> None:
    words = ("run", inventory, "--out", tmp_path, "--db", f"sqlite:///{tmp_path}/runs.db")
    before = sshd.text().count("Accepted publickey")
    process = start(*words)
    wait_for(tmp_path / "evidence", hosts)
    os.kill(process.pid, how)
    code, _, err = finish(process)
    assert code == (130 if how is signal.SIGINT else -9)
    if how is signal.SIGINT:
        assert "what is done is kept" in err
    assert not (tmp_path / "run.json").exists()
    assert list((tmp_path / "evidence").glob("*/envelopes/*/*.json"))

    code, _, err = finish(start(*words, "--resume"))
    assert code in (1, 3), err
    assert results(tmp_path) == uninterrupted
    # What was done was not done again; only what was under way (two at a time) may have been.
    assert sshd.text().count("Accepted publickey") - before <= len(ADDRESSES) + 2
    code, out, err = finish(start("runs", "list", "--json", "--db", f"sqlite:///{tmp_path}/runs.db"))
    (run,) = json.loads(out)
    assert run["state"] == "complete"
    code, out, err = finish(start("runs", "verify", run["id"], "--db", f"sqlite:///{tmp_path}/runs.db"))
    assert code == 0, out + err
    code, _, err = finish(start(*words, "--resume"))
    assert code == 2, "there is nothing left to resume"


# -- canaries

PASSWORD = "chim-hoang-yen/7f3a=91c2+xa lo"
PHRASE = "hoang-yen-thu-hai&55d1=%khoa"


def forms(secret: str) -> list[bytes]:
    """A secret as itself, in base64, alone and as a basic authentication has it, and percent-encoded."""
    raw = secret.encode()
    return [
        raw,
        base64.b64encode(raw),
        base64.urlsafe_b64encode(raw),
        base64.b64encode(b"audit:" + raw),
        base64.b64encode(b"a:" + raw + b"\n"),
        urllib.parse.quote(secret, safe="").encode(),
        urllib.parse.quote_plus(secret).encode(),
    ]


def traces(secret: str) -> list[bytes]:
    """What would give a secret away: any of its forms, less the ends that stand for other bytes too."""
    return [forms(secret)[0], *(form[4:-6] for form in forms(secret)[1:])]


def test_no_secret_is_in_any_file_or_word_that_comes_out(tmp_path: Path, keys: Path, host_key: paramiko.PKey) -> None:
    """A password from a file, one from the environment, a key's passphrase; hosts that pass, refuse, and echo."""
    secret = tmp_path / "given"
    secret.mkdir()
    (secret / "password").write_text(PASSWORD + "\n")
    (secret / "password").chmod(0o600)
    make_key(secret / "locked", passphrase=PHRASE)
    host = " ".join((keys / "one.pub").read_text().split()[:2])
    work = tmp_path / "work"
    work.mkdir()
    with (
        servers.serve(servers.ssh(host_key)) as fine,
        servers.serve(servers.ssh(host_key, "refuse")) as refuses,
        servers.serve(servers.echo(host_key, forms(PASSWORD) + forms(PHRASE))) as echoes,
    ):
        by_file = {"user": "audit", "password": {"file": str(secret / "password")}, "host_key": host}
        by_env = {**by_file, "password": {"env": "CAPDO_CANARY"}}
        by_key = {
            "user": "audit",
            "key_file": str(secret / "locked"),
            "key_passphrase": {"env": "CAPDO_PHRASE"},
            "host_key": host,
        }
        told: list[dict[str, Any]] = [
            {"id": f"h{number}", "address": "127.0.0.1", "ssh": {**way, "port": seen.port}}
            for number, (way, seen) in enumerate(
                (way, seen) for way in (by_file, by_env, by_key) for seen in (fine, refuses, echoes)
            )
        ]
        unknown = {name: value for name, value in by_env.items() if name != "host_key"}
        told.append({"id": "false", "address": "127.0.0.1", "ssh": {**unknown, "port": fine.port}})
        path = write_inventory(work, told)
        code, out, err = finish(
            start(
                "run",
                path,
                "--out",
                work / "out",
                "--db",
                f"sqlite:///{work}/runs.db",
                "--format",
                "html,json",
                env={"CAPDO_CANARY": PASSWORD, "CAPDO_PHRASE": PHRASE},
            )
        )
        assert fine.passwords == [PASSWORD] * 2, err
        assert refuses.passwords == [PASSWORD] * 2
        assert len(fine.keys) >= 1
    assert code in (1, 3)
    said = out.encode() + err.encode()
    files = [file for file in work.rglob("*") if file.is_file()]
    assert len(files) > 50
    for name, body in [("what was printed", said), *((str(file), file.read_bytes()) for file in files)]:
        for one in (PASSWORD, PHRASE):
            for trace in traces(one):
                assert trace not in body, f"{name} holds {trace!r}"
    assert any(b"[masked]" in file.read_bytes() for file in files), "the echoes were really seen, and masked"
