"""Warping error: how much a stylised video changes beyond what moved, measured with the original's optical flow.

As Ruder et al. 2016 (arXiv 1604.08610) and Lai et al. 2018 (arXiv 1808.00449) measure it: each frame against the
one before it, carried along the flow between the original frames, where the flow can be trusted.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from fast_style.errors import MediaError
from fast_style.images.codec import RGB
from fast_style.system.processes import beside_pyav
from fast_style.video.optical_flow import Flow, FlowFinder


class Warping:
    """Collects the error of several videos of equal size over the same original."""

    def __init__(self) -> None:
        self._finder = FlowFinder("MEDIUM")
        self._last: tuple[np.ndarray, list[RGB]] | None = None
        self._errors: list[list[float]] = []
        self._trusted: list[float] = []

    def add(self, original: RGB, videos: list[RGB]) -> None:
        """Takes the next frame of the original and of each video, all uint8 RGB `[H, W, 3]`."""
        gray = self._finder.gray(original)
        if self._last is not None:
            old_gray, old_videos = self._last
            size = original.shape[:2]
            back, forth = self._finder(gray, old_gray, size), self._finder(old_gray, gray, size)
            trusted = self._trust(back, forth)
            if trusted.any():
                self._trusted.append(float(trusted.mean()))
                self._errors.append([
                    float(np.mean((self._finder.warp(old, back).astype(np.float32) - new)[trusted] ** 2))
                    for old, new in zip(old_videos, videos, strict=True)
                ])  # fmt: skip
        self._last = gray, videos

    def _trust(self, back: Flow, forth: Flow) -> np.ndarray:
        """bool `[H, W]`: not uncovered just now, and not at the edge of something that moves (Ruder et al.)."""
        around = self._finder.warp(forth, back)
        uncovered = ((around + back) ** 2).sum(-1) > 0.01 * ((around**2).sum(-1) + (back**2).sum(-1)) + 0.5
        dy, dx = np.gradient(back, axis=(0, 1))
        edge = (dx**2).sum(-1) + (dy**2).sum(-1) > 0.01 * (back**2).sum(-1) + 0.002
        return ~uncovered & ~edge & self._finder.inside(back)

    def result(self) -> dict[str, Any]:
        """Over all pairs of frames so far.

        Returns:
            `warping_error`: of each video, mean squared difference of values in [0, 1] (E_warp of Lai et al.);
            `root_mean_square`: its root, of 255; `pairs` of frames; `trusted` share of pixels.

        Raises:
            MediaError: there was one frame at most.
        """
        if not self._errors:
            raise MediaError("two frames at least are needed to measure flicker")
        squares = [float(x) for x in np.mean(self._errors, axis=0)]
        return {
            "warping_error": [x / 255**2 for x in squares],
            "root_mean_square": [math.sqrt(x) for x in squares],
            "pairs": len(self._errors),
            "trusted": float(np.mean(self._trusted)),
        }


def measure_videos(
    original: Path, videos: list[Path], *, start: float, longest: int | None, console: Console, quiet: bool
) -> dict[str, Any]:
    """The warping error of the original itself and of videos made of it.

    Args:
        original, videos: files.
        start: second of the original at which the videos begin.
        longest: longer side in pixels to measure at.

    Raises:
        MediaError: a video can't be read, or isn't as the original: another shape, or frames at other times.
    """
    from fast_style.video.reader import VideoReader

    first = VideoReader(original, start=start, longest=longest)
    readers = [first]
    size = (first.format.width, first.format.height)
    try:
        for path in videos:
            reader = VideoReader(path, longest=longest)
            readers.append(reader)
            other = (reader.format.width, reader.format.height)
            if other != size:
                raise MediaError(
                    f"{path}: is {other[0]}x{other[1]}, {original} is {size[0]}x{size[1]}; "
                    f"give both the same --max-size, or make the video anew"
                )
        return _measure(first, readers, videos, console=console, quiet=quiet)
    finally:
        for reader in readers:
            reader.close()


def _measure(first: Any, readers: list[Any], videos: list[Path], *, console: Console, quiet: bool) -> dict[str, Any]:
    meter = beside_pyav(Warping)
    progress = Progress(
        TextColumn("measuring"), BarColumn(), TimeRemainingColumn(), console=console, transient=True,
        disable=quiet or not console.is_terminal,
    )  # fmt: skip
    with progress:
        task = progress.add_task("measuring", total=first.seconds)
        for frames in zip(*readers, strict=False):
            times = [frame.pts * reader.format.time_base for frame, reader in zip(frames, readers, strict=True)]
            for path, time in zip(videos, times[1:], strict=True):
                if abs(time - times[0]) > 0.5 / first.format.rate:
                    raise MediaError(
                        f"{path}: has a frame at {float(time):.3f} s where the original has one at "
                        f"{float(times[0]):.3f} s; compare videos with the same frames"
                    )
            pictures = [frame.rgb for frame in frames]
            meter.add(pictures[0], pictures)
            progress.update(task, completed=float(times[0]))
    result = meter.result()
    rows = [
        {"video": str(path), "warping_error": error, "root_mean_square": root}
        for path, error, root in zip(
            [first.path, *videos], result.pop("warping_error"), result.pop("root_mean_square"), strict=True
        )
    ]
    return {"original": rows[0], "stylized": rows[1:], **result}


def table(result: dict[str, Any]) -> Table:
    """For people."""
    table = Table(box=None, pad_edge=False)
    table.add_column("video", overflow="fold")
    table.add_column("warping error", justify="right")
    table.add_column("as a root, of 255", justify="right")
    for row in (result["original"], *result["stylized"]):
        table.add_row(Text(row["video"]), f"{row['warping_error']:.5f}", f"{row['root_mean_square']:.2f}")
    table.caption = f"over {result['pairs']} pairs of frames; a part of the original: --start"
    table.caption_justify = "left"
    return table
