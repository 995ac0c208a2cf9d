"""What all tests share: how hypothesis works here."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine must not make a true property fail: speed is measured in bench/, never here.
settings.register_profile("capdo", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("capdo")
