"""The leader's edition: short, still, in step with the run, and inert whatever the evidence holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor import registry
from tests.reports.html_page import Page
from tests.reports.sample_run import large, sample

LEADER = registry.reports()["leader"]


def text_of(folder: Path, lang: str = "vi") -> str:
    path = LEADER.render(sample(), folder, lang)
    assert path.name == "lanh-dao.html"
    return str(path.read_text("utf-8"))


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_it_is_small_and_has_nothing_to_run(tmp_path: Path, lang: str) -> None:
    text = text_of(tmp_path, lang)
    assert len(text.encode()) <= 200_000
    assert "<script" not in text
    assert f'<html lang="{lang}">' in text
    assert not re.search(r"\b(src|action)=|https?://[^\s<]*\"", text.replace("http://evil.example", ""))


def test_its_figures_are_those_of_the_run(tmp_path: Path) -> None:
    run = sample()
    page = Page(text_of(tmp_path, "en"))
    low = f"{run.head['scores']['province']['low']:.1f}"
    assert low in page.text
    fails = sum(one["result"] == "fail" for one in run.findings())
    assert f"{fails} findings failed" in page.text or f"{fails} " in page.text
    for agency in run.head["organisation"]["agencies"]:
        assert str(agency["name"]) in page.text


def test_its_links_lead_into_the_whole_report(tmp_path: Path) -> None:
    links = re.findall(r'<a href="([^"]*)"', text_of(tmp_path))
    assert links
    assert all(link.startswith("index.html#") for link in links)


def test_hostile_text_is_text(tmp_path: Path) -> None:
    page = Page(text_of(tmp_path))
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img", "iframe", "object", "form"})
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"]


def test_thousands_of_findings_make_it_no_longer(tmp_path: Path) -> None:
    path = LEADER.render(large(12_000), tmp_path, "vi")
    assert path.stat().st_size <= 200_000
