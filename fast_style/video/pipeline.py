"""The stages of a video: decode | stylize | deflicker | encode, each in a thread of its own, a few frames apart."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from fast_style.images.arrays import RGB
from fast_style.inference.engines import Pixels
from fast_style.system.stage_times import Timings
from fast_style.video.deflicker import TemporalFilter
from fast_style.video.media import Frame, Sink, Source

QUEUE_LENGTH = 6
"""Most frames that wait between two stages: a bound on memory, and on what Ctrl-C has to finish."""

STAGES = ("decode", "stylize", "deflicker", "encode")

_POLL_SECONDS = 0.1
"""How often a waiting stage looks whether the pipeline was stopped."""

_Result = TypeVar("_Result")


@dataclass
class _FramePair:
    """A frame under way, and its picture before it was stylized."""

    frame: Frame
    original: RGB


class _PipelineStopped(Exception):  # noqa: N818  # no error: it ends the thread of a stage
    """Another stage has failed."""


class _FrameQueue:
    """A bounded queue between two stages. Waiting for it ends when the pipeline is stopped."""

    def __init__(self, stopped: threading.Event) -> None:
        self._queue: queue.Queue[_FramePair | None] = queue.Queue(QUEUE_LENGTH)
        self._stopped = stopped

    def put(self, pair: _FramePair | None) -> None:
        """Adds a frame, or None behind the last one."""
        self._retry(lambda: self._queue.put(pair, timeout=_POLL_SECONDS))

    def get(self) -> _FramePair | None:
        """Returns the next frame, or None after the last one."""
        return self._retry(lambda: self._queue.get(timeout=_POLL_SECONDS))

    def __iter__(self) -> Iterator[_FramePair]:
        while (pair := self.get()) is not None:
            yield pair

    def _retry(self, attempt: Callable[[], _Result]) -> _Result:
        while True:
            if self._stopped.is_set():
                raise _PipelineStopped
            with suppress(queue.Full, queue.Empty):
                return attempt()


class Pipeline:
    """Runs the frames of a source through a model into a sink.

    Args:
        source: where frames come from.
        stylize: makes uint8 RGB `[N, H, W, 3]` of the same.
        sink: where frames go.
        temporal_filter: filters the stylized frames, if given.
        batch: number of frames that are stylized together.

    Attributes:
        timings: how long each stage takes.
        frames: number of frames written so far.
        position: seconds of the video that are done.
    """

    def __init__(
        self,
        source: Source,
        stylize: Callable[[Pixels], Pixels],
        sink: Sink,
        *,
        temporal_filter: TemporalFilter | None = None,
        batch: int = 1,
    ) -> None:
        self.timings = Timings(*STAGES)
        self.frames = 0
        self.position = 0.0
        self._source, self._stylize, self._sink = source, stylize, sink
        self._filter, self._batch = temporal_filter, batch
        self._stopped = threading.Event()
        self._interrupted = threading.Event()
        self._finished = threading.Event()
        self._error: BaseException | None = None
        self._began = self._ended = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Time from the start to the last frame written so far."""
        return self._ended - self._began

    def run(self, on_tick: Callable[[], None] = lambda: None) -> bool:
        """Runs to the end, calling `on_tick` now and then from this thread.

        On KeyboardInterrupt the frames that are stylized already are still written; a second one stops at once.

        Returns:
            Whether the video is complete; if not, the run was interrupted.

        Raises:
            Exception: whatever a stage raised.
        """
        threads = [threading.Thread(target=self._guard, args=(stage,), daemon=True) for stage in self._stages()]
        self._began = time.perf_counter()
        for thread in threads:
            thread.start()
        complete = True
        try:
            self._wait(on_tick)
        except KeyboardInterrupt:
            complete = False
            self._interrupted.set()
            self._wait(on_tick)
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()
        if self._error is not None:
            raise self._error
        return complete

    def _stages(self) -> list[Callable[[], None]]:
        """Returns the work of each thread, connected by queues."""
        decoded, stylized = _FrameQueue(self._stopped), _FrameQueue(self._stopped)
        stages: list[Callable[[], None]] = [
            lambda: self._decode_frames(decoded),
            lambda: self._stylize_frames(decoded, stylized),
        ]
        final, temporal_filter = stylized, self._filter
        if temporal_filter is not None:
            final = _FrameQueue(self._stopped)
            stages.append(lambda: self._filter_frames(temporal_filter, stylized, final))
        stages.append(lambda: self._encode_frames(final))
        return stages

    def _wait(self, on_tick: Callable[[], None]) -> None:
        # Not for a thread itself: before Python 3.13 one whose join is interrupted counts as ended.
        finished = False
        while not finished:
            finished = self._finished.wait(_POLL_SECONDS)
            on_tick()

    def _guard(self, stage: Callable[[], None]) -> None:
        """Runs a stage; keeps its error and stops the others if it fails."""
        try:
            stage()
        except _PipelineStopped:
            pass
        except BaseException as error:
            if self._error is None:
                self._error = error
            self._stopped.set()

    def _decode_frames(self, output: _FrameQueue) -> None:
        frames = iter(self._source)
        while not self._interrupted.is_set():
            began = time.perf_counter()
            frame = next(frames, None)
            if frame is None:
                break
            self.timings.add("decode", time.perf_counter() - began)
            output.put(_FramePair(frame, frame.rgb))
        output.put(None)

    def _stylize_frames(self, frames: _FrameQueue, output: _FrameQueue) -> None:
        for pairs in self._batches(frames):
            with self.timings.measure("stylize", len(pairs)):
                pictures = pairs[0].original[None] if len(pairs) == 1 else np.stack([p.original for p in pairs])
                results = self._stylize(pictures)
            for pair, result in zip(pairs, results, strict=True):
                pair.frame.rgb = result
                output.put(pair)
        output.put(None)

    def _batches(self, frames: _FrameQueue) -> Iterator[list[_FramePair]]:
        """Yields the frames in batches; after an interruption those that wait are dropped."""
        batch: list[_FramePair] = []
        for pair in frames:
            if not self._interrupted.is_set():
                batch.append(pair)
            if len(batch) == self._batch:
                yield batch
                batch = []
        if batch:
            yield batch

    def _filter_frames(self, temporal_filter: TemporalFilter, frames: _FrameQueue, output: _FrameQueue) -> None:
        for pair in frames:
            with self.timings.measure("deflicker"):
                pair.frame.rgb = temporal_filter.process(pair.original, pair.frame.rgb)
            output.put(pair)
        output.put(None)

    def _encode_frames(self, frames: _FrameQueue) -> None:
        base = self._source.format.time_base
        try:
            for pair in frames:
                with self.timings.measure("encode"):
                    self.frames += self._sink.write(pair.frame)
                self.position = float((pair.frame.pts + pair.frame.duration) * base)
                self._ended = time.perf_counter()
            if not self._interrupted.is_set():
                self._sink.copy(self._source.trailing)
        finally:
            self._finished.set()
