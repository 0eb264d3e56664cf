"""Overrides as a user writes them, and the form that Hydra's grammar accepts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from fast_style.config.schema import TEXTS, DistillConfig, TrainConfig, settings

_INTERPOLATION = re.compile(r"\$\{([^{}:]*)(:)?[^{}]*\}")
_REFERENCES = frozenset(each.name for schema in (TrainConfig, DistillConfig) for each in settings(schema))
"""What a text may refer to, as `style.name=${seed}`; anything else in `${}` is part of the text."""


def with_quoted_texts(overrides: Sequence[str]) -> list[str]:
    """Puts quotes around texts that mean something else in Hydra's grammar, such as `~/photos`, `ü`, `It's` and `a, b`.

    In a sweep (`-m`) a comma still separates values. A text that was quoted already is left as it is.
    """
    sweep = any(override in ("-m", "--multirun") for override in overrides)
    return [_with_quotes(override, sweep=sweep) for override in overrides]


def _with_quotes(override: str, *, sweep: bool) -> str:
    key, _, value = override.partition("=")
    if key not in TEXTS or value in ("", "null") or _is_text(override, sweep=sweep):
        return override
    return f"{key}={quoted(value)}"


def _is_text(override: str, *, sweep: bool) -> bool:
    """Returns whether Hydra takes the value of an override for a text, or for several in a sweep."""
    try:
        parsed = OverridesParser.create().parse_override(override)
    except HydraException:  # either its grammar fails, or it takes a name before a bracket for a function
        return False
    if parsed.is_sweep_override():
        return sweep
    value: object = parsed.value()
    is_quoted = override.partition("=")[2].strip().startswith(("'", '"'))
    return isinstance(value, str) and all(
        is_quoted or resolver or reference in _REFERENCES for reference, resolver in _INTERPOLATION.findall(value)
    )


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


def quoted(text: str | Path) -> str:
    """Returns a text as the value of a Hydra override, whatever characters it contains; nothing in it is resolved."""
    # OmegaConf takes backslashes as they are but before a `${`.
    return in_quotes(re.sub(r"(\\*)\$\{", lambda found: found[1] * 2 + "\\${", str(text)))


def in_quotes(text: str) -> str:
    """Returns a text in quotes, as the value of a Hydra override, which resolves what is in `${}`."""
    # Hydra takes backslashes literally except for those before a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text)
    return f"'{escaped}'"
