"""A stylized picture in the colors of its photo: lightness from one, hue and chroma from the other.

In Oklab (Ottosson 2020), where equal steps look equal, so that strokes change the light and nothing else.
"""

from __future__ import annotations

import functools

import numpy as np

PIXELS_AT_ONCE = 1 << 15
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
    """The lightness of `stylized` with the colors of `photo`: uint8 RGB `[..., 3]` of one shape, and so the result.

    Where a stroke is so dark or so light that sRGB has no such color, the color fades and the light stays.
    """
    result = np.empty_like(stylized)
    flat = [array.reshape(-1, 3) for array in (photo, stylized, result)]
    for start in range(0, len(flat[0]), PIXELS_AT_ONCE):
        part = slice(start, start + PIXELS_AT_ONCE)
        flat[2][part] = _recolored(flat[0][part], flat[1][part])
    return flat[2].reshape(stylized.shape)


def lightness(picture: np.ndarray) -> np.ndarray:
    """Oklab's L of uint8 RGB `[..., 3]`: float32 in [0, 1]."""
    return _mixed(_TO_LAB[:1], np.cbrt(_mixed(_TO_CONE, _linear_planes(picture.reshape(-1, 3))))).reshape(
        picture.shape[:-1]
    )


def _linear_planes(pixels: np.ndarray) -> np.ndarray:
    """Linear light of uint8 `[N, 3]` as `[3, N]`: plane by plane the arithmetic is many times as fast."""
    return _linear().take(np.ascontiguousarray(pixels.T))


def _mixed(matrix: np.ndarray, planes: np.ndarray) -> np.ndarray:
    # Not `@`: BLAS would wake its threads for these few numbers, and wait for them.
    mixed: np.ndarray = np.einsum("ij,jn->in", matrix, planes)
    return mixed


def _recolored(photo: np.ndarray, stylized: np.ndarray) -> np.ndarray:
    """uint8 `[N, 3]` each."""
    light, a, b = _mixed(_TO_LAB, np.cbrt(_mixed(_TO_CONE, _linear_planes(photo))))
    wanted = lightness(stylized)
    # A darker place of one surface has less chroma in the same measure: shade, and not another paint.
    shade = np.minimum(1, wanted / np.maximum(light, 1e-3))
    cone = _mixed(_FROM_LAB, np.stack([wanted, a * shade, b * shade]))
    gray = wanted * wanted * wanted
    apart = _mixed(_FROM_CONE, cone * cone * cone) - gray
    # How far from gray towards the color one can go until a channel leaves [0, 1].
    edge = np.where(apart > 0, 1 - gray, gray)
    share = (edge / np.maximum(np.abs(apart), 1e-6)).min(axis=0)
    linear = gray + apart * np.clip(share, 0, 1)
    # A table of 4096 steps along the square root is exact to half a level.
    places = np.sqrt(np.clip(linear, 0, 1)) * np.float32(len(_levels()) - 1) + np.float32(0.5)
    recolored: np.ndarray = _levels().take(places.astype(np.int32)).T
    return recolored


@functools.cache
def _linear() -> np.ndarray:
    """Returns linear light for each sRGB level, float32 `[256]`."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


@functools.cache
def _levels() -> np.ndarray:
    """Linear light, at even steps of its square root, as sRGB levels."""
    value = np.linspace(0, 1, 4096) ** 2
    srgb = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return np.round(srgb * 255).astype(np.uint8)
