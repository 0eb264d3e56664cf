"""Distances between images, in style and in content, by the features that networks are trained with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import torch
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

from fast_style.config.schema import LossSettings
from fast_style.errors import ConfigError
from fast_style.images.tensors import to_float, to_tensor
from fast_style.perceptual.encoders import Encoder
from fast_style.perceptual.objective import build_objective_encoder, objective_config
from fast_style.perceptual.style_cache import cached_style_grams
from fast_style.perceptual.style_image import load_large_enough

CONTENT_SIDE = 256
"""Side in pixels of the squares that images are squeezed into to compare their content, which goes place by place."""

Matrix = list[list[float]]


class Distances(TypedDict):
    """Distances between images, each as a symmetric matrix."""

    images: list[str]
    """Paths of the images, in the order of rows and columns."""
    encoder: str
    """Name of the encoder."""
    style: Matrix
    content: Matrix


def similarity(images: Sequence[Path], *, encoder: str, weights: Path | None, max_size: int) -> Distances:
    """Measures how far images are from one another, with the layers of the default loss.

    Args:
        images: two or more images.
        encoder: name of the encoder.
        weights: local weights of the encoder; None for its own.
        max_size: longer side in pixels that larger images are shrunk to first.

    Raises:
        ConfigError: fewer than two images, or an unknown encoder.
        EncoderError: weights that cannot be read or downloaded.
        ImageError: an unreadable image, or one that is too small.
    """
    _check_count(images)
    config = objective_config(images[0], encoder=encoder, weights=weights, style_size=max_size)
    return compare(images, build_objective_encoder(config), config.loss, max_size=max_size)


def compare(images: Sequence[Path], encoder: Encoder, settings: LossSettings, *, max_size: int) -> Distances:
    """Measures how far images are from one another.

    Style is compared by Gram matrices at `settings.scales`; content by the features themselves, place by place, of
    images squeezed to 256×256 pixels.

    Args:
        images: two or more images.
        encoder: the encoder whose features are taken.
        settings: layers and scales; weights play no part.
        max_size: longer side in pixels that larger images are shrunk to first, and at which style is compared.

    Raises:
        ConfigError: fewer than two images.
        ImageError: an unreadable image, or one with less than 32 pixels on a side, in itself or at `max_size`.
    """
    _check_count(images)
    grams, contents = [], []
    for path in images:
        rgb = load_large_enough(path, max_side=max_size, setting="max_size")
        picture = to_float(to_tensor(rgb)[None])
        grams.append(cached_style_grams(encoder, picture, settings.style_layers, settings.scales))
        square = F.interpolate(picture, (CONTENT_SIDE, CONTENT_SIDE), mode="bilinear", antialias=True)
        with torch.no_grad():
            contents.append(encoder(square, settings.content_layers))
    return {
        "images": [str(path) for path in images],
        "encoder": encoder.name,
        "style": mean_distances(grams),
        "content": mean_distances(contents),
    }


def distance(first: Tensor, second: Tensor) -> float:
    """Returns ‖a − b‖ / √(‖a‖·‖b‖): the Euclidean distance in units of the two norms' geometric mean, symmetric."""
    scale = (first.norm() * second.norm()).sqrt().clamp_min(torch.finfo(torch.float32).tiny)
    return float((first - second).norm() / scale)


def mean_distances(features: Sequence[dict[str, Tensor]]) -> Matrix:
    """Returns the `distance` of every two images, averaged over their layers."""
    return [[sum(distance(a[name], b[name]) for name in a) / len(a) for b in features] for a in features]


def tables(distances: Distances) -> list[Table]:
    """Returns the two matrices as tables, to print one below the other."""
    names = [Path(path).stem for path in distances["images"]]
    return [
        _table("style distance", names, distances["style"]),
        _table("content distance", names, distances["content"]),
    ]


def _table(title: str, names: Sequence[str], matrix: Matrix) -> Table:
    table = Table(title=title, box=None, title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for name, row in zip(names, matrix, strict=True):
        table.add_row(name, *(f"{value:.3f}" for value in row))
    return table


def _check_count(images: Sequence[Path]) -> None:
    if len(images) < 2:
        raise ConfigError(f"{len(images)} image given; distances need two or more")
