"""What a stream of pictures is, wherever it comes from and wherever it goes: frames, their format, sources, sinks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from fast_style.errors import MediaError
from fast_style.images.codec import RGB

# Codes of ITU-T H.273, which containers, codecs and libav share.
BT709, UNSPECIFIED, BT601, BT2020 = 1, 2, 6, 9

LONGEST = 1e9
"""Seconds: thirty years, whose microseconds 64 bits hold with ease."""


@dataclass(frozen=True)
class Format:
    """What all frames of a stream have in common."""

    width: int
    height: int
    time_base: Fraction
    """Seconds per tick of `Frame.pts`."""
    rate: Fraction
    """Frames per second, on average."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel by its height."""
    matrix: int = BT709
    """Between RGB and YUV, as is the range: codes of H.273."""
    full_range: bool = False
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED


@dataclass
class Frame:
    """One picture, uint8 RGB `[H, W, 3]`, and when it is shown, in ticks of its format's time base."""

    rgb: RGB
    pts: int
    duration: int = 0
    packets: list[Any] = field(default_factory=list)
    """Sound and subtitles that lie before it in the file, to be copied as they are."""


class Source(Protocol):
    """Where frames come from."""

    format: Format
    seconds: float | None
    """How long it is, as far as is known."""
    tracks: list[Any]
    """Streams of libav whose packets come with the frames."""
    warnings: list[str]
    """What went wrong without being fatal; complete after the last frame."""
    trailing: list[Any]
    """Packets behind the last frame."""

    def __iter__(self) -> Iterator[Frame]: ...
    def close(self) -> None: ...


class Sink(Protocol):
    """Where frames go. Nothing has the final name before `finish`."""

    warnings: list[str]

    def write(self, frame: Frame) -> None: ...
    def copy(self, packets: list[Any]) -> None: ...
    def finish(self, *, partial: bool = False) -> Path:
        """Completes what was written; as `NAME.partial.mp4` if it isn't all. Returns its name."""
        ...

    def discard(self) -> None:
        """Removes what was written, unless it is finished."""
        ...


SMALLEST_SIDE, LARGEST_SIDE = 16, 8192
"""Pixels."""


def parse_size(text: str) -> tuple[int, int]:
    """`640x480`, `640X480` or `640×480` as width and height in pixels.

    Raises:
        MediaError: anything else, or a side outside 16 to 8192.
    """
    found = re.fullmatch(r"([0-9]{1,5})[xX×]([0-9]{1,5})", text)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in size):
        raise MediaError(f"--size {text}: want WIDTHxHEIGHT, as 640x480, each from {SMALLEST_SIDE} to {LARGEST_SIDE}")
    return size


def check_part(start: float, duration: float | None) -> None:
    """Raises a MediaError if no video has such a part: one that begins or ends nowhere, say."""
    for name, seconds in (("start", start), ("duration", duration)):
        if seconds is not None and not 0 <= seconds <= LONGEST:
            raise MediaError(f"--{name} {seconds:g}: want seconds, from 0 to {LONGEST:.0f}")


@contextmanager
def path_errors() -> Iterator[None]:
    """A MediaError in place of the system's: a folder that may not be entered, a name that is too long."""
    try:
        yield
    except OSError as error:
        raise MediaError(f"{error.filename}: {error.strerror}; check path and permissions") from error


@path_errors()
def is_same(source: str, target: Path) -> bool:
    """Is a file or folder to be written the one that is read? A source may be a URL.

    Raises:
        MediaError: one of them may not be looked at.
    """
    return "://" not in source and target.exists() and Path(source).exists() and target.samefile(source)


def partial_name(path: Path) -> Path:
    """What an unfinished result is called: `OUT.mp4` -> `OUT.partial.mp4`."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")
