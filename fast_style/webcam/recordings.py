"""Records frames as they come to a video file, encoded in another process: the window never waits for it."""

from __future__ import annotations

import functools
import queue
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np

from fast_style.errors import FastStyleError, MediaError, first_line
from fast_style.images.codec import RGB
from fast_style.system.processes import Apart
from fast_style.video.containers import VIDEO_SUFFIXES
from fast_style.video.media import BT601, Frame, StreamFormat
from fast_style.video.writer import VideoWriter

TICKS = 90_000
AHEAD = 48
"""Most frames that wait to be encoded; further ones are left out, and the times of the others stay true."""


class Recorder:
    """A recording in progress.

    Args:
        path: of the video; its suffix names the container.
        size: width and height of its frames.
        codec: name of a codec, as in `video.codecs`.

    Raises:
        MediaError: no such kind of video. That it can't be written shows with a later frame.
    """

    def __init__(self, path: Path, size: tuple[int, int], codec: str | None = None) -> None:
        check_recording(path)
        self.path = path
        self._size = size
        stream_format = StreamFormat(*size, time_base=Fraction(1, TICKS), rate=Fraction(30), matrix=BT601)
        self._start = functools.partial(Apart, VideoWriter, path, stream_format, codec=codec)
        self._writer: Apart | None = None
        self._queue: queue.Queue[Frame | None] = queue.Queue(AHEAD)
        self._began: float | None = None
        self._latest = 0.0
        self._error: FastStyleError | None = None
        self.frames = 0
        self.left_out = 0
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self._latest - self._began if self._began is not None else 0.0

    def add(self, rgb: RGB, time: float) -> None:
        """Takes a frame, uint8 RGB `[H, W, 3]`, seen at `time` in seconds of any clock.

        Raises:
            FastStyleError: an earlier frame could not be written.
        """
        if self._error is not None:
            raise self._error
        self._began = time if self._began is None else self._began
        self._latest = time
        if (rgb.shape[1], rgb.shape[0]) != self._size:
            rgb = _placed(rgb, self._size)
        try:
            self._queue.put_nowait(Frame(rgb, round((time - self._began) * TICKS), TICKS // 30))
            self.frames += 1
        except queue.Full:
            self.left_out += 1

    def _send(self) -> None:
        # A process takes a moment to start: here, and not where the picture would stand still meanwhile.
        try:
            self._writer = self._start()
        except Exception as error:
            self._error = self._of_ours(error)
        # To the end, whatever failed: `_end` would wait for ever for a place in a queue that nobody empties.
        while (frame := self._queue.get()) is not None:
            if self._error is None and self._writer is not None:
                try:
                    self._writer.call("write", frame)
                except Exception as error:
                    self._error = self._of_ours(error)

    def _of_ours(self, error: Exception) -> FastStyleError:
        if isinstance(error, FastStyleError):
            return error
        made = MediaError(f"cannot record {self.path} ({type(error).__name__}: {first_line(error)}); is memory short?")
        made.__cause__ = error
        return made

    def _end(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def abandon(self) -> None:
        """Ends without a file."""
        self._error = self._error or MediaError(f"{self.path}: abandoned")
        self._end()
        if self._writer is not None:
            self._writer.close()

    def stop(self) -> Path:
        """Completes the file. Returns its name.

        Raises:
            FastStyleError: it could not be written; nothing is left of it.
        """
        self._end()
        try:
            if self._error is not None:
                raise self._error
            if not self.frames or self._writer is None:
                raise MediaError(f"cannot record {self.path}: not one frame came")
            finished: Path = self._writer.call("finish")
            return finished
        finally:
            if self._writer is not None:
                self._writer.close()


def check_recording(path: Path) -> None:
    """Raises a MediaError if no recording can have this name."""
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        known = " ".join(sorted(VIDEO_SUFFIXES))
        raise MediaError(f"cannot record {path}: unknown suffix {path.suffix!r}; use {known}")


def _placed(rgb: RGB, size: tuple[int, int]) -> RGB:
    """A frame of another size, cropped or on black: the camera changed its mode."""
    width, height = size
    canvas = np.zeros((height, width, 3), np.uint8)
    part = rgb[:height, :width]
    canvas[: part.shape[0], : part.shape[1]] = part
    return canvas
