"""A light temporal filter against flicker: what stands still or merely moves keeps its brush strokes.

The last result is carried along the motion of the original frames and blended in where the carried original agrees
with the present one. Where it does not (something was uncovered, a cut, a light went on), the new picture stays as
it is, so that nothing leaves a ghost.
"""

from __future__ import annotations

from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from fast_style.images.arrays import RGB, fit
from fast_style.video.libraries import cv2
from fast_style.video.optical_flow import Flow, FlowFinder

Weights = npt.NDArray[np.float32]
"""float32 `[H, W]`, from 0 to 1."""

CARRIED_WEIGHT = 0.8
"""Weight of the carried result where both originals agree; the new picture has the rest."""
DIFFERENCE_SCALE = 16.0
"""Difference of the originals, of 255, at which the weight of the carried result has fallen to 1/e of that."""
STILL_MOTION = 0.25
"""Motion in pixels below which a pixel counts as still: resampling it again and again would blur it."""
ANALYSIS_SIDE = 480
"""Longer side in pixels to which originals are scaled before flow and differences are found."""

_WEIGHTS = CARRIED_WEIGHT * np.exp(-np.square(np.arange(256, dtype=np.float32) / DIFFERENCE_SCALE))
"""Weight of the carried result for each difference from 0 to 255."""


class TemporalFilter(Protocol):
    """A filter over the frames of one video, in their order."""

    def process(self, original: RGB, stylized: RGB) -> RGB:
        """Returns the filtered frame, as large as `stylized`; both are uint8 RGB `[H, W, 3]`."""
        ...

    def reset(self) -> None:
        """Forgets the frames before, as for the first frame of another video."""
        ...

    def close(self) -> None:
        """Gives back what the filter holds."""
        ...


class Deflicker:
    """The temporal filter against flicker."""

    def __init__(self) -> None:
        # One for each size: a finder keeps the grid of the last one.
        self._small_finder = FlowFinder("FAST")
        self._full_finder = FlowFinder("FAST")
        self._last: tuple[RGB, RGB] | None = None

    def reset(self) -> None:
        """Forgets the frames before."""
        self._last = None

    def close(self) -> None:
        """Does nothing: no file and no process is held open."""

    def process(self, original: RGB, stylized: RGB) -> RGB:
        """Returns the next frame, filtered.

        Args:
            original: the frame before it was stylized, uint8 RGB `[H, W, 3]`.
            stylized: the frame after it, uint8 RGB `[H, W, 3]`.

        Returns:
            uint8 RGB `[H, W, 3]`; for the first frame, and after a change of size, `stylized` itself.
        """
        small = self._shrink(original)
        result = stylized
        if self._last is not None and self._last[0].shape == small.shape and self._last[1].shape == stylized.shape:
            result = self._blend(small, stylized, *self._last)
        self._last = small, result
        return result

    def _shrink(self, rgb: RGB) -> RGB:
        height, width = rgb.shape[:2]
        size = fit(width, height, ANALYSIS_SIDE)
        return rgb if size == (width, height) else cast(RGB, cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))

    def _blend(self, small: RGB, stylized: RGB, last_small: RGB, last_result: RGB) -> RGB:
        """Returns the new picture with the last result, carried along the motion, blended in."""
        finder = self._small_finder
        height, width = stylized.shape[:2]
        flow = finder(finder.gray(small), finder.gray(last_small), (small.shape[0], small.shape[1]))
        weight = self._weight(small, last_small, flow)
        scale = width / flow.shape[1]
        still = STILL_MOTION / scale
        flow[(np.abs(flow[..., 0]) < still) & (np.abs(flow[..., 1]) < still)] = 0
        if scale != 1:
            weight = cast(Weights, cv2.resize(weight, (width, height), interpolation=cv2.INTER_LINEAR))
            flow = cast(Flow, cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR))
            flow *= np.array([scale, height / small.shape[0]], np.float32)
        carried = self._full_finder.warp(last_result, flow, cubic=True)
        return cast(RGB, cv2.blendLinear(carried, stylized, weight, 1 - weight))

    def _weight(self, small: RGB, last_small: RGB, flow: Flow) -> Weights:
        """Returns the weight of the carried result, float32 `[h, w]`, at the size of the small originals."""
        red, green, blue = cv2.split(cv2.absdiff(small, self._small_finder.warp(last_small, flow)))
        difference = cv2.max(cv2.max(red, green), blue)  # numpy takes ten times as long over three channels
        # Blurred against the noise of single pixels; dilated, so that the neighbors of what differs are not trusted.
        difference = cv2.dilate(cv2.GaussianBlur(difference, (0, 0), 1.5), np.ones((3, 3), np.uint8))
        return cast(Weights, _WEIGHTS[difference] * self._small_finder.inside(flow))
