"""Values of settings that a type can't rule out."""

from __future__ import annotations

import math

from fast_style.config.schema import DistillConfig, TrainConfig
from fast_style.errors import ConfigError
from fast_style.models.precision import PRECISIONS

SMALLEST_SCALED = 8
"""Pixels: side of the crops at the smallest scale that they are compared at."""


def check(config: TrainConfig) -> None:
    """Raises ConfigError for the first value that no run could use."""
    at_least = {
        "style.size": (config.style.size, 32),
        "data.image_size": (config.data.image_size, 32),
        "data.batch_size": (config.data.batch_size, 1),
        "data.val_count": (config.data.val_count, 1),
        "data.workers": (config.data.workers or 0, 0),
        "seed": (config.seed, 0),
        "loss.content_weight": (config.loss.content_weight, 0),
        "loss.style_weight": (config.loss.style_weight, 0),
        "loss.tv_weight": (config.loss.tv_weight, 0),
        "loss.checkerboard_weight": (config.loss.checkerboard_weight, 0),
        "loss.stability_weight": (config.loss.stability_weight, 0),
        "trainer.learning_rate_batch": (
            1 if config.trainer.learning_rate_batch is None else config.trainer.learning_rate_batch,
            1,
        ),
        "trainer.max_steps": (config.trainer.max_steps, 1),
        "trainer.warmup_steps": (config.trainer.warmup_steps, 0),
        "trainer.gradient_clip": (config.trainer.gradient_clip, 0),
        "trainer.val_every": (config.trainer.val_every, 1),
        "trainer.checkpoint_every": (config.trainer.checkpoint_every, 1),
        "trainer.log_every": (config.trainer.log_every, 1),
    }
    for key, (value, least) in at_least.items():
        _check_least(key, value, least)
    choices = {
        "trainer.optimizer": (config.trainer.optimizer, ("muon", "adam")),
        "trainer.schedule": (config.trainer.schedule, ("cosine", "constant")),
        "trainer.precision": (config.trainer.precision, PRECISIONS),
    }
    for key, (choice, allowed) in choices.items():
        if choice not in allowed:
            raise ConfigError(f"{key}={choice}: must be one of {', '.join(allowed)}")
    if not 0 < config.data.min_crop <= 1:
        raise ConfigError(f"data.min_crop={config.data.min_crop}: must lie above 0 and be at most 1")
    if config.model.strength and not 0 < config.trainer.strength_share < 1:
        raise ConfigError(
            f"trainer.strength_share={config.trainer.strength_share}: must lie between 0 and 1; model.strength=false for none"
        )
    if not 0 < config.trainer.learning_rate < math.inf:
        raise ConfigError(f"trainer.learning_rate={config.trainer.learning_rate}: must be above 0, and finite")
    for key in ("content_layers", "style_layers", "scales", "content_scales"):
        if not getattr(config.loss, key):
            raise ConfigError(f"loss.{key}=[]: needs at least one entry")
    for key in ("scales", "content_scales"):
        smallest = min(getattr(config.loss, key))
        if smallest > 0 and config.data.image_size * smallest < SMALLEST_SCALED:
            raise ConfigError(
                f"loss.{key}: {smallest} of data.image_size={config.data.image_size} is less than {SMALLEST_SCALED} "
                f"pixels, too few for an encoder"
            )
    if config.loss.content_weight == config.loss.style_weight == 0:
        raise ConfigError("loss: content_weight and style_weight are both 0; there is nothing to learn")


def _check_least(key: str, value: float, least: float) -> None:
    """Also refuses what is no number, infinite, or beyond 64 bits."""
    if not value >= least:
        raise ConfigError(f"{key}={value}: must be at least {least}")
    if not value < 2**63:
        raise ConfigError(f"{key}={value}: is too large")


def check_distillation(config: DistillConfig) -> None:
    """Raises ConfigError for the first value that no distillation could use."""
    at_least = {
        "synthetic_every": 1,
        "image_size": 32,
        "opponents": 1,
        "shortest_life": 1,
        "longest_life": config.shortest_life,
        "new_pictures": 1,
        "old_pictures": 1,
        "clean_pictures": 1,
        "replay": 1,
        "gram_weight": 0,
        "warmup_steps": 0,
        "max_steps": 1,
        "checkpoint_every": 1,
        "workers": 0,
        "seed": 0,
    }
    for key, least in at_least.items():
        _check_least(key, getattr(config, key), least)
    if config.image_size % 8:
        raise ConfigError(f"image_size={config.image_size}: must be a multiple of 8")
    if not 0 < config.learning_rate < math.inf:
        raise ConfigError(f"learning_rate={config.learning_rate}: must be above 0, and finite")
    if config.precision not in PRECISIONS:
        raise ConfigError(f"precision={config.precision}: must be one of {', '.join(PRECISIONS)}")
    if any(width < 1 for width in config.student.widths):
        raise ConfigError(f"student.widths={config.student.widths}: each must be at least 1")
    layers = config.teacher.layers
    if not layers:
        raise ConfigError("teacher.layers=[]: needs at least one layer")
    if config.teacher.content_layer not in layers:
        raise ConfigError(
            f"teacher.content_layer={config.teacher.content_layer}: must be one of teacher.layers, {', '.join(layers)}"
        )
