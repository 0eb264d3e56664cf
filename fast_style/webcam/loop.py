"""The live loop: the newest frame of a camera or file, stylized, shown, and recorded if asked for."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from fast_style.errors import UNSET, ConfigError, MediaError
from fast_style.images.arrays import RGB
from fast_style.system.stage_times import Timings
from fast_style.system.wording import counted
from fast_style.webcam.capture import Capture, CapturedFrame
from fast_style.webcam.keymap import press_key
from fast_style.webcam.live_view import LiveView
from fast_style.webcam.options import WebcamOptions
from fast_style.webcam.overlay import draw
from fast_style.webcam.status import Status
from fast_style.webcam.virtual_camera import VirtualCamera

if TYPE_CHECKING:
    from fast_style.webcam.window import Window

STAGES = ("stylize", "show", "latency")
_RATE_FRAMES = 30
"""Frames over which the frame rate is averaged."""
_LATENCY_SMOOTHING = 0.9
"""Share of the shown latency that stays with each frame: figures that jump cannot be read."""


@dataclass
class Summary:
    """What came of a live session."""

    ended: str
    """Why it ended."""
    shown: int
    """Number of frames shown."""
    received: int
    """Number of frames that came."""
    timings: Timings
    written: list[Path] = field(default_factory=list)
    """Frames and recordings that were saved."""


def run_webcam(source: int | str, models: list[str], options: WebcamOptions | None = None) -> Summary:
    """Shows a camera, file or stream until it ends, the window is closed, or Ctrl-C.

    Args:
        source: the index of a camera, or a file or URL.
        models: names or paths of the models.
        options: how the camera is captured, stylized, shown and recorded.

    Raises:
        MediaNotFoundError: there is no such camera or file.
        MediaError: there is no display, or the recording cannot be written.
        ModelError: a model cannot be loaded.
        ConfigError: nothing would be shown, a model does not take the strength, or the recording would replace the
            source.
    """
    options = options or WebcamOptions()
    if options.headless and options.record is None and not options.virtual_camera:
        raise ConfigError(
            "shows nothing",
            setting="headless",
            remedy="add {record} or {virtual_camera}",
            suggestions={"record": "OUT.mp4", "virtual_camera": UNSET},
        )
    view = LiveView(models, options)
    if not options.headless:
        from fast_style.webcam.window import check_display

        check_display()
    if isinstance(source, str):
        view.check_source(source)
    timings = Timings(*STAGES)
    with closing(Capture(source, options.size)) as capture:
        virtual_camera = VirtualCamera() if options.virtual_camera else None
        loop = _LiveLoop(capture, view, timings, headless=options.headless, virtual_camera=virtual_camera)
        try:
            ended = loop.run()
            loop.close()
            view.recordings.finish()
        finally:
            loop.close()
            view.recordings.abandon()
    if not loop.shown and not view.quitting:
        raise MediaError(f"{'camera ' if isinstance(source, int) else ''}{source}: {ended}; is it in use elsewhere?")
    return Summary(ended, loop.shown, capture.received, timings, view.written)


@dataclass(frozen=True)
class _StylizedFrame:
    """A stylized picture, and the frame that it was made of."""

    picture: RGB
    captured: CapturedFrame


class _StylizingThread(threading.Thread):
    """Stylizes the newest frame, again and again: keys are heard meanwhile, however slow the network is.

    Attributes:
        ended: why no more pictures come, once none do.
        error: what ended the thread, if it failed.
    """

    def __init__(self, capture: Capture, view: LiveView, timings: Timings) -> None:
        super().__init__(daemon=True)
        self.ended: str | None = None
        self.error: BaseException | None = None
        self._capture, self._view, self._timings = capture, view, timings
        self._arrived = threading.Condition()
        self._newest: _StylizedFrame | None = None
        self._quitting = False

    def run(self) -> None:
        ended = "closed"
        try:
            ended = self._stylize_frames()
        except BaseException as error:
            self.error = error
        with self._arrived:
            self.ended = ended
            self._arrived.notify_all()

    def _stylize_frames(self) -> str:
        """Stylizes until no more frames come. Returns why."""
        seen = 0
        while not self._quitting:
            captured = self._capture.newest(seen, timeout=0.1)
            if captured is not None:
                seen = captured.number
                with self._timings.measure("stylize"):
                    picture = self._view.render(captured)
                with self._arrived:
                    self._newest = _StylizedFrame(picture, captured)
                    self._arrived.notify_all()
            elif self._capture.ended is not None:
                return self._capture.ended
        return "closed"

    def take(self, timeout: float) -> _StylizedFrame | None:
        """Returns the newest picture that was not taken yet, or None if there is none within `timeout` seconds."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._newest is not None or self.ended is not None, timeout)
            newest, self._newest = self._newest, None
            return newest

    def stop(self) -> None:
        """Ends the thread after the picture that it is at."""
        self._quitting = True
        self.join()


