"""The live loop: the newest frame of a camera or file, stylized, shown, and recorded if asked for."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from fast_style.errors import MediaError
from fast_style.images.codec import RGB
from fast_style.system.optional import need
from fast_style.system.stage_times import Timings
from fast_style.webcam.capture import Capture, Shot
from fast_style.webcam.overlay import Status, draw
from fast_style.webcam.show import Show

STAGES = ("stylize", "show", "latency")


@dataclass
class Summary:
    """What came of a session."""

    ended: str
    shown: int
    received: int
    timings: Timings
    written: list[Path] = field(default_factory=list)


def run(
    source: int | str,
    show: Show,
    *,
    size: tuple[int, int],
    headless: bool = False,
    virtual_camera: bool = False,
) -> Summary:
    """Shows a camera, file or stream through `show` until it ends, or the window is closed, or Ctrl-C.

    Args:
        headless: without a window.
        virtual_camera: also as a camera that other programs can choose.

    Raises:
        MediaError: no camera, no display, or a recording that can't be written or would replace the source.
    """
    if not headless:
        from fast_style.webcam.window import check_display

        check_display()
    if isinstance(source, str):
        show.check_source(source)
    timings = Timings(*STAGES)
    with closing(Capture(source, size)) as capture:
        loop = _Loop(capture, show, timings, headless=headless, virtual=virtual_camera)
        try:
            ended = loop.run()
            loop.close()
            show.stop_recording()
        finally:
            loop.close()
            show.abandon_recording()
    if not loop.shown and not show.quitting:
        raise MediaError(f"{'camera ' if isinstance(source, int) else ''}{source}: {ended}; is it in use elsewhere?")
    return Summary(ended, loop.shown, capture.received, timings, show.written)


@dataclass(frozen=True)
class _Made:
    """A stylized frame, and the one that it was made of."""

    picture: RGB
    shot: Shot


class _Worker(threading.Thread):
    """Stylizes the newest frame, again and again: keys are heard meanwhile, however slow the network is."""

    def __init__(self, capture: Capture, show: Show, timings: Timings) -> None:
        super().__init__(daemon=True)
        self._capture, self._show, self._timings = capture, show, timings
        self._ready = threading.Condition()
        self._made: _Made | None = None
        self._quitting = False
        self.ended: str | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        seen, ended = 0, "closed"
        try:
            while not self._quitting:
                shot = self._capture.newest(seen, timeout=0.1)
                if shot is not None:
                    seen = shot.number
                    with self._timings.measure("stylize"):
                        picture = self._show.picture(shot)
                    with self._ready:
                        self._made = _Made(picture, shot)
                        self._ready.notify_all()
                elif self._capture.ended is not None:
                    ended = self._capture.ended
                    break
        except BaseException as error:
            self.error = error
        with self._ready:
            self.ended = ended
            self._ready.notify_all()

    def take(self, timeout: float) -> _Made | None:
        """The newest picture that was not taken yet, if there is one within `timeout` seconds."""
        with self._ready:
            self._ready.wait_for(lambda: self._made is not None or self.ended is not None, timeout)
            made, self._made = self._made, None
            return made

    def stop(self) -> None:
        self._quitting = True
        self.join()


class _Loop:
    """Shows one picture after another, in the main thread: toolkits want their windows there."""

    def __init__(self, capture: Capture, show: Show, timings: Timings, *, headless: bool, virtual: bool) -> None:
        self._show, self._timings, self._headless = show, timings, headless
        self._virtual = _VirtualCamera() if virtual else None
        self._window: Any = None
        self._moments: deque[float] = deque(maxlen=30)
        self._drawn: tuple[int, Status] | None = None
        self._worker = _Worker(capture, show, timings)
        self._milliseconds = 0.0
        self.shown = 0

    def run(self) -> str:
        """Returns why it ended."""
        last: _Made | None = None
        self._worker.start()
        while not self._show.quitting:
            try:
                made = self._worker.take(timeout=0.1 if self._headless else 0.005)
                if self._worker.error is not None:
                    raise self._worker.error
                if made is not None:
                    last = made
                    self._next(made)
                elif self._worker.ended is not None:
                    return self._worker.ended
                if not self._headless and last is not None:
                    self._display(last)
                    self._keys(last.picture)
            except KeyboardInterrupt:
                return "stopped"
        return "closed"

    def _next(self, made: _Made) -> None:
        began = time.perf_counter()
        if self._virtual is not None:
            self._virtual.send(made.picture)
        if not self._headless:
            self._display(made)
        done = time.perf_counter()
        self._timings.add("show", done - began)
        self._timings.add("latency", done - made.shot.time)
        self._moments.append(done)
        # Smoothed: figures that jump can't be read.
        now = 1000 * (done - made.shot.time)
        self._milliseconds = now if not self.shown else 0.9 * self._milliseconds + 0.1 * now
        self.shown += 1

    def _display(self, made: _Made) -> None:
        """Draws what isn't on the screen yet: another picture, or something else to write on it."""
        from fast_style.webcam.window import Window

        status = self._show.status(self._rate(), self._milliseconds)
        if self._drawn == (made.shot.number, status):
            return
        self._drawn = made.shot.number, status
        if self._window is None:
            self._window = Window(made.picture.shape[1], made.picture.shape[0])
        canvas = self._window.enlarged(made.picture)
        draw(canvas, status)
        self._window.show(canvas)

    def _keys(self, picture: RGB) -> None:
        while (key := self._window.key()) is not None:
            self._show.press(key, picture)
            if key == "closed":
                break

    def _rate(self) -> float:
        span = self._moments[-1] - self._moments[0] if len(self._moments) > 1 else 0.0
        return (len(self._moments) - 1) / span if span else 0.0

    def close(self) -> None:
        if self._worker.is_alive():
            self._worker.stop()
        if self._window is not None:
            self._window.close()
        if self._virtual is not None:
            self._virtual.close()


class _VirtualCamera:
    """A camera that other programs see. Needs a driver: v4l2loopback on Linux, OBS elsewhere."""

    def __init__(self) -> None:
        self._module = need("pyvirtualcam", "virtual-camera")
        self._camera: Any = None

    def send(self, rgb: RGB) -> None:
        if self._camera is None:
            try:
                self._camera = self._module.Camera(width=rgb.shape[1], height=rgb.shape[0], fps=30)
            except RuntimeError as error:
                reason = " ".join(str(error).split())
                raise MediaError(f"--virtual-camera: none can be made ({reason}); is its driver installed?") from error
        self._camera.send(rgb)

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()


def report(summary: Summary, console: Console) -> None:
    """The session's figures, for people."""
    left = summary.received - summary.shown
    console.print(f"{summary.shown} frames shown, {left} passed over as newer ones had come", highlight=False)
    console.print(summary.timings.table(shares=False))
