"""Video in, stylised video out: decode | stylise | steady | encode, each in a thread, a few frames apart."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from fast_style.errors import MediaError
from fast_style.images.codec import IMAGE_SUFFIXES, RGB
from fast_style.inference.stylizer import Stylizer
from fast_style.system.processes import beside_pyav
from fast_style.system.stage_times import Timings
from fast_style.video.deflicker import Steady
from fast_style.video.gif import GifWriter
from fast_style.video.media import Frame, Sink, Source, is_same
from fast_style.video.reader import VIDEO_SUFFIXES, VideoReader, check_suffix
from fast_style.video.sequence import SequenceReader, SequenceWriter, is_sequence, overwrites
from fast_style.video.writer import VideoWriter, choose_encoder

AHEAD = 6
"""Most frames that wait between two stages: a bound on memory, and on what Ctrl-C has to finish."""
STAGES = ("decode", "stylise", "steady", "encode")
RATES = (0.01, 1000.0)
"""Frames per second of pictures: what the times of all containers can hold."""


@dataclass
class Result:
    """What came of a video."""

    path: Path
    frames: int
    seconds: float
    timings: Timings
    warnings: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def rate(self) -> float:
        """Frames per second, from the first decoded to the last written."""
        return self.frames / self.seconds if self.seconds else 0.0


@dataclass
class _Item:
    """A frame on its way, and what it was before it was stylised."""

    frame: Frame
    original: RGB


class _Stopped(Exception):
    """Another stage has failed."""


class _Pipe:
    """A bounded queue that gives up when the run does."""

    def __init__(self, stop: threading.Event) -> None:
        self._queue: queue.Queue[_Item | None] = queue.Queue(AHEAD)
        self._stop = stop

    def put(self, item: _Item | None) -> None:
        self._patiently(lambda: self._queue.put(item, timeout=0.1))

    def get(self) -> _Item | None:
        return self._patiently(lambda: self._queue.get(timeout=0.1))

    def __iter__(self) -> Iterator[_Item]:
        while (item := self.get()) is not None:
            yield item

    def _patiently(self, attempt: Callable[[], Any]) -> Any:
        while True:
            if self._stop.is_set():
                raise _Stopped
            with suppress(queue.Full, queue.Empty):
                return attempt()


class Pipeline:
    """Runs a source through a model into a sink.

    Args:
        stylize: uint8 RGB `[N, H, W, 3]` to the same.
        steady: the temporal filter, if any.
        batch: frames that are stylised together.
    """

    def __init__(
        self,
        source: Source,
        stylize: Callable[[np.ndarray], np.ndarray],
        sink: Sink,
        *,
        steady: Callable[[RGB, RGB], RGB] | None = None,
        batch: int = 1,
    ) -> None:
        self._source, self._stylize, self._sink, self._steady, self._batch = source, stylize, sink, steady, batch
        self.timings = Timings(*STAGES)
        self.frames = 0
        self.position = 0.0
        """Seconds of the video that are done."""
        self._stop = threading.Event()
        self._enough = threading.Event()
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._began = self._ended = time.perf_counter()
        self._threads: list[threading.Thread] = []

    def run(self, watch: Callable[[], None] = lambda: None) -> bool:
        """Runs to the end, calling `watch` now and then from this thread.

        On KeyboardInterrupt the frames that are stylised already are still written; a second one stops at once.

        Returns:
            Is it complete? If not, it was interrupted.

        Raises:
            whatever a stage raised.
        """
        pipes = [_Pipe(self._stop) for _ in range(3 if self._steady else 2)]
        jobs: list[Callable[[], None]] = [
            lambda: self._decode(pipes[0]),
            lambda: self._stylise(pipes[0], pipes[1]),
            lambda: self._encode(pipes[-1]),
        ]
        if self._steady:
            jobs.insert(2, lambda: self._steadied(pipes[1], pipes[2]))
        self._began = time.perf_counter()
        self._threads = [threading.Thread(target=self._guard, args=(job,), daemon=True) for job in jobs]
        for thread in self._threads:
            thread.start()
        complete = True
        try:
            self._wait(watch)
        except KeyboardInterrupt:
            complete = False
            self._enough.set()
            self._wait(watch)
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()
        if self._error is not None:
            raise self._error
        return complete

    def _wait(self, watch: Callable[[], None]) -> None:
        # Not for a thread itself: before Python 3.13 one whose join is interrupted counts as ended.
        over = False
        while not over:
            over = self._over.wait(0.1)
            watch()

    @property
    def seconds(self) -> float:
        return self._ended - self._began

    def _guard(self, job: Callable[[], None]) -> None:
        try:
            job()
        except _Stopped:
            pass
        except BaseException as error:
            if self._error is None:
                self._error = error
            self._stop.set()

    def _decode(self, output: _Pipe) -> None:
        frames = iter(self._source)
        while not self._enough.is_set():
            began = time.perf_counter()
            frame = next(frames, None)
            if frame is None:
                break
            self.timings.add("decode", time.perf_counter() - began)
            output.put(_Item(frame, frame.rgb))
        output.put(None)

    def _stylise(self, pipe: _Pipe, output: _Pipe) -> None:
        last = False
        while not last:
            items: list[_Item] = []
            while len(items) < self._batch and not last:
                item = pipe.get()
                last = item is None
                if item is not None and not self._enough.is_set():
                    items.append(item)
            if not items:
                continue
            with self.timings.measure("stylise", len(items)):
                pictures = items[0].original[None] if len(items) == 1 else np.stack([i.original for i in items])
                results = self._stylize(pictures)
            for item, result in zip(items, results, strict=True):
                item.frame.rgb = result
                output.put(item)
        output.put(None)

    def _steadied(self, pipe: _Pipe, output: _Pipe) -> None:
        assert self._steady is not None
        for item in pipe:
            with self.timings.measure("steady"):
                item.frame.rgb = self._steady(item.original, item.frame.rgb)
            output.put(item)
        output.put(None)

    def _encode(self, pipe: _Pipe) -> None:
        base = self._source.format.time_base
        try:
            for item in pipe:
                with self.timings.measure("encode"):
                    self._sink.write(item.frame)
                self.frames += 1
                self.position = float((item.frame.pts + item.frame.duration) * base)
                self._ended = time.perf_counter()
            if not self._enough.is_set():
                self._sink.copy(self._source.trailing)
        finally:
            self._over.set()


def open_source(
    path: str,
    *,
    fps: float,
    start: float,
    duration: float | None,
    max_size: int | None,
    square: bool,
) -> VideoReader | SequenceReader:
    """A video file, or a folder or pattern of pictures.

    Raises:
        MediaError: it can't be read, or a number is out of range.
    """
    if not RATES[0] <= fps <= RATES[1]:
        raise MediaError(f"--fps {fps:g}: must be from {RATES[0]:g} to {RATES[1]:g}")
    if "://" not in path and is_sequence(path) and not Path(path).is_file():
        rate = Fraction(fps).limit_denominator(1001)
        return SequenceReader(path, rate, start=start, duration=duration, longest=max_size)
    return VideoReader(path, start=start, duration=duration, longest=max_size, square=square)


def check_target(source: str, target: Path, codec: str | None, crf: int | None) -> None:
    """Finds mistakes in the name of the result before any work is done.

    Raises:
        MediaError: it would take the place of what is read; an unknown suffix or codec, or a setting that it
            doesn't have.
    """
    if "-" in (source, str(target)):
        raise MediaError("-: a video is neither read from stdin nor written to stdout; give the names of files")
    if is_same(source, target):
        raise MediaError(f"{target}: IN and OUT are the same; give the result another name")
    if is_sequence(target) and overwrites(target, source):
        raise MediaError(f"{target}: IN and OUT are the same pictures; give the result another folder")
    if is_sequence(target) or target.suffix.lower() == ".gif":
        for name, value in (("codec", codec), ("crf", crf)):
            if value is not None:
                raise MediaError(f"--{name} {value}: is for video files, {target} is none; leave it out")
        return
    check_suffix(target)
    if target.suffix.lower() in IMAGE_SUFFIXES:
        raise MediaError(f"{target}: is one picture; for one per frame write {target.stem}%05d{target.suffix}")
    choose_encoder(target, codec, crf)


def open_sink(
    target: Path, source: VideoReader | SequenceReader, *, codec: str | None, crf: int | None, mute: bool
) -> Sink:
    """Where frames of `source` go: a video file, a GIF, or pictures.

    Raises:
        MediaError: it can't be written.
    """
    if is_sequence(target):
        return SequenceWriter(target)
    if target.suffix.lower() == ".gif":
        return GifWriter(target, source.format)
    reader = source if isinstance(source, VideoReader) else None
    return VideoWriter(target, source.format, codec=codec, crf=crf, source=reader, tracks=not mute)


def stylize_video(
    source: str,
    target: Path,
    stylizer: Stylizer,
    *,
    strength: float | None = None,
    keep_color: bool = False,
    stroke: float = 1.0,
    steady: bool = False,
    batch: int | None = None,
    start: float = 0,
    duration: float | None = None,
    max_size: int | None = None,
    fps: float = 25,
    codec: str | None = None,
    crf: int | None = None,
    mute: bool = False,
    console: Console,
    quiet: bool,
) -> Result:
    """Stylises a video with a progress bar. On Ctrl-C what was done is kept, as `OUT.partial.mp4`.

    Raises:
        MediaError: a file can't be read or written; nothing is left behind then.
        ModelError: the model has no such strength.
        ConfigError: a stroke out of range.
    """
    check_target(source, target, codec, crf)
    # Only video files know pixels that aren't square.
    square = target.suffix.lower() not in VIDEO_SUFFIXES
    reader = open_source(source, fps=fps, start=start, duration=duration, max_size=max_size, square=square)
    sink: Sink | None = None
    filter: Any = None
    try:

        def stylize(pictures: np.ndarray) -> np.ndarray:
            return stylizer(pictures, strength=strength, keep_color=keep_color, stroke=stroke)

        together = batch or (1 if stylizer.engine.device == "cpu" else 4)
        # A strength or stroke that is refused is so before any file is made, and engines get used to the size.
        stylize(np.zeros((together, reader.format.height, reader.format.width, 3), np.uint8))
        sink = open_sink(target, reader, codec=codec, crf=crf, mute=mute)
        filter = beside_pyav(Steady) if steady else None
        pipeline = Pipeline(reader, stylize, sink, steady=filter, batch=together)
        complete = _run(pipeline, reader, console=console, quiet=quiet)
        if not pipeline.frames:
            raise KeyboardInterrupt
        path = sink.finish(partial=not complete)
    finally:
        if sink is not None:
            sink.discard()
        if hasattr(filter, "close"):
            filter.close()
        reader.close()
    warnings = [*reader.warnings, *sink.warnings]
    return Result(path, pipeline.frames, pipeline.seconds, pipeline.timings, warnings, interrupted=not complete)


def _run(pipeline: Pipeline, reader: Source, *, console: Console, quiet: bool) -> bool:
    progress = Progress(
        TextColumn("stylising"), BarColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
        console=console, transient=True, disable=quiet or not console.is_terminal,
    )  # fmt: skip
    with progress:
        task = progress.add_task("stylising", total=reader.seconds, rate="")
        began = time.perf_counter()

        def watch() -> None:
            rate = pipeline.frames / (time.perf_counter() - began)
            progress.update(task, completed=pipeline.position, rate=f"{pipeline.frames} frames, {rate:.1f} frames/s")

        return pipeline.run(watch)
