"""The words of every check: both languages, the same places, no code without words, no words without a code."""

from __future__ import annotations

import ast
import string
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from auditor import registry, texts
from auditor.check import needs
from auditor.model import Bundle, Privacy, Say

IDS = sorted(registry.checks())
SPOKEN = {"passed", "failed", "unknown", "notapplicable", "Say", "over"}
SHARED = (Path(__file__).parents[1] / "auditor" / "tls_grade.py",)
"""Judgements of the engine that checks put into words."""
SUFFIXES = ("-pass", "-fail", "-unknown", "-notapplicable", "-informational")


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def codes(path: Path) -> tuple[set[str], set[str]]:
    """Message codes a check says by name, and those it says over instances."""
    said: set[str] = set()
    over: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SPOKEN:
            place = 1 if node.func.id == "over" else 0
            if len(node.args) > place:
                (over if node.func.id == "over" else said).update(choices(node.args[place]))
    return said, over


def choices(node: ast.expr) -> set[str]:
    """The literals an expression can come to: ``"a" if x else "b"`` gives both."""
    if isinstance(node, ast.IfExp):
        return choices(node.body) | choices(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


@pytest.mark.parametrize("check_id", IDS)
def test_texts_are_whole_in_both_languages(check_id: str) -> None:
    told = texts.of_check(check_id)
    for words in (told.title, told.failure_title, told.why, *told.messages.values(), *told.remediation.values()):
        assert set(words) == {"vi", "en"}
        assert all(text.strip() for text in words.values())
    for code, words in told.messages.items():
        assert names(words["vi"]) == names(words["en"]), code
    assert told.title["vi"] != told.failure_title["vi"]


@pytest.mark.parametrize("check_id", IDS)
def test_every_code_has_words(check_id: str) -> None:
    _, path = registry.checks()[check_id]
    written = set(texts.of_check(check_id).messages)
    said, over = codes(path)
    assert said <= written, said - written
    for code in over:
        assert {code + "-pass", code + "-fail", code + "-unknown"} <= written, code
    used = said | {code + suffix for code in over for suffix in SUFFIXES}
    source = path.read_text("utf-8")
    source += "".join(shared.read_text("utf-8") for shared in SHARED if f"auditor.{shared.stem} " in source)
    left = {code for code in written - used if f'"{code}"' not in source and f"'{code}'" not in source}
    left = {code for code in left if not any(part and part in source for part in (code.rpartition("-")[0],))}
    assert not left, f"words nobody says: {left}"


def test_values_are_said_in_the_language() -> None:
    assert texts.words("", 1.5, "vi") == "1,5"
    assert texts.words("", 1.5, "en") == "1.5"
    assert texts.words("", 2.0, "en") == "2"
    assert texts.words("", date(2026, 2, 3), "vi") == "03/02/2026"
    assert texts.words("", datetime(2026, 2, 3, 20, 0, tzinfo=UTC), "vi") == "04/02/2026 03:00"
    assert texts.words("", (1, "a"), "vi") == "1, a"
    assert texts.words("", True, "vi") == "có"


def test_hostile_values_are_not_formats() -> None:
    said = texts.message("", Say("check-broke", {"check": "{detail.__class__}", "detail": "{0}{check}"}))
    assert "{detail.__class__}" in said["vi"]
    assert "{0}{check}" in said["en"]


def test_an_unknown_code_is_said_as_itself() -> None:
    assert texts.message("", Say("no-such-code")) == {"vi": "no-such-code", "en": "no-such-code"}


def test_no_field_of_evidence_is_a_secret() -> None:
    seen: set[type[Any]] = set()
    for check_id in IDS:
        for need in needs(type(registry.checks()[check_id][0])):
            seen.add(need.evidence)
    seen |= {collector.evidence for collector in registry.collectors().values()}
    assert len(seen) >= 10
    for kind in seen:
        assert not issubclass(kind, Bundle)
        for item in fields(kind):
            assert item.metadata.get("privacy", Privacy.TECHNICAL) is not Privacy.SECRET, f"{kind.__name__}.{item.name}"
