"""Every parser of what comes from the network, for a moment: any bytes give a result or a typed error, and soon."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import mutated, one
from tests.fuzz.harnesses import HARNESSES


@pytest.mark.parametrize("name", HARNESSES)
def test_good_bytes_changed_here_and_there(name: str) -> None:
    seeds = list(HARNESSES[name].seeds())

    @settings(max_examples=40)
    @given(st.integers(min_value=0), st.integers(min_value=0, max_value=1000))
    def check(start: int, which: int) -> None:
        one(HARNESSES[name], mutated(seeds[which % len(seeds)], random.Random(start)))  # noqa: S311

    check()


@pytest.mark.parametrize("name", HARNESSES)
def test_any_bytes(name: str) -> None:
    @settings(max_examples=20)
    @given(st.binary(max_size=300))
    def check(data: bytes) -> None:
        one(HARNESSES[name], data)

    check()


@pytest.mark.parametrize("name", HARNESSES)
def test_the_good_bytes_themselves(name: str) -> None:
    for seed in HARNESSES[name].seeds():
        one(HARNESSES[name], seed)
