"""From settings to the objective: the style image, and the loss that compares with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch

from fast_style.config import TrainConfig, compose_training
from fast_style.data import to_tensor
from fast_style.encoders import Encoder, build_encoder
from fast_style.errors import ConfigError, ImageError
from fast_style.images import load_rgb
from fast_style.losses import PerceptualLoss
from fast_style.machine import keep_freed_memory
from fast_style.module import to_float
from fast_style.resources import find_input
from fast_style.style_cache import cached_style_grams


def objective_config(
    style: Path,
    *,
    encoder: str,
    weights: Path | None,
    style_size: int,
    overrides: Sequence[str] = (),
) -> TrainConfig:
    """The settings of the default loss, with this style and encoder.

    Args:
        style: the style image.
        encoder: by name.
        weights: local ones of the encoder.
        style_size: longer side in pixels.
        overrides: further settings, as on the command line of `fast-style train`.

    Raises:
        ConfigError: an unknown encoder, or a setting that can't be.
    """
    given = ["style=custom", f"style.image={quoted(style)}", f"style.size={style_size}", f"encoder={encoder}"]
    if weights is not None:
        given.append(f"encoder.weights={quoted(weights)}")
    return compose_training([*given, *overrides])


def quoted(path: Path) -> str:
    """A path as the value of a Hydra override, whatever is in it."""
    # Hydra takes a backslash as it is, but for those before a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), str(path))
    return f"'{escaped}'"


def load_style(config: TrainConfig) -> torch.Tensor:
    """The style image at `style.size`, float RGB in [0, 1], `[1, 3, H, W]`.

    Raises:
        ImageError: missing or unreadable.
        ConfigError: smaller than 32 pixels on a side.
    """
    try:
        rgb = load_rgb(find_input(config.style.image), max_side=config.style.size)
    except ImageError as error:
        raise ImageError(f"style.image: {error}") from error
    if min(rgb.shape[:2]) < 32:
        raise ConfigError(
            f"style.image={config.style.image}: {rgb.shape[1]}×{rgb.shape[0]} px is too small; want 32 or more"
        )
    return to_float(to_tensor(rgb)[None])


def build_loss(config: TrainConfig, style: torch.Tensor) -> PerceptualLoss:
    """The loss that `config` describes, with targets from `style` `[1, 3, H, W]`."""
    keep_freed_memory()  # whoever computes it does so again and again
    loss = config.loss
    encoder = build_objective_encoder(config)
    return PerceptualLoss(
        encoder,
        cached_style_grams(encoder, style, loss.style_layers, loss.scales),
        content_layers=loss.content_layers,
        style_layers=loss.style_layers,
        scales=loss.scales,
        content_scales=loss.content_scales,
        layer_weights=loss.layer_weights,
        content_weight=loss.content_weight,
        style_weight=loss.style_weight,
        tv_weight=loss.tv_weight,
        checkerboard_weight=loss.checkerboard_weight,
    )


def build_objective_encoder(config: TrainConfig) -> Encoder:
    """The encoder that `config` names, as deep as its loss looks."""
    weights = config.encoder.weights
    return build_encoder(
        config.encoder.name,
        [*config.loss.content_layers, *config.loss.style_layers],
        str(find_input(weights)) if weights else None,
        pooling=config.encoder.pooling,
    )
