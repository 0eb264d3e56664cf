"""A light temporal filter against flicker: what stood still or merely moved keeps its brush strokes.

The last result is carried along the motion of the original frames and blended in where the carried original
agrees with the present one. Where it doesn't (something was uncovered, a cut, a light went on) the new picture
stands as it is, so that nothing leaves a ghost.
"""

from __future__ import annotations

import numpy as np

from fast_style.images.codec import RGB, fit
from fast_style.system.optional import need
from fast_style.video.optical_flow import FlowFinder

MEMORY = 0.8
"""Share of the carried result where originals agree."""
TOLERANCE = 16.0
"""Difference of originals, of 255, at which that share has fallen to 1/e of itself."""
STILL = 0.25
"""Motion below this, in pixels, is none: resampling again and again would blur what stands still."""
LONGEST = 480
"""Flow and agreement are found in frames scaled to this longer side."""

_SHARE = MEMORY * np.exp(-np.square(np.arange(256, dtype=np.float32) / TOLERANCE))


class Steady:
    """Steadies a stream of stylised frames, one by one."""

    def __init__(self) -> None:
        self._cv2 = need("cv2", "video")
        self._finder = FlowFinder("FAST")
        self._large = FlowFinder("FAST")
        self._last: tuple[RGB, RGB] | None = None

    def __call__(self, original: RGB, stylized: RGB) -> RGB:
        """The next frame.

        Args:
            original, stylized: uint8 RGB `[H, W, 3]`.

        Returns:
            uint8 RGB `[H, W, 3]`; of the first frame, and after a change of size, `stylized` itself.
        """
        small = self._small(original)
        result = stylized
        if self._last is not None and self._last[0].shape == small.shape and self._last[1].shape == stylized.shape:
            result = self._blend(small, stylized, *self._last)
        self._last = small, result
        return result

    def _small(self, rgb: RGB) -> RGB:
        height, width = rgb.shape[:2]
        size = fit(width, height, LONGEST)
        return rgb if size == (width, height) else self._cv2.resize(rgb, size, interpolation=self._cv2.INTER_AREA)

    def _blend(self, small: RGB, stylized: RGB, old_small: RGB, old_result: RGB) -> RGB:
        cv2, finder = self._cv2, self._finder
        height, width = stylized.shape[:2]
        flow = finder(finder.gray(small), finder.gray(old_small), small.shape[:2])
        red, green, blue = cv2.split(cv2.absdiff(small, finder.warp(old_small, flow)))
        difference = cv2.max(cv2.max(red, green), blue)  # numpy takes ten times as long over three channels
        # Without the noise of single pixels, and so that the neighbours of what differs are not trusted either.
        difference = cv2.dilate(cv2.GaussianBlur(difference, (0, 0), 1.5), np.ones((3, 3), np.uint8))
        share = _SHARE[difference] * finder.inside(flow)
        scale = width / flow.shape[1]
        least = STILL / scale
        flow[(np.abs(flow[..., 0]) < least) & (np.abs(flow[..., 1]) < least)] = 0
        if scale != 1:
            share = cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)
            flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
            flow *= np.array([scale, height / small.shape[0]], np.float32)
        carried = self._large.warp(old_result, flow, cubic=True)
        return cv2.blendLinear(carried, stylized, share, 1 - share)
