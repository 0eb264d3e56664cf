"""How long the fuzz tests run: `pytest tests/fuzz --hypothesis-profile=long` tries many thousand inputs."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

_COMMON: dict[str, Any] = {
    "deadline": None,
    "report_multiple_bugs": False,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
}
settings.register_profile("short", max_examples=15, derandomize=True, **_COMMON)
settings.register_profile("long", max_examples=3000, **_COMMON)


def pytest_configure(config: Any) -> None:
    """Uses the short profile unless the command line names another."""
    if not config.getoption("--hypothesis-profile", None):
        settings.load_profile("short")
