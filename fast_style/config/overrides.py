"""Overrides as a user writes them, in the form that Hydra's grammar accepts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

PATHS = (
    "style.image", "data.dir", "data.val_dir", "encoder.weights", "resume", "init_from", "output_dir", "runs_dir",
    "teacher.weights", "student.start", "photos", "output",
)  # fmt: skip
"""Settings that are paths."""


def with_quoted_paths(overrides: Sequence[str]) -> list[str]:
    """Quotes around paths that Hydra's grammar does not take as they are: `~/photos`, `größe.jpg`, `photo(1).jpg`."""
    return [_with_quotes(override) for override in overrides]


def _with_quotes(override: str) -> str:
    key, _, value = override.partition("=")
    if key in PATHS and value:
        try:
            OverridesParser.create().parse_override(override)
        except HydraException:  # of its grammar, or of a function that it takes a name before a bracket for
            return f"{key}={quoted(Path(value))}"
    return override


def with_own_style(overrides: list[str]) -> list[str]:
    """`style=custom` added where `style.image` is given alone: a picture of one's own must not go by the title
    of the default style."""
    image = any(override.startswith("style.image=") for override in overrides)
    group = any(override.startswith("style=") for override in overrides)
    return [*overrides, "style=custom"] if image and not group else overrides


def quoted(path: Path) -> str:
    """A path as the value of a Hydra override, whatever is in it."""
    # Hydra takes a backslash as it is, but for those before a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), str(path))
    return f"'{escaped}'"
