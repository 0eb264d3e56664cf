"""Settings and values that had another name in earlier versions: the old ones keep working."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

log = logging.getLogger("fast_style")

SETTINGS = {
    "model.dial": "model.strength",
    "trainer.dial_share": "trainer.strength_share",
    "opponents": "adversaries",
}
"""Old names of settings, and their new ones."""

VALUES = {
    "style": {"watercolour": "watercolor"},
    "style.image": {"data/styles/watercolour.jpg": "data/styles/watercolor.jpg"},
}
"""Old values of settings, and their new ones."""

_OVERRIDE = re.compile(r"(?P<sign>\+\+|\+|~)?(?P<key>[\w./]+)(?P<rest>[@:=].*)?", re.DOTALL)
_INTERPOLATION = re.compile(r"\$\{([\w.]+)\}")


def with_new_names(overrides: Sequence[str]) -> list[str]:
    """Returns the overrides with new names in place of old ones, and warns once of each that it replaces."""
    return [_renamed(override) for override in overrides]


def rename_settings(values: dict[str, object], section: str = "") -> dict[str, object]:
    """Returns the nested settings of an old run under their new names, without a warning.

    Args:
        values: The settings, or those of one section.
        section: That section with a dot behind it: `model.`.
    """
    result: dict[str, object] = {}
    for key, value in values.items():
        name = SETTINGS.get(section + key, section + key)
        if isinstance(value, dict):
            value = rename_settings(value, f"{section}{key}.")
        elif isinstance(value, str):
            value = _new_value(name, value)
        result[name.removeprefix(section)] = value
    return result


def _renamed(override: str) -> str:
    found = _OVERRIDE.fullmatch(override)
    if found is None:
        return override
    key, rest = found["key"], found["rest"] or ""
    name = SETTINGS.get(key, key)
    if name != key:
        _warn(key, name)
    if rest.startswith("="):
        # A sweep gives several values, with commas between them.
        values = [_new_value(name, value, warn=True) for value in rest[1:].split(",")]
        rest = "=" + _INTERPOLATION.sub(_new_interpolation, ",".join(values))
    return f"{found['sign'] or ''}{name}{rest}"


def _new_value(setting: str, value: str, *, warn: bool = False) -> str:
    bare = value.strip().strip("'\"")
    new = VALUES.get(setting, {}).get(bare)
    # A file of the user's own goes before one that came with the project.
    if new is None or (setting == "style.image" and Path(bare).exists()):
        return value
    if warn:
        _warn(f"{setting}={bare}", f"{setting}={new}")
    return new


def _new_interpolation(found: re.Match[str]) -> str:
    new = SETTINGS.get(found[1])
    if new is None:
        return found[0]
    _warn(found[1], new)
    return f"${{{new}}}"


@cache
def _warn(old: str, new: str) -> None:
    log.warning("%s is now %s", old, new)
