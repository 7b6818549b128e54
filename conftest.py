"""Settings of the whole test run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Shared machines stall now and then: no deadline, and the same examples every time.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
