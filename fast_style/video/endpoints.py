"""Where a video comes from and where it goes, chosen by the names of both: video file, GIF or pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from fast_style.errors import ConfigError, MediaError
from fast_style.images.formats import FORMATS_WITH_ALPHA, WRITTEN_SUFFIXES, format_of
from fast_style.system.results import ResultPolicy
from fast_style.video.animation import AnimationReader, is_animation
from fast_style.video.animation_writer import AnimationWriter, GifWriter
from fast_style.video.codecs import choose_codec
from fast_style.video.containers import ANIMATION_SUFFIXES, check_suffix
from fast_style.video.media import Sink, is_same_file
from fast_style.video.reader import VideoReader
from fast_style.video.sequence import SequenceReader, SequenceWriter, is_sequence, overwrites, written_pictures
from fast_style.video.writer import VideoWriter

FRAME_RATES = (0.01, 1000.0)
"""Smallest and largest number of frames per second of pictures: what the times of all containers can hold."""


AnySource = VideoReader | SequenceReader | AnimationReader


def open_source(
    path: str,
    *,
    fps: float = 25,
    start: float = 0,
    duration: float | None = None,
    max_side: int | None = None,
    square: bool = False,
    deinterlace: bool = True,
    alpha: bool = False,
) -> AnySource:
    """Opens a video file, an animated picture, or a folder or pattern of pictures.

    Args:
        path: a file, URL, folder or pattern.
        fps: frames per second of pictures; a video has its own times.
        start: where the part to read begins, in seconds.
        duration: how long that part is, in seconds; None reads up to the end.
        max_side: larger frames are scaled down to this longer side.
        square: stretches pixels that are not square until they are.
        deinterlace: makes whole frames of interlaced ones.
        alpha: keeps the transparency of animated pictures, which are laid over white otherwise.

    Raises:
        MediaNotFoundError: it does not exist.
        MediaError: it cannot be read.
        ConfigError: a number is out of range.
    """
    if not FRAME_RATES[0] <= fps <= FRAME_RATES[1]:
        raise ConfigError(f"must be from {FRAME_RATES[0]:g} to {FRAME_RATES[1]:g}", setting="fps", value=f"{fps:g}")
    if "://" not in path and is_sequence(path) and not Path(path).is_file():
        rate = Fraction(fps).limit_denominator(1001)
        return SequenceReader(path, rate, start=start, duration=duration, max_side=max_side)
    if "://" not in path and is_animation(path):
        return AnimationReader(path, start=start, duration=duration, max_side=max_side, alpha=alpha)
    return VideoReader(path, start=start, duration=duration, max_side=max_side, square=square, deinterlace=deinterlace)


def check_target(source: str, target: Path, codec: str | None, crf: int | None) -> None:
    """Finds mistakes in the name of a result before any work is done.

    Raises:
        MediaError: the result would replace what is read, or its suffix is unknown.
        ConfigError: an unknown codec, or a setting that the kind of result does not have.
    """
    if "-" in (source, str(target)):
        raise MediaError("-: a video is neither read from stdin nor written to stdout; give the names of files")
    if is_same_file(source, target):
        raise MediaError(f"{target}: IN and OUT are the same; give the result another name")
    if is_sequence(target) and overwrites(target, source):
        raise MediaError(f"{target}: IN and OUT are the same pictures; give the result another folder")
    if is_sequence(target) or target.suffix.lower() in ANIMATION_SUFFIXES:
        for setting, value in (("codec", codec), ("crf", crf)):
            if value is not None:
                raise ConfigError(
                    f"is for video files, and {target} is none", setting=setting, value=value, remedy="leave it out"
                )
        return
    check_suffix(target)
    if target.suffix.lower() in WRITTEN_SUFFIXES:
        raise MediaError(
            f"{target}: is one picture; for one per frame write {target.stem}%05d{target.suffix}, for an animated one "
            f"{target.stem}.webp or {target.stem}.apng"
        )
    choose_codec(target, codec, crf)


def results_of(target: Path) -> list[Path]:
    """Returns the files that writing to a target may replace: a video, or the pictures in a folder."""
    return written_pictures(target) if is_sequence(target) else [target]


def check_place(target: Path, policy: ResultPolicy) -> None:
    """Checks that a result may go where its name says.

    Raises:
        WriteError: its folder does not exist, and may not be made.
    """
    if is_sequence(target) and "%" not in target.name:
        policy.check_folder(target)
    elif "%" in target.name:
        policy.check_folder(target.parent)
    else:
        policy.check_file(target)


def holds_alpha(target: Path) -> bool:
    """Returns whether a result can be transparent: an animated picture, or pictures of a format with alpha."""
    if is_sequence(target):
        suffix = target.suffix.lower() if "%" in target.name else ".png"
        return suffix in WRITTEN_SUFFIXES and format_of(f"x{suffix}") in FORMATS_WITH_ALPHA
    return target.suffix.lower() in ANIMATION_SUFFIXES


def open_sink(target: Path, source: AnySource, *, codec: str | None, crf: int | None, mute: bool) -> Sink:
    """Opens a video file, a GIF, or a sequence of pictures for the frames of `source`.

    Raises:
        ConfigError: the codec does not go with the file or the size of the frames.
        MediaError: the file cannot hold the sound.
        WriteError: it cannot be written.
    """
    if is_sequence(target):
        return SequenceWriter(target)
    if target.suffix.lower() in ANIMATION_SUFFIXES:
        writer = GifWriter if target.suffix.lower() == ".gif" else AnimationWriter
        return writer(target, source.format)
    reader = source if isinstance(source, VideoReader) else None
    return VideoWriter(target, source.format, codec=codec, crf=crf, source=reader, tracks=not mute)
