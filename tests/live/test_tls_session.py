"""Handshakes with real servers: OpenSSL's s_server, GnuTLS's gnutls-serv and nginx in many set-ups.

Witness for renegotiation: ``openssl s_client``, whose command ``R`` asks for one.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ocsp

from auditor.collectors._tls.io import Caller
from auditor.collectors._tls.session12 import HUNG_UP, Session12, client_renegotiation, tls12
from auditor.collectors._tls.session13 import Session13, tls13
from auditor.evidence.tls import Answer
from tests.live.tls_lab import NAME, Nginx, Pair, free_port, issue, process, raw_server, s_server

pytestmark = [pytest.mark.net, pytest.mark.live]
DER = serialization.Encoding.DER


@pytest.fixture(scope="module")
def ca() -> Pair:
    return issue("CA", ca=True)


@pytest.fixture(scope="module")
def ecdsa(ca: Pair) -> Pair:
    return issue("leaf", ca)


@pytest.fixture(scope="module")
def rsa_pair(ca: Pair) -> Pair:
    return issue("leaf", ca, key=rsa.generate_private_key(65537, 2048))


@pytest.fixture(autouse=True)
def tools() -> None:
    missing = [tool for tool in ("openssl", "gnutls-serv", "nginx", "haproxy", "stunnel4") if not shutil.which(tool)]
    if missing:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(f"{', '.join(missing)} not installed")


@contextlib.contextmanager
def gnutls(pair: Pair, folder: Path, priority: str, *options: str) -> Iterator[int]:
    """``gnutls-serv`` with this priority string; gives its port."""
    port = free_port()
    for kind, held in (("crt", pair.chain_pem()), ("key", pair.key_pem())):
        (folder / f"{port}.{kind}").write_bytes(held)
    files = ["--x509certfile", str(folder / f"{port}.crt"), "--x509keyfile", str(folder / f"{port}.key")]
    command = ["gnutls-serv", "--quiet", "--echo", "--port", str(port), "--priority", priority, *files, *options]
    with process(command, port):
        yield port


def ask13(port: int, *, step_s: float = 5, tickets: bool = True, **asked: object) -> Session13:
    with Caller("127.0.0.1", port, time.monotonic() + 10).call(step_s) as line:
        return tls13(line, NAME, tickets=tickets, **asked)  # type: ignore[arg-type]


def ask12(port: int, *, step_s: float = 5, renegotiate: bool = True, **asked: object) -> Session12:
    with Caller("127.0.0.1", port, time.monotonic() + 10).call(step_s) as line:
        return tls12(line, NAME, renegotiate=renegotiate, **asked)  # type: ignore[arg-type]


def der(pair: Pair) -> bytes:
    return pair.certificate.public_bytes(DER)


# --- TLS 1.3 ----------------------------------------------------------------------------------------------------

OPENSSL13 = [
    ((), {"suite": 0x1302, "group": 0x001D, "tickets": (0,), "after": "ticket"}),
    (("-early_data", "-max_early_data", "16384"), {"tickets": (16384,)}),
    (("-num_tickets", "0"), {"tickets": (), "after": "closed"}),
    (("-num_tickets", "2"), {"tickets": (0,)}),
    (("-alpn", "http/1.1"), {"alpn": b"http/1.1"}),
    (("-verify", "1"), {"wants_client": True, "after": "ticket"}),
    (("-Verify", "1"), {"wants_client": True, "after": "alert 116"}),
    (("-groups", "P-256"), {"group": 0x0017, "retried": True}),
    (("-groups", "P-384"), {"group": 0x0018, "retried": True}),
    (("-groups", "P-521"), {"group": 0x0019, "retried": True}),
    (("-groups", "X448"), {"group": 0x001E, "retried": True}),
    (("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), {"suite": 0x1303}),
    (("-ciphersuites", "TLS_AES_128_GCM_SHA256"), {"suite": 0x1301}),
    (("-ciphersuites", "TLS_AES_128_CCM_SHA256"), {"suite": 0x1304}),
    (("-ciphersuites", "TLS_AES_128_CCM_8_SHA256"), {"suite": 0x1305}),
    (("-split_send_frag", "512", "-max_send_frag", "512"), {}),
    (("-record_padding", "100"), {}),
]


@pytest.mark.parametrize(("options", "expected"), OPENSSL13, ids=[" ".join(o) or "plain" for o, _ in OPENSSL13])
def test_openssl_1_3(rsa_pair: Pair, tmp_path: Path, options: tuple[str, ...], expected: dict[str, object]) -> None:
    with s_server(rsa_pair, tmp_path, "-serverpref", "-tls1_3", *options) as port:
        seen = ask13(port, alpn=("h2", "http/1.1"))
    assert (seen.ending, seen.scheme, seen.certificates[0]) == ("done", 0x0804, der(rsa_pair))
    assert {name: getattr(seen, name) for name in expected} == expected


GNUTLS13 = [
    ("", (), {"tickets": (0,), "after": "ticket"}),
    ("", ("--earlydata", "--maxearlydata", "1234"), {"tickets": (1234,)}),
    ("", ("--noticket",), {"tickets": (), "after": "closed"}),
    ("", ("--require-client-cert",), {"wants_client": True, "after": "alert 116"}),
    (":-GROUP-ALL:+GROUP-SECP521R1", (), {"group": 0x0019, "retried": True}),
    (":-CIPHER-ALL:+CHACHA20-POLY1305", (), {"suite": 0x1303}),
]


@pytest.mark.parametrize(("priority", "options", "expected"), GNUTLS13, ids=[p + " ".join(o) for p, o, _ in GNUTLS13])
def test_gnutls_1_3(
    ecdsa: Pair, tmp_path: Path, priority: str, options: tuple[str, ...], expected: dict[str, object]
) -> None:
    with gnutls(ecdsa, tmp_path, "NORMAL" + priority, *options) as port:
        seen = ask13(port)
    assert (seen.ending, seen.scheme, seen.certificates) == ("done", 0x0403, (der(ecdsa),))
    assert {name: getattr(seen, name) for name in expected} == expected


def test_each_of_two_certificates_by_the_signatures_asked_for(ecdsa: Pair, rsa_pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "two.crt").write_bytes(ecdsa.chain_pem())
    (tmp_path / "two.key").write_bytes(ecdsa.key_pem())
    second = ("-dcert", str(tmp_path / "two.crt"), "-dkey", str(tmp_path / "two.key"))
    with s_server(rsa_pair, tmp_path, "-tls1_3", *second) as port:
        assert ask13(port, signatures=(0x0804, 0x0805, 0x0401)).certificates == (der(rsa_pair),)
        assert ask13(port, signatures=(0x0403, 0x0401)).certificates == (der(ecdsa),)


def staple(pair: Pair, ca: Pair) -> bytes:
    now = datetime.now(UTC)
    made = ocsp.OCSPResponseBuilder().add_response(
        cert=pair.certificate, issuer=ca.certificate, algorithm=hashes.SHA256(), cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=now, next_update=None, revocation_time=None, revocation_reason=None,
    )  # fmt: skip
    signed = made.responder_id(ocsp.OCSPResponderEncoding.HASH, ca.certificate).sign(ca.key, hashes.SHA256())
    return signed.public_bytes(DER)


def test_staple_and_timestamps_come_out_as_they_were_put_in(ecdsa: Pair, ca: Pair, tmp_path: Path) -> None:
    answer, stamps = staple(ecdsa, ca), b"\x00\x06\x00\x04list"
    (tmp_path / "staple").write_bytes(answer)
    # For the ClientHello, the ServerHello of TLS 1.2 and the Certificate of TLS 1.3 (openssl/ssl.h: SSL_EXT_...)
    info = (0x1180).to_bytes(4, "big") + b"\x00\x12" + len(stamps).to_bytes(2, "big") + stamps
    pem = base64.encodebytes(info).decode()
    head = "SERVERINFOV2 FOR TIMESTAMPS"
    (tmp_path / "info").write_text(f"-----BEGIN {head}-----\n{pem}-----END {head}-----\n")
    options = ("-status_file", str(tmp_path / "staple"), "-serverinfo", str(tmp_path / "info"), "-www")
    with s_server(ecdsa, tmp_path, *options) as port:
        new, old = ask13(port), ask12(port)
    assert (new.ending, new.staple, new.timestamps) == ("done", answer, stamps)
    assert (old.ending, old.staple, old.timestamps) == ("done", answer, stamps)


def test_nginx(ecdsa: Pair, ca: Pair, tmp_path: Path) -> None:
    (tmp_path / "staple").write_bytes(staple(ecdsa, ca))
    nginx = Nginx(tmp_path)
    stapling = f"ssl_stapling on; ssl_stapling_file {tmp_path}/staple;"
    plain = nginx.add(ecdsa.chain_pem(), ecdsa.key_pem(), "ssl_protocols TLSv1.2 TLSv1.3;" + stapling)
    early = nginx.add(ecdsa.chain_pem(), ecdsa.key_pem(), "ssl_protocols TLSv1.3; ssl_early_data on;")
    none = nginx.add(ecdsa.chain_pem(), ecdsa.key_pem(), "ssl_protocols TLSv1.3; ssl_session_tickets off;")
    with nginx.running():
        one, two, three, old = ask13(plain), ask13(early), ask13(none), ask12(plain)
        request = ask13(early, request=b"GET / HTTP/1.0\r\n\r\n")
    assert (one.ending, one.early_data, one.staple) == ("done", Answer.NO, staple_of(tmp_path))
    assert (two.ending, two.early_data, request.early_data) == ("done", Answer.YES, Answer.YES)
    assert (three.ending, three.early_data) == ("done", Answer.NO)
    assert (old.ending, old.renegotiation, old.ticket, old.staple) == ("done", "alert 100", True, staple_of(tmp_path))


def test_haproxy(rsa_pair: Pair, tmp_path: Path) -> None:
    early, none = free_port(), free_port()
    (tmp_path / "pem").write_bytes(rsa_pair.chain_pem() + rsa_pair.key_pem())
    (tmp_path / "cfg").write_text(
        "defaults\n mode http\n timeout client 5s\n timeout connect 1s\n timeout server 5s\n"
        f"frontend f\n bind 127.0.0.1:{early} ssl crt {tmp_path}/pem allow-0rtt alpn h2,http/1.1\n"
        f" bind 127.0.0.1:{none} ssl crt {tmp_path}/pem\n http-request return status 200\n"
    )
    with process(["haproxy", "-f", str(tmp_path / "cfg")], early):
        one, two, old = ask13(early, alpn=("h2",)), ask13(none), ask12(none)
    assert (one.ending, one.early_data, one.alpn) == ("done", Answer.YES, b"h2")
    assert (two.ending, two.early_data) == ("done", Answer.NO)
    assert (old.ending, old.renegotiation) == ("done", "alert 100")


def staple_of(folder: Path) -> bytes:
    return (folder / "staple").read_bytes()


# --- TLS 1.0 to 1.2 ---------------------------------------------------------------------------------------------

OLD = {"TLSv1": "-tls1", "TLSv1.1": "-tls1_1", "TLSv1.2": "-tls1_2"}
OPENSSL12 = [
    *((version, cipher) for version in OLD for cipher in ("AES128-SHA", "DHE-RSA-AES256-SHA", "ECDHE-RSA-AES128-SHA")),
    ("TLSv1.1", "CAMELLIA128-SHA"),
    ("TLSv1.2", "AES256-GCM-SHA384"),
    ("TLSv1.2", "AES128-CCM8"),
    ("TLSv1.2", "DHE-RSA-AES256-GCM-SHA384"),
    ("TLSv1.2", "DHE-RSA-AES256-CCM"),
    ("TLSv1.2", "DHE-RSA-CHACHA20-POLY1305"),
    ("TLSv1.2", "ECDHE-RSA-AES256-SHA384"),
    ("TLSv1.2", "ECDHE-RSA-CHACHA20-POLY1305"),
    ("TLSv1.2", "ECDHE-RSA-CAMELLIA256-SHA384"),
]


@pytest.mark.parametrize(("version", "cipher"), OPENSSL12)
def test_openssl_before_1_3(rsa_pair: Pair, tmp_path: Path, version: str, cipher: str) -> None:
    options = ("-cipher", cipher + ":@SECLEVEL=0", OLD[version], "-www")
    with s_server(rsa_pair, tmp_path, *options, "-client_renegotiation") as port:
        both = ask12(port), ask12(port, version=version)
    with s_server(rsa_pair, tmp_path, *options) as port:
        wary = ask12(port)
    for seen in (*both, wary):
        assert (seen.ending, seen.version, seen.certificates) == (
            "done",
            0x0301 + list(OLD).index(version),
            (der(rsa_pair),),
        )
        assert (seen.ticket, seen.extended_master, seen.secure_renegotiation) == (True, True, True)
    assert [seen.renegotiation for seen in (*both, wary)] == ["server-hello", "server-hello", "alert 100"]


@pytest.mark.parametrize("curve", ["X25519", "P-256", "P-384", "P-521", "X448"])
def test_openssl_curves_before_1_3(rsa_pair: Pair, tmp_path: Path, curve: str) -> None:
    options = ("-cipher", "ECDHE", "-groups", curve, "-tls1_2", "-www", "-no_ticket", "-alpn", "h2")
    with s_server(rsa_pair, tmp_path, *options) as port:
        seen = ask12(port, alpn=("h2",))
    assert (seen.ending, seen.ticket, bool(seen.session), seen.alpn) == ("done", False, True, b"h2")


GNUTLS12 = [
    ("+VERS-TLS1.2:-CIPHER-ALL:+3DES-CBC", 0x0303, 0xC012),
    ("+VERS-TLS1.0:-CIPHER-ALL:+3DES-CBC:-KX-ALL:+RSA", 0x0301, 0x000A),
    ("+VERS-TLS1.1:-CIPHER-ALL:+3DES-CBC:-KX-ALL:+DHE-RSA", 0x0302, 0x0016),
    ("+VERS-TLS1.2:-KX-ALL:+RSA:-CIPHER-ALL:+AES-256-CBC:-MAC-ALL:+SHA256", 0x0303, 0x003D),
    ("+VERS-TLS1.2:-KX-ALL:+RSA:-CIPHER-ALL:+AES-128-CCM", 0x0303, 0xC09C),
    ("+VERS-TLS1.2:%NO_SESSION_HASH", 0x0303, 0xC030),
    ("+VERS-TLS1.2:%DISABLE_SAFE_RENEGOTIATION", 0x0303, 0xC030),
]


@pytest.mark.parametrize(("priority", "version", "suite"), GNUTLS12)
def test_gnutls_before_1_3(rsa_pair: Pair, tmp_path: Path, priority: str, version: int, suite: int) -> None:
    with gnutls(rsa_pair, tmp_path, "NORMAL:-VERS-ALL:" + priority, "--disable-client-cert") as port:
        seen = ask12(port)
    assert (seen.ending, seen.version, seen.suite, seen.renegotiation) == ("done", version, suite, "server-hello")
    assert seen.extended_master is ("%NO_SESSION_HASH" not in priority)
    assert seen.secure_renegotiation is ("%DISABLE_SAFE" not in priority)


# --- renegotiation, beside a witness ----------------------------------------------------------------------------


def witness(port: int) -> Answer:
    """What s_client's ``R`` meets: a second handshake, or none."""
    with subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-msg"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0,
    ) as run:  # fmt: skip
        assert run.stdin is not None
        assert run.stdout is not None
        try:
            time.sleep(0.5)
            run.stdin.write(b"R\n")
            time.sleep(0.7)
        finally:
            run.kill()
        said = run.stdout.read().partition(b"RENEGOTIATING")[2]
    assert b"ClientHello" in said
    return Answer.YES if b"ServerHello" in said else Answer.NO


