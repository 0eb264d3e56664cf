"""The state of the live picture: the styles, their settings, and how a frame becomes the picture that is shown."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fast_style.errors import ConfigError, FastStyleError, reason_of
from fast_style.images.arrays import RGB
from fast_style.images.color import keep_color
from fast_style.images.encode import save_rgb
from fast_style.inference.stylizer import Stylizer
from fast_style.video.deflicker import Deflicker, TemporalFilter
from fast_style.video.media import is_same_file
from fast_style.webcam.capture import CapturedFrame
from fast_style.webcam.options import WebcamOptions
from fast_style.webcam.recordings import Recordings
from fast_style.webcam.status import Status

STRENGTH_STEP = 0.1
"""Change of the strength for one press of a key."""
BLEND_STEP = 0.25
"""Share of the next style that one press of a key adds."""
MESSAGE_SECONDS = 2.0
"""How long a message is shown."""


@dataclass(frozen=True)
class LiveStyle:
    """One of the styles that keys step through."""

    stylizer: Stylizer
    name: str | None
    """Name of the style in a model that holds several; None for a model of one."""
    title: str


def live_styles(stylizer: Stylizer) -> list[LiveStyle]:
    """Returns the styles of a model."""
    info = stylizer.info
    if not info.styles:
        return [LiveStyle(stylizer, None, info.style_title or info.name)]
    return [LiveStyle(stylizer, style["name"], style["title"]) for style in info.styles]


class LiveView:
    """What is shown live. `keymap` says which key calls which method.

    Keys are pressed in one thread while pictures are made in another: hold `lock` while calling a method that a key
    calls.

    Args:
        models: names or paths; all are loaded and run once, so that switching costs no frame.
        options: what to begin with, and where frames and recordings go.

    Attributes:
        written: frames and recordings that were saved.
        quitting: whether the user wants to end.

    Raises:
        ModelNotFoundError: there is no such model.
        ModelError: a model cannot be loaded.
        ConfigError: a model does not take the strength.
        MediaError: no recording can have the name asked for.
    """

    def __init__(self, models: list[str], options: WebcamOptions | None = None) -> None:
        options = options or WebcamOptions()
        stylizers = [Stylizer.load(model, engine=options.engine, device=options.device) for model in models]
        self.styles = [style for stylizer in stylizers for style in live_styles(stylizer)]
        self.chosen = 0
        self.strengths = [_initial_strength(style.stylizer, options.strength) for style in self.styles]
        self.blend = 0.0
        self.mirror = options.mirror
        self.keep_color = options.keep_color
        self.deflicker = options.deflicker
        self.split = False
        self.help = False
        self.quitting = False
        self.written: list[Path] = []
        self.lock = threading.RLock()
        self.recordings = Recordings(options.codec, options.record, self._on_recording_completed)
        self._folder, self._first_recording = options.folder, options.record
        self._filter: TemporalFilter | None = None
        self._message, self._message_until = "", 0.0
        for stylizer in stylizers:
            side = max(64, stylizer.info.minimum_side)
            stylizer(np.zeros((side, side, 3), np.uint8), strength=_initial_strength(stylizer, options.strength))

    @property
    def stylizer(self) -> Stylizer:
        """The model that is chosen."""
        return self.styles[self.chosen].stylizer

    def style_weights(self) -> dict[str, float] | None:
        """Returns the weights of the chosen style and of the one that it is blended with; None for a model of one."""
        chosen = self.styles[self.chosen]
        if chosen.name is None:
            return None
        following = self._following()
        if following is None or not self.blend:
            return {chosen.name: 1.0}
        assert following.name is not None
        return {chosen.name: 1 - self.blend, following.name: self.blend}

    def _following(self) -> LiveStyle | None:
        """Returns the style that the chosen one is blended with: the next one of its model, behind the last the first.

        None for a model of one style.
        """
        stylizer = self.stylizer
        siblings = [style for style in self.styles if style.stylizer is stylizer]
        if len(siblings) == 1:
            return None
        return siblings[(siblings.index(self.styles[self.chosen]) + 1) % len(siblings)]

    def check_source(self, source: str) -> None:
        """Raises a ConfigError if the first recording would replace the file that it is made of."""
        if self._first_recording is not None and is_same_file(source, self._first_recording):
            raise ConfigError(
                "is the source itself; give the recording another name",
                setting="record",
                value=str(self._first_recording),
            )

    def render(self, frame: CapturedFrame) -> RGB:
        """Returns the picture of a frame, without anything written on it; records it if that is on.

        Raises:
            FastStyleError: the recording cannot be written.
        """
        with self.lock:
            stylizer, strength, weights = self.stylizer, self.strengths[self.chosen], self.style_weights()
            mirror, keeps_color, split = self.mirror, self.keep_color, self.split
            if self.deflicker and self._filter is None:
                self._filter = Deflicker()
            temporal_filter = self._filter
        original = np.ascontiguousarray(frame.rgb[:, ::-1]) if mirror else frame.rgb
        result = stylizer(original, strength=strength, style=weights)
        if temporal_filter is not None:
            result = temporal_filter.process(original, result)
        if keeps_color:
            result = keep_color(original, result)
        if split:
            result = result.copy()
            result[:, : result.shape[1] // 2] = original[:, : result.shape[1] // 2]
        with self.lock:
            self.recordings.add(result, frame.time)
        return result

    def status(self, rate: float, milliseconds: float) -> Status:
        """Returns what the overlay shows, given frames per second and latency."""
        marks = {"original colors": self.keep_color, "mirrored": self.mirror, "deflickered": self.deflicker}
        bounds = self.stylizer.info.inputs.get("strength", {"minimum": 0.0, "maximum": 1.0})
        count, title, following = len(self.styles), self.styles[self.chosen].title, self._following()
        if following is not None and self.blend:
            title = f"{title} + {self.blend:.0%} {following.title}"
        return Status(
            style=title,
            position=f"{self.chosen + 1} / {count}" if count > 1 else "",
            rate=rate,
            milliseconds=milliseconds,
            strength=self.strengths[self.chosen],
            strength_range=(bounds["minimum"], bounds["maximum"]),
            marks=tuple(name for name, is_on in marks.items() if is_on),
            recording=self.recordings.seconds,
            message=self._message if time.perf_counter() < self._message_until else "",
            help=self.help,
            split=self.split,
        )

    def show_message(self, message: str) -> None:
        """Shows a message for a moment."""
        self._message, self._message_until = message, time.perf_counter() + MESSAGE_SECONDS

    def choose_style(self, index: int) -> None:
        """Changes to another style; behind the last one comes the first."""
        self.chosen, self.blend = index % len(self.styles), 0.0
        self._reset_filter()  # the last style is not to linger
        if len(self.styles) == 1:
            self.show_message("only one style: start with several models to switch")

    def blend_further(self) -> None:
        """Adds a quarter of the next style of the model to the chosen one; behind three quarters comes none."""
        if self._following() is None:
            self.show_message("this model holds one style: nothing to blend it with")
            return
        self.blend = (self.blend + BLEND_STEP) % 1
        self._reset_filter()

    def change_strength(self, step: float) -> None:
        """Adds to the strength of the chosen style, within its limits."""
        strength = self.strengths[self.chosen]
        if strength is None:
            self.show_message("this style was trained without a strength setting")
            return
        bounds = self.stylizer.info.inputs["strength"]
        self.strengths[self.chosen] = round(min(bounds["maximum"], max(bounds["minimum"], strength + step)), 2)
        self._reset_filter()

    def toggle_mirror(self) -> None:
        self.mirror = not self.mirror
        self._reset_filter()
        self.show_message("mirrored" if self.mirror else "not mirrored")

    def toggle_keep_color(self) -> None:
        self.keep_color = not self.keep_color
        self.show_message("the picture's own colors" if self.keep_color else "the painting's colors")

    def toggle_split(self) -> None:
        self.split = not self.split

    def toggle_deflicker(self) -> None:
        self.deflicker = not self.deflicker
        self._reset_filter()
        self.show_message("flicker filter on" if self.deflicker else "flicker filter off")

    def toggle_help(self) -> None:
        self.help = not self.help

    def close_help_or_quit(self) -> None:
        """Closes the help if it is open; ends otherwise."""
        if self.help:
            self.help = False
        else:
            self.quit()

    def quit(self) -> None:
        self.quitting = True

    def save_picture(self, picture: RGB) -> None:
        """Saves a picture, and shows its name or what prevents it."""
        try:
            path = self._unused_path(".png")
            save_rgb(picture, path)
        except FastStyleError as error:
            self.show_message(str(error))
            return
        self.written.append(path)
        self.show_message(f"saved {path.name}")

    def toggle_recording(self, picture: RGB) -> None:
        """Starts a recording of pictures as large as this one, or ends the one in progress."""
        if self.recordings.current is not None:
            self.show_message(f"completing {self.recordings.current.path.name}")
            self.recordings.stop()
            return
        try:
            self.recordings.start(self._unused_path(".mp4"), picture)
            self.show_message("recording")
        except FastStyleError as error:
            self.show_message(str(error))

    def _on_recording_completed(self, path: Path | None, error: Exception | None) -> None:
        with self.lock:
            if path is not None:
                self.written.append(path)
            self.show_message(f"saved {path}" if error is None else reason_of(error))

    def _reset_filter(self) -> None:
        # Not with `reset`: the filter may be at work in another thread.
        self._filter = None

    def _unused_path(self, suffix: str) -> Path:
        """Returns a path named after date and time that neither a file nor a recording in completion has."""
        stem = time.strftime("fast-style-%Y%m%d-%H%M%S")
        names = [f"{stem}{suffix}", *(f"{stem}-{number}{suffix}" for number in range(2, 1000))]
        taken = self.recordings.completing_paths()
        paths = (self._folder / name for name in names)
        return next(path for path in paths if path not in taken and not path.exists())


def _initial_strength(stylizer: Stylizer, wanted: float | None) -> float | None:
    """Returns the strength that a model begins with, or None if it has no such setting."""
    if not stylizer.has_strength:
        return None
    return stylizer.info.inputs["strength"]["default"] if wanted is None else wanted
