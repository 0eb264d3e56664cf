"""Pictures as arrays: RGB is uint8 `[H, W, 3]`, sRGB and upright; alpha is uint8 `[H, W]`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

RGB = npt.NDArray[np.uint8]
"""`[H, W, 3]`."""
Alpha = npt.NDArray[np.uint8]
"""`[H, W]`, 0 where a picture is transparent."""

ROWS_AT_ONCE = 64
"""Rows computed at a time, so that a giant picture takes no more memory."""


class Cutout(NamedTuple):
    """A picture with transparency, as it is without a background."""

    rgb: RGB
    alpha: Alpha

    def over_white(self) -> RGB:
        """Returns the picture in front of white, uint8 `[H, W, 3]`."""
        front = Image.fromarray(self.rgb)
        return np.array(Image.composite(front, Image.new("RGB", front.size, "white"), Image.fromarray(self.alpha)))

    def repainted(self, painted: RGB) -> Cutout:
        """Returns a picture of the same alpha that looks like `painted` in front of white.

        Where `painted` is what `over_white` returns, the colors are exactly those of this one: the difference is
        what is taken from the white and added, not the rounded mixture itself.

        Args:
            painted: uint8 `[H, W, 3]`.
        """
        before, rgb = self.over_white(), np.empty_like(painted)
        for top in range(0, len(painted), ROWS_AT_ONCE):
            rows = slice(top, top + ROWS_AT_ONCE)
            alpha = self.alpha[rows, :, None].astype(np.float32)
            change = painted[rows].astype(np.float32) - before[rows]
            colors = self.rgb[rows] + change * (255 / np.maximum(alpha, 1))
            rgb[rows] = np.where(alpha == 0, painted[rows], np.clip(np.rint(colors), 0, 255))
        return Cutout(rgb, self.alpha)


def fit(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """Returns a size whose longer side is at most `longest`: never enlarged, at least one pixel a side."""
    longer = max(width, height)
    if longest is None or longer <= longest:
        return width, height
    # Half up in whole numbers, so that the size is the same everywhere.
    return (
        max(1, (2 * width * longest + longer) // (2 * longer)),
        max(1, (2 * height * longest + longer) // (2 * longer)),
    )


def resize_rgb(array: RGB, width: int, height: int) -> RGB:
    """Returns uint8 `[H, W, 3]` at another size, resampled with a Lanczos filter."""
    return np.array(Image.fromarray(array).resize((width, height), Image.Resampling.LANCZOS))


def make_image(array: RGB, alpha: Alpha | None) -> Image.Image:
    """Returns a PIL image of mode RGB, or RGBA with an alpha.

    Args:
        array: uint8 `[H, W, 3]`.
        alpha: uint8 `[H, W]`, or None.
    """
    # Like Image.fromarray, but without its copy of the bytes.
    size = (array.shape[1], array.shape[0])
    image = Image.frombuffer("RGB", size, np.ascontiguousarray(array), "raw", "RGB", 0, 1)
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha))
    return image
