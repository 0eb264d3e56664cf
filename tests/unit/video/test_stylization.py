"""What the command makes of real clips is tested in `tests/e2e/test_video.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from fast_style.errors import FastStyleError
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
