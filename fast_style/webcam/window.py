"""A window that shows pictures and reports which keys were pressed."""

from __future__ import annotations

import os
import socket
import sys
from typing import cast

from fast_style.errors import UNSET, MediaError
from fast_style.images.arrays import RGB
from fast_style.video.libraries import cv2

TITLE = "fast_style"
INITIAL_WIDTH = 960
"""Width of a new window in pixels; smaller pictures are enlarged before anything is written on them."""
_PIXELATED_WIDTH = 160
"""Width up to which a picture is enlarged to visible pixels rather than blurred."""

# Key codes of GTK and Qt under X11, of Windows, and of macOS.
_ARROW_CODES = {
    "left": (65361, 2424832, 63234),
    "up": (65362, 2490368, 63232),
    "right": (65363, 2555904, 63235),
    "down": (65364, 2621440, 63233),
}
_KEY_NAMES = {code: name for name, codes in _ARROW_CODES.items() for code in codes} | {27: "escape"}


def check_display() -> None:
    """Raises a MediaError where no window can be opened: toolkits would end the whole process."""
    platform: str = sys.platform  # a plain string: mypy would take the rest for unreachable elsewhere
    if platform != "linux" or os.environ.get("WAYLAND_DISPLAY"):
        return
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise _no_display("there is no display to open a window on")
    host, _, number = display.rpartition(":")
    number = number.partition(".")[0]
    if host in ("", "unix") and number.isdecimal():
        path = f"/tmp/.X11-unix/X{number}"
        for address in (path, "\0" + path):
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(address)
                    return
                except OSError:
                    continue
        raise _no_display(f"the display {display} does not answer")


def _no_display(problem: str) -> MediaError:
    suggestions = {"headless": UNSET, "record": "OUT.mp4"}
    return MediaError(problem, remedy="use {headless} with {record}", suggestions=suggestions)


class Window:
    """A window of OpenCV.

    Args:
        width: width of the pictures, in pixels.
        height: their height.

    Raises:
        MediaError: no window can be opened here.
    """

    def __init__(self, width: int, height: int) -> None:
        check_display()
        # OpenCV's Qt looks for fonts that its wheel lacks, and says so for each of them.
        os.environ.setdefault("QT_LOGGING_RULES", "*=false")
        try:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(TITLE, INITIAL_WIDTH, round(INITIAL_WIDTH * height / width))
        except cv2.error as error:
            raise MediaError(
                "this OpenCV opens no windows",
                remedy="pip uninstall opencv-python-headless and pip install opencv-python, or use {headless}",
                suggestions={"headless": UNSET},
            ) from error
        self._shown = False

    def enlarged(self, rgb: RGB) -> RGB:
        """Returns a copy to draw on, at least as wide as the window is at first."""
        height, width = rgb.shape[:2]
        if width >= INITIAL_WIDTH:
            return rgb.copy()
        size = (INITIAL_WIDTH, round(INITIAL_WIDTH * height / width))
        interpolation = cv2.INTER_CUBIC if width > _PIXELATED_WIDTH else cv2.INTER_NEAREST
        return cast(RGB, cv2.resize(rgb, size, interpolation=interpolation))

    def show(self, rgb: RGB) -> None:
        """Shows a picture, uint8 RGB `[H, W, 3]`."""
        cv2.imshow(TITLE, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        self._shown = True

    def key(self) -> str | None:
        """Returns the key that was pressed since the last call, if any.

        Returns:
            A character in lower case, `left`, `right`, `up`, `down` or `escape`, or `closed` if the window was.
        """
        code = cv2.waitKeyEx(1)
        if self._shown and cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return "closed"
        if code < 0:
            return None
        return _KEY_NAMES.get(code) or (chr(code & 0xFF).lower() if 0 < code & 0xFFFF < 256 else None)

    def close(self) -> None:
        """Closes the window. Closing it again does nothing."""
        cv2.destroyAllWindows()
        cv2.waitKey(1)
