"""Takes secrets out of bytes before anything is stored or logged. The one place that does.

Two nets: every secret the tool itself was given (as it is, in base64, and percent-encoded), and the
shapes in which secrets usually stand in configurations and command output.
"""

from __future__ import annotations

import base64
import re
import urllib.parse

MASK = b"[masked]"

_known: set[bytes] = set()

_SHAPES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # private keys, whole
        rb"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----[\s\S]{0,20000}?(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY-----|\Z)",
        # crypt(3) hashes
        rb"\$(?:1|2[abxy]|5|6|7|y|gy|argon2i?d?)\$[./A-Za-z0-9,=$+-]{8,400}",
        # user:password@ in an address
        rb"(?<=://)[^\s/:@\"']{1,64}:[^\s/@\"']{1,128}(?=@)",
        # bearer tokens
        rb"(?<=bearer )[A-Za-z0-9._~+/-]{12,2000}=*",
    )
)
# key = value, where the key names a secret; the value is masked, the key stays for the reader.
_ASSIGNED = re.compile(
    rb"((?:^|[\s,;{\"'])[\w.-]{0,40}(?:password|passwd|passphrase|secret|api[_-]?key|auth[_-]?token|access[_-]?token"
    rb"|snmp[_-]?community|private[_-]?key)[\"']?[ \t]*[=:][ \t]*)(\"[^\"\n]{1,200}\"|'[^'\n]{1,200}'|[^\s,;}\"'\n]{1,200})",
    re.IGNORECASE,
)
# Words that follow such a key in policy output and are settings, not secrets.
_SETTING = re.compile(
    rb"^[\"']?(?:yes|no|true|false|on|off|none|null|never|required|\d{1,6}|/[\w./-]*)[\"']?$", re.IGNORECASE
)


def remember(secret: str) -> None:
    """Make a secret known, so that it is masked wherever it turns up."""
    if len(secret) < 4:
        return
    raw = secret.encode()
    _known.update({raw, base64.b64encode(raw), urllib.parse.quote(secret, safe="").encode()})


def forget_all() -> None:
    """Forget all secrets; for tests and for the end of a run."""
    _known.clear()


def mask(data: bytes) -> tuple[bytes, int]:
    """``data`` without secrets, and how many were taken out."""
    count = 0
    for secret in sorted(_known, key=len, reverse=True):
        if secret in data:
            count += data.count(secret)
            data = data.replace(secret, MASK)
    for shape in _SHAPES:
        data, found = shape.subn(MASK, data)
        count += found
    if b"=" in data or b":" in data:
        data, found = _mask_assigned(data)
        count += found
    return data, count


def _mask_assigned(data: bytes) -> tuple[bytes, int]:
    masked = 0

    def replace(match: re.Match[bytes]) -> bytes:
        nonlocal masked
        if _SETTING.match(match[2]) or match[2] == MASK:
            return match[0]
        masked += 1
        return match[1] + MASK

    return _ASSIGNED.sub(replace, data), masked


def mask_text(text: str) -> str:
    """As ``mask``, for a log line or a message."""
    return mask(text.encode("utf-8", "surrogateescape"))[0].decode("utf-8", "surrogateescape")