def test_renegotiation_as_the_witness_sees_it(rsa_pair: Pair, tmp_path: Path) -> None:
    nginx = Nginx(tmp_path)
    web = nginx.add(rsa_pair.chain_pem(), rsa_pair.key_pem(), "ssl_protocols TLSv1.2;")
    servers = {
        "refused": s_server(rsa_pair, tmp_path, "-tls1_2", "-www"),
        "switched off": s_server(rsa_pair, tmp_path, "-tls1_2", "-www", "-no_renegotiation"),
        "allowed": s_server(rsa_pair, tmp_path, "-tls1_2", "-www", "-client_renegotiation"),
        "gnutls": gnutls(rsa_pair, tmp_path, "NORMAL:-VERS-ALL:+VERS-TLS1.2", "--disable-client-cert"),
    }
    ours, theirs = {}, {}
    for name, server in servers.items():
        with server as port:
            ours[name], theirs[name] = client_renegotiation(ask12(port).renegotiation), witness(port)
    with nginx.running():
        ours["nginx"], theirs["nginx"] = client_renegotiation(ask12(web).renegotiation), witness(web)
    assert ours == theirs
    assert [name for name, answer in ours.items() if answer is Answer.YES] == ["allowed", "gnutls"]


def test_a_server_that_hangs_up_on_everybody_has_refused_nothing(rsa_pair: Pair, tmp_path: Path) -> None:
    """stunnel before a server that is down, and s_server, which leaves when its standard input is at its end."""
    port = free_port()
    (tmp_path / "pem").write_bytes(rsa_pair.chain_pem() + rsa_pair.key_pem())
    (tmp_path / "conf").write_text(
        f"foreground=yes\npid=\n[x]\naccept=127.0.0.1:{port}\nconnect=127.0.0.1:{free_port()}\ncert={tmp_path}/pem\n"
    )
    with process(["stunnel4", str(tmp_path / "conf")], port):
        refused_by_none(port)
    with s_server(rsa_pair, tmp_path, "-tls1_2") as other:
        refused_by_none(other)


