"""A camera that other programs can choose, which shows the stylized picture."""

from __future__ import annotations

from typing import Protocol

from fast_style.errors import MediaError, reason_of
from fast_style.images.arrays import RGB
from fast_style.system.optional import require

_RATE = 30
"""Frames per second that the camera states."""


class _Camera(Protocol):
    """What is used of `pyvirtualcam.Camera`, a package without types."""

    def send(self, frame: RGB) -> None: ...
    def close(self) -> None: ...


class VirtualCamera:
    """A virtual camera, made with the first picture. It needs a driver: v4l2loopback on Linux, OBS elsewhere.

    Raises:
        MissingPackageError: pyvirtualcam is not installed.
    """

    def __init__(self) -> None:
        self._module = require("pyvirtualcam", "virtual-camera")
        self._camera: _Camera | None = None

    def send(self, rgb: RGB) -> None:
        """Shows a picture, uint8 RGB `[H, W, 3]`; all must be equally large.

        Raises:
            MediaError: no camera can be made.
        """
        if self._camera is None:
            self._camera = self._open(rgb)
        self._camera.send(rgb)

    def _open(self, rgb: RGB) -> _Camera:
        try:
            camera: _Camera = self._module.Camera(width=rgb.shape[1], height=rgb.shape[0], fps=_RATE)
        except RuntimeError as error:
            raise MediaError(
                f"none can be made ({reason_of(error)}); is its driver installed?", setting="virtual_camera"
            ) from error
        return camera

    def close(self) -> None:
        """Closes the camera, if it was made."""
        if self._camera is not None:
            self._camera.close()
