"""The live loop: the newest frame of a camera or file, stylised, shown, and recorded if asked for."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from fast_style.capture import Capture, Shot
from fast_style.errors import FastStyleError, MediaError, first_line
from fast_style.extras import need
from fast_style.images import RGB, save_rgb
from fast_style.media import is_same
from fast_style.overlay import Status, draw
from fast_style.recorder import Recorder, check_recording
from fast_style.stylizer import Stylizer
from fast_style.timings import Timings

STEP = 0.1
"""Of the strength, for one press of a key."""
MESSAGE_SECONDS = 2.0
STAGES = ("stylise", "show", "latency")


class Show:
    """What is shown and how: the styles, their settings, and what each key does to them.

    Args:
        models: names or paths; all are loaded and run once, so that switching costs no frame.
        folder: where frames and recordings go.
        record: a recording that starts with the first frame.

    Raises:
        ModelError: a model can't be loaded, or has no such strength.
    """

    def __init__(
        self,
        models: list[str],
        *,
        engine: str = "auto",
        device: str = "auto",
        strength: float | None = None,
        mirror: bool = False,
        keep_color: bool = False,
        steady: bool = False,
        folder: Path = Path(),
        record: Path | None = None,
        codec: str | None = None,
    ) -> None:
        self.stylizers = [Stylizer.load(model, engine=engine, device=device) for model in models]
        self.chosen = 0
        self.strengths = [self._strength(stylizer, strength) for stylizer in self.stylizers]
        self.mirror, self.keep_color, self.split, self.help = mirror, keep_color, False, False
        self.folder, self._record_to, self._codec = folder, record, codec
        if record is not None:
            check_recording(record)
        self.recorder: Recorder | None = None
        self._completing: list[_Completion] = []
        self.written: list[Path] = []
        self.quitting = False
        self._steady_wanted = steady
        self._steady: Any = None
        self._message, self._message_until = "", 0.0
        # Keys are pressed in one thread while pictures are made in another.
        self._lock = threading.RLock()
        for number, stylizer in enumerate(self.stylizers):
            side = max(64, stylizer.info.minimum_side)
            stylizer(np.zeros((side, side, 3), np.uint8), strength=self.strengths[number])

    @staticmethod
    def _strength(stylizer: Stylizer, wanted: float | None) -> float | None:
        """The strength that a model begins with; None without a dial."""
        if not stylizer.has_strength:
            return None
        return stylizer.info.inputs["strength"]["default"] if wanted is None else wanted

    @property
    def stylizer(self) -> Stylizer:
        return self.stylizers[self.chosen]

    def check_source(self, source: str) -> None:
        """Raises a MediaError if the recording would take the place of the file that it is made of."""
        if self._record_to is not None and is_same(source, self._record_to):
            raise MediaError(f"--record {self._record_to}: is the source itself; give the recording another name")

    def say(self, message: str) -> None:
        """Shows a message for a while."""
        self._message, self._message_until = message, time.perf_counter() + MESSAGE_SECONDS

    def picture(self, shot: Shot) -> RGB:
        """The picture to show, without anything written on it; recorded, if that is on."""
        with self._lock:
            stylizer, strength = self.stylizer, self.strengths[self.chosen]
            mirror, keep_color, split = self.mirror, self.keep_color, self.split
            if self._steady_wanted and self._steady is None:
                from fast_style.steady import Steady

                self._steady = Steady()
            steady = self._steady
        original = np.ascontiguousarray(shot.rgb[:, ::-1]) if mirror else shot.rgb
        result = stylizer(original, strength=strength)
        if steady is not None:
            result = steady(original, result)
        if keep_color:
            from fast_style.color import keep_color as with_colors_of

            result = with_colors_of(original, result)
        if split:
            result = result.copy()
            result[:, : result.shape[1] // 2] = original[:, : result.shape[1] // 2]
        with self._lock:
            self._record(result, shot.time)
        return result

    def _record(self, picture: RGB, moment: float) -> None:
        if self._record_to is not None:
            path, self._record_to = self._record_to, None
            self._start(path, picture)
        if self.recorder is not None:
            try:
                self.recorder.add(picture, moment)
            except FastStyleError:
                self.recorder.abandon()
                self.recorder = None
                raise

    def status(self, rate: float, milliseconds: float) -> Status:
        """What the overlay shows."""
        marks = [
            text
            for on, text in (
                (self.keep_color, "own colours"), (self.mirror, "mirrored"), (self._steady_wanted, "steady"),
            )
            if on
        ]  # fmt: skip
        dial = self.stylizer.info.inputs.get("strength", {"minimum": 0.0, "maximum": 1.0})
        return Status(
            style=self.stylizer.info.style_title or self.stylizer.info.name,
            place=f"{self.chosen + 1} / {len(self.stylizers)}" if len(self.stylizers) > 1 else "",
            rate=rate,
            milliseconds=milliseconds,
            strength=self.strengths[self.chosen],
            strength_range=(dial["minimum"], dial["maximum"]),
            marks=tuple(marks),
            recording=self.recorder.seconds if self.recorder is not None else None,
            message=self._message if time.perf_counter() < self._message_until else "",
            help=self.help,
            split=self.split,
        )

    def press(self, key: str, picture: RGB) -> None:
        """Does what a key is for; `picture` is the one that is shown."""
        with self._lock:
            self._press(key, picture)

    def _press(self, key: str, picture: RGB) -> None:
        if key in ("q", "escape", "closed"):
            if key == "escape" and self.help:
                self.help = False
            else:
                self.quitting = True
        elif key in ("n", "right"):
            self._choose(self.chosen + 1)
        elif key in ("p", "left"):
            self._choose(self.chosen - 1)
        elif key.isdecimal() and 1 <= int(key) <= len(self.stylizers):
            self._choose(int(key) - 1)
        elif key in ("+", "=", "up"):
            self._turn(STEP)
        elif key in ("-", "_", "down"):
            self._turn(-STEP)
        elif key == "m":
            self.mirror = not self.mirror
            self._steady = None
            self.say("mirrored" if self.mirror else "not mirrored")
        elif key == "c":
            self.keep_color = not self.keep_color
            self.say("the picture's own colours" if self.keep_color else "the painting's colours")
        elif key == "o":
            self.split = not self.split
        elif key == "t":
            self._steady_wanted, self._steady = not self._steady_wanted, None
            self.say("steady" if self._steady_wanted else "not steadied")
        elif key == "s":
            self._save(picture)
        elif key == "r":
            self._toggle_recording(picture)
        elif key == "h":
            self.help = not self.help

    def _choose(self, number: int) -> None:
        self.chosen = number % len(self.stylizers)
        self._steady = None  # the last style is not to linger
        if len(self.stylizers) == 1:
            self.say("only one style: give more with --model")

    def _turn(self, step: float) -> None:
        strength = self.strengths[self.chosen]
        if strength is None:
            self.say("this style was trained without a strength dial")
            return
        dial = self.stylizer.info.inputs["strength"]
        self.strengths[self.chosen] = round(min(dial["maximum"], max(dial["minimum"], strength + step)), 2)
        self._steady = None

    def _named(self, suffix: str) -> Path:
        """A name that is not taken, not by a recording to be completed either; made of date and time."""
        stem = time.strftime("fast-style-%Y%m%d-%H%M%S")
        names = [f"{stem}{suffix}", *(f"{stem}-{number}{suffix}" for number in range(2, 1000))]
        taken = {completion.recorder.path for completion in self._completing}
        return next(path for path in (self.folder / name for name in names) if path not in taken and not path.exists())

    def _save(self, picture: RGB) -> None:
        try:
            path = self._named(".png")
            save_rgb(picture, path)
        except FastStyleError as error:
            self.say(str(error))
            return
        self.written.append(path)
        self.say(f"saved {path.name}")

    def _toggle_recording(self, picture: RGB) -> None:
        if self.recorder is not None:
            self.say(f"completing {self.recorder.path.name}")
            self._complete()
            return
        try:
            self._start(self._named(".mp4"), picture)
            self.say("recording")
        except FastStyleError as error:
            self.say(str(error))

    def _start(self, path: Path, picture: RGB) -> None:
        self.recorder = Recorder(path, (picture.shape[1], picture.shape[0]), self._codec)

    def _complete(self) -> None:
        with self._lock:
            recorder, self.recorder = self.recorder, None
            if recorder is not None:
                completion = _Completion(recorder, self._completed)
                self._completing.append(completion)
                completion.start()

    def _completed(self, completion: _Completion) -> None:
        with self._lock:
            self._completing.remove(completion)
            if completion.path is not None:
                self.written.append(completion.path)
            self.say(f"saved {completion.path}" if completion.error is None else first_line(completion.error))

    def stop_recording(self) -> None:
        """Completes the recording, if there is one, and waits for those that were stopped by key.

        Raises:
            FastStyleError: one of them could not be written, and the show goes on no longer that could say so.
        """
        self._complete()
        with self._lock:
            completing = list(self._completing)
        for completion in completing:
            completion.join()
        for completion in completing:
            if completion.error is not None:
                raise completion.error

    def abandon_recording(self) -> None:
        """Ends the recording without a file, if there is one; waits for those that were stopped by key."""
        with self._lock:
            recorder, self.recorder = self.recorder, None
            completing = list(self._completing)
        if recorder is not None:
            recorder.abandon()
        for completion in completing:
            completion.join()


class _Completion(threading.Thread):
    """Completes a recording: dozens of frames may wait to be encoded, for which no picture should wait."""

    def __init__(self, recorder: Recorder, done: Callable[[_Completion], None]) -> None:
        super().__init__(daemon=True)
        self.recorder, self._done = recorder, done
        self.path: Path | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.path = self.recorder.stop()
        except Exception as error:
            self.error = error
        self._done(self)


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
        from fast_style.window import check_display

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
    """A stylised frame, and the one that it was made of."""

    picture: RGB
    shot: Shot


class _Worker(threading.Thread):
    """Stylises the newest frame, again and again: keys are heard meanwhile, however slow the network is."""

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
                    with self._timings.measure("stylise"):
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
        from fast_style.window import Window

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
