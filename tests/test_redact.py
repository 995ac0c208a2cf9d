"""Secrets are taken out of bytes: those the tool was given, and what looks like one."""

from __future__ import annotations

import base64
import re
import threading
import time
import urllib.parse
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditor.redact import _NAMES, MASK, _keys, forget_all, mask, mask_text, remember

CANARY = "kẹo-dừa+Bến/Tre=7f3a & 100%"


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    forget_all()
    yield
    forget_all()


KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n-----END OPENSSH PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (b"a\n" + KEY + b"\nb", b"a\n[masked]\nb"),
        (b"x -----BEGIN PRIVATE KEY-----\nMIIEvQ", b"x [masked]"),
        (b"root:$6$rounds=5000$saltsalt$abcdefghijklmnop:19000:", b"root:[masked]:19000:"),
        (b"root:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G3:", b"root:[masked]:"),
        (b"$6$" + b"a" * 5000 + b":", b"[masked]:"),
        (b"https://audit:hunter2@10.1.1.1/x", b"https://[masked]@10.1.1.1/x"),
        (b"https://audit:" + b"h" * 5000 + b"@10.1.1.1/x", b"https://[masked]@10.1.1.1/x"),
        (b"Authorization: Bearer abcdef0123456789.x", b"Authorization: Bearer [masked]"),
        (b"db_password = hunter2;", b"db_password = [masked];"),
        (b"password=" + b"h" * 5000, b"password=[masked]"),
        (b'"secret": "two words", "x": 1', b'"secret": [masked], "x": 1'),
        (b"passphrase='unfinished", b"passphrase=[masked]"),
        (b"snmp-community: tinh123", b"snmp-community: [masked]"),
        (b"GET /?api_key=abc123 HTTP", b"GET /?api_key=[masked] HTTP"),
    ],
)
def test_shapes(given: bytes, left: bytes) -> None:
    assert mask(given)[0] == left


@pytest.mark.parametrize(
    "text",
    [
        b"PasswordAuthentication no\nPermitEmptyPasswords no",
        b"password: required",
        b"passwordauthentication=yes",
        b"/etc/pam.d/common-password:25:password requisite pam_pwquality.so",
        b"password_file=/root/.restic",
        b"HostKey /etc/ssh/ssh_host_ed25519_key",
        b"https://10.1.1.1:8443/x@y",
        b"cost $1$2",
        b"secret=''",
    ],
)
def test_what_is_no_secret_stays(text: bytes) -> None:
    assert mask(text) == (text, 0)


def forms(secret: str) -> set[bytes]:
    """All the ways a secret may stand in what somebody writes."""
    raw = secret.encode()
    return {
        raw,
        base64.b64encode(raw),
        base64.urlsafe_b64encode(raw),
        urllib.parse.quote(secret, safe="").encode(),
        urllib.parse.quote_plus(secret).encode(),
    }


def test_given_secrets_in_every_form() -> None:
    remember(CANARY)
    for form in forms(CANARY):
        assert form not in mask(b"before " + form + b" after")[0], form
        assert mask(b"before:" + form + b" after")[0].endswith(b" after")


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"audit:", b"abcd"])
def test_given_secrets_inside_longer_base64(before: bytes) -> None:
    remember(CANARY)
    left = mask(base64.b64encode(before + CANARY.encode() + b"\n more"))[0]
    assert MASK in left
    rest = re.sub(rb"[^A-Za-z0-9+/]", b"", left.replace(MASK, b""))
    assert base64.b64encode(CANARY.encode()[3:-3])[:12] not in rest


@given(st.text(min_size=4, max_size=60), st.binary(max_size=200), st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_given_secret_is_gone(secret: str, before: bytes, after: bytes) -> None:
    forget_all()
    remember(secret)
    raw = secret.encode("utf-8", "surrogateescape") if secret.isprintable() else None
    if raw is not None and raw not in MASK:
        left = mask(before + raw + after)[0]
        assert raw not in left.replace(MASK, b"\0")


PARTS = st.sampled_from(
    [
        *(b"password", b"=", b":", b" ", b'"', b"'", b"\n", b"://", b"@", b"$6$", b"bearer ", b"abcdefghijklmnop"),
        *(b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----", b"secret", b"yes", b"/x", b",", b"a", MASK),
    ]
)


@given(st.lists(PARTS | st.binary(max_size=6), max_size=30).map(b"".join))
@example(b'password="password=x"y')
@example(b"://a:b@://")
@settings(max_examples=500, deadline=None)
def test_masking_twice_changes_nothing_more(data: bytes) -> None:
    once, _ = mask(data)
    assert mask(once)[0] == once


@given(st.binary(max_size=2000))
@settings(deadline=None)
def test_any_bytes(data: bytes) -> None:
    mask(data)


@given(st.text(st.characters() | st.sampled_from("\udcff\ud800\udfff")))
@settings(deadline=None)
def test_any_text(text: str) -> None:
    remember("ba\udcff\ud800d")
    mask_text(text)


@pytest.mark.parametrize(
    "piece",
    [
        b"-----BEGIN PRIVATE KEY-----\n",
        b"-----BEGIN ",
        b'password="',
        b"password='a",
        b"password=a'\"",
        b"password ",
        b"password" + b" " * 39,
        b"://",
        b"://a:",
        b"$1$",
        b"$6$aaaaaaa ",
        b"bearer ",
        b"passwor" * 6 + b" ",
        b"\0",
        b"a",
    ],
    ids=lambda piece: piece[:12].decode("ascii", "replace").strip().replace("\0", "nul"),
)
def test_hostile_mebibytes_take_time_in_proportion(piece: bytes) -> None:
    """Eight times the bytes may take far less than the 64 times of a quadratic search."""
    remember(CANARY)

    def seconds(size: int) -> float:
        data = (piece * (size // len(piece) + 1))[:size]
        began = time.process_time()
        mask(data)
        return time.process_time() - began

    small = max(min(seconds(1 << 17) for _ in range(3)), 0.002)
    large = min(seconds(1 << 20) for _ in range(2))
    assert large < 32 * small


def test_remembering_while_masking() -> None:
    """Fifty hosts log in at once: the list of secrets grows while another thread reads it."""
    wrong: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(50):
                remember(f"secret-{number}-{turn}")
                assert b"secret-0-0-" not in mask(b"x secret-%d-%d- y" % (number, turn))[0]
        except BaseException as exc:  # noqa: BLE001  (shown below)
            wrong.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


ASSIGNED = re.compile(
    rb"(?:password|passwd|passphrase|secret|(?:api|private)[_-]?key|(?:auth|access)[_-]?token|snmp[_-]?community)"
    rb"[\"']?[ \t]{0,40}[=:][ \t]{0,40}"
)
PIECES = (
    *(b"password passwd passphrase secret api private auth access snmp key token community".split()),
    *(b"_ - = : \" ' x /etc Pass PASSWORD".split()),
    b" ",
    b"\t",
    b"\n",
    b" " * 41,
)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
@example(b"secretpassword=x")
@example(b"\nsecret: password: x")
def test_names_are_found_where_one_expression_would_find_them(text: bytes) -> None:
    lower = text.lower()
    names = [name for named in _NAMES.values() for name in named]
    assert sorted(_keys(lower, names)) == [found.span() for found in ASSIGNED.finditer(lower)]
    assert all(part in name for part, named in _NAMES.items() for name in named)
