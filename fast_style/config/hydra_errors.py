"""What Hydra and OmegaConf say of a setting, as one error that carries the setting, its value and the remedy."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from fast_style.config.choices import groups, no_such_choice, no_such_setting, not_a_setting
from fast_style.config.schema import PATHS, DistillConfig, TrainConfig, settings
from fast_style.errors import UNSET, ConfigError

COMMANDS: dict[type, str] = {TrainConfig: "train", DistillConfig: "distill"}
"""Maps each schema to the command that it belongs to, which is also the name of its file in `conf/`."""

_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", NoneType: "null"}
_ENTRIES = {int: "whole numbers, like [32,48]", float: "numbers, like [1.0,0.5]", str: "words, like [relu1_2,relu2_2]"}

_HYDRA = (
    (r"Ambiguous value for argument '([^=]+)=(.*?)'", "one value is wanted",
     "several in turn need -m before them, and a list needs brackets: [A,B]"),
    (r"Sweep parameters '([^=]+)=(.*)' requires --multirun", "stands for several values", "add -m to train with each"),
    (r"Could not delete from config\. '([^']+)'()", "is not there to be left out", None),
    (r"Multiple values for ([^.]+)\.()", "is there already", "write it without the +"),
    (r"(?:Override|Could not override) '?([^@'. ]+)()", "no such group of settings", None),
)  # fmt: skip
"""What Hydra says of an override: an expression for its text that finds setting and value, a problem and a remedy."""


def as_config_error(error: BaseException, schema: type = TrainConfig) -> ConfigError:
    """Returns the error of one line that stands for one of Hydra's or OmegaConf's of several.

    Args:
        error: What Hydra or OmegaConf raised.
        schema: The schema that was composed, whose names are suggested for a misspelled one.
    """
    if isinstance(error, OverrideParseException):
        return _unreadable(error.override, schema)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        missing = error.missing_cfg_file
        group = next((name for name in groups() if missing.startswith(f"{name}/")), missing.rpartition("/")[0])
        return no_such_choice(group, missing.removeprefix(f"{group}/"))
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, OmegaConfBaseException) and cause.full_key:
        return _from_omegaconf(cause, str(error), cause.full_key, schema)
    text = " ".join(str(error).split("Config search path")[0].split())
    for expression, problem, remedy in _HYDRA:
        found = re.match(expression, text)
        if found:
            return ConfigError(problem, setting=found[1], value=found[2] or UNSET, remedy=remedy)
    return ConfigError(text)


def _unreadable(override: str, schema: type) -> ConfigError:
    key, equals, value = override.partition("=")
    if not equals:
        return not_a_setting(key, schema)
    return ConfigError(
        "not readable as a setting",
        setting=key,
        value=value,
        remedy="a value with '=', brackets or quotes in it needs quotes inside quotes: 'style.title=\"A = B\"'",
    )


def _from_omegaconf(cause: OmegaConfBaseException, text: str, key: str, schema: type) -> ConfigError:
    override = re.match(r"Error merging override [+~]*([^=]+)=(.*)", text, re.DOTALL)
    key = key.partition("[")[0]
    if isinstance(cause, InterpolationKeyError):
        missing = re.search(r"'(.*?)'", str(cause))
        return ConfigError(f"refers to {missing[1] if missing else 'something'}, which is no setting", setting=key)
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return _unknown(key, schema)
    if isinstance(cause, MissingMandatoryValue):
        title = OmegaConf.select(cause.parent_node, "title") if key == "style.image" else None
        problem = f"{title} brings no picture (its painting is not part of the project)" if title else "no value given"
        example = "PATH" if key in PATHS else "VALUE"
        return ConfigError(problem, setting=key, remedy=f"add {{{key}}}", suggestions={key: example})
    value: object = cause.value or UNSET
    if override and override[1] == key:
        value = override[2]
    return ConfigError(f"must be {_expected(key, schema)}", setting=key, value=value)


def _expected(key: str, schema: type) -> str:
    """Returns what the schema says that a setting must be, in words: `a whole number or null`."""
    hint = _type_of(key, schema)
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return " or ".join(_described(kind) for kind in kinds)


def _described(kind: Any) -> str:
    if get_origin(kind) is list:
        return f"a list of {_ENTRIES[get_args(kind)[0]]}"
    return _KINDS.get(kind, "given one entry at a time, like +loss.layer_weights.relu1_2=0.5")


def _type_of(key: str, schema: type) -> Any:
    """Returns the type of a setting, or of an entry of one that is a dictionary."""
    kind: Any = schema
    for name in key.split("."):
        if is_dataclass(kind):
            kind = get_type_hints(kind).get(name)
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
    return kind


def _unknown(key: str, schema: type) -> ConfigError:
    names = [each.name for each in settings(schema)]
    # What lies below a setting is an entry of a dictionary: `loss.layer_weights.relu1_2`.
    if any(key.startswith(f"{name}.") for name in names):
        return ConfigError("is not there yet", setting=key, remedy=f"put a + before it: +{key}=VALUE")
    return no_such_setting(key, schema)
