"""The objective that settings describe: an encoder, and the loss that compares with a style image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from fast_style.config.entry import compose_training
from fast_style.config.overrides import quoted
from fast_style.config.schema import LossSettings, TrainConfig
from fast_style.perceptual.encoders import Encoder, build_encoder
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.perceptual.style_cache import cached_style_grams
from fast_style.system.hardware import keep_freed_memory
from fast_style.system.paths import find_input


def objective_config(
    style: Path,
    *,
    encoder: str,
    weights: Path | None,
    style_size: int | None,
    overrides: Sequence[str] = (),
) -> TrainConfig:
    """Composes the settings of the default loss with this style and encoder.

    Args:
        style: path of the style image.
        encoder: name of the encoder.
        weights: local weights of the encoder; None for its own.
        style_size: longer side of the style image in pixels; None for what suits the encoder.
        overrides: further settings, as on the command line of `fast-style train`.

    Raises:
        ConfigError: an unknown encoder, or an invalid setting.
    """
    given = ["style=custom", f"style.image={quoted(style)}", f"encoder={encoder}"]
    if style_size is not None:
        given.append(f"style.size={style_size}")
    if weights is not None:
        given.append(f"encoder.weights={quoted(weights)}")
    return compose_training([*given, *overrides])


def build_loss(config: TrainConfig, *styles: torch.Tensor | Sequence[torch.Tensor]) -> PerceptualLoss:
    """Builds the loss that `config` describes.

    Args:
        config: encoder and loss.
        styles: the style, or several: an image each, float RGB in [0, 1], `[1, 3, H, W]`, or a list of images, the mean
            of whose Gram matrices is the target.

    Raises:
        ConfigError: settings that no loss can be computed with.
        EncoderError: weights that cannot be read or downloaded, or do not reach the layers.
    """
    keep_freed_memory()  # Whoever computes a loss computes it again and again.
    encoder = build_objective_encoder(config)
    sets = [[style] if isinstance(style, torch.Tensor) else style for style in styles]
    by_style = [painting_grams(encoder, paintings, config.loss) for paintings in sets]
    grams = {name: torch.cat([each[name].mean(0, keepdim=True) for each in by_style]) for name in by_style[0]}
    return PerceptualLoss(encoder, grams, config.loss)


def painting_grams(
    encoder: Encoder, paintings: Sequence[torch.Tensor], settings: LossSettings
) -> dict[str, torch.Tensor]:
    """Returns the Gram matrices of M paintings, `[M, C, C]` by `term_key`.

    Args:
        encoder: feature extractor.
        paintings: float RGB in [0, 1], `[1, 3, H, W]` each.
        settings: layers and scales of the style term.
    """
    each = [cached_style_grams(encoder, image, settings.style_layers, settings.scales) for image in paintings]
    return {name: torch.cat([grams[name] for grams in each]) for name in each[0]}


def build_objective_encoder(config: TrainConfig) -> Encoder:
    """Builds the encoder that `config` names, as deep as its loss looks.

    Raises:
        ConfigError: unknown name, pooling or padding.
        EncoderError: weights that cannot be read or downloaded, or do not reach the layers.
    """
    weights = config.encoder.weights
    return build_encoder(
        config.encoder.name,
        [*config.loss.content_layers, *config.loss.style_layers],
        str(find_input(weights)) if weights else None,
        pooling=config.encoder.pooling,
        padding=config.encoder.padding,
    )
