from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fast_style.errors import MediaError
from fast_style.images.arrays import RGB
from fast_style.video.media import Frame, StreamFormat
from fast_style.video.pipeline import QUEUE_LENGTH, Pipeline


class Numbers:
    """A source of frames whose pixels are their number."""

    def __init__(self, count: int) -> None:
        self.format = StreamFormat(4, 2, Fraction(1, 10), Fraction(10))
        self.seconds: float | None = count / 10
        self.warnings: list[str] = []
        self.trailing: list[Any] = ["last sound"]
        self.count = count
        self.read = 0

    def __iter__(self) -> Iterator[Frame]:
        for number in range(self.count):
            self.read += 1
            yield Frame(np.full((2, 4, 3), number, np.uint8), number, 1, [f"sound {number}"])

    def close(self) -> None:
        pass


class Collected:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.copied: list[Any] = []
        self.warnings: list[str] = []

    def write(self, frame: Frame) -> bool:
        self.frames.append(frame)
        return True

    def copy(self, packets: list[Any]) -> None:
        self.copied += packets

    def finish(self, *, partial: bool = False) -> Path:
        return Path()

    def discard(self) -> None:
        pass


class Each:
    """A temporal filter that looks at each frame alone."""

    def __init__(self, process: Callable[[RGB, RGB], RGB]) -> None:
        self.process = process

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize("batch", [1, 4])
def test_every_frame_comes_through_in_order(batch: int) -> None:
    source, sink, sizes = Numbers(30), Collected(), []

    def stylize(pictures: np.ndarray) -> np.ndarray:
        sizes.append(len(pictures))
        return 255 - pictures

    pipeline = Pipeline(
        source, stylize, sink, batch=batch, temporal_filter=Each(lambda before, after: after - before // 255)
    )
    assert pipeline.run()
    assert [frame.pts for frame in sink.frames] == list(range(30))
    assert [int(frame.rgb[0, 0, 0]) for frame in sink.frames] == [255 - number for number in range(30)]
    assert [frame.packets for frame in sink.frames] == [[f"sound {number}"] for number in range(30)]
    assert sink.copied == ["last sound"]
    assert sum(sizes) == pipeline.frames == 30
    assert max(sizes) == batch
    assert [row.stage for row in pipeline.timings.summary()] == ["decode", "stylize", "deflicker", "encode"]


def test_few_frames_are_under_way() -> None:
    source, sink = Numbers(100), Collected()
    most = 0

    def slow(pictures: np.ndarray) -> np.ndarray:
        nonlocal most
        most = max(most, source.read - len(sink.frames))
        time.sleep(0.001)
        return pictures

    Pipeline(source, slow, sink).run()
    assert most <= 2 * QUEUE_LENGTH + 4


@pytest.mark.parametrize("stage", ["stylize", "deflicker", "write"])
def test_a_failing_stage_ends_the_run_with_its_error(stage: str) -> None:
    source, sink = Numbers(100), Collected()

    def fail(*_: object) -> Any:
        raise MediaError("the disk is full")

    temporal_filter = Each(fail if stage == "deflicker" else lambda before, after: after)
    if stage == "write":
        sink.write = fail  # type: ignore[method-assign]
    pipeline = Pipeline(source, fail if stage == "stylize" else lambda x: x, sink, temporal_filter=temporal_filter)
    with pytest.raises(MediaError, match="disk is full"):
        pipeline.run()
    assert source.read < 100


def test_an_interrupted_run_keeps_what_is_stylized() -> None:
    source, sink = Numbers(10_000), Collected()

    def interrupt() -> None:
        if len(sink.frames) > 3 and not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt

    def slow(pictures: np.ndarray) -> np.ndarray:
        time.sleep(0.005)
        return pictures

    interrupted: list[bool] = []
    pipeline = Pipeline(source, slow, sink)
    assert not pipeline.run(interrupt)
    assert 3 < len(sink.frames) == pipeline.frames < 10_000
    assert [frame.pts for frame in sink.frames] == list(range(len(sink.frames)))


def test_a_signal_does_not_end_the_run_before_its_last_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal reaches the main thread wherever it waits, in a `join` too."""
    source, sink = Numbers(10_000), Collected()
    written = sink.write

    def slowly(frame: Frame) -> bool:
        time.sleep(0.2)
        return written(frame)

    monkeypatch.setattr(sink, "write", slowly)
    timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    timer.start()
    pipeline = Pipeline(source, lambda pictures: pictures, sink)
    assert not pipeline.run()
    assert len(sink.frames) == pipeline.frames
    count = len(sink.frames)
    time.sleep(0.5)
    assert len(sink.frames) == count
