"""Optical flow between frames, by OpenCV's DIS (Kroeger et al. 2016, arXiv 1603.03590)."""

from __future__ import annotations

from typing import Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt

from fast_style.images.arrays import RGB
from fast_style.video.libraries import cv2

Gray = npt.NDArray[np.uint8]
"""uint8 `[h, w]`, at least 16 each."""
Flow = npt.NDArray[np.float32]
"""float32 `[H, W, 2]`: where each pixel was in the other frame, x and y, relative to where it is, in pixels."""
Mask = npt.NDArray[np.bool_]
"""bool `[H, W]`."""

Preset = Literal["ULTRAFAST", "FAST", "MEDIUM"]

_Picture = TypeVar("_Picture", bound=npt.NDArray[np.uint8] | npt.NDArray[np.float32])

_SMALLEST_SIDE = 16
"""Pixels below which DIS fails."""


class FlowFinder:
    """Finds the flow from one frame to another, and carries pictures along it.

    Args:
        preset: how much time OpenCV takes for accuracy.
    """

    def __init__(self, preset: Preset = "MEDIUM") -> None:
        presets = {
            "ULTRAFAST": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
            "FAST": cv2.DISOPTICAL_FLOW_PRESET_FAST,
            "MEDIUM": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
        }
        self._dis = cv2.DISOpticalFlow.create(presets[preset])
        self._grid: Flow | None = None

    def gray(self, rgb: RGB) -> Gray:
        """Returns the gray picture that flow is found in, padded where a side is too short for DIS."""
        gray = cast(Gray, cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
        if min(gray.shape) < _SMALLEST_SIDE:
            gray = np.pad(gray, [(0, max(0, _SMALLEST_SIDE - side)) for side in gray.shape], mode="edge")
        return gray

    def __call__(self, first: Gray, second: Gray, size: tuple[int, int]) -> Flow:
        """Returns the flow from one gray frame to another.

        Args:
            first: the frame in whose pixels the flow is given.
            second: the frame that the flow points to.
            size: height and width of both pictures before `gray` padded them.
        """
        flow = cast(Flow, self._dis.calc(first, second, cast(Flow, None)))
        return np.ascontiguousarray(flow[: size[0], : size[1]])

    def warp(self, picture: _Picture, flow: Flow, *, cubic: bool = False) -> _Picture:
        """Returns a picture whose pixels are taken from where the flow points to in `picture`.

        What lies beyond the border is taken from the border.
        """
        if self._grid is None or self._grid.shape != flow.shape:
            height, width = flow.shape[:2]
            self._grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
        interpolation = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
        # The stubs ask for a second map; OpenCV wants none where the first one has two channels.
        maps = self._grid + flow, cast(Flow, None)
        return cast(_Picture, cv2.remap(picture, *maps, interpolation, borderMode=cv2.BORDER_REPLICATE))

    def inside(self, flow: Flow) -> Mask:
        """Returns where the flow points to a place within the frame."""
        height, width = flow.shape[:2]
        x = flow[..., 0] + np.arange(width, dtype=np.float32)
        y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
        return cast(Mask, (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))
