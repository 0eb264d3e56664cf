"""Optical flow between frames, by OpenCV's DIS (Kroeger et al. 2016, arXiv 1603.03590)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fast_style.images.codec import RGB
from fast_style.system.optional import need

Flow = npt.NDArray[np.float32]
"""`[H, W, 2]`: where a pixel was in the other frame, x and y, relative to where it is."""


class FlowFinder:
    """Flow from each frame to another.

    Args:
        preset: `ULTRAFAST`, `FAST` or `MEDIUM`.
    """

    def __init__(self, preset: str = "MEDIUM") -> None:
        self._cv2 = cv2 = need("cv2", "video")
        self._dis = cv2.DISOpticalFlow_create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset}"))
        self._grid: Flow | None = None

    def gray(self, rgb: RGB) -> np.ndarray:
        """What flow is found in: uint8 `[h, w]`, at least 16 each, below which DIS fails."""
        gray = self._cv2.cvtColor(rgb, self._cv2.COLOR_RGB2GRAY)
        if min(gray.shape) < 16:
            gray = np.pad(gray, [(0, max(0, 16 - side)) for side in gray.shape], mode="edge")
        return gray

    def __call__(self, first: np.ndarray, second: np.ndarray, size: tuple[int, int]) -> Flow:
        """The flow from one gray frame to another, both of pictures of `size` (height, width)."""
        flow: Flow = self._dis.calc(first, second, None)
        return np.ascontiguousarray(flow[: size[0], : size[1]])

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
