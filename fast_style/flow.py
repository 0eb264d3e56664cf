"""Optical flow between frames, by OpenCV's DIS (Kroeger et al. 2016, arXiv 1603.03590)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fast_style.extras import need
from fast_style.images import RGB

Flow = npt.NDArray[np.float32]
"""`[H, W, 2]`: where a pixel was in the other frame, x and y, relative to where it is."""


class FlowFinder:
    """Flow from each frame to another.

    Args:
        preset: `ULTRAFAST`, `FAST` or `MEDIUM`.
        longest: frames are scaled to this longer side first; the flow is as large as the frames all the same.
    """

    def __init__(self, preset: str = "MEDIUM", longest: int | None = None) -> None:
        self._cv2 = cv2 = need("cv2", "video")
        self._dis = cv2.DISOpticalFlow_create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset}"))
        self._longest = longest
        self._grid: Flow | None = None

    def gray(self, rgb: RGB) -> np.ndarray:
        """What flow is found in: uint8 `[h, w]`, scaled."""
        cv2 = self._cv2
        gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        longest = self._longest
        if longest is not None and max(gray.shape) > longest:
            scale = longest / max(gray.shape)
            size = (max(16, round(gray.shape[1] * scale)), max(16, round(gray.shape[0] * scale)))
            gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
        if min(gray.shape) < 16:  # DIS asserts in its coarsest level
            gray = np.pad(gray, [(0, max(0, 16 - side)) for side in gray.shape], mode="edge")
        return gray

    def __call__(self, first: np.ndarray, second: np.ndarray, size: tuple[int, int]) -> Flow:
        """The flow from one gray frame to another, for frames of `size` (height, width)."""
        flow: Flow = self._dis.calc(first, second, None)
        height, width = size
        if flow.shape[:2] == size:
            return flow
        if self._longest is None or max(size) <= self._longest:  # was padded
            return np.ascontiguousarray(flow[:height, :width])
        scale = np.array([width / flow.shape[1], height / flow.shape[0]], np.float32)
        return self._cv2.resize(flow, (width, height), interpolation=self._cv2.INTER_LINEAR) * scale

    def warp(self, picture: np.ndarray, flow: Flow, *, cubic: bool = False) -> np.ndarray:
        """Takes each pixel from where the flow says it was; beyond the border, from the border."""
        cv2 = self._cv2
        if self._grid is None or self._grid.shape != flow.shape:
            height, width = flow.shape[:2]
            self._grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
        how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
        return cv2.remap(picture, self._grid + flow, None, how, borderMode=cv2.BORDER_REPLICATE)

    def inside(self, flow: Flow) -> np.ndarray:
        """bool `[H, W]`: where the flow points to a place within the frame."""
        height, width = flow.shape[:2]
        x = flow[..., 0] + np.arange(width, dtype=np.float32)
        y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
        return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
