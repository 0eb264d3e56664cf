"""What Hydra and OmegaConf say of a setting, as one error that carries the setting, its value and the remedy."""

from __future__ import annotations

import difflib

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import BooleanNode, FloatNode, IntegerNode, Node, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from fast_style.config.schema import PATHS, DistillConfig, TrainConfig, settings
from fast_style.errors import UNSET, ConfigError, first_line

COMMANDS: dict[type, str] = {TrainConfig: "train", DistillConfig: "distill"}
"""Maps each schema to the command that it belongs to, which is also the name of its file in `conf/`."""

EXPECTED: dict[type[Node], str] = {
    BooleanNode: "must be true or false",
    FloatNode: "must be a number",
    IntegerNode: "must be a whole number",
}


def as_config_error(error: BaseException, schema: type = TrainConfig) -> ConfigError:
    """Returns the error of one line that stands for one of Hydra's or OmegaConf's of several.

    Args:
        error: What Hydra or OmegaConf raised.
        schema: The schema that was composed, whose names are suggested for a misspelled one.
    """
    if isinstance(error, OverrideParseException):
        key, equals, value = error.override.partition("=")
        return ConfigError(
            "not readable as a setting",
            setting=key,
            value=value if equals else UNSET,
            remedy="a value with '=', brackets or quotes in it needs quotes inside quotes: 'style.title=\"A = B\"'",
        )
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        choices = ", ".join(error.options or ())
        return ConfigError("no such choice", setting=group, value=name, remedy=f"use one of {choices}")
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, OmegaConfBaseException) and cause.full_key:
        found = _from_omegaconf(cause, cause.full_key, schema)
        if found is not None:
            return found
    text = str(error).split("Config search path")[0]
    return ConfigError(" ".join(line.strip() for line in text.splitlines() if line.strip()))


def _from_omegaconf(cause: OmegaConfBaseException, key: str, schema: type) -> ConfigError | None:
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return _unknown(key, schema)
    if isinstance(cause, MissingMandatoryValue):
        title = OmegaConf.select(cause.parent_node, "title") if key == "style.image" else None
        problem = f"{title} brings no picture (its painting is not part of the project)" if title else "no value given"
        example = "PATH" if key in PATHS else "VALUE"
        return ConfigError(problem, setting=key, remedy=f"add {{{key}}}", suggestions={key: example})
    if isinstance(cause, ValidationError):
        expected = EXPECTED.get(type(cause.child_node))
        if expected is not None and cause.value is not None:
            return ConfigError(expected, setting=key, value=cause.value)
        return ConfigError(first_line(cause), setting=key)
    return None


def _unknown(key: str, schema: type) -> ConfigError:
    names = [each.name for each in settings(schema)]
    # What lies below a setting is an entry of a dictionary: `loss.layer_weights.relu1_2`.
    if any(key.startswith(f"{name}.") for name in names):
        return ConfigError("is not there yet", setting=key, remedy=f"put a + before it: +{key}=VALUE")
    similar = difflib.get_close_matches(key, names, n=1)
    if similar:
        return ConfigError(
            "no such setting", setting=key, remedy=f"did you mean {{{similar[0]}}}?", suggestions={similar[0]: UNSET}
        )
    return ConfigError("no such setting", setting=key, remedy=f"fast-style {COMMANDS[schema]} --help shows them all")
