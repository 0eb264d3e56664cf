"""The outermost layer of an exported model: bytes in, bytes out."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PixelInterface(nn.Module):
    """A network as it is exported: uint8 RGB `[N, H, W, 3]` in and out.

    Range, layout, clamping and rounding are in here, so that no caller can get them wrong.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, strength: Tensor | None = None, style: Tensor | None = None) -> Tensor:
        """Stylizes `image`.

        Args:
            image: uint8 RGB `[N, H, W, 3]`.
            strength: `[1]`, for a network that takes a strength; None for 1.
            style: weights `[K]`, for a network that holds K styles; None for the first.
        """
        photo = image.permute(0, 3, 1, 2).float() / 255  # [N, 3, H, W]
        stylized: Tensor = self.network(photo, strength, style)
        pixels = (stylized.clamp(0, 1) * 255).round().to(torch.uint8)
        return pixels.permute(0, 2, 3, 1)  # [N, H, W, 3]