def refused_by_none(port: int) -> None:
    seen, held = ask12(port), ask12(port, renegotiate=False, hold=True, step_s=1).held
    assert (seen.ending, seen.renegotiation in HUNG_UP, held in HUNG_UP) == ("done", True, True)
    assert client_renegotiation(seen.renegotiation, held) is Answer.UNTESTED


def test_a_server_that_holds_the_line(rsa_pair: Pair, tmp_path: Path) -> None:
    with s_server(rsa_pair, tmp_path, "-tls1_2", "-www") as port:
        begun = time.monotonic()
        assert ask12(port, renegotiate=False, hold=True, step_s=1).held == "timeout"
        assert time.monotonic() - begun < 1.5


# --- servers that are none --------------------------------------------------------------------------------------


def test_silence_and_junk_end_in_time() -> None:
    begun = time.monotonic()
    with raw_server(lambda *_: time.sleep(1)) as port:
        assert ask13(port, step_s=0.5).ending == "timeout"
        assert ask12(port, step_s=0.5).ending == "timeout"
    with raw_server(lambda conn, _: conn.sendall(b"220 mail.tinh.example ESMTP\r\n")) as port:
        assert ask13(port).ending == "malformed"
        assert ask12(port).ending == "malformed"
    assert time.monotonic() - begun < 5