class _LiveLoop:
    """Shows one picture after another, in the main thread: toolkits want their windows there.

    Attributes:
        shown: number of frames shown.
    """

    def __init__(
        self,
        capture: Capture,
        view: LiveView,
        timings: Timings,
        *,
        headless: bool,
        virtual_camera: VirtualCamera | None,
    ) -> None:
        self.shown = 0
        self._view, self._timings, self._headless = view, timings, headless
        self._virtual_camera = virtual_camera
        self._window: Window | None = None
        self._moments: deque[float] = deque(maxlen=_RATE_FRAMES)
        self._drawn: tuple[int, Status] | None = None
        self._stylizing = _StylizingThread(capture, view, timings)
        self._milliseconds = 0.0

    def run(self) -> str:
        """Runs until the source or the user ends it. Returns why it ended."""
        last: _StylizedFrame | None = None
        self._stylizing.start()
        while not self._view.quitting:
            try:
                newest = self._stylizing.take(timeout=0.1 if self._headless else 0.005)
                if self._stylizing.error is not None:
                    raise self._stylizing.error
                if newest is not None:
                    last = newest
                    self._show(newest)
                elif self._stylizing.ended is not None:
                    return self._stylizing.ended
                if not self._headless and last is not None:
                    self._handle_keys(self._display(last), last.picture)
            except KeyboardInterrupt:
                return "stopped"
        return "closed"

    def _show(self, frame: _StylizedFrame) -> None:
        """Shows a new picture and measures how long that took."""
        began = time.perf_counter()
        if self._virtual_camera is not None:
            self._virtual_camera.send(frame.picture)
        if not self._headless:
            self._display(frame)
        done = time.perf_counter()
        latency = done - frame.captured.time
        self._timings.add("show", done - began)
        self._timings.add("latency", latency)
        self._moments.append(done)
        kept = _LATENCY_SMOOTHING if self.shown else 0.0
        self._milliseconds = kept * self._milliseconds + (1 - kept) * 1000 * latency
        self.shown += 1

    def _display(self, frame: _StylizedFrame) -> Window:
        """Draws what is not on the screen yet: another picture, or something else to write on it."""
        from fast_style.webcam.window import Window

        if self._window is None:
            self._window = Window(frame.picture.shape[1], frame.picture.shape[0])
        status = self._view.status(self._rate(), self._milliseconds)
        if self._drawn != (frame.captured.number, status):
            self._drawn = frame.captured.number, status
            canvas = self._window.enlarged(frame.picture)
            draw(canvas, status)
            self._window.show(canvas)
        return self._window

    def _handle_keys(self, window: Window, picture: RGB) -> None:
        while (key := window.key()) is not None:
            press_key(self._view, key, picture)
            if key == "closed":
                break

    def _rate(self) -> float:
        """Returns frames per second over the last frames."""
        span = self._moments[-1] - self._moments[0] if len(self._moments) > 1 else 0.0
        return (len(self._moments) - 1) / span if span else 0.0

    def close(self) -> None:
        """Ends the thread and closes the window. Closing again does nothing."""
        if self._stylizing.is_alive():
            self._stylizing.stop()
        if self._window is not None:
            self._window.close()
        if self._virtual_camera is not None:
            self._virtual_camera.close()


def print_summary(summary: Summary, console: Console) -> None:
    """Prints how many frames were shown, and how long each stage took."""
    shown, left = counted(summary.shown, "frame"), summary.received - summary.shown
    console.print(f"{shown} shown, {left} passed over as newer ones had come", highlight=False)
    console.print(summary.timings.table(fractions=False))
