"""Differentiable augmentation: a discriminator of few paintings must not learn them by heart.

Zhao et al. 2020, arXiv 2006.10738: real and generated pictures are augmented alike, in the generator's step too, so
that the generator learns to paint what looks right after any augmentation, and not the augmentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, unique
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from fast_style.training.random_streams import Stream, random_generator

MAX_BRIGHTNESS = 0.5
"""Largest value that is added to all colors, which lie in [−1, 1]."""
MAX_SATURATION = 1.0
"""Largest difference of the factor of the saturation from 1, in either direction."""
MAX_CONTRAST = 0.5
"""The same for the contrast."""
MAX_SHIFT = 1 / 8
"""Largest shift in each direction, relative to the side."""
HOLE = 1 / 2
"""Side of the square that is cut out, relative to that of the picture."""


@unique
class Use(IntEnum):
    """What a picture is augmented for: each use of a sample has an augmentation of its own."""

    PAINTING = 0
    """The crop of a painting from which the discriminator learns."""
    STYLIZED = 1
    """The stylized photo from which it learns."""
    TERM = 2
    """The stylized photo that is scored for the loss."""


class Augmentation(NamedTuple):
    """How N pictures are changed; places are relative to the side."""

    brightness: Tensor
    """`[N]`: what is added to all values."""
    saturation: Tensor
    """`[N]`: factor of the differences from gray."""
    contrast: Tensor
    """`[N]`: factor of the differences from the picture's mean."""
    shifts: Tensor
    """`[N, 2]`: down and right, in [−1/8, 1/8]; what comes in is 0."""
    holes: Tensor
    """`[N, 2]`: center of the square that becomes 0, from the top and the left, in [0, 1]."""

    def apply(self, pictures: Tensor) -> Tensor:
        """Changes pictures with values in [−1, 1], `[N, 3, S, S]`; gradients pass through to what is left of them."""
        brightness, saturation, contrast = (
            value.to(pictures.device)[:, None, None, None]
            for value in (self.brightness, self.saturation, self.contrast)
        )
        changed = pictures + brightness
        gray = changed.mean(1, keepdim=True)
        changed = gray + saturation * (changed - gray)
        mean = changed.mean((1, 2, 3), keepdim=True)
        changed = mean + contrast * (changed - mean)
        side = pictures.shape[-1]
        places = zip(changed, self.shifts.tolist(), self.holes.tolist(), strict=True)
        return torch.stack([_cut(_shifted(picture, shift, side), hole, side) for picture, shift, hole in places])


def _shifted(picture: Tensor, shift: list[float], side: int) -> Tensor:
    margin = round(MAX_SHIFT * side)
    top, left = (margin - round(part * side) for part in shift)
    return F.pad(picture, (margin,) * 4)[:, top : top + side, left : left + side]


def _cut(picture: Tensor, hole: list[float], side: int) -> Tensor:
    mask = torch.ones(side, side, device=picture.device)
    top, left = (round((part - HOLE / 2) * side) for part in hole)
    length = round(HOLE * side)
    mask[max(0, top) : max(0, top + length), max(0, left) : max(0, left + length)] = 0
    return picture * mask


def draw_augmentation(seed: int, numbers: Sequence[int], use: Use, color: float = 1.0) -> Augmentation:
    """Draws an augmentation for each sample number and use, the same in every run.

    Args:
        seed: seed of the run.
        numbers: sample numbers.
        use: what the pictures are for.
        color: how much colors change: 0 for not at all, 1 for as much as in the paper.
    """
    generators = [random_generator(seed, Stream.AUGMENTATION, number, use) for number in numbers]
    drawn = torch.tensor([generator.random(7).tolist() for generator in generators], dtype=torch.float32)
    return Augmentation(
        brightness=color * MAX_BRIGHTNESS * (2 * drawn[:, 0] - 1),
        saturation=1 + color * MAX_SATURATION * (2 * drawn[:, 1] - 1),
        contrast=1 + color * MAX_CONTRAST * (2 * drawn[:, 2] - 1),
        shifts=MAX_SHIFT * (2 * drawn[:, 3:5] - 1),
        holes=drawn[:, 5:7],
    )
