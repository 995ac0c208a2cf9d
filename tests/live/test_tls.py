"""The TLS prober against real servers, good and bad, and against servers that mean it harm."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from auditor import registry
from auditor.check import needs, run_check
from auditor.collector import Addressed, Reading
from auditor.collectors import tls_prober
from auditor.collectors._tls import io
from auditor.collectors.tls_prober import TlsProber
from auditor.evidence.tls import Offer, TlsService
from auditor.model import CollectError, Reason, Seen, Unavailable
from tests.live.tls_lab import NAME, Nginx, free_port, issue, raw_server, s_server, sha1_signed
from tests.support import target

pytestmark = [pytest.mark.net, pytest.mark.live]

CURRENT = "ssl_protocols TLSv1.2 TLSv1.3;"
LAX = "ssl_ciphers ALL:@SECLEVEL=0;"


def need(*tools: str) -> None:
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(f"{', '.join(missing)} not installed")


def look(port: int, trust: tuple[str, ...] = (), server_name: str = NAME) -> TlsService:
    """Probe a port of loopback and read what was stored."""
    service = target(kind="service", platform=None, address=None, url=f"https://127.0.0.1:{port}/",
                     tls={"trust": trust, "server_name": server_name})  # fmt: skip
    now = datetime.now(UTC)
    collector = TlsProber()
    stored = collector.probe([Addressed(service, "127.0.0.1")], now)[service.id]
    seen = Seen(now, now, None, ("0" * 64,))
    return collector.parse(Reading(service, seen, {item.key: item for item in stored}))


def judged(found: TlsService) -> dict[str, str]:
    """Message codes by check, of those on versions and certificates."""
    asked = {key: check for key, (check, _) in registry.checks().items() if key.removeprefix("tls.") in GOOD}
    return {
        key.removeprefix("tls."): run_check(
            check, needs(type(check)), {"tls": found}, check.params()
        ).verdict.message.code
        for key, check in asked.items()
    }


def offered(found: TlsService) -> list[str]:
    return [asked.version for asked in found.protocols if asked.offer is Offer.OFFERED]


GOOD = {
    "protocol-versions": "versions-pass",
    "modern-version": "modern-offered",
    "certificate-expiry": "validity-pass",
    "certificate-renewal": "time-left",
    "certificate-trust": "trusted",
    "certificate-name": "named",
    "key-strength": "keys-pass",
    "signature-hash": "signatures-pass",
    "forward-secrecy": "forward-secret",
}


@dataclass
class Lab:
    root: str
    ports: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    need("nginx", "openssl")
    folder = tmp_path_factory.mktemp("nginx")
    root = issue("Gốc thử nghiệm", ca=True, days=(-100, 3000))
    middle = issue("Trung gian", root, ca=True)
    expired_middle = issue("Trung gian cũ", root, ca=True, days=(-100, -1))
    leaf = issue("leaf", middle)
    rsa_leaf = issue("rsa leaf", middle, key=rsa.generate_private_key(65537, 2048))
    weak = issue("weak", middle, key=rsa.generate_private_key(65537, 1024))  # noqa: S505 (weak on purpose)
    rsa_root = issue("Gốc RSA", ca=True, key=rsa.generate_private_key(65537, 2048))
    sha1, sha1_key = sha1_signed(folder, rsa_root)
    (folder / "roots.pem").write_bytes(root.chain_pem() + rsa_root.chain_pem())
    nginx, made = Nginx(folder), Lab(str(folder / "roots.pem"))
    pairs = {
        "good": (leaf, CURRENT),
        "legacy": (rsa_leaf, f"ssl_protocols TLSv1 TLSv1.1 TLSv1.2; {LAX}"),
        "tls10": (rsa_leaf, f"ssl_protocols TLSv1; {LAX}"),
        "static": (rsa_leaf, "ssl_protocols TLSv1.2; ssl_ciphers AES256-SHA;"),
        "expired": (issue("x", middle, days=(-90, -1)), CURRENT),
        "future": (issue("x", middle, days=(1, 90)), CURRENT),
        "soon": (issue("x", middle, days=(-80, 5)), CURRENT),
        "expired-middle": (issue("x", expired_middle), CURRENT),
        "self-signed": (issue("x"), CURRENT),
        "expired-self-signed": (issue("x", days=(-90, -1)), CURRENT),
        "other-name": (issue("x", middle, names=("khac.example",)), CURRENT),
        "wildcard": (issue("x", middle, names=("*.tinh.example",)), CURRENT),
        "no-name": (issue(NAME, middle, names=()), CURRENT),
        "rsa1024": (weak, f"{CURRENT} {LAX}"),
    }
    for name, (pair, settings) in pairs.items():
        made.ports[name] = nginx.add(pair.chain_pem(), pair.key_pem(), settings)
    made.ports["no-middle"] = nginx.add(leaf.chain_pem(whole=False), leaf.key_pem(), CURRENT)
    made.ports["sha1"] = nginx.add(sha1, sha1_key, f"{CURRENT} {LAX}")
    with nginx.running():
        yield made


@pytest.mark.parametrize(
    ("server", "otherwise"),
    [
        ("good", {}),
        ("wildcard", {}),
        ("legacy", {"protocol-versions": "versions-fail"}),
        ("tls10", {"protocol-versions": "versions-fail", "modern-version": "only-outdated"}),
        ("static", {"forward-secrecy": "none"}),
        ("expired", {"certificate-expiry": "validity-fail", "certificate-renewal": "expired"}),
        ("future", {"certificate-expiry": "validity-fail"}),
        ("soon", {"certificate-renewal": "due"}),
        ("expired-middle", {"certificate-expiry": "validity-fail"}),
        ("self-signed", {"certificate-trust": "self-signed"}),
        (
            "expired-self-signed",
            {
                "certificate-trust": "self-signed",
                "certificate-expiry": "validity-fail",
                "certificate-renewal": "expired",
            },
        ),
        ("no-middle", {"certificate-trust": "issuer-missing"}),
        ("other-name", {"certificate-name": "other-names"}),
        ("no-name", {"certificate-name": "no-names"}),
        ("rsa1024", {"key-strength": "keys-fail"}),
        ("sha1", {"signature-hash": "signatures-fail"}),
    ],
)
def test_nginx(lab: Lab, server: str, otherwise: dict[str, str]) -> None:
    assert judged(look(lab.ports[server], (lab.root,))) == GOOD | otherwise


def test_what_is_offered_by_a_lax_nginx(lab: Lab) -> None:
    assert offered(look(lab.ports["legacy"])) == ["TLSv1", "TLSv1.1", "TLSv1.2"]


def test_trust_is_only_denied_with_all_anchors_at_hand(lab: Lab, tmp_path: Path) -> None:
    port = lab.ports["good"]
    assert judged(look(port))["certificate-trust"] == "issuer-missing"
    assert judged(look(port, (str(tmp_path / "absent.pem"),)))["certificate-trust"] == "anchors-missing"
    (tmp_path / "junk.pem").write_text("not a certificate")
    assert judged(look(port, (str(tmp_path / "junk.pem"),)))["certificate-trust"] == "anchors-missing"
    (tmp_path / "cas").mkdir()
    assert judged(look(port, (str(tmp_path / "cas"),)))["certificate-trust"] == "anchors-missing"
    shutil.copy(lab.root, tmp_path / "cas" / "ca.pem")
    assert judged(look(port, (str(tmp_path / "cas"),)))["certificate-trust"] == "trusted"


@pytest.mark.parametrize(
    ("options", "versions"),
    [
        (["-tls1_3"], ["TLSv1.3"]),
        (["-tls1_2"], ["TLSv1.2"]),
        (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["TLSv1.1"]),
        (["-tls1", "-cipher", "ALL:@SECLEVEL=0"], ["TLSv1"]),
        (["-tls1", "-cipher", "NULL-SHA:@SECLEVEL=0"], ["TLSv1"]),
        (["-cipher", "ECDHE-RSA-CHACHA20-POLY1305", "-no_tls1_3", "-groups", "P-521"], ["TLSv1.2"]),
        (["-tls1_3", "-groups", "P-384"], ["TLSv1.3"]),
    ],
    ids=" ".join,
)
def test_s_server_offers_what_it_was_told_to(tmp_path: Path, options: list[str], versions: list[str]) -> None:
    need("openssl")
    pair = issue("x", key=rsa.generate_private_key(65537, 2048))
    with s_server(pair, tmp_path, *options) as port:
        found = look(port)
    assert offered(found) == versions
    assert all(asked.offer is Offer.REFUSED for asked in found.protocols if asked.version not in versions)


def test_a_server_that_wants_a_client_certificate_still_shows_its_own(tmp_path: Path) -> None:
    need("openssl")
    pair = issue("x", key=rsa.generate_private_key(65537, 2048))
    (tmp_path / "ca.pem").write_bytes(pair.chain_pem())
    with s_server(pair, tmp_path, "-tls1_2", "-Verify", "1", "-verify_return_error") as port:
        found = look(port, (str(tmp_path / "ca.pem"),))
    assert judged(found) == GOOD


def test_an_anonymous_server_shows_no_certificate(tmp_path: Path) -> None:
    need("openssl")
    with s_server(issue("x"), tmp_path, "-tls1_2", "-cipher", "ADH-AES256-SHA256:@SECLEVEL=0") as port:
        found = look(port)
    assert offered(found) == ["TLSv1.2"]
    assert isinstance(found.peer, Unavailable)
    assert judged(found)["certificate-trust"] == "no-certificate"


# --- servers of raw bytes: what no library speaks any more, and what no honest server does ------------------


def server_hello(version: bytes) -> bytes:
    body = version + bytes(32) + b"\x00" + b"\x00\x05" + b"\x00"
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16" + version + len(message).to_bytes(2, "big") + message


def alert(code: int, level: int = 2) -> bytes:
    return b"\x15\x03\x01\x00\x02" + bytes((level, code))


def asked_version(hello: bytes) -> str:
    """Which version the prober's hello asks for; the supported_versions of TLS 1.3 in its exact form."""
    if hello[:1] != b"\x16":
        return "SSLv2"
    if b"\x00\x2b\x00\x03\x02\x03\x04" in hello:
        return "TLSv1.3"
    known = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2"}
    return known.get(int.from_bytes(hello[9:11], "big"), "future")


