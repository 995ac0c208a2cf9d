"""What all tests share: how hypothesis works here, and the language they begin with."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from auditor import i18n

# A busy machine must not make a true property fail: speed is measured in bench/, never here.
settings.register_profile("capdo", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("capdo"), max_examples=20)
settings.load_profile("quick" if os.environ.get("CAPDO_QUICK") else "capdo")


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    """A test that speaks English leaves no English behind."""
    yield
    i18n.use("vi")
