"""The strict reader of YAML: every trap is refused or stays text, and every part knows its place."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, Strict

from auditor import strictyaml
from auditor.fields import Flag
from auditor.mistake_words import WORDS
from auditor.mistakes import Mistake, say
from auditor.model import Say
from auditor.shape import validate


def codes(tree: strictyaml.Tree) -> list[tuple[int, int, str]]:
    return [(one.line, one.column, one.message.code) for one in tree.mistakes]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("NO", "NO"),
        ("True", "True"),
        ("y", "y"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("2026-01-15", "2026-01-15"),
        ("2026-01-15 10:00:00", "2026-01-15 10:00:00"),
        ("0", 0),
        ("-7", -7),
        ("22", 22),
        ("1.5", 1.5),
        ("'0123'", "0123"),
        ('"no"', "no"),
        ("10.1.1.10", "10.1.1.10"),
        ("1.2.3", "1.2.3"),
        ("fe80::1", "fe80::1"),
        ("=cmd()", "=cmd()"),
        ("12/KH", "12/KH"),
        ("1234567890123456789012", "1234567890123456789012"),
        ("!!str 0123", "0123"),
        ("!!int 12", 12),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("Tỉnh Bình Minh", "Tỉnh Bình Minh"),
    ],
)
def test_what_plain_text_means(text: str, value: object) -> None:
    tree = strictyaml.loads(f"key: {text}")
    assert (tree.mistakes == []) is (value != "1234567890123456789012")
    read = tree.data["key"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        *((text, "ambiguous-number", 6) for text in ("0123", "08", "0x1F", "0o17", "0b11", "1_000", "1e5", "+5")),
        *((text, "ambiguous-number", 6) for text in ("22:22", "1:2:3", "08:00", ".5", "5.", ".inf", "-.inf", ".nan")),
        ("&a b", "anchor", 6),
        ("*a", "anchor", 6),
        ("!secret b", "tag", 6),
        ("! b", "tag", 6),
        ("!!python/name:os.system x", "tag", 6),
        ("!!binary aGk=", "tag", 6),
        ("!!timestamp 2026-01-15", "tag", 6),
        ("!!int abc", "tag", 6),
        ("!!map []", "tag", 6),
        ("a\tb", "tab", 7),
        ("a\u202eb", "bad-character", 7),
        ("a\u200bb", "bad-character", 7),
        ("a\x00b", "bad-character", 7),
        ("a\x85b", "bad-character", 7),
        ("a\u2028b", "bad-character", 7),
        ("a\rb", "bad-character", 7),
        ('"a\\u202eb"', "bad-character", 6),
        ('"a\\0b"', "bad-character", 6),
        ("a: b", "colon", 7),
        ("'open", "syntax", 11),
        ("[1, 2", "syntax", 11),
        ("@x", "syntax", 6),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private-key", 6),
    ],
)
def test_a_trap_in_a_value_is_refused(text: str, code: str, column: int) -> None:
    found = codes(strictyaml.loads(f"key: {text}"))
    assert [one[2] for one in found] == [code]
    assert found[0][1] == column or code == "syntax"
    assert found[0][0] in (1, 2)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\nb: 2\na: 3\n", [(3, 1, "duplicate-key")]),
        ("{a: 1, a: 2, a: 3}", [(1, 8, "duplicate-key"), (1, 14, "duplicate-key")]),
        ("0&:", []),  # an empty value at the very end of the text
        ("12: a", [(1, 1, "key-not-text")]),
        ("true: a", [(1, 1, "key-not-text")]),
        ("~: a", [(1, 1, "key-not-text")]),
        ("? [a]\n: b", [(1, 3, "key-not-text")]),
        ("012: a", [(1, 1, "ambiguous-number")]),
        ("a: 1\n<<: {b: 2}", [(2, 1, "merge-key")]),
        ("a: &x {b: 1}\nc: *x\nd: *x\n", [(1, 4, "anchor")]),
        ("a: &x [*x]", [(1, 4, "anchor")]),
        ("a: 1\n---\nb: 2", [(2, 1, "several-documents")]),
        ("\ta: 1", [(1, 1, "tab")]),
        ("# ghi\tchú\na: 1", [(1, 6, "tab")]),
        ("ế: 01\nổ: 02\nno: 03", [(1, 4, "ambiguous-number"), (2, 4, "ambiguous-number"), (3, 5, "ambiguous-number")]),
    ],
)
def test_traps_between_keys(text: str, found: list[tuple[int, int, str]]) -> None:
    assert codes(strictyaml.loads(text)) == found


def test_all_mistakes_of_reading_come_at_once_and_the_rest_is_read() -> None:
    tree = strictyaml.loads("a: 01\r\nb:\t2\r\nb: 3\r\nc: *no")
    assert codes(tree) == [(2, 3, "tab"), (4, 4, "anchor")]  # an alias to nothing ends the parse
    tree = strictyaml.loads("a: 01\r\nb:\t2\r\nb: 3\r\nc: no")
    assert codes(tree) == [(2, 3, "tab"), (1, 4, "ambiguous-number"), (3, 1, "duplicate-key")]
    assert tree.data == {"a": "01", "b": 2, "c": "no"}


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 50_000, "- " * 100_000, "? " * 100_000, "[" * 22 + "]" * 22])
def test_deep_nesting_is_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    assert [one[2] for one in codes(strictyaml.loads(text))] == ["too-deep"]
    assert time.perf_counter() - start < 1


def test_twenty_levels_are_fine() -> None:
    assert strictyaml.loads("[" * 20 + "]" * 20).mistakes == []


def test_an_alias_bomb_is_neither_expanded_nor_slow() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 15)]
    start = time.perf_counter()
    tree = strictyaml.loads("\n".join(lines))
    assert time.perf_counter() - start < 1
    assert {one[2] for one in codes(tree)} == {"anchor"}


def test_too_many_values_stop_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strictyaml, "MAX_NODES", 1000)
    assert [one[2] for one in codes(strictyaml.loads("[" + "a," * 2000 + "]"))] == ["too-many"]


def test_files_that_are_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(raw: bytes) -> list[tuple[int, int, str]]:
        (tmp_path / "f.yaml").write_bytes(raw)
        return codes(strictyaml.load(tmp_path / "f.yaml"))

    assert read("\ufeffa: 1".encode()) == []
    assert read("a: 1".encode("utf-16")) == [(1, 1, "not-utf8")]
    assert read("tên: ổ\nb: ".encode() + b"\xff") == [(2, 4, "not-utf8")]
    assert read(bytes(range(32)) * 100)[-1] == (1, 1, "binary")
    monkeypatch.setattr(strictyaml, "MAX_BYTES", 100)
    assert read(b"a" * 101) == [(1, 1, "too-big")]
    assert codes(strictyaml.load(tmp_path)) == [(1, 1, "unreadable")]
    assert codes(strictyaml.load(tmp_path / "none.yaml")) == [(1, 1, "unreadable")]
    assert codes(strictyaml.load(Path("/dev/zero"))) == [(1, 1, "unreadable")]


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: Annotated[int, Strict(), Field(ge=1, le=9)]
    kind: Literal["big", "small"] = "big"
    label: str | dict[Literal["vi", "en"], str] = ""
    password: dict[str, str] | None = None
    from_: str | None = Field(None, alias="from")


class _Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    items: list[_Inner]
    start: Flag | None = None


INNER_KEYS = "from, kind, label, password, size"


@pytest.mark.parametrize(
    ("text", "line", "column", "key", "words"),
    [
        ("items: []\nstart: no", 2, 8, "start", "'no' is not valid here; expected true or false"),
        ("items:\n- {size: 10}", 2, 10, "items[0].size", "10 is not valid here; expected a whole number from 1 to 9"),
        (
            "items:\n- kind: big",
            2,
            3,
            "items[0].size",
            "this required key is missing; expected a whole number from 1 to 9",
        ),
        ("items: x", 1, 8, "items", "'x' is not valid here; expected a list"),
        ("- a", 1, 1, "", "a list is not valid here; expected a mapping with the keys: items, start"),
        ("", 1, 1, "", "an empty value is not valid here; expected a mapping with the keys: items, start"),
        (
            "items:\n- {size: 1, kind: tiny}",
            2,
            19,
            "items[0].kind",
            "'tiny' is not valid here; expected one of: big, small",
        ),
        (
            "items:\n- {size: 1, label: 5}",
            2,
            20,
            "items[0].label",
            "5 is not text; put it in quotes if it is meant as text; expected text or a mapping with the keys: vi, en",
        ),
        (
            "items:\n- {size: 1, label: {vi: 5}}",
            2,
            25,
            "items[0].label.vi",
            "5 is not text; put it in quotes if it is meant as text; expected text",
        ),
        (
            "items:\n- {size: 1, label: {fr: a}}",
            2,
            21,
            "items[0].label.fr",
            "there is no such key; expected a mapping with the keys: en, vi",
        ),
        (
            "items:\n- {size: 1, knd: big}",
            2,
            13,
            "items[0].knd",
            f"there is no such key; did you mean 'kind'?; expected a mapping with the keys: {INNER_KEYS}",
        ),
        (
            "items: []\nstart: 012",
            2,
            8,
            "start",
            "012 can be read in several ways: put text in quotes, write a number as a plain decimal",
        ),
    ],
)
def test_each_mistake_of_shape_has_its_place_and_says_what_was_expected(
    text: str, line: int, column: int, key: str, words: str
) -> None:
    found = validate(strictyaml.loads(text), _Outer)[1]
    assert [(one.line, one.column, one.key) for one in found] == [(line, column, key)]
    assert found[0].text("en") == f"<text>:{line}:{column}: " + (f"{key}: " if key else "") + words


def test_a_field_goes_by_its_alias_only() -> None:
    found = validate(strictyaml.loads("items: [{size: 1, from_: x}]"), _Outer)[1]
    assert [(one.line, one.column, one.key) for one in found] == [(1, 19, "items[0].from_")]


def test_a_secret_is_refused_without_being_repeated() -> None:
    for text in ("items: [{size: 1, password: hunter2}]", "items: [{size: 1, api_key: hunter2}]"):
        found = validate(strictyaml.loads(text), _Outer)[1]
        assert [one.message.code for one in found] == ["secret"]
        assert "hunter2" not in repr(found)
        assert "{file: …}" in found[0].text("vi")


def test_a_mistake_reads_in_both_languages_and_is_vietnamese_by_default() -> None:
    one = Mistake(
        "a.yaml", 3, 7, "id", Say("missing"), Say("either", {"options": [Say("expect-text"), Say("expect-list")]})
    )
    assert str(one) == one.text("vi") == "a.yaml:3:7: id: thiếu khoá bắt buộc; cần chữ hoặc danh sách"
    assert one.text("en") == "a.yaml:3:7: id: this required key is missing; expected text or a list"


def test_nothing_of_a_hostile_file_reaches_the_terminal() -> None:
    text = Mistake("a\x1b[2J", 1, 1, "k\x07", Say("wrong", {"found": "\x1b]0;x\x07{id}" + "a" * 500})).text("en")
    assert text.isprintable()
    assert "{id}" in text
    assert len(text) < 400


def test_words_take_the_same_values_in_both_languages() -> None:
    for code, (vi, en) in WORDS.items():
        filled: dict[str, Any] = {}
        assert vi.format_map(_Names(filled)).strip()
        other: dict[str, Any] = {}
        assert en.format_map(_Names(other)).strip()
        assert filled == other, code
        assert say(Say(code, dict.fromkeys(filled, "x")), "vi")


class _Names(dict[str, Any]):
    def __init__(self, seen: dict[str, Any]) -> None:
        super().__init__()
        self.seen = seen

    def __missing__(self, key: str) -> str:
        self.seen[key] = True
        return "x"


@given(st.text() | st.text(alphabet="a0:-&*!{}[]<>'\"|#%@,\n \t?~.é\u202e"))
def test_no_text_makes_it_raise(text: str) -> None:
    tree = strictyaml.loads(text)
    validate(tree, _Outer)
    assert not (tree.broken and not tree.mistakes)


_PLAIN: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.text(alphabet=st.characters(categories=("L", "N", "P"))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdé", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(_PLAIN)
def test_what_is_quoted_comes_back_as_it_was(data: object) -> None:
    import json

    # JSON is YAML in which all text is quoted, so that nothing is left to guess.
    tree = strictyaml.loads(json.dumps(data, ensure_ascii=False))
    assert tree.mistakes == []
    assert tree.data == data
