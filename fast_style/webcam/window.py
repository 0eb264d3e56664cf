"""A window that shows pictures and tells which keys were pressed."""

from __future__ import annotations

import os
import socket
import sys

from fast_style.errors import MediaError
from fast_style.images.codec import RGB
from fast_style.system.optional import need

TITLE = "fast_style"
WIDTH = 960
"""Of a new window, in pixels; smaller pictures are enlarged before anything is written on them."""

# Of GTK and Qt under X11, of Windows, of macOS.
_ARROWS = {
    "left": (65361, 2424832, 63234),
    "up": (65362, 2490368, 63232),
    "right": (65363, 2555904, 63235),
    "down": (65364, 2621440, 63233),
}
_NAMES = {code: name for name, codes in _ARROWS.items() for code in codes} | {27: "escape"}


def check_display() -> None:
    """Raises a MediaError where no window can be opened: toolkits would end the whole process."""
    if sys.platform != "linux" or os.environ.get("WAYLAND_DISPLAY"):
        return
    display = os.environ.get("DISPLAY", "")
    remedy = "use --headless with --record OUT.mp4"
    if not display:
        raise MediaError(f"there is no display to open a window on; {remedy}")
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
        raise MediaError(f"the display {display} does not answer; {remedy}")


class Window:
    """One window.

    Raises:
        MediaError: none can be opened here.
    """

    def __init__(self, width: int, height: int) -> None:
        check_display()
        # OpenCV's Qt looks for fonts that its wheel lacks, and says so for each of them.
        os.environ.setdefault("QT_LOGGING_RULES", "*=false")
        self._cv2 = cv2 = need("cv2", "webcam")
        try:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(TITLE, WIDTH, round(WIDTH * height / width))
        except cv2.error as error:
            raise MediaError(
                "this OpenCV opens no windows; pip uninstall opencv-python-headless and pip install opencv-python, "
                "or use --headless"
            ) from error
        self._shown = False

    def enlarged(self, rgb: RGB) -> RGB:
        """A copy to draw on, at least as wide as the window is at first."""
        cv2 = self._cv2
        height, width = rgb.shape[:2]
        if width >= WIDTH:
            return rgb.copy()
        size = (WIDTH, round(WIDTH * height / width))
        enlarged: RGB = cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC if width > 160 else cv2.INTER_NEAREST)
        return enlarged

    def show(self, rgb: RGB) -> None:
        """Shows uint8 RGB `[H, W, 3]`."""
        self._cv2.imshow(TITLE, self._cv2.cvtColor(rgb, self._cv2.COLOR_RGB2BGR))
        self._shown = True

    def key(self) -> str | None:
        """The key that was pressed since, as a character or a name, if any; `closed` for the window itself."""
        cv2 = self._cv2
        code = cv2.waitKeyEx(1)
        if self._shown and cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return "closed"
        if code < 0:
            return None
        return _NAMES.get(code) or (chr(code & 0xFF).lower() if 0 < code & 0xFFFF < 256 else None)

    def close(self) -> None:
        """Harmless a second time."""
        self._cv2.destroyAllWindows()
        self._cv2.waitKey(1)
