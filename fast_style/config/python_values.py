"""Settings as values of Python, and the overrides that say the same."""

from __future__ import annotations

import os
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path

from fast_style.config.choices import groups
from fast_style.config.overrides import quoted
from fast_style.config.schema import TrainConfig, settings
from fast_style.errors import ConfigError


def style_overrides(style: object) -> list[str]:
    """Returns the overrides for what `fast_style.train` takes as its style.

    Args:
        style: The path of an image, or of a folder of images; the name of one of the styles in `conf/style/`, unless
            a file is called that; or a mapping of the settings of the section `style`.

    Raises:
        ConfigError: It is of another type.
    """
    if isinstance(style, Mapping):
        return overrides_of({"style": style})
    if isinstance(style, str) and style in groups()["style"] and not Path(style).exists():
        return [f"style={style}"]
    if isinstance(style, str | os.PathLike):
        return overrides_of({"style.images" if Path(style).expanduser().is_dir() else "style.image": style})
    raise ConfigError(f"must be a path or a name, not a {type(style).__name__}", setting="style", value=repr(style))


def overrides_of(values: Mapping[str, object]) -> list[str]:
    """Returns the overrides of a training run for settings that are given as values of Python.

    Args:
        values: By the name of a setting, `trainer.max_steps`; of a section, whose value is then a mapping of its
            settings; or of a group of `conf/`, whose value is then the name of a choice: `{"trainer": {"max_steps":
            300}, "loss.style_weight": 5.0, "model": "johnson"}`. Of a setting that is a mapping itself, entries are
            added.

    Raises:
        ConfigError: A value is of a type that no setting has. Names are for Hydra to check.
    """
    return [override for name, value in values.items() for override in _overrides(name, value)]


def _overrides(name: str, value: object) -> list[str]:
    if isinstance(value, Mapping):
        # Hydra wants to be told that the entry of a mapping may be new.
        added = "++" if name in {each.name for each in settings(TrainConfig)} else ""
        return [override for key, inner in value.items() for override in _overrides(f"{added}{name}.{key}", inner)]
    return [f"{name}={_written(name, value)}"]


def _written(name: str, value: object) -> str:
    """Returns one value in Hydra's grammar."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        return repr(float(value))
    if isinstance(value, str | os.PathLike):
        return quoted(os.fspath(value))
    if isinstance(value, list | tuple):
        return f"[{','.join(_written(name, each) for each in value)}]"
    raise ConfigError(
        f"must be a number, a text, a path or a list of them, not a {type(value).__name__}", setting=name,
        value=repr(value),
    )  # fmt: skip
