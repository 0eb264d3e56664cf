"""What the command makes of real clips is tested in `tests/e2e/test_video.py`."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from fast_style.errors import FastStyleError, WriteError
from fast_style.inference.stylizer import Stylizer
from fast_style.video.reader import VideoReader
from fast_style.video.stylization import VideoOptions, stylize_video
from tests.clips import read_clip, write_clip


@pytest.fixture(scope="module")
def stylizer(tiny_model: Path) -> Stylizer:
    return Stylizer.load(str(tiny_model))


def test_a_part_is_stylized_with_its_options(tmp_path: Path, stylizer: Stylizer) -> None:
    pytest.importorskip("cv2")
    source = write_clip(tmp_path / "in.mp4", count=10, sounds=["aac"])
    options = VideoOptions(strength=0.5, deflicker=True, batch=3, start=0.2, duration=0.5, max_size=32, mute=True)
    result = stylize_video(str(source), tmp_path / "out.mp4", stylizer, options, console=Console(quiet=True))
    assert (result.path, result.frames, result.warnings, result.interrupted) == (tmp_path / "out.mp4", 5, [], False)
    assert result.rate > 0
    assert [row.stage for row in result.timings.summary()] == ["decode", "stylize", "deflicker", "encode"]
    made = read_clip(result.path)
    assert made.stream["size"] == (32, 24)
    assert made.times == [100_000 * number for number in range(5)]
    assert made.sounds == []


def test_without_options_a_video_is_stylized_as_the_model_was_trained(tmp_path: Path, stylizer: Stylizer) -> None:
    source = write_clip(tmp_path / "in.mp4", count=2)
    result = stylize_video(str(source), tmp_path / "f%d.png", stylizer, console=Console(quiet=True), quiet=True)
    assert result.path == tmp_path / "f%d.png"
    first = next(iter(VideoReader(source))).rgb
    with Image.open(tmp_path / "f1.png") as picture:
        assert np.array_equal(np.asarray(picture), stylizer(first))


@pytest.mark.parametrize("options", [VideoOptions(strength=7), VideoOptions(stroke=9), VideoOptions(crf=99)])
def test_what_is_refused_leaves_nothing_behind(tmp_path: Path, stylizer: Stylizer, options: VideoOptions) -> None:
    source = write_clip(tmp_path / "in.mp4", count=2)
    with pytest.raises(FastStyleError):
        stylize_video(str(source), tmp_path / "out.mp4", stylizer, options, console=Console(quiet=True))
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="room cannot be set aside here")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_full_disk_leaves_what_was_done_playable(
    tmp_path: Path, stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """The disk has room for 240 kB: beyond that neither room can be set aside nor anything be written."""
    source = write_clip(tmp_path / "in.mp4", count=60, sounds=["aac"], options={"preset": "ultrafast"})
    target = tmp_path / f"out{suffix}"
    target.write_text("an earlier result")
    set_aside = os.posix_fallocate

    def limited(descriptor: int, offset: int, length: int) -> None:
        if offset + length > 240_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        set_aside(descriptor, offset, length)

    monkeypatch.setattr(os, "posix_fallocate", limited)
    options = VideoOptions(crf=0)
    with pytest.raises(WriteError) as caught:
        stylize_video(str(source), target, stylizer, options, console=Console(quiet=True), quiet=True)
    partial = tmp_path / f"out.partial{suffix}"
    assert str(caught.value) == (
        f"cannot write {target}: No space left on device; what was done is in {partial}; make room"
    )
    assert target.read_text() == "an earlier result"
    assert partial.stat().st_size <= 240_000
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in.mp4", target.name, partial.name])
    made = read_clip(partial)
    assert 5 < len(made.pictures) < 60
    assert made.times[-1] - made.times[0] == 100_000 * (len(made.times) - 1)
    assert made.sounds[0]
