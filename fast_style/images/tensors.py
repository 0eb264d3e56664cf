"""Conversion between arrays of pixels and torch tensors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def to_tensor(rgb: np.ndarray) -> Tensor:
    """uint8 `[H, W, 3]` to uint8 `[3, H, W]`."""
    return torch.from_numpy(np.array(rgb.transpose(2, 0, 1), order="C"))


def to_float(photos: Tensor) -> Tensor:
    """uint8 `[N, 3, H, W]` to float in [0, 1], channels last."""
    return photos.to(torch.float32, memory_format=torch.channels_last) / 255


def to_pixels(images: Tensor) -> np.ndarray:
    """Float RGB in [0, 1] `[N, 3, H, W]` to uint8 `[N, H, W, 3]`."""
    pixels = (images.detach().float().clamp(0, 1) * 255).round().to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).cpu().numpy()
