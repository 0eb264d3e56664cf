"""Overrides as a user writes them, and the form that Hydra's grammar accepts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from fast_style.config.schema import PATHS


def with_quoted_paths(overrides: Sequence[str]) -> list[str]:
    """Puts quotes around paths that Hydra's grammar refuses as they are: `~/photos`, `größe.jpg`, `photo(1).jpg`."""
    return [_with_quotes(override) for override in overrides]


def _with_quotes(override: str) -> str:
    key, _, value = override.partition("=")
    if key in PATHS and value:
        try:
            OverridesParser.create().parse_override(override)
        except HydraException:  # either its grammar fails, or it takes a name before a bracket for a function
            return f"{key}={quoted(Path(value))}"
    return override


def with_own_style(overrides: list[str]) -> list[str]:
    """Adds `style=custom` where `style.image` is given without a style, and `style=paintings` for `style.images`.

    A user's own picture must not go by the title of the default style.
    """
    if any(override.startswith("style=") for override in overrides):
        return overrides
    for setting, group in (("style.image=", "custom"), ("style.images=", "paintings")):
        if any(override.startswith(setting) for override in overrides):
            return [*overrides, f"style={group}"]
    return overrides


def quoted(path: Path) -> str:
    """Returns a path as the value of a Hydra override, whatever characters it contains."""
    # Hydra takes backslashes literally except for those before a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), str(path))
    return f"'{escaped}'"
