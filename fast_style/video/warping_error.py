"""Warping error: how much a stylized video changes beyond what moved, measured with the original's optical flow.

As Ruder et al. 2016 (arXiv 1604.08610) and Lai et al. 2018 (arXiv 1808.00449) measure it: each frame is compared to
the one before it, carried along the flow between the original frames, where the flow can be trusted.
"""

from __future__ import annotations

import math
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fast_style.errors import UNSET, MediaError
from fast_style.images.arrays import RGB
from fast_style.system.processes import beside_pyav
from fast_style.system.progress import ProgressDisplay
from fast_style.video.endpoints import AnySource, open_source
from fast_style.video.media import Frame
from fast_style.video.optical_flow import Flow, FlowFinder, Gray, Mask


@dataclass(frozen=True)
class WarpingErrors:
    """The warping error of several videos over the same original."""

    errors: list[float]
    """For each video, the mean squared difference of values in [0, 1]: E_warp of Lai et al."""
    pairs: int
    """Number of pairs of frames that were compared."""
    trusted: float
    """Mean share of the pixels whose flow can be trusted."""


class VideoError(TypedDict):
    """One video's row of a report."""

    video: str
    warping_error: float
    root_mean_square: float
    """Root of the warping error, of 255."""


class WarpingReport(TypedDict):
    """What `fast-style flicker` reports, as it is written to JSON."""

    original: VideoError
    stylized: list[VideoError]
    pairs: int
    trusted: float


class WarpingErrorMeter:
    """Collects the warping error of several videos of equal size over the same original."""

    def __init__(self) -> None:
        self._finder = FlowFinder("MEDIUM")
        self._last: tuple[Gray, list[RGB]] | None = None
        self._errors: list[list[float]] = []
        self._trusted: list[float] = []

    def add(self, original: RGB, videos: list[RGB]) -> None:
        """Takes the next frame of the original and of each video, all uint8 RGB `[H, W, 3]`."""
        gray = self._finder.gray(original)
        if self._last is not None:
            last_gray, last_videos = self._last
            size = (original.shape[0], original.shape[1])
            backward, forward = self._finder(gray, last_gray, size), self._finder(last_gray, gray, size)
            trusted = self._trusted_pixels(backward, forward)
            if trusted.any():
                self._trusted.append(float(trusted.mean()))
                self._errors.append([
                    float(np.mean((self._finder.warp(last, backward).astype(np.float32) - new)[trusted] ** 2))
                    for last, new in zip(last_videos, videos, strict=True)
                ])  # fmt: skip
        self._last = gray, videos

    def _trusted_pixels(self, backward: Flow, forward: Flow) -> Mask:
        """Returns which pixels were neither uncovered just now nor at the edge of a motion, as Ruder et al. do."""
        returning = self._finder.warp(forward, backward)
        lengths = (returning**2).sum(-1) + (backward**2).sum(-1)
        uncovered = ((returning + backward) ** 2).sum(-1) > 0.01 * lengths + 0.5
        dy, dx = np.gradient(backward, axis=(0, 1))
        edge = (dx**2).sum(-1) + (dy**2).sum(-1) > 0.01 * (backward**2).sum(-1) + 0.002
        return cast(Mask, ~uncovered & ~edge & self._finder.inside(backward))

    def result(self) -> WarpingErrors:
        """Returns the errors over all pairs of frames so far.

        Raises:
            MediaError: there was one frame at most.
        """
        if not self._errors:
            raise MediaError("two frames at least are needed to measure the warping error")
        errors = [float(error) / 255**2 for error in np.mean(self._errors, axis=0)]
        return WarpingErrors(errors, len(self._errors), float(np.mean(self._trusted)))

    def close(self) -> None:
        """Does nothing: no file and no process is held open."""


def measure_videos(
    original: Path, videos: list[Path], *, start: float, max_side: int | None, console: Console, quiet: bool
) -> WarpingReport:
    """Measures the warping error of the original itself and of videos made of it.

    Args:
        original: the video before it was stylized.
        videos: the videos made of it.
        start: second of the original at which the videos begin.
        max_side: longer side in pixels to measure at.
        console: where progress is shown.
        quiet: shows none.

    Raises:
        MediaError: a video cannot be read, or does not go with the original: it has another shape, or frames at
            other times.
    """
    with ExitStack() as stack:
        first = stack.enter_context(closing(open_source(str(original), start=start, max_side=max_side)))
        readers = [first]
        size = (first.format.width, first.format.height)
        for path in videos:
            reader = stack.enter_context(closing(open_source(str(path), max_side=max_side)))
            readers.append(reader)
            other = (reader.format.width, reader.format.height)
            if other != size:
                raise MediaError(
                    f"{path}: is {other[0]}x{other[1]}, {original} is {size[0]}x{size[1]}",
                    remedy="give both the same {max_size}, or make the video again",
                    suggestions={"max_size": UNSET},
                )
        measured = _measure(readers, videos, console=console, quiet=quiet)
    rows = [
        VideoError(video=str(path), warping_error=error, root_mean_square=255 * math.sqrt(error))
        for path, error in zip([original, *videos], measured.errors, strict=True)
    ]
    return {"original": rows[0], "stylized": rows[1:], "pairs": measured.pairs, "trusted": measured.trusted}


def _measure(readers: list[AnySource], videos: list[Path], *, console: Console, quiet: bool) -> WarpingErrors:
    """Reads all videos side by side; the first reader is that of the original."""
    first = readers[0]
    with (
        closing(beside_pyav(WarpingErrorMeter)) as meter,
        ProgressDisplay(console, quiet=quiet, unit="seconds") as display,
    ):
        task = display.add("measuring", first.seconds)
        for frames in zip(*readers, strict=False):
            _check_times(frames, readers, videos)
            pictures = [frame.rgb for frame in frames]
            meter.add(pictures[0], pictures)
            task.update(completed=float(frames[0].pts * first.format.time_base))
        return meter.result()


def _check_times(frames: tuple[Frame, ...], readers: list[AnySource], videos: list[Path]) -> None:
    """Raises a MediaError if a video's frame is shown at another time than the original's."""
    times = [frame.pts * reader.format.time_base for frame, reader in zip(frames, readers, strict=True)]
    for path, time in zip(videos, times[1:], strict=True):
        if abs(time - times[0]) > 0.5 / readers[0].format.rate:
            raise MediaError(
                f"{path}: has a frame at {float(time):.3f} s where the original has one at "
                f"{float(times[0]):.3f} s; compare videos with the same frames"
            )


def table(report: WarpingReport) -> Table:
    """Returns a report as a table for the terminal."""
    table = Table(box=None, pad_edge=False)
    table.add_column("video", overflow="fold")
    table.add_column("warping error", justify="right")
    table.add_column("as a root, of 255", justify="right")
    for row in (report["original"], *report["stylized"]):
        table.add_row(Text(row["video"]), f"{row['warping_error']:.5f}", f"{row['root_mean_square']:.2f}")
    table.caption = f"over {report['pairs']} pairs of frames"
    table.caption_justify = "left"
    return table
