"""Makes hostile text safe for a terminal or a log: what steers a terminal or reorders text becomes visible."""

from __future__ import annotations

import re

# C0 but tab and newline, DEL, C1, every invisible format character of Unicode (zero-width, bidi, soft
# hyphen, tags …), Hangul fillers, line separators, surrogates.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def printable(text: object) -> str:
    """``text`` with every steering character written out, such as ``\\x1b``."""
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), str(text))


def one_line(text: object, most: int = 300) -> str:
    """As ``printable``, on one line and not longer than ``most`` characters."""
    flat = " ".join(printable(text).split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
