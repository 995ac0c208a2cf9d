"""What the TLS prober finds out by elimination, against real servers and the word of others; and whom it disturbs."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from auditor.collector import Addressed
from auditor.collectors._tls import knock
from auditor.collectors._tls.look import CHUNK, Look
from auditor.collectors.tls_prober import TlsProber
from auditor.evidence.tls import Answer, Preference, TlsService
from auditor.model import Reason
from tests.live.test_tls import TLS12, alert, look, need
from tests.live.tls_lab import NAME, Nginx, free_port, issue, process, raw_server, s_server
from tests.support import target

pytestmark = [pytest.mark.net, pytest.mark.live]

EVERY = ("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", "-www")


def told_by_nmap(port: int) -> dict[str, set[str]]:
    command = ["nmap", "-Pn", "-p", str(port), "--script", "+ssl-enum-ciphers", "-oX", "-", "127.0.0.1"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = {}
    tables = r'<table key="((?:TLS|SSL)v[\d.]+)">(.*?)</table>\s*(?=<table key="(?:TLS|SSL)v|<elem key="least|</script)'
    for version, inside in re.findall(tables, text, re.DOTALL):
        names = re.findall(r'<elem key="name">(\w+)</elem>', inside)
        found[version.replace("TLSv1.0", "TLSv1")] = {name.replace("TLS_AKE_WITH_", "TLS_") for name in names}
    return found


def suites(found: TlsService) -> dict[str, set[str]]:
    assert all(one.whole for one in found.offered)
    return {one.version: {suite.name for suite in one.suites} for one in found.offered}


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize("options", [EVERY, (*EVERY, "-serverpref"), ("-www",)], ids=["all", "serverpref", "default"])
def test_suites_are_those_that_nmap_finds_in_s_server(tmp_path: Path, options: tuple[str, ...]) -> None:
    need("openssl", "nmap")
    with s_server(issue("x", key=rsa_key()), tmp_path, *options) as port:
        found = look(port)
        assert suites(found) == told_by_nmap(port)
    wanted = Preference.SERVER if "-serverpref" in options else Preference.CLIENT
    assert {one.preference for one in found.offered} == {wanted}


def test_suites_are_those_that_nmap_finds_in_nginx_and_gnutls(tmp_path: Path) -> None:
    need("nginx", "nmap", "gnutls-serv")
    pair = issue("x", key=rsa_key())
    nginx = Nginx(tmp_path)
    settings = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0;"
    first = nginx.add(pair.chain_pem(), pair.key_pem(), settings)
    with nginx.running():
        assert suites(look(first)) == told_by_nmap(first)
    second = free_port()
    files = ["--x509certfile", str(tmp_path / f"{first}.crt"), "--x509keyfile", str(tmp_path / f"{first}.key")]
    options = ["-q", "--port", str(second), *files, "--priority", "NORMAL:+VERS-ALL:+ANON-ECDH:+NULL:+3DES-CBC"]
    with process(["gnutls-serv", *options], second):
        found = look(second)
        assert suites(found) == told_by_nmap(second)
    assert found.feature("client-renegotiation").answer is Answer.YES
    assert found.feature("client-certificate").answer is Answer.YES


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["-tls1_3", "-groups", "P-384:x25519"], {"secp384r1", "x25519"}),
        (["-tls1_2", "-groups", "P-521:P-256"], {"secp521r1", "secp256r1"}),
        (["-tls1_2", "-groups", "brainpoolP384r1:x448"], {"brainpoolP384r1", "x448"}),
    ],
)
def test_groups(tmp_path: Path, options: list[str], names: set[str]) -> None:
    need("openssl")
    with s_server(issue("x", key=rsa_key()), tmp_path, *options, "-www") as port:
        found = look(port)
    assert {one.name for one in found.groups} == names
    assert found.groups_whole


@pytest.mark.parametrize("options", [[], ["-serverpref"]])
def test_groups_beside_an_ecdsa_certificate(tmp_path: Path, options: list[str]) -> None:
    """Its own curve must be offered; what the server likes less than that, nobody gets."""
    need("openssl")
    words = ["-tls1_2", "-groups", "P-521:P-256:brainpoolP256r1", "-www", *options]
    with s_server(issue("x"), tmp_path, *words) as port:
        found = look(port)
    reached = {"secp521r1", "secp256r1"} if options else {"secp521r1", "secp256r1", "brainpoolP256r1"}
    assert {one.name for one in found.groups} == reached
    assert found.groups_whole


def test_signatures_alpn_and_dh(tmp_path: Path) -> None:
    need("openssl")
    options = ["-tls1_2", "-sigalgs", "RSA-PSS+SHA384:RSA+SHA256", "-alpn", "http/1.1", "-www"]
    with s_server(issue("x", key=rsa_key()), tmp_path, *options, "-cipher", "DHE:ECDHE") as port:
        found = look(port)
    assert set(found.signatures) == {"rsa_pss_rsae_sha384", "rsa_pkcs1_sha256"}
    assert found.alpn == ("http/1.1",)
    assert [(one.bits, one.common) for one in found.dh] == [(2048, "RFC 3526 group 14")]


def test_signatures_and_alpn_of_tls13_alone(tmp_path: Path) -> None:
    need("openssl")
    options = ["-tls1_3", "-sigalgs", "RSA-PSS+SHA384:RSA-PSS+SHA256", "-alpn", "h2", "-www"]
    with s_server(issue("x", key=rsa_key()), tmp_path, *options) as port:
        found = look(port)
    assert set(found.signatures) == {"rsa_pss_rsae_sha384", "rsa_pss_rsae_sha256"}
    assert found.alpn == ("h2",)


def test_both_kinds_of_certificate_are_seen(tmp_path: Path) -> None:
    need("nginx")
    one, other = issue("x"), issue("y", key=rsa_key())
    nginx = Nginx(tmp_path)
    (tmp_path / "other.crt").write_bytes(other.chain_pem())
    (tmp_path / "other.key").write_bytes(other.key_pem())
    more = f"ssl_certificate {tmp_path}/other.crt; ssl_certificate_key {tmp_path}/other.key;"
    ports = [nginx.add(one.chain_pem(), one.key_pem(), f"{more} ssl_protocols {words};")
             for words in ("TLSv1.2", "TLSv1.3", "TLSv1.2 TLSv1.3")]  # fmt: skip
    with nginx.running():
        for port in ports:
            found = look(port)
            shown = [peer.leaf.key_type for peer in (found.peer, *found.others)]  # type: ignore[union-attr]
            assert sorted(shown) == ["ec", "rsa"]


def test_a_name_that_is_needed(tmp_path: Path) -> None:
    need("nginx")
    nginx = Nginx(tmp_path)
    one, other = issue("x"), issue("khac", names=("khac.example",))
    port = nginx.add(other.chain_pem(), other.key_pem())
    nginx.add(one.chain_pem(), one.key_pem(), f"server_name {NAME};")
    nginx.servers[1] = re.sub(r"listen 127.0.0.1:\d+", f"listen 127.0.0.1:{port}", nginx.servers[1])
    with nginx.running():
        assert look(port).feature("server-name-needed").answer is Answer.YES


def test_a_server_that_reads_no_long_lists_is_asked_in_parts() -> None:
    """It knows two suites far apart, and hangs up on more than 64."""

    def answer(conn: socket.socket, hello: bytes) -> None:
        if hello[:1] != b"\x16" or hello[9:11] != b"\x03\x03" or b"\x00\x2b\x00\x03\x02\x03\x04" in hello:
            conn.sendall(alert(70))
            return
        offered = hello[46 : 46 + int.from_bytes(hello[44:46], "big")]
        codes = [offered[at : at + 2] for at in range(0, len(offered), 2)]
        picked = next((code for code in (b"\x00\x2f", b"\x00\x07") if code in codes), None)
        if len(codes) <= CHUNK + 4:
            conn.sendall(TLS12[:-3] + picked + b"\x00" if picked else alert(40))

    with raw_server(answer) as port:
        found = look(port)
    assert [one.code for one in found.suites] == [0x2F, 0x07]
    assert [(one.whole, one.preference) for one in found.offered] == [(True, Preference.SERVER)]


def test_a_mistake_of_ours_costs_one_service_only(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Look.run

    def stumbling(self: Look) -> None:
        if self.asked.server_name == "hong.tinh.example":
            raise KeyError("TLSv1.3")
        run(self)

    monkeypatch.setattr(Look, "run", stumbling)

    def answer(conn: socket.socket, hello: bytes) -> None:
        conn.sendall(alert(40))

    with raw_server(answer) as port:
        made = TlsProber().probe(
            [
                Addressed(
                    target(kind="service", id=name, platform=None, address=None, url=f"https://127.0.0.1:{port}/",
                           tls={"server_name": f"{name}.tinh.example"}),
                    "127.0.0.1",
                )
                for name in ("hong", "cong")
            ],
            datetime.now(UTC),
        )  # fmt: skip
    assert [(one.problem, one.stderr) for one in made["hong"]] == [
        (Reason.INCOMPLETE, "looking broke: KeyError: 'TLSv1.3'")
    ] * 2
    assert [one.problem for one in made["cong"]] == [None, None]


def test_the_dead_cost_nobody_time_and_nobody_is_met_twice_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty names on one server, five more servers, and as many closed and filtered doors."""
    monkeypatch.setattr(knock, "KNOCK_S", 1.0)
    busy: Counter[str] = Counter()
    most: Counter[str] = Counter()
    lock = threading.Lock()

    def answer(conn: socket.socket, hello: bytes) -> None:
        if not hello:  # only a knock
            return
        address = conn.getsockname()[0]
        with lock:
            busy[address] += 1
            most[address] = max(most[address], busy[address])
            most["all"] = max(most["all"], sum(busy.values()))
        time.sleep(0.002)
        with lock:
            busy[address] -= 1
        conn.sendall(alert(40) if hello[:1] == b"\x16" else b"")

    with raw_server(answer) as port:
        closed = free_port()
        doors = [(f"a{at}", "127.0.0.1", port) for at in range(30)]
        doors += [(f"closed{at}", "127.0.0.2", closed) for at in range(10)]
        doors += [("name", "localhost", port)]
        made = [
            Addressed(target(id=name, kind="service", platform=None, address=None, url=f"https://127.0.0.1:{to}/"), at)
            for name, at, to in doors
        ]
        stored = TlsProber().probe(made, datetime.now(UTC))
    assert set(stored) == {name for name, _, _ in doors}
    assert {stored[f"closed{at}"][0].problem for at in range(10)} == {Reason.UNREACHABLE}
    assert stored["name"][0].problem is Reason.UNREACHABLE
    assert all(stored[f"a{at}"][0].problem is None for at in range(30))
    assert most["127.0.0.1"] == 1
