"""The terms of the loss that look at the picture itself, and not at an encoder's features.

A new one is a function here under `@image_term`, a field of `LossSettings` for its weight, and a line of YAML.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

ImageTerm = Callable[[Tensor], Tensor]
"""From float RGB in [0, 1] `[N, 3, H, W]` to a scalar in float32."""

IMAGE_TERMS: dict[str, tuple[str, ImageTerm]] = {}
"""The terms that look at the picture itself, by name: the field of `LossSettings` with its weight, and the function."""


def image_term(weight: str) -> Callable[[ImageTerm], ImageTerm]:
    """Registers a function as a term of every `PerceptualLoss`, under the function's own name.

    Args:
        weight: name of the field of `LossSettings` that holds the term's weight in the total.
    """

    def register(term: ImageTerm) -> ImageTerm:
        IMAGE_TERMS[term.__name__] = (weight, term)
        return term

    return register


@image_term("tv_weight")
def total_variation(image: Tensor) -> Tensor:
    """Returns the mean squared difference of vertical plus that of horizontal neighbors.

    Source: Mahendran and Vedaldi 2015, with β = 2.

    Args:
        image: `[N, C, H, W]` in [0, 1], H and W at least 2.

    Returns:
        Scalar, float32, in [0, 2]; independent of the image size.
    """
    image = image.float()
    vertical = (image[..., 1:, :] - image[..., :-1, :]).square().mean()
    horizontal = (image[..., :, 1:] - image[..., :, :-1]).square().mean()
    return vertical + horizontal


@image_term("checkerboard_weight")
def checkerboard(image: Tensor, *, period: int = 4, block: int = 64) -> Tensor:
    """Returns the energy of what repeats at `period` pixels, block by block.

    It is the variance, over the period² positions in a cell, of the mean over all cells of a block. The paper has no
    such term. Upsampling leaves such patterns (Odena et al. 2016), even by nearest neighbor: the convolution after it
    gives each position in a cell another variance, and a ReLU turns that into another mean. The perceptual loss hardly
    sees them.

    Args:
        image: `[N, C, H, W]` in [0, 1].
        period: the factor that the network upsamples by, in all.
        block: side of the blocks in pixels, shrunk where the image is smaller; rows and columns beyond the last
            whole block are left out.

    Returns:
        Scalar, float32, in [0, 0.25]; 0 for an image smaller than one cell.
    """
    n, c, height, width = image.shape
    tall, wide = (min(block, side) // period * period for side in (height, width))
    if not tall or not wide:
        return image.new_zeros((), dtype=torch.float32)
    whole = image.float()[..., : height // tall * tall, : width // wide * wide]
    # [N, C, block rows, cell rows, period, block columns, cell columns, period]
    cells = whole.reshape(n, c, -1, tall // period, period, whole.shape[-1] // wide, wide // period, period)
    means = cells.mean((3, 6))  # [N, C, block rows, period, block columns, period]
    return (means - means.mean((3, 5), keepdim=True)).square().mean()
