"""The stability term: a photo and a shifted, zoomed and noisy copy of it must be stylized alike.

The copy stands for the next frame of a video, so the network learns to flicker less without ever seeing a video (Gupta
et al. 2017, arXiv 1705.02092, train on real ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from fast_style.training.random_streams import Stream, random_generator

MAX_SHIFT = 6.0
"""Largest shift in each direction, in pixels."""
MAX_ZOOM = 0.04
"""Largest difference of the zoom from 1, in either direction."""
MAX_NOISE = 4 / 255
"""Largest standard deviation of the noise, for values in [0, 1]."""


class Motion(NamedTuple):
    """How the copies of N photos differ from the photos."""

    matrices: Tensor
    """`[N, 2, 3]`: affine maps from pixels of the copy to pixels of the photo, both counted from the center."""
    noise: Tensor
    """`[N]`: standard deviations of the noise."""
    seeds: list[int]
    """Seeds of the noise, one for each photo."""

    def move(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Moves images.

        Args:
            images: `[N, C, H, W]`.

        Returns:
            The moved images, `[N, C, H, W]` in float32, and a mask `[N, 1, H, W]`: 1 where they show something of the
            originals, 0 where these had to be continued beyond their border.
        """
        height, width = images.shape[-2:]
        size = torch.tensor([width, height], dtype=torch.float32, device=images.device)
        # affine_grid counts from −1 to 1 across the image.
        matrices = self.matrices.to(images.device).clone()
        matrices[:, :, :2] *= size / size[:, None]
        matrices[:, :, 2] *= 2 / size
        grid = F.affine_grid(matrices, list(images.shape), align_corners=False)  # [N, H, W, 2]
        # Bicubic, because bilinear interpolation blurs, and the network would learn to blur.
        moved = F.grid_sample(images.float(), grid, mode="bicubic", padding_mode="reflection", align_corners=False)
        inside = (grid.abs() <= 1).all(-1)[:, None]
        return moved, inside.float()

    def disturb(self, photos: Tensor) -> Tensor:
        """Returns the copies of photos `[N, 3, H, W]` in [0, 1]: moved, with noise, of the same shape and range."""
        moved, _ = self.move(photos)
        grain = [
            torch.randn(photo.shape, generator=torch.Generator().manual_seed(seed))
            for photo, seed in zip(photos, self.seeds, strict=True)
        ]
        noise = torch.stack(grain).to(photos.device) * self.noise.to(photos.device)[:, None, None, None]
        return (moved + noise).clamp(0, 1)


def draw_motion(seed: int, numbers: Sequence[int]) -> Motion:
    """Draws a motion for each sample number, the same in every run.

    Half of them are shifts by whole pixels without a zoom, which no interpolation blurs.
    """
    matrices, noise, seeds = [], [], []
    for number in numbers:
        rng = random_generator(seed, Stream.MOTION, number)
        shift_x, shift_y = rng.uniform(-MAX_SHIFT, MAX_SHIFT, 2).tolist()
        zoom = 1 + rng.uniform(-MAX_ZOOM, MAX_ZOOM)
        if rng.uniform() < 0.5:
            shift_x, shift_y, zoom = round(shift_x), round(shift_y), 1.0
        matrices.append([[zoom, 0.0, shift_x], [0.0, zoom, shift_y]])
        noise.append(rng.uniform(0, MAX_NOISE))
        seeds.append(int(rng.integers(2**31)))
    return Motion(torch.tensor(matrices, dtype=torch.float32), torch.tensor(noise, dtype=torch.float32), seeds)


def stability(stylized: Tensor, stylized_copy: Tensor, motion: Motion) -> Tensor:
    """Compares the stylized copies with copies of the stylized photos, where both are known.

    Args:
        stylized: the stylized photos, float RGB in [0, 1], `[N, 3, H, W]`.
        stylized_copy: the stylized copies, of the same shape and range.
        motion: how the copies were made.

    Returns:
        Mean squared difference: scalar, float32, in [0, 1].
    """
    moved, known = motion.move(stylized)
    squared = (moved - stylized_copy.float()).square() * known
    return squared.sum() / (known.sum() * stylized.shape[1]).clamp_min(1)
