"""A camera, file or stream, read in a thread that keeps nothing but the newest frame: latency never grows."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from fast_style.errors import UNSET, MediaError, MediaNotFoundError
from fast_style.images.arrays import RGB, fit
from fast_style.video.libraries import cv2
from fast_style.video.media import path_errors

if TYPE_CHECKING:
    from cv2 import VideoCapture

CAMERA_NODES = Path("/sys/class/video4linux")
"""Where Linux lists cameras."""
PATIENCE_SECONDS = 2.0
"""How long a camera or stream may fail to deliver before it counts as gone."""
_PROBED_CAMERAS = 4
"""How many camera indices are tried where the system lists none."""


@dataclass(frozen=True)
class CapturedFrame:
    """A frame of a camera, file or stream."""

    rgb: RGB
    """uint8 RGB `[H, W, 3]`."""
    number: int
    """Counts from 1."""
    time: float
    """When the frame came, by `time.perf_counter`."""


def list_cameras() -> list[str]:
    """Returns the cameras of this machine, as `0 (name)` where the system tells names."""
    platform: str = sys.platform  # a plain string: mypy would take the rest for unreachable on Linux
    if platform == "linux":
        return _list_camera_nodes()
    found = []
    for index in range(_PROBED_CAMERAS):
        camera = cv2.VideoCapture(index)
        if camera.isOpened():
            found.append(str(index))
        camera.release()
    return found


def _list_camera_nodes() -> list[str]:
    found = []
    for node in sorted(CAMERA_NODES.glob("video*"), key=lambda n: int("0" + n.name.removeprefix("video"))):
        number = node.name.removeprefix("video")
        try:
            # A camera has further nodes, for its metadata.
            if (node / "index").read_text().strip() == "0":
                found.append(f"{number} ({(node / 'name').read_text().strip()})")
        except OSError:
            found.append(number)
    return found


class Capture:
    """Reads frames as they come. A file is read at its own pace.

    Args:
        source: the index of a camera, or a file or URL.
        size: width and height into which frames are scaled to fit; a camera is asked for this size.

    Attributes:
        ended: why no more frames come, once none do.

    Raises:
        MediaNotFoundError: there is no such camera or file.
        MediaError: the file or stream cannot be opened.
    """

    @path_errors()
    def __init__(self, source: int | str, size: tuple[int, int]) -> None:
        self.source = source
        self.is_file = isinstance(source, str) and "://" not in source
        if self.is_file and not Path(str(source)).is_file():
            raise MediaNotFoundError(f"{source}: no such file; check the path")
        self._capture = self._open(size)
        self._size = size
        self._newest: CapturedFrame | None = None
        self._count = 0
        self._arrived = threading.Condition()
        self._closing = False
        self.ended: str | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _open(self, size: tuple[int, int]) -> VideoCapture:
        if isinstance(self.source, int):
            capture = cv2.VideoCapture(self.source)
        else:
            # libav takes the 12: of 12:30.mp4 for a protocol.
            capture = cv2.VideoCapture(str(Path(self.source).absolute()) if self.is_file else self.source)
        if not capture.isOpened():
            capture.release()
            if isinstance(self.source, int):
                known = list_cameras()
                there = f"there are: {', '.join(known)}" if known else "this machine has none"
                raise MediaNotFoundError(
                    f"no such camera; {there}",
                    setting="camera",
                    value=self.source,
                    remedy="{source} takes a file or URL instead",
                    suggestions={"source": UNSET},
                )
            raise MediaError(f"{self.source}: is no video that OpenCV can open; check it with a player")
        if isinstance(self.source, int):
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        return capture

    @property
    def received(self) -> int:
        """Number of frames that came so far."""
        return self._count

    def newest(self, after: int, timeout: float) -> CapturedFrame | None:
        """Returns the newest frame whose number is above `after`, or None if none comes in `timeout` seconds."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._newest_after(after) is not None or self.ended is not None, timeout)
            return self._newest_after(after)

    def _newest_after(self, number: int) -> CapturedFrame | None:
        return self._newest if self._newest is not None and self._newest.number > number else None

    def _read(self) -> None:
        reason = "closed"
        try:
            reason = self._read_frames()
        except Exception as error:  # whatever it is: who waits for a frame must hear of it
            reason = f"cannot be read any more ({(str(error).strip() or type(error).__name__).splitlines()[-1]})"
        finally:
            with self._arrived:
                self.ended = reason
                self._arrived.notify_all()
            self._capture.release()

    def _read_frames(self) -> str:
        """Reads until no more frames come. Returns why."""
        began: float | None = None
        failing_since: float | None = None
        while not self._closing:
            if not self._capture.grab():
                if self.is_file:
                    return "has ended" if self._count else "not one frame can be decoded; it is damaged"
                now = time.perf_counter()
                failing_since = failing_since or now
                if now - failing_since > PATIENCE_SECONDS:
                    return "delivers no more frames" if self._count else "delivers no frames"
                time.sleep(0.01)
                continue
            failing_since = None
            if self.is_file:
                position = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                began = began if began is not None else time.perf_counter() - position
                self._sleep_until(began + position)
            good, bgr = self._capture.retrieve()
            if good and bgr is not None:
                self._keep(cast(RGB, bgr))
        return "closed"

    def _sleep_until(self, moment: float) -> None:
        """Waits for a moment of `time.perf_counter`, in pieces, as `close` waits for this thread."""
        while (ahead := moment - time.perf_counter()) > 0 and not self._closing:
            time.sleep(min(ahead, 1.0))

    def _keep(self, bgr: RGB) -> None:
        """Takes a frame of OpenCV, uint8 BGR `[H, W, 3]` or gray `[H, W]`, as the newest one."""
        height, width = bgr.shape[:2]
        scale = min(self._size[0] / width, self._size[1] / height, 1.0)
        if scale < 1:
            size = fit(width, height, max(1, round(max(width, height) * scale)))
            bgr = cast(RGB, cv2.resize(bgr, size, interpolation=cv2.INTER_AREA))
        rgb = cv2.cvtColor(bgr, cv2.COLOR_GRAY2RGB if bgr.ndim == 2 else cv2.COLOR_BGR2RGB)
        with self._arrived:
            self._count += 1
            self._newest = CapturedFrame(np.asarray(rgb, np.uint8), self._count, time.perf_counter())
            self._arrived.notify_all()

    def close(self) -> None:
        """Ends the thread; a camera that blocks is left to end by itself."""
        self._closing = True
        self._thread.join(timeout=PATIENCE_SECONDS)
