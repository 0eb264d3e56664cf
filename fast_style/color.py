"""A stylised picture in the colours of its photo: lightness from one, hue and chroma from the other.

In Oklab (Ottosson 2020), where equal steps look equal, so that strokes change the light and nothing else.
"""

from __future__ import annotations

import functools

import numpy as np

ROWS_AT_ONCE = 1 << 18
"""Pixels computed at a time: they stay in the processor's cache, and a giant picture takes no more memory."""

_TO_CONE = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_FROM_LAB = np.linalg.inv(_TO_LAB.astype(np.float64)).astype(np.float32)
_FROM_CONE = np.linalg.inv(_TO_CONE.astype(np.float64)).astype(np.float32)


def keep_color(photo: np.ndarray, stylized: np.ndarray) -> np.ndarray:
    """The lightness of `stylized` with the colours of `photo`: uint8 RGB `[..., 3]` of one shape, and so the result.

    Where a stroke is so dark or so light that sRGB has no such colour, the colour fades and the light stays.
    """
    result = np.empty_like(stylized)
    flat = [array.reshape(-1, 3) for array in (photo, stylized, result)]
    for start in range(0, len(flat[0]), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        flat[2][part] = _recolored(flat[0][part], flat[1][part])
    return flat[2].reshape(stylized.shape)


def lightness(picture: np.ndarray) -> np.ndarray:
    """Oklab's L of uint8 RGB `[..., 3]`: float32 in [0, 1]."""
    return np.cbrt(_linear()[picture] @ _TO_CONE.T) @ _TO_LAB[0]


def _recolored(photo: np.ndarray, stylized: np.ndarray) -> np.ndarray:
    lab = np.cbrt(_linear()[photo] @ _TO_CONE.T) @ _TO_LAB.T
    light = lightness(stylized)
    # A darker place of one surface has less chroma in the same measure: shade, and not another paint.
    lab[:, 1:] *= np.minimum(1, light / np.maximum(lab[:, 0], 1e-3))[:, None]
    lab[:, 0] = light
    color = (lab @ _FROM_LAB.T) ** 3 @ _FROM_CONE.T
    grey = (light**3)[:, None]
    # How far from grey towards the colour one can go until a channel leaves [0, 1].
    apart = color - grey
    edge = np.where(apart > 0, 1 - grey, grey)
    share = (edge / np.maximum(np.abs(apart), 1e-6)).min(axis=1, keepdims=True)
    linear = grey + apart * np.clip(share, 0, 1)
    # A table of 4096 steps along the square root is exact to half a level.
    return _levels()[(np.sqrt(np.clip(linear, 0, 1)) * (len(_levels()) - 1) + 0.5).astype(np.int32)]


@functools.cache
def _linear() -> np.ndarray:
    """sRGB levels as linear light."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


@functools.cache
def _levels() -> np.ndarray:
    """Linear light, at even steps of its square root, as sRGB levels."""
    value = np.linspace(0, 1, 4096) ** 2
    srgb = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return np.round(srgb * 255).astype(np.uint8)