SSL2_HELLO = b"\x80\x16" + b"\x04\x00\x01\x00\x02\x00\x00\x00\x03\x00\x08" + b"\x01\x00\x80" + bytes(8)
TLS12 = server_hello(b"\x03\x03")


def speaks(**answers: bytes) -> Callable[[socket.socket, bytes], None]:
    """A server that gives these answers by version asked for (dots left out), and hangs up on the others."""

    def answer(conn: socket.socket, hello: bytes) -> None:
        conn.sendall(answers.get(asked_version(hello).replace(".", ""), b""))

    return answer


def test_ssl3_and_ssl2_are_seen_though_no_library_speaks_them() -> None:
    with raw_server(speaks(SSLv2=SSL2_HELLO, SSLv3=server_hello(b"\x03\x00"), TLSv12=TLS12)) as port:
        found = look(port)
    assert offered(found) == ["SSLv2", "SSLv3", "TLSv1.2"]
    assert judged(found)["protocol-versions"] == "versions-fail"


@pytest.mark.parametrize(
    "reply", [b"", alert(70), alert(40), alert(112, level=1) + alert(70), server_hello(b"\x03\x00")]
)
def test_ways_to_refuse(reply: bytes) -> None:
    """Among them TLS 1.0 and 1.1 answered by offering something older."""
    with raw_server(speaks(TLSv1=reply, TLSv11=reply, TLSv12=TLS12)) as port:
        found = look(port)
    assert judged(found)["protocol-versions"] == "versions-pass"


