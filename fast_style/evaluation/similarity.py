"""How far images are from one another, in style and in content, by the features that networks are trained with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

from fast_style.errors import ConfigError
from fast_style.images.tensors import to_float, to_tensor
from fast_style.perceptual.encoders import Encoder
from fast_style.perceptual.objective import load_large_enough
from fast_style.perceptual.style_cache import cached_style_grams

CONTENT_SIDE = 256
"""Pixels: content is compared place by place, so all images are squeezed into squares of one size."""


def distance(first: Tensor, second: Tensor) -> float:
    """‖a − b‖ / √(‖a‖·‖b‖): Euclidean, in units of the two norms' geometric mean; 0 for equal ones, symmetric."""
    scale = (first.norm() * second.norm()).sqrt().clamp_min(torch.finfo(torch.float32).tiny)
    return float((first - second).norm() / scale)


def mean_distances(features: Sequence[dict[str, Tensor]]) -> list[list[float]]:
    """`distance` of every two images, mean over their layers: a symmetric matrix with zeros on its diagonal."""
    return [[sum(distance(a[name], b[name]) for name in a) / len(a) for b in features] for a in features]


def compare(
    paths: Sequence[Path],
    encoder: Encoder,
    *,
    content_layers: Sequence[str],
    style_layers: Sequence[str],
    scales: Sequence[float],
    size: int,
) -> dict[str, Any]:
    """Distances between images.

    Args:
        paths: two or more images.
        encoder: whose features.
        content_layers: compared as they are, place by place, of images squeezed to 256×256 px.
        style_layers, scales: compared by their Gram matrices.
        size: larger images are shrunk to this longer side, at which style is compared.

    Returns:
        `images` (names), and the matrices `style` and `content`.

    Raises:
        ConfigError: fewer than two images.
        ImageError: an unreadable one, or one with less than 32 pixels a side, in itself or at `size`.
    """
    if len(paths) < 2:
        raise ConfigError(f"{len(paths)} image given; distances need two or more")
    grams, contents = [], []
    for path in paths:
        rgb = load_large_enough(path, max_side=size, setting="--max-size ")
        picture = to_float(to_tensor(rgb)[None])
        grams.append(cached_style_grams(encoder, picture, style_layers, scales))
        square = F.interpolate(picture, (CONTENT_SIDE, CONTENT_SIDE), mode="bilinear", antialias=True)
        with torch.no_grad():
            contents.append(encoder(square, content_layers))
    return {
        "images": [str(path) for path in paths],
        "encoder": encoder.name,
        "style": mean_distances(grams),
        "content": mean_distances(contents),
    }


def tables(result: dict[str, Any]) -> list[Table]:
    """The matrices of `compare`, one below the other."""
    names = [Path(path).stem for path in result["images"]]
    made = []
    for kind in ("style", "content"):
        table = Table(title=f"{kind} distance", box=None, title_justify="left")
        table.add_column("")
        for name in names:
            table.add_column(name, justify="right")
        for name, row in zip(names, result[kind], strict=True):
            table.add_row(name, *(f"{value:.3f}" for value in row))
        made.append(table)
    return made
