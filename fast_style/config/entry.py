"""From overrides, as a user gives them, to checked settings, without the Hydra application."""

from __future__ import annotations

import json
from collections.abc import Sequence

from omegaconf import OmegaConf

from fast_style.config.checks import check_distillation
from fast_style.config.choices import check_choices
from fast_style.config.compose import compose_raw, structured, to_config, typed
from fast_style.config.overrides import with_own_style, with_quoted_texts
from fast_style.config.renamed import with_new_names
from fast_style.config.schema import DistillConfig, TrainConfig, settings
from fast_style.config.sweep import sweep_jobs, with_own_names
from fast_style.errors import ConfigError


def compose_training(overrides: Sequence[str]) -> TrainConfig:
    """Returns the settings of a training run: `conf/train.yaml` with these overrides.

    Args:
        overrides: A list of texts, each as on the command line: `["style.image=painting.jpg", "seed=1"]`.

    Returns:
        All settings, checked; `fast_style.train` takes them.

    Raises:
        ConfigError: An override cannot be parsed, is unknown or has a wrong type, or a value is impossible.
    """
    check_overrides(overrides)
    return to_config(compose_raw(normalized(overrides), TrainConfig))


def compose_distillation(overrides: Sequence[str]) -> DistillConfig:
    """Returns the settings of a distillation: `conf/distill.yaml` with these overrides.

    Args:
        overrides: A list of texts, each as on the command line.

    Raises:
        ConfigError: An override cannot be parsed, is unknown or has a wrong type, or a value is impossible.
    """
    check_overrides(overrides)
    prepared = _prepared(overrides)
    check_choices(prepared, DistillConfig)
    config = typed(compose_raw(prepared, DistillConfig), DistillConfig)
    check_distillation(config)
    return config


def check_overrides(overrides: object) -> None:
    """Checks that overrides are a list of texts.

    Raises:
        ConfigError: They are one text, whose letters would be taken for overrides, or something else.
    """
    if isinstance(overrides, str):
        raise ConfigError(
            "must be a list of texts, not one text", setting="overrides", value=repr(overrides),
            remedy=f"put it in brackets, [{overrides!r}]",
        )  # fmt: skip
    if not isinstance(overrides, Sequence):
        raise ConfigError(
            f"must be a list of texts, not a {type(overrides).__name__}", setting="overrides", value=repr(overrides)
        )
    for override in overrides:
        if not isinstance(override, str):
            raise ConfigError(
                f"must be a text, NAME=VALUE, not a {type(override).__name__}", setting="overrides",
                value=repr(override),
            )  # fmt: skip


def normalized(overrides: Sequence[str]) -> list[str]:
    """Returns the overrides of `fast-style train`, with or without the flag of a sweep, in the form that Hydra needs.

    Raises:
        ConfigError: What is chosen in a group is not a name.
    """
    prepared = with_own_style(_prepared(overrides))
    check_choices(prepared)
    return with_own_names(prepared)


def described(
    overrides: Sequence[str], schema: type[TrainConfig] | type[DistillConfig] = TrainConfig
) -> list[tuple[str, str, str]]:
    """Returns the name, the value under these overrides and the meaning of every setting.

    In a sweep the value lists those of all its jobs.

    Args:
        overrides: As on the command line.
        schema: `TrainConfig`, or `DistillConfig` for the settings of a distillation.

    Raises:
        ConfigError: An unknown key, or an override that Hydra cannot parse.
    """
    jobs = sweep_jobs(normalized(overrides)) if schema is TrainConfig else [_prepared(overrides)]
    composed = [OmegaConf.merge(structured(schema), compose_raw(job, schema)) for job in jobs]
    plain = [OmegaConf.to_container(job, resolve=True) for job in composed]
    result = []
    for each in settings(schema):
        values = dict.fromkeys(_written(job, each.name) for job in plain)
        result.append((each.name, ", ".join(values), each.meaning))
    return result


def _prepared(overrides: Sequence[str]) -> list[str]:
    return with_quoted_texts(with_new_names(overrides))


def _written(values: object, name: str) -> str:
    """Returns one of the nested values as it is written on the command line: `null`, `true`, `[relu3_2]`."""
    value = values
    for key in name.split("."):
        assert isinstance(value, dict)
        value = value[key]
    return json.dumps(value, ensure_ascii=False).replace('"', "")
