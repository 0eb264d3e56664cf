"""A camera, file or stream, read in a thread that keeps nothing but the newest frame: latency never grows."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fast_style.errors import MediaError
from fast_style.images.codec import RGB, fit
from fast_style.system.optional import need
from fast_style.video.media import path_errors

DEVICES = Path("/sys/class/video4linux")
PATIENCE = 2.0
"""Seconds that a camera or stream may fail to deliver before it counts as gone."""


@dataclass(frozen=True)
class Shot:
    """A frame, uint8 RGB `[H, W, 3]`, its number, and when it came (`time.perf_counter`)."""

    rgb: RGB
    number: int
    time: float


def cameras() -> list[str]:
    """The cameras there are, as `0 (name)`, as far as the system tells."""
    platform: str = sys.platform  # a plain string: mypy would take the rest for unreachable on Linux
    found: list[str] = []
    if platform == "linux":
        for device in sorted(DEVICES.glob("video*"), key=lambda d: int("0" + d.name.removeprefix("video"))):
            number = device.name.removeprefix("video")
            try:
                # A camera has further nodes, for its metadata.
                if (device / "index").read_text().strip() == "0":
                    found.append(f"{number} ({(device / 'name').read_text().strip()})")
            except OSError:
                found.append(number)
        return found
    cv2 = need("cv2", "webcam")
    for index in range(4):
        camera = cv2.VideoCapture(index)
        if camera.isOpened():
            found.append(str(index))
        camera.release()
    return found


class Capture:
    """Reads frames as they come. A file is read at its own pace.

    Args:
        source: the number of a camera, or a file or URL.
        size: frames are scaled to fit into it; a camera is asked for it.

    Raises:
        MediaError: there is no such camera, or the file or stream can't be opened.
    """

    @path_errors()
    def __init__(self, source: int | str, size: tuple[int, int]) -> None:
        self._cv2 = need("cv2", "webcam")
        self.source = source
        self.is_file = isinstance(source, str) and "://" not in source
        if self.is_file and not Path(str(source)).is_file():
            raise MediaError(f"{source}: no such file; check the path")
        self._capture = self._open(size)
        self._longest_fit = size
        self._newest: Shot | None = None
        self._count = 0
        self._arrived = threading.Condition()
        self._closing = False
        self.ended: str | None = None
        """Why no more frames come, once none do."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _open(self, size: tuple[int, int]) -> Any:
        cv2 = self._cv2
        # libav takes the 12: of 12:30.mp4 for a protocol.
        capture = cv2.VideoCapture(str(Path(str(self.source)).absolute()) if self.is_file else self.source)
        if not capture.isOpened():
            capture.release()
            if isinstance(self.source, int):
                known = cameras()
                there = f"there are: {', '.join(known)}" if known else "this machine has none"
                raise MediaError(
                    f"--camera {self.source}: no such camera; {there}. --source takes a file or URL instead"
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
        """Frames that came so far."""
        return self._count

    def newest(self, after: int, timeout: float) -> Shot | None:
        """The newest frame whose number is above `after`; None if none comes in `timeout` seconds."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._newest_after(after) or self.ended is not None, timeout)
            return self._newest if self._newest_after(after) else None

    def _newest_after(self, number: int) -> bool:
        return self._newest is not None and self._newest.number > number

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
        """Returns why no more come."""
        began = failing = None
        while not self._closing:
            if not self._capture.grab():
                if self.is_file:
                    return "has ended" if self._count else "not one frame can be decoded; it is damaged"
                failing = failing or time.perf_counter()
                if time.perf_counter() - failing > PATIENCE:
                    return "delivers no more frames" if self._count else "delivers no frames"
                time.sleep(0.01)
                continue
            failing = None
            if self.is_file:
                position = self._capture.get(self._cv2.CAP_PROP_POS_MSEC) / 1000
                began = began if began is not None else time.perf_counter() - position
                # In pieces, as `close` waits for this thread.
                while (ahead := began + position - time.perf_counter()) > 0 and not self._closing:
                    time.sleep(min(ahead, 1.0))
            good, bgr = self._capture.retrieve()
            if good and bgr is not None:
                self._keep(bgr)
        return "closed"

    def _keep(self, bgr: Any) -> None:
        cv2 = self._cv2
        height, width = bgr.shape[:2]
        room = min(self._longest_fit[0] / width, self._longest_fit[1] / height, 1.0)
        if room < 1:
            size = fit(width, height, max(1, round(max(width, height) * room)))
            bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
        rgb = cv2.cvtColor(bgr, cv2.COLOR_GRAY2RGB if bgr.ndim == 2 else cv2.COLOR_BGR2RGB)
        with self._arrived:
            self._count += 1
            self._newest = Shot(rgb, self._count, time.perf_counter())
            self._arrived.notify_all()

    def close(self) -> None:
        """Ends the thread; a camera that blocks is left to end by itself."""
        self._closing = True
        self._thread.join(timeout=PATIENCE)
