"""A light temporal filter against flicker: what stood still or merely moved keeps its brush strokes.

The last result is carried along the motion of the original frames and blended in where the carried original
agrees with the present one. Where it doesn't (something was uncovered, a cut, a light went on) the new picture
stands as it is, so that nothing leaves a ghost.
"""

from __future__ import annotations

import numpy as np

from fast_style.flow import FlowFinder
from fast_style.images import RGB

MEMORY = 0.8
"""Share of the carried result where originals agree."""
TOLERANCE = 8.0
"""Difference of originals, of 255, at which that share has fallen to 1/e of itself."""
STILL = 0.25
"""Motion below this, in pixels, is none: resampling again and again would blur what stands still."""
LONGEST = 480
"""Flow is found in frames scaled to this longer side."""


class Steady:
    """Steadies a stream of stylised frames, one by one."""

    def __init__(self, memory: float = MEMORY) -> None:
        self._memory = memory
        self._finder = FlowFinder("FAST", longest=LONGEST)
        self._last: tuple[np.ndarray, RGB, RGB] | None = None

    def __call__(self, original: RGB, stylized: RGB) -> RGB:
        """The next frame.

        Args:
            original, stylized: uint8 RGB `[H, W, 3]`.

        Returns:
            uint8 RGB `[H, W, 3]`; of the first frame, and after a change of size, `stylized` itself.
        """
        gray = self._finder.gray(original)
        result = stylized
        if self._last is not None and self._last[1].shape == original.shape == stylized.shape:
            result = self._blend(gray, original, stylized, *self._last)
        self._last = gray, original, result
        return result

    def _blend(
        self, gray: np.ndarray, original: RGB, stylized: RGB, old_gray: np.ndarray, old_original: RGB, old_result: RGB
    ) -> RGB:
        cv2 = self._finder._cv2
        flow = self._finder(gray, old_gray, original.shape[:2])
        moves = np.maximum(np.abs(flow[..., 0]), np.abs(flow[..., 1])) > STILL
        flow *= moves[..., None]
        carried = self._finder.warp(old_result, flow, cubic=True)
        difference = cv2.absdiff(original, self._finder.warp(old_original, flow)).max(-1)
        # A pixel alone may agree by chance; its neighbourhood hardly does. A dilation keeps thin things whole.
        difference = cv2.GaussianBlur(cv2.dilate(difference, np.ones((3, 3), np.uint8)), (0, 0), 2.0)
        weight = _SHARE[difference] * np.float32(self._memory)
        weight *= self._finder.inside(flow)
        weight = weight[..., None]
        return np.rint(stylized + weight * (carried.astype(np.float32) - stylized)).astype(np.uint8)


_SHARE = np.exp(-np.square(np.arange(256, dtype=np.float32) / TOLERANCE))