@pytest.mark.parametrize(
    "reply",
    [b"HTTP/1.1 400 Bad Request\r\n", b"\x00" * 50, server_hello(b"\x03\x03"), alert(50), SSL2_HELLO[:8], b"\x16\x03"],
    ids=["http", "zeros", "newer", "decode-error", "half", "stub"],
)
def test_odd_answers_are_unknown_not_refused(reply: bytes) -> None:
    with raw_server(speaks(SSLv2=reply, SSLv3=reply, TLSv12=TLS12)) as port:
        found = look(port)
    assert found.protocols[1].offer is Offer.UNTESTED
    assert judged(found)["protocol-versions"] == "versions-unknown"


def test_hanging_up_counts_only_while_the_server_lives() -> None:
    """A server that answers once and then bans us has refused nothing."""
    met: list[str] = []

    def bans(conn: socket.socket, hello: bytes) -> None:
        met.append(asked_version(hello))
        if met in (["TLSv1.3"], ["TLSv1.3", "TLSv1.2"]):  # an ordinary answer to each, and no more
            conn.sendall(TLS12)

    with raw_server(bans) as port:
        found = look(port)
    assert offered(found) == ["TLSv1.2"]
    assert judged(found)["protocol-versions"] == "versions-unknown"


@contextlib.contextmanager
def quick(monkeypatch: pytest.MonkeyPatch, within: float = 4) -> Iterator[None]:
    monkeypatch.setattr(tls_prober, "DEADLINE_S", 2.0)
    monkeypatch.setattr(io, "STEP_S", 0.2)
    began = time.monotonic()
    yield
    assert time.monotonic() - began < within


