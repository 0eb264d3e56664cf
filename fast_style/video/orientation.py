"""Orientation: how the frames of a file are turned and mirrored until they are upright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from fast_style.images.arrays import RGB
from fast_style.video.side_data import accept_unnamed_side_data

if TYPE_CHECKING:
    from av.buffer import Buffer
    from av.video.frame import VideoFrame


@dataclass(frozen=True)
class Orientation:
    """Which steps, in this order, turn a frame upright."""

    transposed: bool
    """Rows become columns."""
    flip_x: bool
    """Left and right are exchanged."""
    flip_y: bool
    """Top and bottom are exchanged."""

    @classmethod
    def of(cls, frame: VideoFrame) -> Orientation | None:
        """Returns the orientation that a frame's display matrix asks for, or None if the frame is upright already.

        Only quarter turns and mirrorings are followed; a file that asks for another angle is taken as it is.
        """
        accept_unnamed_side_data()
        matrix = cast("Buffer | None", frame.side_data.get("DISPLAYMATRIX"))
        if matrix is None:
            return None
        # The matrix is [[a, b, u], [c, d, v], [x, y, w]] in fixed point.
        a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
        if a == d == 0 and b and c:
            return cls(True, c < 0, b < 0)
        if b == c == 0 and a and d and (a < 0 or d < 0):
            return cls(False, a < 0, d < 0)
        return None

    def apply(self, rgb: RGB) -> RGB:
        """Returns the picture, uint8 RGB `[H, W, 3]`, upright: `[W, H, 3]` if it is transposed."""
        turned = rgb.swapaxes(0, 1) if self.transposed else rgb
        return np.ascontiguousarray(turned[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1])
