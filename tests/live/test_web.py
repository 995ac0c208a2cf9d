"""The web prober against real servers, good and bad, and against servers that mean it harm."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor import registry
from auditor.check import needs, run_check
from auditor.collector import Addressed, Reading
from auditor.collectors import _web_walk
from auditor.collectors._http import Ended, Request, fetch
from auditor.collectors.web_http import HttpWeb
from auditor.evidence.web import Page, Visit, WebService
from auditor.model import CollectError, Observation, Seen, Unavailable
from auditor.targets import Target
from tests.live.tls_lab import NAME, issue, raw_server
from tests.live.web_lab import GUARDS, MIXED, OWN, SPAM, Door, WebNginx, apache, lighttpd
from tests.support import target

pytestmark = [pytest.mark.net, pytest.mark.live]

ASKED = (
    "tls.https-redirect",
    "tls.hsts",
    "tls.mixed-content",
    "hardening.web-cookies",
    "hardening.web-headers",
    "hardening.web-banner",
    "hardening.web-default-page",
    "integrity.injected-links",
)
REDIRECT = "server_tokens off; return 301 https://$host:HTTPS$request_uri;"


def need(*tools: str) -> None:
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(f"{', '.join(missing)} not installed")


def service(door: Door) -> Target:
    return target(kind="service", platform=None, address=None, url=f"https://127.0.0.1:{door.https}/",
                  tls={"server_name": NAME}, web={"http_port": door.http})  # fmt: skip


def look(door: Door) -> tuple[WebService, list[Observation]]:
    on, now, collector = service(door), datetime.now(UTC), HttpWeb()
    stored = list(collector.probe([Addressed(on, "127.0.0.1")], now)[on.id])
    seen = Seen(now, now, None, ("0" * 64,))
    return collector.parse(Reading(on, seen, {item.key: item for item in stored})), stored


def judged(found: WebService) -> dict[str, str]:
    checks = {key: registry.checks()[key][0] for key in ASKED}
    return {
        key.partition(".")[2]: run_check(check, needs(type(check)), {"web": found}, check.params()).verdict.message.code
        for key, check in checks.items()
    }


GOOD = {
    "https-redirect": "redirects",
    "hsts": "told",
    "mixed-content": "clean",
    "web-cookies": "cookies-pass",
    "web-headers": "headers-pass",
    "web-banner": "silent",
    "web-default-page": "own",
    "injected-links": "clean",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Door]]:
    need("nginx")
    nginx = WebNginx(tmp_path_factory.mktemp("nginx"), issue(NAME))
    quiet = f"server_tokens off; {GUARDS}"
    to_search = "if ($http_referer ~ google) { return 302 https://cuoc88bet.example/vao; }"
    moved = f"location = / {{ return 302 https://{NAME}:$server_port/trang/; }} location = /trang/ {{ try_files /index.html =404; }}"  # fmt: skip # noqa: E501
    doors = {
        "good": nginx.add(OWN, quiet, REDIRECT),
        "bare": nginx.add(OWN, 'add_header Set-Cookie "JSESSIONID=x; Path=/";', "index index.html;"),
        "closed": nginx.add(OWN, quiet),
        "spam": nginx.add(SPAM, quiet, REDIRECT),
        "mixed": nginx.add(MIXED, quiet, REDIRECT),
        "search": nginx.add(OWN, f"{quiet} {to_search}", REDIRECT),
        "moved": nginx.add(OWN, f"{quiet} {moved}", REDIRECT),
        "circle": nginx.add(OWN, f"{quiet} return 302 https://{NAME}:$server_port/;", REDIRECT),
        "away": nginx.add(
            OWN,
            f"{quiet} return 302 https://noi-khac.example/?id=1;",
            "server_tokens off; return 301 https://noi-khac.example/;",
        ),
        "locked": nginx.add(OWN, f"{quiet} return 401;", "server_tokens off; return 401;"),
        "broken": nginx.add(OWN, "server_tokens off; return 503;", "server_tokens off; return 503;"),
        "listing": nginx.add(OWN, f"{quiet} autoindex on;", REDIRECT, name="a.html"),
        "default": nginx.add("<html><head><title>Welcome to nginx!</title></head></html>", quiet, REDIRECT),
        "short": nginx.add(OWN, 'add_header Strict-Transport-Security "max-age=60";', REDIRECT),
        "malformed": nginx.add(OWN, 'add_header Strict-Transport-Security "max-age=31536000, preload";', REDIRECT),
    }
    with nginx.running():
        yield doors


@pytest.mark.parametrize(
    ("name", "differs"),
    [
        ("good", {}),
        ("closed", {"https-redirect": "closed"}),
        ("moved", {}),
        ("spam", {"injected-links": "gambling"}),
        ("mixed", {"mixed-content": "active"}),
        ("search", {"injected-links": "search-only"}),
        ("listing", {"web-default-page": "listing"}),
        ("default", {"web-default-page": "default"}),
        ("bare", {"https-redirect": "served", "hsts": "absent", "web-cookies": "cookies-fail",
                  "web-headers": "headers-fail", "web-banner": "told"}),
        ("circle", {"mixed-content": "no-page", "web-headers": "no-answer", "web-default-page": "no-page",
                    "injected-links": "no-page"}),
        ("away", {"https-redirect": "leads-away", "mixed-content": "no-page", "web-headers": "no-answer",
                  "web-default-page": "no-page", "injected-links": "no-page"}),
        ("locked", {"https-redirect": "served", "mixed-content": "no-page", "web-default-page": "no-page",
                    "injected-links": "no-page"}),
        ("broken", {"https-redirect": "error-only", "hsts": "error-only", "mixed-content": "no-page",
                    "web-cookies": "no-answer", "web-headers": "headers-unknown", "web-default-page": "no-page",
                    "injected-links": "no-page"}),
        ("short", {"hsts": "short", "web-cookies": "none-set", "web-headers": "headers-fail", "web-banner": "told"}),
        ("malformed", {"hsts": "malformed", "web-cookies": "none-set", "web-headers": "headers-fail",
                       "web-banner": "told"}),
    ],
)  # fmt: skip
def test_nginx(lab: dict[str, Door], name: str, differs: dict[str, str]) -> None:
    found, stored = look(lab[name])
    assert judged(found) == {**GOOD, **differs}
    kept = b"".join(item.stdout for item in stored)
    assert len(kept) < 64 << 10
    for secret in (b"bi-mat-cua-nguoi-dung", b"ref=1", b"?id=1"):
        assert secret not in kept, "values of cookies and queries are nobody's business"


def test_redirects_off_the_host_are_recorded_and_not_followed(
    lab: dict[str, Door], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Request] = []

    def counted(request: Request, until: float) -> object:
        asked.append(request)
        return fetch(request, until)

    monkeypatch.setattr(_web_walk, "fetch", counted)
    for name, door in lab.items():
        asked.clear()
        look(door)
        assert len(asked) <= _web_walk.REQUESTS, name
        assert {(one.address, one.name) for one in asked} == {("127.0.0.1", NAME)}, name
        assert {one.port for one in asked} <= {door.https, door.http}, name


def test_apache_as_it_is_often_left(tmp_path: Path) -> None:
    need("apache2")
    with apache(tmp_path, issue(NAME), OWN) as door:
        found, _ = look(door)
    assert judged(found) == {
        **GOOD, "https-redirect": "served", "hsts": "absent", "web-cookies": "none-set",
        "web-headers": "headers-fail", "web-banner": "told", "web-default-page": "listing",
    }  # fmt: skip


def test_lighttpd_with_its_plain_port_closed(tmp_path: Path) -> None:
    need("lighttpd")
    with lighttpd(tmp_path, issue(NAME), SPAM) as door:
        found, _ = look(door)
    assert judged(found) == {
        **GOOD, "https-redirect": "closed", "hsts": "absent", "web-cookies": "none-set",
        "web-headers": "headers-fail", "injected-links": "gambling",
    }  # fmt: skip


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(CollectError, match="refused"):
        look(Door(port, port))


def test_a_dead_service_does_not_pass_by_its_closed_port(lab: dict[str, Door]) -> None:
    """TLS fails, and nothing listens on the other port: that says nothing good."""
    with raw_server(lambda conn, _: conn.close()) as port, pytest.raises(CollectError):
        look(Door(port, lab["closed"].http))


def drip(conn: socket.socket, _: bytes) -> None:
    with contextlib.suppress(OSError):
        conn.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            conn.sendall(b"X-Slow: 1\r\n")
            time.sleep(0.2)


def endless(conn: socket.socket, _: bytes) -> None:
    with contextlib.suppress(OSError):
        conn.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            conn.sendall(b"X-Long: " + b"a" * 4000 + b"\r\n")


def bomb(conn: socket.socket, _: bytes) -> None:
    with contextlib.suppress(OSError):
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            conn.sendall(b"1\r\nA\r\n" * 1000)


def says(raw: bytes) -> Callable[[socket.socket, bytes], None]:
    return lambda conn, _: conn.sendall(raw)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (drip, "timeout"),
        (endless, "head-too-long"),
        (says(b""), "closed"),
        (says(b"HTTP/1.1 200"), "closed"),
        (says(b"<html>HTTP/0.9 junk</html>"), "not-http"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "not-http"),
        (says(b"HTTP/2 200\r\n\r\n"), "not-http"),
        (says(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), "head-malformed"),
        (says(b"HTTP/1.1 200 OK\r\nName : x\r\n\r\n"), "head-malformed"),
        (says(b"HTTP/1.1 200 OK\r\n folded first\r\n\r\n"), "head-malformed"),
        (says(b"HTTP/1.1 100 Go on\r\n\r\n" * 9), "not-http"),
    ],
)
def test_servers_that_mean_harm(answer: Callable[[socket.socket, bytes], None], word: str) -> None:
    began = time.monotonic()
    with raw_server(answer) as port, pytest.raises(Ended) as ended:
        fetch(Request("127.0.0.1", port, NAME, False, "/"), began + 1.5)
    assert str(ended.value) == word
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    ("answer", "end", "size"),
    [
        (bomb, "cut", None),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), "broken", 3),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc"), "broken", 0),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef"), "whole", 3),
        (says(b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\nabc"), "closed", 3),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), "whole", 3),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"), "broken", 3),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "broken", 0),
        (says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"a" * 1000)), "encoded", 0),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), "encoded", 0),
        (says(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 None\r\n\r\n"), "whole", 0),
        (says(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * (600 << 10)), "cut", 512 << 10),
    ],
)
def test_bodies(answer: Callable[[socket.socket, bytes], None], end: str, size: int | None) -> None:
    with raw_server(answer) as port:
        found = fetch(Request("127.0.0.1", port, NAME, False, "/"), time.monotonic() + 5)
    assert found.body_end == end
    assert size is None or len(found.body) == size
    assert len(found.body) <= 512 << 10


def test_a_page_that_is_compressed_all_the_same_is_unknown(lab: dict[str, Door]) -> None:
    packed = gzip.compress(SPAM.encode())
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: "
    with raw_server(says(head + str(len(packed)).encode() + b"\r\n\r\n" + packed)) as port:
        found, _ = look(Door(lab["good"].https, port))
    assert isinstance(found.plain, Visit)
    assert isinstance(found.plain.page, Unavailable)
    assert isinstance(found.home, Visit)
    assert isinstance(found.home.page, Page)