def stall(conn: socket.socket, _: bytes) -> None:
    conn.recv(4096)


def drip(conn: socket.socket, _: bytes) -> None:
    for byte in b"\x16\x03\x03\x40\x00\x02" + bytes(100):
        conn.sendall(bytes((byte,)))
        time.sleep(0.05)


def flood_of_warnings(conn: socket.socket, _: bytes) -> None:
    while True:
        conn.sendall(alert(90, level=1) * 500)


def flood_of_handshake(conn: socket.socket, _: bytes) -> None:
    conn.sendall(TLS12)
    while True:
        conn.sendall(b"\x16\x03\x03\x40\x00\x0b\x00\xff\xff" + bytes(0x4000 - 4))


def reset(conn: socket.socket, _: bytes) -> None:
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def http(conn: socket.socket, _: bytes) -> None:
    conn.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def junk(conn: socket.socket, _: bytes) -> None:
    conn.sendall(os.urandom(4000))


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (stall, Reason.TIMEOUT),
        (drip, Reason.TIMEOUT),
        (flood_of_warnings, Reason.UNPARSABLE),
        (reset, Reason.UNPARSABLE),
        (http, Reason.UNPARSABLE),
        (junk, Reason.UNPARSABLE),
    ],
)
def test_hostile_servers_end_in_time_and_unavailable(
    server: Callable[[socket.socket, bytes], None], reason: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(server) as port, quick(monkeypatch), pytest.raises(CollectError) as caught:
        look(port)
    assert caught.value.reason is reason


def test_a_flood_within_the_handshake_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(flood_of_handshake) as port, quick(monkeypatch):
        found = look(port)
    assert isinstance(found.peer, Unavailable)


def test_what_plain_http_says_is_told() -> None:
    with raw_server(http) as port, pytest.raises(CollectError, match="not TLS: HTTP answered"):
        look(port)


def test_a_closed_port_is_unreachable() -> None:
    with pytest.raises(CollectError) as caught:
        look(free_port())
    assert caught.value.reason is Reason.UNREACHABLE


@pytest.mark.parametrize(
    "url", ["https://x.example:99999/", "https://[::1/", "gopher://x.example/", "https://", "https://ä..x/"]
)
def test_a_url_without_an_endpoint_sends_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inventory refuses most of them already; one from an old evidence folder may still come."""

    def refuse(*_: Any, **__: Any) -> socket.socket:
        raise AssertionError("connected")

    monkeypatch.setattr(io, "dial", refuse)
    service = target(kind="service", platform=None, address=None).model_copy(update={"url": url})
    stored = TlsProber().probe([Addressed(service, "127.0.0.1")], datetime.now(UTC))[service.id]
    assert {item.problem for item in stored} == {Reason.UNSUPPORTED}
    assert TlsProber().actions(service) == ()


def test_a_name_in_place_of_an_address_is_never_resolved() -> None:
    service = target(kind="service", platform=None, address=None, url="https://localhost:1/")
    stored = TlsProber().probe([Addressed(service, "localhost")], datetime.now(UTC))[service.id]
    assert {item.problem for item in stored} == {Reason.UNREACHABLE}
