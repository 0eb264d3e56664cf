"""A stylized picture in the colors of its photo: lightness from one, hue and chroma from the other.

Both are taken apart in Oklab (Ottosson 2020), where equal steps look equal, so that strokes change lightness alone.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from fast_style.images.arrays import RGB

Floats = npt.NDArray[np.float32]

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


def keep_color(photo: RGB, stylized: RGB) -> RGB:
    """Returns the lightness of one picture with the colors of another.

    Where a stroke is so dark or so light that sRGB has no such color, the color fades and the lightness stays.

    Args:
        photo: uint8 RGB `[..., 3]`.
        stylized: uint8 RGB of the same shape.

    Returns:
        uint8 RGB of that shape.
    """
    result = np.empty_like(stylized)
    flat = [array.reshape(-1, 3) for array in (photo, stylized, result)]
    for start in range(0, len(flat[0]), PIXELS_AT_ONCE):
        block = slice(start, start + PIXELS_AT_ONCE)
        flat[2][block] = _recolored(flat[0][block], flat[1][block])
    return flat[2].reshape(stylized.shape)


def lightness(picture: RGB) -> Floats:
    """Returns Oklab's L of uint8 RGB `[..., 3]`: float32 `[...]` in [0, 1]."""
    return _mixed(_TO_LAB[:1], np.cbrt(_mixed(_TO_CONE, _linear_planes(picture.reshape(-1, 3))))).reshape(
        picture.shape[:-1]
    )


def _linear_planes(pixels: RGB) -> Floats:
    """Returns linear light of uint8 `[N, 3]` as `[3, N]`: plane by plane the arithmetic is many times as fast."""
    return _linear().take(np.ascontiguousarray(pixels.T))


def _mixed(matrix: Floats, planes: Floats) -> Floats:
    """Returns the matrix product of `[3, 3]` or `[1, 3]` with `[3, N]`."""
    # Not `@`: BLAS would wake its threads for these few numbers, and wait for them.
    mixed: Floats = np.einsum("ij,jn->in", matrix, planes)
    return mixed


def _recolored(photo: RGB, stylized: RGB) -> RGB:
    """Does what `keep_color` does for uint8 `[N, 3]`."""
    light, a, b = _mixed(_TO_LAB, np.cbrt(_mixed(_TO_CONE, _linear_planes(photo))))
    wanted = lightness(stylized)
    # Where a surface is darker it has proportionally less chroma, as in shade; otherwise it would look repainted.
    shade = np.minimum(1, wanted / np.maximum(light, 1e-3))
    cone = _mixed(_FROM_LAB, np.stack([wanted, a * shade, b * shade]))
    gray = wanted * wanted * wanted
    offset = _mixed(_FROM_CONE, cone * cone * cone) - gray
    # How far one can go from gray towards the color until a channel leaves [0, 1].
    room = np.where(offset > 0, 1 - gray, gray)
    fraction = (room / np.maximum(np.abs(offset), 1e-6)).min(axis=0)
    linear = gray + offset * np.clip(fraction, 0, 1)
    # A table of 4096 steps along the square root is exact to half a level.
    places = np.sqrt(np.clip(linear, 0, 1)) * np.float32(len(_levels()) - 1) + np.float32(0.5)
    recolored: RGB = _levels().take(places.astype(np.int32)).T
    return recolored


@functools.cache
def _linear() -> Floats:
    """Returns linear light for each sRGB level, float32 `[256]`."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


@functools.cache
def _levels() -> npt.NDArray[np.uint8]:
    """Returns the sRGB level for each of 4096 even steps of the square root of linear light."""
    value = np.linspace(0, 1, 4096) ** 2
    srgb = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return np.round(srgb * 255).astype(np.uint8)
