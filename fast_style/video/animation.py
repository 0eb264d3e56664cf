"""Animated pictures, GIF, WebP and PNG, read as video."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fast_style.errors import FastStyleError, MediaError, reason_of
from fast_style.images.arrays import fit
from fast_style.images.decode import open_image
from fast_style.video.media import BT709, Frame, StreamFormat, check_start, check_time_range, exact_seconds, path_errors

if TYPE_CHECKING:
    from fast_style.video.media import Packets

_TIME_BASE = Fraction(1, 90_000)
_UNSTATED = Fraction(1, 10)
"""Seconds for which browsers show a frame that states none, in an animation of such frames."""

_SIGNATURES = (b"GIF8", b"RIFF", b"\x89PNG")


@path_errors()
def is_animation(path: str | Path) -> bool:
    """Returns whether a file is a GIF, or a WebP or PNG of several pictures, whatever its name.

    Raises:
        MediaError: the system refuses to look at it.
    """
    path = Path(path)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        if not file.read(4).startswith(_SIGNATURES):
            return False
    try:
        with open_image(path) as image:
            return image.format == "GIF" or (image.format in {"WEBP", "PNG"} and getattr(image, "n_frames", 1) > 1)
    except (FastStyleError, OSError, ValueError, EOFError):
        return False


class AnimationReader:
    """The pictures of an animation as frames of a video, each composed of all that is shown at its time.

    A frame that is shown for no time is a part of the next one; where no frame states a time, each is shown for a tenth
    of a second, as in browsers.

    Args:
        path: a GIF, WebP or PNG.
        start: where the part to read begins, in seconds; the times of its frames begin at 0.
        duration: how long that part is, in seconds; None reads up to the end.
        max_side: larger pictures are scaled down to this longer side.
        alpha: keeps the transparency beside the colors; otherwise they are laid over white.

    Attributes:
        format: what all frames have in common.
        seconds: length of the part.
        warnings: what is damaged.
        trailing: empty: animations have no sound.

    Raises:
        MediaError: it cannot be read.
        ConfigError: the animation has no such part.
    """

    @path_errors()
    def __init__(
        self,
        path: str | Path,
        *,
        start: float = 0,
        duration: float | None = None,
        max_side: int | None = None,
        alpha: bool = False,
    ) -> None:
        check_time_range(start, duration)
        self.path = Path(path)
        self.warnings: list[str] = []
        self.trailing: Packets = []
        self._alpha = alpha
        self._image = open_image(self.path)
        self._size = fit(*self._image.size, max_side)
        spans = self._spans()
        length = spans[-1][1] + spans[-1][2]
        check_start(path, start, length)
        begin = exact_seconds(start)
        end = length if duration is None else begin + exact_seconds(duration)
        self._spans_read = [
            (number, max(time, begin) - begin, min(time + shown, end) - max(time, begin))
            for number, time, shown in spans
            if time < end and time + shown > begin
        ]
        self.seconds = float(min(length, end) - begin)
        rate = len(self._spans_read) / Fraction(self.seconds).limit_denominator(100_000)
        # A GIF that says nothing of it is shown once.
        loops = self._image.info.get("loop")
        once = 1 if self._image.format == "GIF" else 0
        plays = once if loops is None else int(loops) + (once if loops else 0)
        self.format = StreamFormat(*self._size, time_base=_TIME_BASE, rate=rate, matrix=BT709, plays=plays)

    def _spans(self) -> list[tuple[int, Fraction, Fraction]]:
        """Returns for each frame that is shown its number, when it is shown, and for how long, in seconds."""
        image = self._image
        stated: list[tuple[int, Fraction]] = []
        count = getattr(image, "n_frames", 1)
        # The picture for programs that know no animation need not be a part of it.
        first = 1 if image.info.get("default_image") and count > 1 else 0
        for number in range(first, count):
            try:
                image.seek(number)
                image.load()
            except Exception as error:  # decoders raise nearly anything on damaged data
                if not stated:
                    raise MediaError(
                        f"{self.path}: not one frame can be decoded; it is damaged or cut short"
                    ) from error
                self.warnings.append(
                    f"{self.path}: ends after {len(stated)} of {count} frames ({reason_of(error)}); it is cut short "
                    f"or damaged, and what could be read is used"
                )
                break
            milliseconds = Fraction(image.info.get("duration") or 0).limit_denominator(1000)
            stated.append((number, max(milliseconds, Fraction(0)) / 1000))
        if not any(shown for _, shown in stated):
            stated = [(number, _UNSTATED) for number, _ in stated]
        elif not stated[-1][1]:
            stated[-1] = (stated[-1][0], _UNSTATED)
        times = [Fraction(0), *accumulate(shown for _, shown in stated)]
        return [(number, time, shown) for (number, shown), time in zip(stated, times, strict=False) if shown]

    def __iter__(self) -> Iterator[Frame]:
        """Yields each frame once."""
        for number, time, shown in self._spans_read:
            self._image.seek(number)
            self._image.load()
            picture = self._image.convert("RGBA")
            if picture.size != self._size:
                # Scaled with alpha multiplied in: otherwise colors that nobody should see come through at the edges.
                picture = picture.convert("RGBa").resize(self._size, Image.Resampling.LANCZOS).convert("RGBA")
            rgba = np.asarray(picture)
            rgb, alpha = rgba[..., :3], rgba[..., 3]
            opaque = alpha.min() == 255
            if not opaque and self._alpha:
                rgb = np.where(alpha[..., None] > 0, rgb, np.uint8(255))
            elif not opaque:
                weight = alpha[..., None].astype(np.uint16)
                rgb = ((rgb * weight + 255 * (255 - weight) + 127) // 255).astype(np.uint8)
            begins, ends = round(time / _TIME_BASE), round((time + shown) / _TIME_BASE)
            kept = np.ascontiguousarray(alpha) if self._alpha and not opaque else None
            yield Frame(np.ascontiguousarray(rgb), begins, ends - begins, alpha=kept)

    def close(self) -> None:
        """Closes the file. Closing it again does nothing."""
        self._image.close()
