"""Records frames as they come to video files, encoded in another process: the window never waits for them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np

from fast_style.errors import FastStyleError, MediaError, reason_of
from fast_style.images.arrays import RGB
from fast_style.system.processes import RemoteObject
from fast_style.video.containers import VIDEO_SUFFIXES
from fast_style.video.media import BT601, Frame, StreamFormat
from fast_style.video.writer import VideoWriter

TICKS_PER_SECOND = 90_000
NOMINAL_RATE = 30
"""Frames per second that a recording states; the frames have times of their own."""
BUFFERED_FRAMES = 48
"""Most frames that wait to be encoded; further ones are left out, and the times of the others stay true."""


class Recorder:
    """A recording in progress.

    Args:
        path: the video; its suffix names the container.
        size: width and height of its frames.
        codec: a key of `VIDEO_CODECS`.

    Attributes:
        frames: number of frames taken.
        left_out: number of frames for which there was no room.

    Raises:
        MediaError: the suffix is unknown. That the file cannot be written shows with a later frame.
    """

    def __init__(self, path: Path, size: tuple[int, int], codec: str | None = None) -> None:
        check_recording(path)
        self.path = path
        self.frames = 0
        self.left_out = 0
        self._size = size
        stream_format = StreamFormat(
            *size, time_base=Fraction(1, TICKS_PER_SECOND), rate=Fraction(NOMINAL_RATE), matrix=BT601
        )
        self._start_writer: Callable[[], RemoteObject] = lambda: RemoteObject(
            VideoWriter, path, stream_format, codec=codec
        )
        self._writer: RemoteObject | None = None
        self._queue: queue.Queue[Frame | None] = queue.Queue(BUFFERED_FRAMES)
        self._began: float | None = None
        self._latest = 0.0
        self._error: FastStyleError | None = None
        self._thread = threading.Thread(target=self._send_frames, daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Length of the recording so far."""
        return self._latest - self._began if self._began is not None else 0.0

    def add(self, rgb: RGB, time: float) -> None:
        """Takes a frame.

        Args:
            rgb: uint8 RGB `[H, W, 3]`; one of another size is cropped, or put on black.
            time: when the frame was seen, in seconds of any clock.

        Raises:
            FastStyleError: an earlier frame could not be written.
        """
        if self._error is not None:
            raise self._error
        self._began = time if self._began is None else self._began
        self._latest = time
        if (rgb.shape[1], rgb.shape[0]) != self._size:
            rgb = _crop_or_pad(rgb, self._size)
        pts = round((time - self._began) * TICKS_PER_SECOND)
        try:
            self._queue.put_nowait(Frame(rgb, pts, TICKS_PER_SECOND // NOMINAL_RATE))
            self.frames += 1
        except queue.Full:
            self.left_out += 1

    def _send_frames(self) -> None:
        # A process takes a moment to start: here, and not where the picture would stand still meanwhile.
        try:
            self._writer = self._start_writer()
        except Exception as error:
            self._error = self._explain(error)
        # To the end, whatever failed: `_end` would wait for ever for a place in a queue that nobody empties.
        while (frame := self._queue.get()) is not None:
            if self._error is None and self._writer is not None:
                try:
                    self._writer.call("write", frame)
                except Exception as error:
                    self._error = self._explain(error)

    def _explain(self, error: Exception) -> FastStyleError:
        """Returns an error of ours in place of any other."""
        if isinstance(error, FastStyleError):
            return error
        explained = MediaError(
            f"cannot record {self.path} ({type(error).__name__}: {reason_of(error)}); is memory short?"
        )
        explained.__cause__ = error
        return explained

    def _end(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def abandon(self) -> None:
        """Ends the recording without a file."""
        self._error = self._error or MediaError(f"{self.path}: abandoned")
        self._end()
        if self._writer is not None:
            self._writer.close()

    def stop(self) -> Path:
        """Completes the file and returns its path.

        Raises:
            FastStyleError: it could not be written; nothing is left of it.
        """
        self._end()
        try:
            if self._error is not None:
                raise self._error
            if not self.frames or self._writer is None:
                raise MediaError(f"cannot record {self.path}: not one frame came")
            return cast(Path, self._writer.call("finish"))
        finally:
            if self._writer is not None:
                self._writer.close()


class Recordings:
    """The recording in progress, and those that are being completed in the background.

    Args:
        codec: a key of `VIDEO_CODECS`.
        first: a recording that starts with the first frame.
        on_completed: called from another thread for each recording, with its path, or with the error that ended it.

    Raises:
        MediaError: the suffix of `first` is unknown.
    """

    def __init__(
        self, codec: str | None, first: Path | None, on_completed: Callable[[Path | None, Exception | None], None]
    ) -> None:
        if first is not None:
            check_recording(first)
        self.current: Recorder | None = None
        self._codec = codec
        self._first = first
        self._on_completed = on_completed
        self._completing: list[_Completion] = []
        self._lock = threading.RLock()

    @property
    def seconds(self) -> float | None:
        """Length of the recording in progress, or None if there is none."""
        recorder = self.current
        return None if recorder is None else recorder.seconds

    def completing_paths(self) -> set[Path]:
        """Returns the paths of recordings that are being completed, and so are not there yet."""
        with self._lock:
            return {completion.recorder.path for completion in self._completing}

    def start(self, path: Path, picture: RGB) -> None:
        """Starts a recording of pictures as large as this one.

        Raises:
            MediaError: the suffix is unknown.
        """
        with self._lock:
            self.current = Recorder(path, (picture.shape[1], picture.shape[0]), self._codec)

    def add(self, picture: RGB, time: float) -> None:
        """Gives a picture to the recording in progress, if there is one.

        Raises:
            FastStyleError: it cannot be written; the recording has ended then.
        """
        with self._lock:
            if self._first is not None:
                path, self._first = self._first, None
                self.start(path, picture)
            if self.current is not None:
                try:
                    self.current.add(picture, time)
                except FastStyleError:
                    self.current.abandon()
                    self.current = None
                    raise

    def stop(self) -> None:
        """Ends the recording in progress, if there is one; it is completed in the background."""
        with self._lock:
            recorder, self.current = self.current, None
            if recorder is not None:
                completion = _Completion(recorder, self._complete)
                self._completing.append(completion)
                completion.start()

    def _complete(self, completion: _Completion) -> None:
        # Told first, removed later: `finish` waits for what has not been told.
        self._on_completed(completion.path, completion.error)
        with self._lock:
            self._completing.remove(completion)

    def finish(self) -> None:
        """Completes the recording in progress, if there is one, and waits for all others.

        Raises:
            FastStyleError: one of them could not be written.
        """
        self.stop()
        completing = self._join()
        for completion in completing:
            if completion.error is not None:
                raise completion.error

    def abandon(self) -> None:
        """Ends the recording in progress without a file, if there is one, and waits for all others."""
        with self._lock:
            recorder, self.current = self.current, None
        if recorder is not None:
            recorder.abandon()
        self._join()

    def _join(self) -> list[_Completion]:
        with self._lock:
            completing = list(self._completing)
        for completion in completing:
            completion.join()
        return completing


class _Completion(threading.Thread):
    """Completes a recording: dozens of frames may wait to be encoded, for which no picture should wait."""

    def __init__(self, recorder: Recorder, on_done: Callable[[_Completion], None]) -> None:
        super().__init__(daemon=True)
        self.recorder = recorder
        self.path: Path | None = None
        self.error: Exception | None = None
        self._on_done = on_done

    def run(self) -> None:
        try:
            self.path = self.recorder.stop()
        except Exception as error:
            self.error = error
        self._on_done(self)


def check_recording(path: Path) -> None:
    """Raises a MediaError if no recording can have this name."""
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        known = " ".join(sorted(VIDEO_SUFFIXES))
        raise MediaError(f"cannot record {path}: unknown suffix {path.suffix!r}; use {known}")


def _crop_or_pad(rgb: RGB, size: tuple[int, int]) -> RGB:
    """Returns a frame of this width and height, cropped or on black: the camera has changed its mode."""
    width, height = size
    canvas = np.zeros((height, width, 3), np.uint8)
    visible = rgb[:height, :width]
    canvas[: visible.shape[0], : visible.shape[1]] = visible
    return canvas
