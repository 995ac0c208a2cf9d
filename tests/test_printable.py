"""Nothing that steers a terminal or reorders text gets through."""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from auditor.printable import one_line, printable

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def test_every_character_of_unicode() -> None:
    for number in range(sys.maxunicode + 1):
        shown = printable(chr(number))
        for ch in shown:
            assert ch in "\t\n" or unicodedata.category(ch) not in HIDDEN, hex(number)
        if shown != chr(number):
            assert shown.startswith("\\"), hex(number)


@given(st.text(st.characters() | st.sampled_from("\x1b\x07\u202e\u2066\u200b\x9b\r\x08\udcff")))
def test_nothing_steers(text: str) -> None:
    shown = printable(text)
    assert not {unicodedata.category(ch) for ch in shown if ch not in "\t\n"} & HIDDEN
    assert printable(shown) == shown
    shown.encode("utf-8")


@given(st.text(), st.integers(2, 400))
def test_one_line(text: str, most: int) -> None:
    flat = one_line(text, most)
    assert len(flat) <= most
    assert len(flat.splitlines()) <= 1
    assert not {unicodedata.category(ch) for ch in flat} & HIDDEN


def test_vietnamese_stays_as_it_is() -> None:
    text = "Sở Thông tin và Truyền thông: đường truyền số liệu chuyên dùng, ĐỘ TRỄ ≤ 30 ms … “tốt”"
    assert printable(text) == text
    assert printable(unicodedata.normalize("NFD", text)) == unicodedata.normalize("NFD", text)


def test_escapes_are_shown() -> None:
    assert printable("\x1b]0;owned\x07") == "\\x1b]0;owned\\x07"
    assert printable("abc\u202ecba") == "abc\\u202ecba"
    assert printable(b"\xff") == "b'\\xff'"
