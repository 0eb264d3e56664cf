"""Conversion between arrays of pixels and torch tensors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fast_style.images.arrays import RGB


def to_tensor(rgb: RGB) -> Tensor:
    """Converts uint8 `[H, W, 3]` to a uint8 tensor `[3, H, W]`."""
    return torch.from_numpy(np.array(rgb.transpose(2, 0, 1), order="C"))


def to_float(photos: Tensor) -> Tensor:
    """Converts uint8 `[N, 3, H, W]` to float32 in [0, 1], in the memory format channels last."""
    return photos.to(torch.float32, memory_format=torch.channels_last) / 255


def to_pixels(images: Tensor) -> npt.NDArray[np.uint8]:
    """Converts float RGB in [0, 1], `[N, 3, H, W]`, to a uint8 array `[N, H, W, 3]`; other values are clamped."""
    pixels = (images.detach().float().clamp(0, 1) * 255).round().to(torch.uint8)
    array: npt.NDArray[np.uint8] = pixels.permute(0, 2, 3, 1).cpu().numpy()
    return array
