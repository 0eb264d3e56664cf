"""Bytes in, bytes out."""

from __future__ import annotations

import torch

from fast_style.models.pixel_interface import PixelInterface


def test_pixel_interface_rounds_and_keeps_the_layout() -> None:
    class Brighter(torch.nn.Module):
        def forward(self, image: torch.Tensor, *condition: torch.Tensor | None) -> torch.Tensor:
            return image + 0.6 / 255

    pixels = torch.tensor([0, 1, 254, 255], dtype=torch.uint8).view(1, 2, 2, 1).repeat(1, 1, 1, 3)
    result = PixelInterface(Brighter())(pixels)
    assert result.dtype == torch.uint8
    assert result[0, :, :, 0].flatten().tolist() == [1, 2, 255, 255]


def test_values_beyond_the_range_are_clamped() -> None:
    class Contrast(torch.nn.Module):
        def forward(self, image: torch.Tensor, strength: torch.Tensor, style: None) -> torch.Tensor:
            return image + strength

    pixels = torch.full((2, 3, 4, 3), 100, dtype=torch.uint8)
    interface = PixelInterface(Contrast())
    assert interface(pixels, torch.tensor([2.0])).unique().tolist() == [255]
    assert interface(pixels, torch.tensor([-2.0])).unique().tolist() == [0]
