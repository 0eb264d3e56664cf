"""The frames of a video, what they have in common, and the interfaces of what reads and writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from fast_style.errors import ConfigError, FastStyleError, MediaError
from fast_style.images.arrays import RGB, Alpha

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

    Packets: TypeAlias = list[Packet[Stream]]
    """Encoded sound and subtitles, copied from a source to a sink without being decoded."""

# Codes of ITU-T H.273, which containers, codecs and libav share.
BT709, UNSPECIFIED, BT601, BT2020 = 1, 2, 6, 9

MAX_SECONDS = 1e9
"""The largest start or duration: about thirty years, whose microseconds fit into 64 bits with ease."""

SMALLEST_SIDE, LARGEST_SIDE = 16, 8192
"""Limits of a width or height that a user asks for, in pixels."""


@dataclass(frozen=True)
class StreamFormat:
    """What all frames of a stream have in common."""

    width: int
    height: int
    time_base: Fraction
    """Seconds per tick of `Frame.pts`."""
    rate: Fraction
    """Average number of frames per second."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel divided by its height."""
    matrix: int = BT709
    """Coefficients between RGB and YUV, as a code of H.273."""
    full_range: bool = False
    """Whether YUV values use all of 0 to 255, rather than 16 to 235."""
    primaries: int = UNSPECIFIED
    """Color primaries, as a code of H.273."""
    transfer: int = UNSPECIFIED
    """Transfer characteristic, as a code of H.273."""
    plays: int = 0
    """How often an animation is shown; 0 stands for without end."""


@dataclass
class Frame:
    """One picture of a video."""

    rgb: RGB
    """uint8 RGB `[H, W, 3]`."""
    pts: int
    """When the frame is shown, in ticks of the time base of its stream."""
    duration: int = 0
    """How long the frame is shown, in the same ticks."""
    packets: Packets = field(default_factory=list)
    """Sound and subtitles that lie before this frame in the file."""
    alpha: Alpha | None = None
    """uint8 `[H, W]`, 0 where the frame is transparent; None where all of it is opaque."""


class Source(Protocol):
    """Where frames come from."""

    @property
    def format(self) -> StreamFormat: ...
    @property
    def seconds(self) -> float | None:
        """Length of what is read, or None where it is not known."""

    @property
    def warnings(self) -> list[str]:
        """What went wrong without ending the video; complete after the last frame."""

    @property
    def trailing(self) -> Packets:
        """Packets that lie behind the last frame; complete after it."""

    def __iter__(self) -> Iterator[Frame]: ...
    def close(self) -> None: ...


class Sink(Protocol):
    """Where frames go. Nothing has the final name before `finish`."""

    @property
    def warnings(self) -> list[str]:
        """What went wrong without ending the video."""

    def write(self, frame: Frame) -> bool:
        """Takes the next frame, and returns whether the result holds it."""
        ...

    def copy(self, packets: Packets) -> None: ...
    def finish(self, *, partial: bool = False) -> Path:
        """Completes the result and returns its path; `partial` names an unfinished one `NAME.partial.mp4`."""
        ...

    def discard(self) -> None:
        """Removes what was written, unless it is finished."""
        ...


def parse_size(text: str) -> tuple[int, int]:
    """Parses a size in pixels: `640x480`, `640X480` or `640×480`.

    Returns:
        Width and height.

    Raises:
        ConfigError: the text is something else, or a side is below 16 or above 8192.
    """
    found = re.fullmatch(r"([0-9]{1,5})[xX×]([0-9]{1,5})", text)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in size):
        raise ConfigError(
            f"must be WIDTHxHEIGHT, such as 640x480, each side from {SMALLEST_SIDE} to {LARGEST_SIDE}",
            setting="size",
            value=text,
        )
    return size


def parse_seconds(text: str, setting: str) -> float:
    """Parses a time: seconds such as `90` and `90.5`, or `1:30` and `00:01:30.5` with minutes and hours.

    Raises:
        ConfigError: the text is something else; `setting` names what it was given for.
    """
    found = re.fullmatch(r"(?:(?:([0-9]{1,6}):)?([0-9]{1,6}):)?([0-9]{1,12}(?:\.[0-9]*)?|\.[0-9]+)", text.strip())
    if found is None:
        raise ConfigError("must be a time in seconds, or as 1:30 or 00:01:30.5", setting=setting, value=text)
    hours, minutes, seconds = found.groups()
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds)


def check_time_range(start: float, duration: float | None) -> None:
    """Raises a ConfigError unless start and duration are numbers of seconds that a video can have."""
    for setting, seconds in (("start", start), ("duration", duration)):
        if seconds is not None and not 0 <= seconds <= MAX_SECONDS:
            raise ConfigError(
                f"must be a number of seconds from 0 to {MAX_SECONDS:.0f}", setting=setting, value=f"{seconds:g}"
            )
    if duration == 0:
        raise ConfigError("must be more than nothing", setting="duration", value="0")


def exact_seconds(seconds: float) -> Fraction:
    """Returns a start or a duration to the microsecond."""
    return Fraction(seconds).limit_denominator(1_000_000)


def check_start(path: str | Path, start: float, length: float | Fraction | None) -> None:
    """Checks that a video has something behind `start`; a video that starts at 0 has, and so may one of unknown length.

    Raises:
        ConfigError: it ends before.
    """
    if length is not None and start and start >= length:
        raise ends_before(path, start, length)


def ends_before(path: str | Path, start: float, length: float | Fraction) -> ConfigError:
    """Returns the error for a start in seconds behind a video of this length."""
    return ConfigError(f"{path} ends before that, at {float(length):.2f} seconds", setting="start", value=f"{start:g}")


@contextmanager
def path_errors() -> Iterator[None]:
    """Turns the system's errors about a path into MediaErrors: a folder without permission, a name that is too long."""
    try:
        yield
    except FastStyleError:  # some of our own kinds are OSErrors too
        raise
    except OSError as error:
        raise MediaError(f"{error.filename}: {error.strerror}", remedy="check path and permissions") from error


@path_errors()
def is_same_file(source: str, target: Path) -> bool:
    """Returns whether the file or folder to be written is the one that is read. A source may also be a URL.

    Raises:
        MediaError: the system refuses to look at one of the paths.
    """
    return "://" not in source and target.exists() and Path(source).exists() and target.samefile(source)


def partial_name(path: Path) -> Path:
    """Returns the name of an unfinished result: `OUT.partial.mp4` for `OUT.mp4`."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")
