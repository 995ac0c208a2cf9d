"""STARTTLS and its kin against real servers of Debian, with openssl s_client as the witness that TLS starts."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from auditor.collectors._tls.injection import Session, injection, try_injection
from auditor.collectors._tls.io import Caller, Ended, Line
from auditor.collectors._tls.prefaces import Opening, opening, preface, survey
from auditor.evidence.tls import Answer
from tests.live import starttls_lab as lab
from tests.live.tls_lab import NAME, Pair, issue, raw_server, s_server

pytestmark = [pytest.mark.net, pytest.mark.live, pytest.mark.root]

YES, NO, UNTESTED = Answer.YES, Answer.NO, Answer.UNTESTED
ELSEWHERE = "127.0.0.2"
"""Dovecot takes a client at its own address for safe."""


def need(*servers: str) -> None:
    if absent := lab.missing(*servers):
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(f"{', '.join(absent)} missing")


@dataclass
class Files:
    folder: Path
    cert: Path
    key: Path
    pair: Pair


@pytest.fixture
def files() -> Iterator[Files]:
    pair = issue("thư")
    with lab.open_folder() as folder:
        (folder / "tls.crt").write_bytes(pair.chain_pem())
        (folder / "tls.key").write_bytes(pair.key_pem())
        yield Files(folder, folder / "tls.crt", folder / "tls.key", pair)


@dataclass
class At:
    """A service somewhere on loopback, and our ways to look at it."""

    scheme: str
    port: int
    address: str = "127.0.0.1"

    def dial(self) -> AbstractContextManager[Line]:
        return Caller(self.address, self.port, time.monotonic() + 5).call()

    def look(self) -> Opening:
        return opening(survey(self.scheme, self.dial, NAME))

    def shake(self) -> bool:
        """Does a TLS handshake go through after our preface?"""
        with self.dial() as line:
            Session(preface(self.scheme)(line, NAME)).shake()
        return True

    def witness(self, protocol: str) -> bool:
        """Does openssl get through too?"""
        ask = ["openssl", "s_client", "-brief", "-starttls", protocol, "-connect", f"{self.address}:{self.port}"]
        ran = subprocess.run(
            [*ask, "-xmpphost", NAME] if protocol == "xmpp" else ask,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False,
        )  # fmt: skip
        return b"CONNECTION ESTABLISHED" in ran.stderr

    def injected(self) -> Answer:
        document = try_injection(self.scheme, self.dial, NAME)
        return injection(document).answer


def test_postfix_takes_logins_in_the_clear(files: Files) -> None:
    need("postfix")
    with lab.postfix(files.folder, files.cert, files.key, methods=("PLAIN", "LOGIN")) as port:
        at = At("smtp", port)
        found = at.look()
        assert (found.offered, found.clear, found.why) == (YES, YES, "login without TLS: PLAIN, LOGIN")
        assert at.shake()
        assert at.witness("smtp")


def test_postfix_insists(files: Files) -> None:
    need("postfix")
    insist = {"smtpd_tls_auth_only": "yes"}
    with lab.postfix(files.folder, files.cert, files.key, methods=("PLAIN",), **insist) as port:
        at = At("submission", port)
        assert (at.look().clear, at.look().banner) == (NO, "thu.tinh.example ESMTP Postfix")
        assert at.injected() is NO
        assert at.shake()


def test_postfix_without_tls(files: Files) -> None:
    need("postfix")
    with lab.postfix(files.folder, files.cert, files.key, smtpd_tls_security_level="none") as port:
        at = At("smtp", port)
        found = at.look()
        assert (found.offered, found.clear, found.ended) == (NO, YES, "preface: not-offered")
        assert not at.witness("smtp")


@pytest.mark.parametrize(("ssl_", "clear"), [("yes", YES), ("required", NO)])
def test_dovecot(files: Files, ssl_: str, clear: Answer) -> None:
    need("dovecot")
    with lab.dovecot(files.folder, files.cert, files.key, ssl=ssl_) as ports:
        for scheme, port in ports.items():
            at = At(scheme, port, ELSEWHERE)
            found = at.look()
            assert (found.offered, found.clear) == (YES, clear), found
            assert at.shake()
            assert at.witness(scheme)
            if scheme != "sieve":
                assert at.injected() is NO


def test_dovecot_without_tls(files: Files) -> None:
    need("dovecot")
    with lab.dovecot(files.folder, files.cert, files.key, ssl="no") as ports:
        for scheme, port in ports.items():
            found = At(scheme, port, ELSEWHERE).look()
            assert (found.offered, found.clear, found.ended) == (NO, YES, "preface: not-offered"), found


def test_slapd(files: Files) -> None:
    need("slapd")
    with lab.slapd(files.folder, files.cert, files.key) as port:
        at = At("ldap", port)
        assert (at.look().offered, at.look().clear) == (YES, UNTESTED)
        assert at.shake()
        assert at.witness("ldap")
    with lab.slapd(files.folder, files.cert, files.key, security="ssf=128") as port:
        assert At("ldap", port).look().clear is NO
        assert At("ldap", port).shake()
    with lab.slapd(files.folder, files.cert, files.key, tls=False) as port:
        assert (At("ldap", port).look().offered, At("ldap", port).look().clear) == (NO, YES)
        assert not At("ldap", port).witness("ldap")


@pytest.mark.parametrize("on", ["on", "off"])
def test_postgresql(files: Files, on: str) -> None:
    need("postgres")
    with lab.postgres(files.folder, files.cert, files.key, ssl=on) as port:
        at = At("postgres", port)
        assert (at.look().offered, at.look().clear) == ((YES, UNTESTED) if on == "on" else (NO, YES))
        assert at.witness("postgres") is (on == "on")
        if on == "on":
            assert at.shake()


@pytest.mark.parametrize("tls", [True, False])
def test_mariadb(files: Files, tls: bool) -> None:
    need("mariadb")
    with lab.mariadb(files.folder, files.cert, files.key, tls=tls) as port:
        at = At("mysql", port)
        assert (at.look().offered, at.look().clear) == ((YES, UNTESTED) if tls else (NO, YES))
        assert "MariaDB" in at.look().banner
        assert at.witness("mysql") is tls
        if tls:
            assert at.shake()


def test_vsftpd(files: Files) -> None:
    need("vsftpd")
    with lab.vsftpd(files.folder, files.cert, files.key) as port:
        at = At("ftp", port)
        assert (at.look().offered, at.look().clear) == (YES, YES)
        assert at.shake()
        assert at.witness("ftp")
        assert at.injected() is NO
    with lab.vsftpd(files.folder, files.cert, files.key, force_local_logins_ssl="YES") as port:
        assert At("ftp", port).look().clear is NO
    with lab.vsftpd(files.folder, files.cert, files.key, tls=False) as port:
        assert (At("ftp", port).look().offered, At("ftp", port).look().clear) == (NO, YES)


@pytest.mark.parametrize(
    ("layer", "offered", "clear", "security"),
    [("negotiate", YES, YES, ("tls", "rdp")), ("tls", YES, NO, ("tls",)), ("rdp", NO, YES, ("rdp",))],
)
def test_xrdp(files: Files, layer: str, offered: Answer, clear: Answer, security: tuple[str, ...]) -> None:
    need("xrdp")
    with lab.xrdp(files.folder, files.cert, files.key, security_layer=layer) as port:
        at = At("rdp", port)
        found = at.look()
        assert (found.offered, found.clear, found.security) == (offered, clear, security), found
        if offered is YES:
            assert at.shake()


def test_prosody(files: Files) -> None:
    need("prosody")
    with lab.prosody(files.folder, files.cert, files.key, NAME) as port:
        at = At("xmpp", port)
        assert (at.look().offered, at.look().clear) == (YES, NO)
        assert at.shake()
        assert at.witness("xmpp")


def test_protocols_mixed_up(files: Files) -> None:
    """A TLS server where a server of text is expected says nothing, or an alert; an HTTP server has its own words."""
    need()
    with s_server(files.pair, files.folder) as port:
        for scheme in ("ldap", "postgres", "mssql"):
            assert At(scheme, port).look().ended in ("preface: tls", "preface: closed", "preface: reset")
    with raw_server(lambda conn, _: conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        for scheme in ("ldap", "postgres", "rdp", "mssql"):
            assert At(scheme, port).look().ended == "preface: http"


# --- servers of our own: what Debian has no server for ---


def server_side(files: Files) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(files.cert, files.key)
    made.maximum_version = ssl.TLSVersion.TLSv1_2  # as SQL Server with TDS 7
    return made


@pytest.mark.parametrize(("encryption", "clear"), [(1, YES), (3, NO)])
def test_mssql_as_documented(files: Files, encryption: int, clear: Answer) -> None:
    """MS-TDS 2.2.6.5 and 3.2.5.1, by a server of ours around OpenSSL's handshake; no SQL Server was run."""
    context = server_side(files)

    def serve(conn: socket.socket, first: bytes) -> None:
        start = int.from_bytes(first[8 + 6 : 8 + 8], "big")  # of the second option, which is encryption
        wanted = first[8 + start : 8 + start + 1]
        answer = 2 if wanted == b"\x02" and encryption != 3 else encryption
        body = b"\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff\x0f\x00\x07\xd0\x00\x00" + bytes([answer])
        conn.sendall(b"\x04\x01" + (8 + len(body)).to_bytes(2, "big") + b"\x00\x00\x01\x00" + body)
        coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(coming, going, server_side=True)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                packed(conn, going.read())
                head = conn.recv(8, socket.MSG_WAITALL)
                if len(head) < 8 or head[0] != 0x12:
                    return None
                coming.write(conn.recv(int.from_bytes(head[2:4], "big") - 8, socket.MSG_WAITALL))
            else:
                return packed(conn, going.read())

    def packed(conn: socket.socket, data: bytes) -> None:
        for at in range(0, len(data), 500):
            part = data[at : at + 500]
            last = at + 500 >= len(data)
            conn.sendall(bytes([0x12, last]) + (8 + len(part)).to_bytes(2, "big") + bytes(4) + part)

    with raw_server(serve) as port:
        at = At("mssql", port)
        found = at.look()
        assert (found.offered, found.clear, found.banner) == (YES, clear, "15.0.2000")
        assert at.shake()


def test_injection_into_a_server_that_forgets_to_forget(files: Files) -> None:
    """As Postfix was before 2.7.3: what was read along with STARTTLS is still there when TLS is on."""
    context = server_side(files)

    def serve(conn: socket.socket) -> None:
        conn.sendall(b"220 thu ESMTP\r\n")
        conn.recv(100)
        conn.sendall(b"250-thu\r\n250 STARTTLS\r\n")
        behind = conn.recv(100).partition(b"\r\n")[2]
        conn.sendall(b"220 go\r\n")
        with context.wrap_socket(conn, server_side=True) as tls:
            while line := behind or tls.recv(100):
                behind = b""
                tls.sendall(b"221 bye\r\n" if line.startswith(b"QUIT") else b"250 ok\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        at = At("smtp", int(listening.getsockname()[1]))

        def once() -> None:
            conn, _ = listening.accept()
            with conn, suppress(OSError):
                serve(conn)

        with lab.in_thread(once):
            assert at.injected() is YES


def test_a_refused_port_has_a_word() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        at = At("smtp", int(held.getsockname()[1]))
        assert at.look().ended == "preface: refused"
        with pytest.raises(Ended):
            at.shake()
