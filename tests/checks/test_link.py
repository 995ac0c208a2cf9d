"""How a measurement of a line is said: every digit that matters, with the comma in Vietnamese."""

from __future__ import annotations

import sys

import pytest

from auditor import registry, texts


@pytest.mark.parametrize("check_id", ["link.latency", "link.loss"])
@pytest.mark.parametrize(("number", "vi", "en"), [(0.067, "0,067", "0.067"), (20.0, "20", "20"), (1.5, "1,5", "1.5")])
def test_figures_are_said_in_the_language(check_id: str, number: float, vi: str, en: str) -> None:
    module = sys.modules[registry.checks()[check_id][0].__module__]
    figure = module._figure(number)
    assert (texts.words(check_id, figure, "vi"), texts.words(check_id, figure, "en")) == (vi, en)
