"""From overrides to checked settings, outside the Hydra application."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from omegaconf import OmegaConf

from fast_style.config.checks import check, check_distillation
from fast_style.config.compose import _compose, _composed, _settings
from fast_style.config.overrides import with_own_style, with_quoted_paths
from fast_style.config.schema import DistillConfig, TrainConfig
from fast_style.config.sweep import _jobs, with_own_names


def compose_training(overrides: Sequence[str]) -> TrainConfig:
    """`conf/train.yaml` with Hydra overrides, outside of the Hydra application.

    Raises:
        ConfigError: as `to_config`, and overrides that Hydra can't parse.
    """
    config = _compose(normalized(overrides), TrainConfig)
    check(config)
    return config


def compose_distillation(overrides: list[str]) -> DistillConfig:
    """`conf/distill.yaml` with Hydra overrides.

    Raises:
        ConfigError: as `typed`, an impossible value, and overrides that Hydra can't parse.
    """
    config = _compose(with_quoted_paths(overrides), DistillConfig)
    check_distillation(config)
    return config


def normalized(overrides: Sequence[str]) -> list[str]:
    """What a user gives of a training, flags of Hydra's among it, as Hydra has to get it."""
    return with_own_names(with_own_style(with_quoted_paths(overrides)))


def described(overrides: Sequence[str], schema: type = TrainConfig) -> list[tuple[str, str, str]]:
    """Every setting of a training with its value under these overrides, and what it means; of a sweep with the values
    of all its jobs.

    Args:
        overrides: as on the command line.
        schema: `TrainConfig`, or `DistillConfig` for the settings of a distillation.

    Raises:
        ConfigError: an unknown key, or an override that Hydra can't parse.
    """
    jobs = []
    for job in _jobs(normalized(overrides)) if schema is TrainConfig else [with_quoted_paths(overrides)]:
        merged = OmegaConf.merge(OmegaConf.structured(schema), _composed(job, schema))
        jobs.append(OmegaConf.to_container(merged, resolve=True))
    found = []
    for name, meaning in _settings(schema):
        shown = []
        for values in jobs:
            value: Any = values
            for key in name.split("."):
                value = value[key]
            # As it is written on the command line: null, true, [relu3_2].
            shown.append(json.dumps(value, ensure_ascii=False).replace('"', ""))
        found.append((name, ", ".join(dict.fromkeys(shown)), meaning))
    return found
