"""Steady networks: a photo and a copy of it that is shifted, zoomed and noisy must be stylised alike.

What a video does to its frames, without a video: the network learns to flicker less (Gupta et al. 2017,
arXiv 1705.02092, have it learn from real ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

SHIFT = 6.0  # px, at most, in each direction
ZOOM = 0.04  # at most, both ways
NOISE = 4 / 255  # largest standard deviation


class Motion(NamedTuple):
    """How copies of photos differ from them: for each of N samples."""

    matrices: Tensor
    """`[N, 2, 3]`, from pixels of the copy to pixels of the photo, both counted from the middle."""
    noise: Tensor
    """`[N]`, standard deviations."""
    seeds: list[int]

    def move(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images `[N, C, H, W]` moved, and 1 where they are known, `[N, 1, H, W]`."""
        height, width = images.shape[-2:]
        size = torch.tensor([width, height], dtype=torch.float32, device=images.device)
        # affine_grid counts from −1 to 1 across the image.
        matrices = self.matrices.to(images.device).clone()
        matrices[:, :, :2] *= size / size[:, None]
        matrices[:, :, 2] *= 2 / size
        grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
        # Bicubic: bilinear would blur, and the network would learn to blur.
        moved = F.grid_sample(images.float(), grid, mode="bicubic", padding_mode="reflection", align_corners=False)
        inside = (grid.abs() <= 1).all(-1)[:, None]
        return moved, inside.float()

    def disturb(self, photos: Tensor) -> Tensor:
        """Photos `[N, 3, H, W]` in [0, 1], moved and with noise."""
        moved, _ = self.move(photos)
        grain = [
            torch.randn(photo.shape, generator=torch.Generator().manual_seed(seed))
            for photo, seed in zip(photos, self.seeds, strict=True)
        ]
        return (moved + torch.stack(grain).to(photos.device) * self.noise.to(photos.device)[:, None, None, None]).clamp(
            0, 1
        )


def draw_motion(seed: int, numbers: Sequence[int]) -> Motion:
    """A motion for each sample number, the same in every run. Half of them are whole pixels without a zoom, which
    no interpolation blurs."""
    matrices, noise, seeds = [], [], []
    for number in numbers:
        rng = np.random.default_rng((seed, 4, number))
        shift = rng.uniform(-SHIFT, SHIFT, 2)
        zoom = 1 + rng.uniform(-ZOOM, ZOOM)
        if rng.uniform() < 0.5:
            shift, zoom = np.rint(shift), 1.0
        matrices.append([[zoom, 0.0, shift[0]], [0.0, zoom, shift[1]]])
        noise.append(rng.uniform(0, NOISE))
        seeds.append(int(rng.integers(2**31)))
    return Motion(torch.tensor(matrices, dtype=torch.float32), torch.tensor(noise, dtype=torch.float32), seeds)


def stability(stylized: Tensor, stylized_copy: Tensor, motion: Motion) -> Tensor:
    """How far the stylised copy is from the copy of what was stylised, where both are known.

    Args:
        stylized, stylized_copy: float RGB in [0, 1], `[N, 3, H, W]`.
        motion: of the copy.

    Returns:
        Mean squared difference, scalar, float32.
    """
    moved, known = motion.move(stylized)
    return ((moved - stylized_copy.float()).square() * known).sum() / (known.sum() * stylized.shape[1]).clamp_min(1)
