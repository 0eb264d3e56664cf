"""From settings to the objective: the style image, and the loss that compares with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from fast_style.config.entry import compose_training
from fast_style.config.overrides import quoted
from fast_style.config.schema import TrainConfig
from fast_style.errors import DataError, EncoderError, ImageError
from fast_style.images.codec import RGB, load_rgb, open_image
from fast_style.images.folders import readable_photos
from fast_style.images.tensors import to_float, to_tensor
from fast_style.perceptual.encoders import Encoder, build_encoder
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.perceptual.style_cache import cached_style_grams
from fast_style.system.hardware import keep_freed_memory
from fast_style.system.paths import find_input

SMALLEST = 32
"""Pixels: below that little is left of a picture at a quarter of the resolution."""


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


@contextmanager
def named_as_options(*, style: str = "") -> Iterator[None]:
    """Lets the errors of settings speak of the options that a command has for them.

    Args:
        style: the option of the style image; none where it is an argument.
    """
    options = {"style.image: ": style, "style.size=": "--style-size ", "encoder.weights=": "--weights "}
    try:
        yield
    except (EncoderError, ImageError) as error:
        told = str(error)
        for setting, option in options.items():
            told = told.replace(setting, option)
        raise type(error)(told) from error


def photos_below(folder: Path) -> tuple[list[Path], list[str]]:
    """`readable_photos`, for commands whose option is `--photos`.

    Raises:
        DataError: no such folder, or no readable photo in it.
    """
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise DataError(f"--photos {folder}: {found}; give a folder of photos")
    try:
        return readable_photos(folder)
    except DataError as error:
        raise DataError(f"--photos {error}") from error


def load_large_enough(path: Path, *, max_side: int, setting: str, smallest: int = SMALLEST) -> RGB:
    """`load_rgb`, for what needs room.

    Args:
        path: of the image.
        max_side: larger ones are shrunk to this longer side.
        setting: what an error calls that: `style.size=`.
        smallest: the least that both sides need, in pixels.

    Returns:
        uint8 RGB `[H, W, 3]`.

    Raises:
        ImageError: missing or unreadable, or too small, in itself or at `max_side`.
    """
    rgb = load_rgb(path, max_side=max_side)
    height, width = rgb.shape[:2]
    if min(height, width) >= smallest:
        return rgb
    enough = least_side(path, smallest)
    raise ImageError(f"{path}: {width}×{height} px at {setting}{max_side} is too small; want {setting}{enough} or more")


def least_side(path: Path, smallest: int = SMALLEST) -> int:
    """The longer side at which an image's shorter one has `smallest` pixels.

    Raises:
        ImageError: missing or unreadable, or its shorter side has fewer.
    """
    with open_image(path) as image:
        short, long = sorted(image.size)
        if short < smallest:
            raise ImageError(
                f"{path}: {image.width}×{image.height} px is too small; want sides of {smallest} px or more"
            )
    # The least n whose short · n / long rounds, half up as in load_rgb, to `smallest`.
    return -((1 - 2 * smallest) * long // (2 * short))


def load_style(config: TrainConfig) -> torch.Tensor:
    """The style image at `style.size`, float RGB in [0, 1], `[1, 3, H, W]`.

    Raises:
        ImageError: missing or unreadable, or smaller than 32 pixels on a side, in itself or at that size.
    """
    try:
        rgb = load_large_enough(find_input(config.style.image), max_side=config.style.size, setting="style.size=")
    except ImageError as error:
        raise ImageError(f"style.image: {error}") from error
    return to_float(to_tensor(rgb)[None])


def build_loss(config: TrainConfig, style: torch.Tensor) -> PerceptualLoss:
    """The loss that `config` describes, with targets from `style` `[1, 3, H, W]`."""
    keep_freed_memory()  # whoever computes it does so again and again
    encoder = build_objective_encoder(config)
    grams = cached_style_grams(encoder, style, config.loss.style_layers, config.loss.scales)
    return PerceptualLoss(encoder, grams, config.loss)


def build_objective_encoder(config: TrainConfig) -> Encoder:
    """The encoder that `config` names, as deep as its loss looks."""
    weights = config.encoder.weights
    return build_encoder(
        config.encoder.name,
        [*config.loss.content_layers, *config.loss.style_layers],
        str(find_input(weights)) if weights else None,
        pooling=config.encoder.pooling,
    )
