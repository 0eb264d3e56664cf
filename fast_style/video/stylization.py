"""Stylizing a video from end to end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from fast_style.errors import FastStyleError, WriteError
from fast_style.inference.engines import Pixels
from fast_style.inference.stylizer import Stylizer
from fast_style.system.processes import beside_pyav
from fast_style.system.progress import ProgressDisplay
from fast_style.system.stage_times import Timings
from fast_style.system.wording import counted
from fast_style.video.containers import VIDEO_SUFFIXES
from fast_style.video.deflicker import Deflicker, TemporalFilter
from fast_style.video.endpoints import AnySource, check_target, holds_alpha, open_sink, open_source
from fast_style.video.media import Sink, Source
from fast_style.video.pipeline import Pipeline

GPU_BATCH = 4
"""Frames that are stylized together by default on anything but a CPU."""


@dataclass(frozen=True)
class VideoOptions:
    """How a video is read, stylized and written."""

    style: str | None = None
    """Style of a model that holds several, or a blend: see `fast_style.inference.options.StylizeOptions`."""
    strength: float | None = None
    """Strength of the style, from 0 to 1.5; None for the model's own."""
    keep_color: bool = False
    """Keeps the colors of the original."""
    stroke: float = 1.0
    """Size of the strokes, from half to twice as large."""
    deflicker: bool = False
    """Filters out flicker."""
    batch: int | None = None
    """Frames that are stylized together; by default 1 on a CPU, otherwise 4."""
    start: float = 0
    """Where the part to stylize begins, in seconds."""
    duration: float | None = None
    """How long that part is, in seconds; None goes on to the end."""
    max_size: int | None = None
    """Longer side in pixels to which larger frames are scaled down."""
    deinterlace: bool = True
    """Makes whole frames of interlaced ones."""
    fps: float = 25
    """Frames per second of a sequence of pictures."""
    codec: str | None = None
    """A key of `VIDEO_CODECS` or the name of an encoder of libav."""
    crf: int | None = None
    """Constant quality of the codec; lower is better and larger."""
    mute: bool = False
    """Leaves sound and subtitles out."""


@dataclass
class StylizedVideo:
    """What came of stylizing a video."""

    path: Path
    """The file, folder or pattern that was written."""
    frames: int
    seconds: float
    """Time from the first frame decoded to the last one written."""
    timings: Timings
    width: int
    height: int
    engines: dict[str, int]
    """How many frames each engine has painted, by its description."""
    warnings: list[str] = field(default_factory=list)
    interrupted: bool = False
    """Whether only a part of the video is done."""

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds if self.seconds else 0.0


def stylize_video(
    source: str,
    target: Path,
    stylizer: Stylizer,
    options: VideoOptions | None = None,
    *,
    console: Console,
    quiet: bool = False,
) -> StylizedVideo:
    """Stylizes a video with a progress bar. On Ctrl-C what is done by then is kept, as `OUT.partial.mp4`.

    Args:
        source: a video file or URL, or a folder or pattern of pictures.
        target: a video file, a GIF, or a folder or pattern of pictures.
        stylizer: the model.
        options: how the video is read, stylized and written.
        console: where progress is shown.
        quiet: shows none.

    Raises:
        MediaNotFoundError: there is no such source.
        MediaError: the source cannot be read, or the target cannot hold it; nothing is left behind then.
        WriteError: the target cannot be written. What was done by then is kept, as `OUT.partial.mp4`.
        ConfigError: an option is out of range.
    """
    options = options or VideoOptions()
    check_target(source, target, options.codec, options.crf)
    reader = _open_source(source, target, options)
    sink: Sink | None = None
    temporal_filter: TemporalFilter | None = None
    try:
        stylize: Callable[[Pixels], Pixels] = partial(
            stylizer, strength=options.strength, keep_color=options.keep_color, stroke=options.stroke,
            style=options.style,
        )  # fmt: skip
        batch = options.batch or (1 if stylizer.engine.device == "cpu" else GPU_BATCH)
        # A strength or stroke that is refused is so before any file is made, and engines get used to the size.
        stylize(np.zeros((batch, reader.format.height, reader.format.width, 3), np.uint8))
        painted_before = Counter(stylizer.painted)
        sink = open_sink(target, reader, codec=options.codec, crf=options.crf, mute=options.mute)
        if options.deflicker:
            temporal_filter = beside_pyav(Deflicker)
        pipeline = Pipeline(reader, stylize, sink, temporal_filter=temporal_filter, batch=batch)
        try:
            complete = _run(pipeline, reader, console=console, quiet=quiet)
            if not pipeline.frames and not complete:
                raise KeyboardInterrupt
            path = sink.finish(partial=not complete)
        except WriteError as error:
            if pipeline.frames:
                raise _keep_unfinished(sink, error) from error
            raise
    finally:
        if sink is not None:
            sink.discard()
        if temporal_filter is not None:
            temporal_filter.close()
        reader.close()
    warnings = [*reader.warnings, *sink.warnings]
    return StylizedVideo(
        path, pipeline.frames, pipeline.seconds, pipeline.timings, reader.format.width, reader.format.height,
        dict(stylizer.painted - painted_before),
        warnings, interrupted=not complete,
    )  # fmt: skip


def _keep_unfinished(sink: Sink, error: WriteError) -> WriteError:
    """Keeps what is done of a video that cannot be written to its end. Returns the error that says where."""
    try:
        path = sink.finish(partial=True)
    except FastStyleError:
        return error
    problem = f"{error.problem}; what was done is in {path}"
    return WriteError(problem, setting=error.setting, value=error.value, remedy=error.remedy)


def _open_source(source: str, target: Path, options: VideoOptions) -> AnySource:
    # Only video files know pixels that are not square.
    square = target.suffix.lower() not in VIDEO_SUFFIXES
    return open_source(
        source, fps=options.fps, start=options.start, duration=options.duration, max_side=options.max_size,
        square=square, deinterlace=options.deinterlace, alpha=holds_alpha(target),
    )  # fmt: skip


def _run(pipeline: Pipeline, source: Source, *, console: Console, quiet: bool) -> bool:
    """Runs a pipeline with a progress bar. Returns whether the video is complete."""
    with ProgressDisplay(console, quiet=quiet, unit="seconds") as display:
        task = display.add("stylizing", source.seconds)
        began = time.perf_counter()

        def show_progress() -> None:
            rate = pipeline.frames / (time.perf_counter() - began)
            task.update(completed=pipeline.position, detail=f"{counted(pipeline.frames, 'frame')}, {rate:.1f} frames/s")

        return pipeline.run(show_progress)
