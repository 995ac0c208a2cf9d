"""Makes hostile text safe for a terminal or a log: what steers a terminal or reorders text becomes visible."""

from __future__ import annotations

import re

# C0 but tab and newline, DEL, C1, zero-width and bidi controls, line separators, surrogates, BOM, tags.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def printable(text: object) -> str:
    """``text`` with every steering character written out, such as ``\\x1b``."""
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), str(text))


def one_line(text: object, most: int = 300) -> str:
    """As ``printable``, on one line and not longer than ``most`` characters."""
    flat = " ".join(printable(text).split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
