"""Every word of the program exists in Vietnamese, with the same placeholders."""

from __future__ import annotations

import string
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from auditor import i18n, texts
from auditor.model import Reason

ROOT = Path(__file__).parent.parent


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_message_is_translated_with_its_placeholders() -> None:
    with (ROOT / "auditor" / "locale" / "vi" / "LC_MESSAGES" / "capdo.po").open("rb") as file:
        known = {str(one.id): str(one.string) for one in read_po(file, locale="vi") if one.id}
    said = {told[2] for told in extract_from_dir(str(ROOT / "auditor"), keywords={"_": None, "N_": None})}
    assert said
    assert set(known) == said
    for source, translated in known.items():
        assert translated, source
        assert names(source) == names(translated), source


def test_words_come_in_the_language_asked_for() -> None:
    i18n.use("en")
    assert i18n._("pass") == "pass"
    i18n.use("vi")
    assert i18n._("pass") == "đạt"
    i18n.use("xx")
    assert i18n.current() == "vi"


def test_every_reason_has_words_and_a_cure() -> None:
    told = texts.engine()
    for reason in Reason:
        assert set(told.messages[f"unavailable-{reason}"]) == {"vi", "en"}
        assert set(told.cures[reason]["cure"]) == {"vi", "en"}
    for words in told.messages.values():
        assert names(words["vi"]) == names(words["en"])
