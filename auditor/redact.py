"""Takes secrets out of bytes before anything is stored or logged. The one place that does.

Two nets: every secret the tool itself was given (as it is, in base64, and percent-encoded), and the
shapes in which secrets usually stand in configurations and command output.
"""

from __future__ import annotations

import base64
import contextlib
import re
import threading
import urllib.parse
from collections.abc import Iterable, Iterator

MASK = b"[masked]"

_known: tuple[bytes, ...] = ()
"""Longest first, so that a secret that holds another one goes whole."""
_lock = threading.Lock()

_KEY_BEGINS = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----")
_KEY_ENDS = b"PRIVATE KEY-----"
_KEY_MOST = 20_000
"""Bytes taken out where a private key has no end."""

# (what must stand in the lower-cased bytes for the shape to be looked for, the shape); all linear.
_SHAPES = (
    # crypt(3) hashes
    (b"$", re.compile(rb"\$(?:1|2[abxy]|5|6|7|y|gy|argon2i?d?)\$[./A-Za-z0-9,=$+-]{8,}")),
    # user:password@ in an address
    (b"://", re.compile(rb"(?<=://)[^\s/:@\"']+:[^\s/@\"']+(?=@)")),
    # bearer tokens
    (b"bearer ", re.compile(rb"(?i:(?<=bearer ))[A-Za-z0-9._~+/-]{12,}=*")),
)
# key = value, where the key names a secret; the value is masked, the key stays for the reader. Names are looked
# for one by one in the lower-cased bytes: an expression with a choice of names tries all at every byte, which
# was most of what masking cost. By what each of them holds.
_NAMES = {
    b"pass": (b"password", b"passwd", b"passphrase"),
    b"secret": (b"secret",),
    b"key": tuple(first + joint + b"key" for first in (b"api", b"private") for joint in (b"", b"_", b"-")),
    b"token": tuple(first + joint + b"token" for first in (b"auth", b"access") for joint in (b"", b"_", b"-")),
    b"community": tuple(b"snmp" + joint + b"community" for joint in (b"", b"_", b"-")),
}
_ASSIGNS = re.compile(rb"[\"']?[ \t]{0,40}[=:][ \t]{0,40}")
# Not within a path: "/etc/pam.d/common-password:12:" is where grep found something.
_BEFORE = re.compile(rb"[\s,;{\"'?&][\w.-]{0,40}\Z")
_VALUE = re.compile(rb"(?:\"[^\"\n]*\"?|'[^'\n]*'?|[^\s,;}\"']++)+")
# Words that follow such a key in policy output and are settings, not secrets.
_SETTING = re.compile(
    rb"[\"']?(?:yes|no|true|false|on|off|none|null|never|required|\d{1,6}|/[\w./-]*)?[\"']?", re.IGNORECASE
)


def remember(secret: str) -> None:
    """Make a secret known, so that it is masked wherever it turns up: as it is, in base64, percent-encoded."""
    global _known  # noqa: PLW0603  (one process, one set of secrets)
    if len(secret) < 4:
        return
    raw = secret.encode("utf-8", "surrogatepass")
    if raw in MASK:
        return
    quoted = urllib.parse.quote_from_bytes(raw, safe="").encode()
    forms = {raw, quoted, quoted.replace(b"%20", b"+"), base64.b64encode(raw), *_inside_base64(raw)}
    with contextlib.suppress(UnicodeEncodeError):
        forms.add(secret.encode("utf-8", "surrogateescape"))  # as an environment held bytes that are no UTF-8
    with _lock:
        _known = tuple(sorted({*_known, *forms}, key=lambda form: (-len(form), form)))


def _inside_base64(raw: bytes) -> set[bytes]:
    """What base64 of anything that holds ``raw`` must hold, at each of the three ways it can be aligned."""
    if len(raw) < 8:
        return set()  # too few certain characters: they would turn up in other words
    found = set()
    for shift, skip in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(bytes(shift) + raw)[skip : (shift + len(raw)) * 8 // 6]
        found |= {whole, whole.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def forget_all() -> None:
    """Forget all secrets; for tests and for the end of a run."""
    global _known  # noqa: PLW0603  (as above)
    with _lock:
        _known = ()


def mask(data: bytes) -> tuple[bytes, int]:
    """``data`` without secrets, and how many were taken out. Masking twice changes nothing more."""
    if not data:
        return data, 0
    count = 0
    for secret in _known:
        if secret in data:
            count += data.count(secret)
            data = data.replace(secret, MASK)
    if b"PRIVATE KEY-----" in data:
        data, found = _mask_keys(data)
        count += found
    lower = data.lower()
    for hint, shape in _SHAPES:
        if hint in lower:
            data, found = shape.subn(MASK, data)
            count += found
    names = [name for part, named in _NAMES.items() if part in lower for name in named]
    if names:
        data, found = _mask_assigned(data, names)
        count += found
    return data, count


def _mask_keys(data: bytes) -> tuple[bytes, int]:
    """Private keys, whole; where the end is missing, a key's length of what follows."""
    parts: list[bytes] = []
    at = 0
    while begins := _KEY_BEGINS.search(data, at):
        most = begins.end() + _KEY_MOST
        ends = data.find(_KEY_ENDS, begins.end(), most)
        parts += (data[at : begins.start()], MASK)
        at = ends + len(_KEY_ENDS) if ends >= 0 else min(most, len(data))
    return b"".join((*parts, data[at:])), len(parts) // 2


def _keys(lower: bytes, names: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Where something is assigned to one of ``names``: where the name begins, and where the value does."""
    for name in names:
        start = lower.find(name)
        while start >= 0:
            assigns = _ASSIGNS.match(lower, start + len(name))
            if assigns is not None:
                yield start, assigns.end()
            start = lower.find(name, start + 1)


def _mask_assigned(data: bytes, names: Iterable[bytes]) -> tuple[bytes, int]:
    parts: list[bytes] = []
    at = 0
    for start, end in sorted(_keys(data.lower(), names)):
        if start < at or not _BEFORE.search((b"\n" if start <= 41 else b"") + data[max(0, start - 41) : start]):
            continue
        value = _VALUE.match(data, end)
        if value is None or _SETTING.fullmatch(value[0]) or value[0].strip(b"\"'") == MASK:
            continue
        parts += (data[at:end], MASK)
        at = value.end()
    return b"".join((*parts, data[at:])), len(parts) // 2


def mask_text(text: str) -> str:
    """As ``mask``, for a log line or a message."""
    return mask(text.encode("utf-8", "surrogatepass"))[0].decode("utf-8", "surrogatepass")
