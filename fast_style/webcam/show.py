"""What the live window shows and what its keys do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fast_style.errors import FastStyleError, MediaError, first_line
from fast_style.images.codec import RGB, save_rgb
from fast_style.inference.stylizer import Stylizer
from fast_style.video.media import is_same_file
from fast_style.webcam.capture import Shot
from fast_style.webcam.overlay import Status
from fast_style.webcam.recordings import Recorder, check_recording

STEP = 0.1
"""Of the strength, for one press of a key."""


MESSAGE_SECONDS = 2.0


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
        """The strength that a model begins with; None without a strength."""
        if not stylizer.has_strength:
            return None
        return stylizer.info.inputs["strength"]["default"] if wanted is None else wanted

    @property
    def stylizer(self) -> Stylizer:
        return self.stylizers[self.chosen]

    def check_source(self, source: str) -> None:
        """Raises a MediaError if the recording would take the place of the file that it is made of."""
        if self._record_to is not None and is_same_file(source, self._record_to):
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
                from fast_style.video.deflicker import Deflicker

                self._steady = Deflicker()
            steady = self._steady
        original = np.ascontiguousarray(shot.rgb[:, ::-1]) if mirror else shot.rgb
        result = stylizer(original, strength=strength)
        if steady is not None:
            result = steady.process(original, result)
        if keep_color:
            from fast_style.images.color import keep_color as with_colors_of

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
                (self.keep_color, "own colors"), (self.mirror, "mirrored"), (self._steady_wanted, "steady"),
            )
            if on
        ]  # fmt: skip
        bounds = self.stylizer.info.inputs.get("strength", {"minimum": 0.0, "maximum": 1.0})
        return Status(
            style=self.stylizer.info.style_title or self.stylizer.info.name,
            place=f"{self.chosen + 1} / {len(self.stylizers)}" if len(self.stylizers) > 1 else "",
            rate=rate,
            milliseconds=milliseconds,
            strength=self.strengths[self.chosen],
            strength_range=(bounds["minimum"], bounds["maximum"]),
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
        if key.isdecimal() and 1 <= int(key) <= len(self.stylizers):
            self._choose(int(key) - 1)
        elif key in KEYMAP:
            KEYMAP[key](self, picture)

    def _quit(self, picture: RGB) -> None:
        self.quitting = True

    def _escape(self, picture: RGB) -> None:
        if self.help:
            self.help = False
        else:
            self.quitting = True

    def _toggle_mirror(self, picture: RGB) -> None:
        self.mirror = not self.mirror
        self._steady = None
        self.say("mirrored" if self.mirror else "not mirrored")

    def _toggle_color(self, picture: RGB) -> None:
        self.keep_color = not self.keep_color
        self.say("the picture's own colors" if self.keep_color else "the painting's colors")

    def _toggle_split(self, picture: RGB) -> None:
        self.split = not self.split

    def _toggle_deflicker(self, picture: RGB) -> None:
        self._steady_wanted, self._steady = not self._steady_wanted, None
        self.say("steady" if self._steady_wanted else "not steadied")

    def _toggle_help(self, picture: RGB) -> None:
        self.help = not self.help

    def _choose(self, number: int) -> None:
        self.chosen = number % len(self.stylizers)
        self._steady = None  # the last style is not to linger
        if len(self.stylizers) == 1:
            self.say("only one style: give more with --model")

    def _turn(self, step: float) -> None:
        strength = self.strengths[self.chosen]
        if strength is None:
            self.say("this style was trained without a strength")
            return
        bounds = self.stylizer.info.inputs["strength"]
        self.strengths[self.chosen] = round(min(bounds["maximum"], max(bounds["minimum"], strength + step)), 2)
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


def _keymap() -> dict[str, Callable[[Show, RGB], None]]:
    """Returns the action of each key; a digit, which is not among them, chooses the style of that number."""
    actions: dict[Callable[[Show, RGB], None], tuple[str, ...]] = {
        Show._quit: ("q", "closed"),
        Show._escape: ("escape",),
        lambda show, picture: show._choose(show.chosen + 1): ("n", "right"),
        lambda show, picture: show._choose(show.chosen - 1): ("p", "left"),
        lambda show, picture: show._turn(STEP): ("+", "=", "up"),
        lambda show, picture: show._turn(-STEP): ("-", "_", "down"),
        Show._toggle_mirror: ("m",),
        Show._toggle_color: ("c",),
        Show._toggle_split: ("o",),
        Show._toggle_deflicker: ("t",),
        Show._save: ("s",),
        Show._toggle_recording: ("r",),
        Show._toggle_help: ("h",),
    }
    return {key: action for action, keys in actions.items() for key in keys}


KEYMAP = _keymap()


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
